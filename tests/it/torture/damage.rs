//! Truncated and changed files: every damage is harmless or refused, and never results in missing or different events.

use std::fs::{self, File};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::clients::{Campaign, feed};
use super::victim::Victim;
use super::{copy_dir, cycles, report};

/// The damage of a file.
#[derive(Debug)]
enum Damage {
    Truncated { bytes: u64 },
    Flipped { at: u64, bit: u8 },
    Zeroed { at: u64, bytes: u64 },
    Removed,
}

fn files(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else if path.file_name().is_some_and(|name| name != "lock") && path.metadata().unwrap().len() > 0 {
            // An empty file has nothing to damage.
            found.push(path);
        }
    }
}

/// Damages a file below `dir`, usually the database.
fn damage(dir: &Path) -> (PathBuf, Damage) {
    let mut all = Vec::new();
    files(dir, &mut all);
    let database = all.iter().position(|path| path.ends_with("log/db")).unwrap();
    let path = all.swap_remove(if fastrand::u8(..4) == 0 { fastrand::usize(..all.len()) } else { database });
    let file = File::options().read(true).write(true).open(&path).unwrap();
    let len = file.metadata().unwrap().len();
    // At a place with data, because most of a database file is empty.
    let used = used_bytes(&file, len);
    let at = fastrand::u64(..used.max(1));
    let damage = match fastrand::u8(..10) {
        0..4 => Damage::Truncated { bytes: at },
        4..8 => Damage::Flipped { at, bit: fastrand::u8(..8) },
        8 => Damage::Zeroed { at, bytes: fastrand::u64(1..4_096) },
        _ => Damage::Removed,
    };
    match &damage {
        Damage::Truncated { bytes } => file.set_len(*bytes).unwrap(),
        Damage::Flipped { at, bit } => {
            let mut byte = [0];
            file.read_exact_at(&mut byte, *at).unwrap();
            file.write_all_at(&[byte[0] ^ (1 << bit)], *at).unwrap();
        }
        Damage::Zeroed { at, bytes } => {
            file.write_all_at(&vec![0; usize::try_from((*bytes).min(len - at)).unwrap()], *at).unwrap();
        }
        Damage::Removed => fs::remove_file(&path).unwrap(),
    }
    (path, damage)
}

fn used_bytes(file: &File, len: u64) -> u64 {
    let mut bytes = vec![0; usize::try_from(len).unwrap()];
    file.read_exact_at(&mut bytes, 0).unwrap();
    bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last as u64 + 1)
}

/// A log after requests, a few kills and restarts.
struct Template {
    data_dir: PathBuf,
    /// The verdict of `log verify` on the undamaged log.
    right: Value,
    /// The last acknowledged position.
    acknowledged: u64,
    /// The hash of the chain at each position, recomputed from the feed.
    hashes: Vec<String>,
}

/// Creates a template. At the end the service is stopped or killed.
async fn template(dir: &Path, killed: bool) -> Template {
    let http = Victim::client();
    let mut victim = Victim::new(dir.join("data"));
    let campaign = Campaign::new();
    for round in 1..=3 {
        campaign.resume();
        victim.start(&http).await;
        let clients = tokio::spawn({
            let (campaign, url, http) = (campaign.clone(), victim.url.clone(), http.clone());
            async move { campaign.run(&url, &http, 8).await }
        });
        while campaign.acknowledged() < round * 100 {
            tokio::time::sleep(std::time::Duration::from_millis(2)).await;
        }
        campaign.stop();
        clients.await.unwrap();
        if round == 2 || (killed && round == 3) {
            victim.kill_9();
        } else {
            assert_eq!(victim.running.take().unwrap().terminate(), Some(0));
        }
    }
    // Verified on a copy, because opening a log writes a witness.
    let copy = Victim::new(dir.join("verified"));
    copy_dir(&victim.data_dir, &copy.data_dir);
    let (code, right, said) = copy.verify();
    assert_eq!(code, Some(0), "{right} {said}");
    let mark = fs::read_to_string(victim.data_dir.join("head-mark")).unwrap();
    let mark: Value = serde_json::from_str(mark.lines().next().unwrap()).unwrap();
    let mut copy = copy;
    copy.start(&http).await;
    let events = feed(&copy.url, &http).await;
    let hashes = events.iter().scan([0_u8; 32].to_vec(), |hash, event| {
        *hash = Sha256::new().chain_update(&*hash).chain_update(&event.raw).finalize().to_vec();
        Some(hex::encode(hash))
    });
    Template {
        hashes: hashes.collect(),
        data_dir: victim.data_dir.clone(),
        acknowledged: mark["position"].as_u64().unwrap(),
        right,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn damaged_files_are_harmless_or_refused() {
    let total = cycles(30, 1_000);
    let dirs = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let templates = [template(dirs[0].path(), false).await, template(dirs[1].path(), true).await];
    let (mut harmless, mut refused, mut unanswered) = (0, 0, 0);
    for n in 0..total {
        let template = &templates[n % 2];
        let dir = tempfile::tempdir().unwrap();
        let victim = Victim::new(dir.path().join("data"));
        copy_dir(&template.data_dir, &victim.data_dir);
        let (path, damage) = damage(&victim.data_dir);
        let (code, verdict, said) = victim.verify();
        let name = path.strip_prefix(&victim.data_dir).unwrap().to_owned();
        let case = format!("{damage:?} of {}: exit {code:?}, {verdict}, {said}", name.display());
        match code {
            Some(0) => {
                let (events, right) = (verdict["events"].as_u64().unwrap(), &template.right);
                assert_eq!(verdict["log_id"], right["log_id"], "{case}");
                if verdict["hash"] == right["hash"] {
                    harmless += 1;
                    assert_eq!(verdict["private_parts_proved"], right["private_parts_proved"], "{case}");
                } else {
                    // Events that were being written at the kill, and were never acknowledged. The rest is the
                    // same log.
                    unanswered += 1;
                    assert!(events >= template.acknowledged && verdict["witness"] != Value::Null, "{case}");
                    let hash = template.hashes[usize::try_from(events).unwrap() - 1].as_str();
                    assert_eq!(verdict["hash"], hash, "{case}");
                }
            }
            Some(1..=3) => {
                refused += 1;
                let words = format!("{} {said}", verdict["faults"]);
                assert!(words.len() > 40 && !words.contains("RUST_BACKTRACE"), "{case}");
            }
            _ => panic!("neither opened nor refused: {case}"),
        }
    }
    report(&format!(
        "damaged files: {total}, of which {refused} were refused, {harmless} harmless, {unanswered} cut after the last acknowledged event"
    ));
}

/// A positive control: without its witness, a log that was reset to an earlier
/// state opens with fewer events.
#[tokio::test(flavor = "multi_thread")]
async fn without_a_witness_an_old_copy_of_the_log_is_not_detected() {
    let dir = tempfile::tempdir().unwrap();
    let http = Victim::client();
    let mut victim = Victim::new(dir.path().join("data"));
    victim.start(&http).await;
    let book = async |victim: &Victim| {
        let body = crate::services::booking(2);
        http.post(format!("{}/api/reservations", victim.url)).json(&body).send().await.unwrap();
    };
    book(&victim).await;
    assert_eq!(victim.running.take().unwrap().terminate(), Some(0));
    let early = dir.path().join("early");
    copy_dir(&victim.data_dir.join("log"), &early);
    victim.start(&http).await;
    book(&victim).await;
    assert_eq!(victim.running.take().unwrap().terminate(), Some(0));
    fs::remove_dir_all(victim.data_dir.join("log")).unwrap();
    copy_dir(&early, &victim.data_dir.join("log"));
    let (code, verdict, _) = victim.verify();
    assert_ne!(code, Some(0), "{verdict}");
    for file in ["head-witness.json", "head-mark"] {
        fs::remove_file(victim.data_dir.join(file)).unwrap();
    }
    let (code, verdict, _) = victim.verify();
    assert_eq!((code, verdict["events"].as_u64()), (Some(0), Some(8)), "{verdict}");
}
