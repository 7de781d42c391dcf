//! A disk that fails, is full, or is slow.

use std::os::unix::process::ExitStatusExt as _;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::checker::{Outcome, check};
use super::clients::{Campaign, feed};
use super::disk::Disk;
use super::victim::Victim;
use super::{cycles, is_installed, report, skipped};
use crate::services::booking;

fn strace(inject: &str) -> Vec<String> {
    let call = inject.split([':', '=']).nth(1).unwrap();
    let words = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", &format!("trace={call}"), "-e", inject];
    words.iter().map(|word| (*word).to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_sync_ends_the_process_and_nothing_is_acknowledged_afterwards() {
    // The first call is made when the log is created; those of the writer follow.
    ends_at("fdatasync", "EIO", 2..25, "could not sync the log").await;
}

/// Another program uses up the reserved space during one commit.
#[tokio::test(flavor = "multi_thread")]
async fn a_write_without_space_ends_the_process_and_no_acknowledged_event_is_lost() {
    ends_at("pwrite64", "ENOSPC", 4..9, "stopping immediately").await;
}

/// A call fails once. The process must end, and all acknowledged events must be in the log.
async fn ends_at(call: &str, error: &str, when: std::ops::Range<u8>, words: &str) {
    if !is_installed("strace") {
        return skipped(&format!("strace is not installed, so {error} from {call} cannot be injected"));
    }
    let total = cycles(4, 50);
    let http = Victim::client();
    for _ in 0..total {
        let dir = tempfile::tempdir().unwrap();
        let mut victim = Victim::new(dir.path().join("data"));
        victim.start(&http).await;
        victim.kill_9();
        victim.under = strace(&format!("inject={call}:error={error}:when={}", fastrand::u8(when.clone())));
        let campaign = Campaign::new();
        victim.start(&http).await;
        let clients = tokio::spawn({
            let (campaign, url, http) = (campaign.clone(), victim.url.clone(), http.clone());
            async move { campaign.run(&url, &http, 8).await }
        });
        let status = victim.end().await;
        campaign.stop();
        clients.await.unwrap();
        let aborted = status.signal() == Some(6) || status.code() == Some(134);
        assert!(aborted && victim.said().contains(words), "{status}: {}", victim.said());
        victim.under.clear();
        victim.start(&http).await;
        let events = feed(&victim.url, &http).await;
        let ops = std::mem::take(&mut *campaign.ops.lock().unwrap());
        assert_eq!(check(&ops, &[], &events), Vec::<String>::new());
        victim.assert_whole();
    }
    report(&format!(
        "{error} from {call}: {total} of {total} ended at once, no acknowledged event was missing"
    ));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_is_a_503_and_the_service_recovers_when_space_is_free() {
    let disk = match Disk::of_mib(32) {
        Ok(disk) => disk,
        Err(reason) => return skipped(reason),
    };
    let mut victim = Victim::new(disk.at().join("data"));
    victim.args = ["--disk-reserve-mib", "4"].map(str::to_owned).to_vec();
    let http = Victim::client();
    victim.start(&http).await;
    let campaign = Campaign::new();
    let clients = tokio::spawn({
        let (campaign, url, http) = (campaign.clone(), victim.url.clone(), http.clone());
        async move { campaign.run(&url, &http, 16).await }
    });
    wait(&campaign, |campaign| campaign.acknowledged() > 50).await;
    // Below the reserve, but not all of the space.
    disk.fill(3072);
    let is_full = |campaign: &Campaign| {
        let ops = campaign.ops.lock().unwrap();
        ops.iter().rev().take(16).filter(|op| op.outcome == Outcome::NotDone("disk_full".into())).count() > 8
    };
    wait(&campaign, is_full).await;
    let body = booking(2);
    let began = Instant::now();
    let refused = http.post(format!("{}/api/reservations", victim.url)).json(&body).send().await.unwrap();
    let took = began.elapsed();
    assert_eq!(refused.status(), 503);
    assert!(refused.headers().contains_key("retry-after"));
    assert_eq!(refused.json::<Value>().await.unwrap()["code"], "disk_full");
    assert!(took < Duration::from_secs(2), "a refusal took {took:?}");
    // Reading still works.
    let events = feed(&victim.url, &http).await;
    let mut subjects = events.iter().filter_map(|event| event.json["subject"].as_str());
    let id = subjects.find_map(|subject| subject.strip_prefix("reservation/")).unwrap().to_owned();
    let read = http.get(format!("{}/api/reservations/{id}", victim.url)).send().await.unwrap();
    assert_eq!(read.status(), 200);
    let before = campaign.acknowledged();
    disk.free();
    wait(&campaign, |campaign| campaign.acknowledged() > before + 20).await;
    campaign.stop();
    clients.await.unwrap();
    let events = feed(&victim.url, &http).await;
    let ops = std::mem::take(&mut *campaign.ops.lock().unwrap());
    assert_eq!(check(&ops, &[], &events), Vec::<String>::new());
    let full = ops.iter().filter(|op| matches!(op.outcome, Outcome::NotDone(_))).count();
    victim.assert_whole();
    report(&format!("a full disk of 32 MiB: {full} refused with 503, {} events, nothing lost", events.len()));
}

async fn wait(campaign: &Campaign, until: impl Fn(&Campaign) -> bool) {
    let deadline = Instant::now() + crate::services::DEADLINE;
    while !until(campaign) {
        assert!(
            Instant::now() < deadline,
            "timed out; the last responses: {:?}",
            campaign.ops.lock().unwrap().iter().rev().take(3).collect::<Vec<_>>()
        );
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_disk_fills_bounded_queues() {
    if !is_installed("strace") {
        return skipped("strace is not installed, so a slow sync cannot be simulated");
    }
    let dir = tempfile::tempdir().unwrap();
    let mut victim = Victim::new(dir.path().join("data"));
    victim.under = strace("inject=fdatasync:delay_exit=200000");
    victim.args = ["--queue-appends-max", "16"].map(str::to_owned).to_vec();
    let http = Victim::client();
    victim.start(&http).await;
    let campaign = Campaign::new();
    let clients = tokio::spawn({
        let (campaign, url, http) = (campaign.clone(), victim.url.clone(), http.clone());
        async move { campaign.run(&url, &http, 300).await }
    });
    let refused = |campaign: &Campaign| {
        campaign
            .ops
            .lock()
            .unwrap()
            .iter()
            .filter(|op| op.outcome == Outcome::NotDone("overloaded".into()))
            .count()
    };
    wait(&campaign, |campaign| refused(campaign) > 200 && campaign.acknowledged() > 100).await;
    campaign.stop();
    clients.await.unwrap();
    let events = feed(&victim.url, &http).await;
    let ops = std::mem::take(&mut *campaign.ops.lock().unwrap());
    assert_eq!(check(&ops, &[], &events), Vec::<String>::new());
    // An acknowledged request waited for its own group and those before it, not for a queue of hundreds.
    let slowest = ops.iter().filter_map(|op| Some(op.answered? - op.invoked)).max().unwrap_or(0);
    // At most three groups with at most two syncs each (the group and the witness), and a margin for a busy machine.
    assert!(slowest < 5_000_000_000, "a response took {slowest} ns: requests queue without a bound");
    victim.assert_whole();
    let refused = ops.iter().filter(|op| matches!(op.outcome, Outcome::NotDone(_))).count();
    report(&format!(
        "a sync of 200 ms: {} acknowledged, {refused} refused with 503, the slowest response after {} ms",
        ops.len() - refused,
        slowest / 1_000_000
    ));
}
