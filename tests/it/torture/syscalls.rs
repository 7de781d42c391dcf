//! Kills at the Nth system call that writes or syncs, during a first start, requests, a stop, and a start
//! on the existing log.
//!
//! strace counts calls per thread. N increases until a complete run passes without a kill.

use std::os::unix::process::ExitStatusExt as _;
use std::time::Duration;

use serde_json::json;

use super::checker::{Event, check};
use super::clients::{Campaign, feed};
use super::victim::Victim;
use super::{copy_dir, cycles, is_installed, report, skipped};

const CALLS: [&str; 4] = ["pwrite64", "fdatasync", "fsync", "sync_file_range"];

/// Upper bound on the calls of one kind in one thread.
const CALLS_MAX: usize = 200;

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_each_system_call() {
    if !is_installed("strace") {
        return skipped("strace is not installed: no kill at the Nth system call");
    }
    // The short part uses some calls at random, the full campaign all of them.
    let step = if cycles(0, 1) == 1 { 1 } else { 5 };
    let http = Victim::client();
    let template = tempfile::tempdir().unwrap();
    let (first, there) = lived_in(&template, &http).await;
    let (mut killed, mut lives) = (0, 0);
    for existing in [false, true] {
        for call in CALLS {
            let mut passed = false;
            for n in (1 + fastrand::usize(..step)..CALLS_MAX).step_by(step) {
                let dir = tempfile::tempdir().unwrap();
                let mut victim = Victim::new(dir.path().join("data"));
                if existing {
                    copy_dir(&first, &victim.data_dir);
                }
                let there = if existing { there.as_slice() } else { &[] };
                let was_killed = life(&mut victim, &http, call, n, there).await;
                lives += 1;
                killed += usize::from(was_killed);
                passed = !was_killed;
                if passed {
                    break;
                }
            }
            assert!(passed, "a run makes more than {CALLS_MAX} calls of {call}: raise the limit");
        }
    }
    assert!(killed > 0, "no run was killed");
    report(&format!("killed at the Nth {}: {killed} kills in {lives} runs, no fault", CALLS.join(", ")));
}

/// A directory in which a service worked and was killed.
async fn lived_in(dir: &tempfile::TempDir, http: &reqwest::Client) -> (std::path::PathBuf, Vec<Event>) {
    let mut victim = Victim::new(dir.path().join("data"));
    victim.start(http).await;
    let campaign = Campaign::new();
    work(&campaign, &victim.url, http, 40).await;
    let events = feed(&victim.url, http).await;
    victim.kill_9();
    (victim.data_dir.clone(), events)
}

/// Starts, works and stops, and is killed at the `n`th `call`. Then starts again and is checked.
async fn life(victim: &mut Victim, http: &reqwest::Client, call: &str, n: usize, there: &[Event]) -> bool {
    let inject = format!("inject={call}:signal=SIGKILL:when={n}");
    let under = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", &format!("trace={call}"), "-e", &inject];
    victim.under = under.iter().map(|word| (*word).to_owned()).collect();
    let campaign = Campaign::new();
    victim.spawn();
    if victim.is_ready(http).await {
        work(&campaign, &victim.url, http, cycles(12, 80)).await;
    }
    if victim.ended().is_none() {
        victim.ask_to_stop();
    }
    let status = Some(victim.end().await);
    // strace exits like its child.
    let killed_by = status.and_then(|status| status.signal());
    let was_killed = killed_by == Some(9);
    assert!(was_killed || status.is_some_and(|status| status.success()), "{status:?}: {}", victim.said());
    victim.under.clear();
    victim.start(http).await;
    let events = feed(&victim.url, http).await;
    let ops = std::mem::take(&mut *campaign.ops.lock().unwrap());
    assert_eq!(
        events.get(..there.len()),
        Some(there),
        "earlier events are unchanged after a kill at {call} {n}"
    );
    let mut faults = check(&ops, &[], &events);
    // Earlier events belong to other requests.
    faults.retain(|fault| there.is_empty() || !fault.contains("belong to no request"));
    assert_eq!(faults, Vec::<String>::new(), "after a kill at {call} {n}");
    let body = crate::services::booking(2);
    let answer = http.post(format!("{}/api/reservations", victim.url)).json(&body).send().await.unwrap();
    let status = answer.status();
    let answer: serde_json::Value = answer.json().await.unwrap();
    assert_eq!(status, 200, "the service must accept requests again: {answer}");
    assert_eq!(answer["status"], json!("PENDING"));
    victim.assert_whole();
    was_killed
}

/// A few clients send requests until the given number is acknowledged, or the service stops responding.
async fn work(campaign: &std::sync::Arc<Campaign>, url: &str, http: &reqwest::Client, wanted: usize) {
    let clients = tokio::spawn({
        let (campaign, url, http) = (campaign.clone(), url.to_owned(), http.clone());
        async move { campaign.run(&url, &http, 3).await }
    });
    for _ in 0..600 {
        let alive = http.get(format!("{url}/livez")).send().await.is_ok();
        if campaign.acknowledged() >= wanted || !alive {
            break;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    campaign.stop();
    clients.await.unwrap();
}
