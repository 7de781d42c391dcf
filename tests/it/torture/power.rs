//! A power cut: the file system is shut down under the service without writing its journal, and
//! mounted again. Data that was only in memory is lost, as in a real power cut.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::checker::check;
use super::clients::{Campaign, feed};
use super::victim::Victim;
use super::{cycles, is_installed, report, run, skipped};

/// Number of cuts on one file system. Then the next one begins empty.
const CUTS_PER_FILE_SYSTEM: usize = 20;

/// A file system in a file.
struct FileSystem {
    image: PathBuf,
    at: PathBuf,
    _dir: tempfile::TempDir,
}

impl FileSystem {
    fn make(kind: &str, mib: u64) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (image, at) = (dir.path().join("image"), dir.path().join("at"));
        std::fs::create_dir(&at).unwrap();
        std::fs::File::create(&image).unwrap().set_len(mib << 20).unwrap();
        let force = if kind == "xfs" { "-f" } else { "-F" };
        run(&format!("mkfs.{kind}"), &["-q", force, image.to_str().unwrap()]);
        let file_system = Self { image, at, _dir: dir };
        file_system.mount();
        file_system
    }

    fn mount(&self) {
        run("mount", &["-o", "loop", self.image.to_str().unwrap(), self.at.to_str().unwrap()]);
    }

    /// Prepares the cut, which then needs only one line on standard input.
    fn cutter(&self) -> Cutter {
        let mut command = Command::new("xfs_io");
        command.arg("-x").arg(&self.at).stdin(Stdio::piped()).stdout(Stdio::null());
        let cutter = Cutter(command.spawn().unwrap());
        // Ready when it has the directory open.
        let held = || {
            let fds = std::fs::read_dir(format!("/proc/{}/fd", cutter.0.id())).unwrap();
            fds.flatten().any(|fd| std::fs::read_link(fd.path()).is_ok_and(|path| path == self.at))
        };
        let deadline = Instant::now() + crate::services::DEADLINE;
        while !held() {
            assert!(Instant::now() < deadline, "xfs_io did not open the file system in time");
            std::thread::sleep(Duration::from_millis(1));
        }
        cutter
    }

    fn unmount(&self) -> bool {
        Command::new("umount").arg(&self.at).output().is_ok_and(|output| output.status.success())
    }
}

/// Cuts the power of a file system.
struct Cutter(Child);

impl Cutter {
    /// From now on no write reaches the disk.
    fn cut(mut self) {
        self.0.stdin.take().unwrap().write_all(b"shutdown\n").unwrap();
        assert!(self.0.wait().unwrap().success());
    }
}

impl Drop for FileSystem {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.at).output();
    }
}

/// The reason why this machine cannot simulate a power cut, or `None` if it can.
fn missing(kind: &str) -> Option<String> {
    for program in ["mount", "xfs_io", &format!("mkfs.{kind}")] {
        if !is_installed(program) {
            return Some(format!("{program} is not installed: no power cut on {kind}"));
        }
    }
    let dir = tempfile::tempdir().unwrap();
    let image = dir.path().join("image");
    std::fs::File::create(&image).unwrap().set_len(400 << 20).unwrap();
    let force = if kind == "xfs" { "-f" } else { "-F" };
    run(&format!("mkfs.{kind}"), &["-q", force, image.to_str().unwrap()]);
    let at = dir.path().join("at");
    std::fs::create_dir(&at).unwrap();
    let mounted = Command::new("mount").args(["-o", "loop"]).arg(&image).arg(&at).output();
    if !mounted.is_ok_and(|output| output.status.success()) {
        return Some(format!(
            "no {kind} can be mounted here (no root, or no loop device): no power cut on it"
        ));
    }
    let _ = Command::new("umount").arg(&at).output();
    None
}

/// One cut under load. Returns the requests, and the file system after the cut, mounted again.
async fn cut_under_load(
    victim: &mut Victim,
    file_system: &FileSystem,
    campaign: &std::sync::Arc<Campaign>,
    http: &reqwest::Client,
) {
    campaign.resume();
    victim.start(http).await;
    let clients = tokio::spawn({
        let (campaign, url, http) = (campaign.clone(), victim.url.clone(), http.clone());
        async move { campaign.run(&url, &http, 8).await }
    });
    let cutter = file_system.cutter();
    tokio::time::sleep(Duration::from_millis(fastrand::u64(20..200))).await;
    // A machine without power sends no responses. This service continues for a moment, and a sync that was under
    // way when the journal was discarded may even report success, so responses no longer count.
    campaign.nobody_answers_any_more();
    cutter.cut();
    campaign.stop();
    tokio::time::sleep(Duration::from_millis(5)).await;
    victim.kill_9();
    clients.await.unwrap();
    let mut tries = 0;
    while !file_system.unmount() {
        tries += 1;
        assert!(tries < 200, "the file system cannot be unmounted");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    file_system.mount();
}

async fn cuts_lose_nothing(kind: &str) {
    if let Some(reason) = missing(kind) {
        return skipped(&reason);
    }
    let total = cycles(4, 300);
    let http = Victim::client();
    let (mut cuts, mut acknowledged) = (0, 0);
    while cuts < total {
        let file_system = FileSystem::make(kind, 600);
        let mut victim = Victim::new(file_system.at.join("data"));
        let campaign = Campaign::new();
        for _ in 0..CUTS_PER_FILE_SYSTEM.min(total - cuts) {
            cut_under_load(&mut victim, &file_system, &campaign, &http).await;
            cuts += 1;
            victim.start(&http).await;
            let events = feed(&victim.url, &http).await;
            let ops = campaign.ops.lock().unwrap().clone();
            assert_eq!(check(&ops, &[], &events), Vec::<String>::new(), "after cut {cuts} on {kind}");
            victim.kill_9();
        }
        victim.assert_whole();
        acknowledged += campaign.acknowledged();
    }
    report(&format!("power cut on {kind}: {cuts} cuts, {acknowledged} acknowledged, nothing lost"));
}

#[tokio::test(flavor = "multi_thread")]
async fn power_cuts_on_ext4_lose_nothing() {
    cuts_lose_nothing("ext4").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn power_cuts_on_xfs_lose_nothing() {
    cuts_lose_nothing("xfs").await;
}

/// A positive control: without the sync of the database, the same campaign loses
/// acknowledged events.
#[tokio::test(flavor = "multi_thread")]
async fn without_the_sync_a_power_cut_loses_data() {
    if let Some(reason) = missing("ext4").or_else(missing_strace) {
        return skipped(&reason);
    }
    let total = cycles(3, 30);
    let http = Victim::client();
    let mut lost = 0;
    for _ in 0..total {
        let file_system = FileSystem::make("ext4", 600);
        let mut victim = Victim::new(file_system.at.join("data"));
        // The call is skipped, and reported as successful.
        let words = [
            "strace",
            "-f",
            "-qq",
            "-o",
            "/dev/null",
            "-e",
            "trace=fdatasync",
            "-e",
            "inject=fdatasync:retval=0",
        ];
        victim.under = words.iter().map(|word| (*word).to_owned()).collect();
        let campaign = Campaign::new();
        cut_under_load(&mut victim, &file_system, &campaign, &http).await;
        victim.under.clear();
        victim.spawn();
        let acknowledged = campaign.acknowledged();
        let whole = victim.is_ready(&http).await && {
            let events = feed(&victim.url, &http).await;
            let ops = campaign.ops.lock().unwrap().clone();
            check(&ops, &[], &events).is_empty()
        };
        lost += usize::from(acknowledged > 0 && !whole);
        victim.kill_9();
    }
    assert!(lost > 0, "no data was lost without a sync in {total} cuts: the cut does not work");
    report(&format!("power cut without the sync of the database: data was lost in {lost} of {total}"));
}

fn missing_strace() -> Option<String> {
    (!is_installed("strace")).then(|| "strace is not installed: the sync cannot be skipped".to_owned())
}
