//! kill -9: under load, and at any instant of a start.

use std::sync::Arc;
use std::time::Duration;

use super::checker::check;
use super::clients::{Campaign, Consumers, feed};
use super::victim::Victim;
use super::{cycles, report};
use crate::services::until;

const CLIENTS: usize = 16;

/// Number of kills in one directory. Then everything is checked, and the next directory begins empty.
const KILLS_PER_LOG: usize = 100;

#[tokio::test(flavor = "multi_thread")]
async fn killed_under_load() {
    let total = cycles(12, 1_000);
    let http = Victim::client();
    let (mut kills, mut acknowledged, mut events) = (0, 0, 0);
    while kills < total {
        let dir = tempfile::tempdir().unwrap();
        let mut victim = Victim::new(dir.path().join("data"));
        let campaign = Campaign::new();
        victim.start(&http).await;
        let consumers = Consumers::follow(&campaign, &[victim.url.clone(), victim.url.clone()], &http);
        let clients = tokio::spawn({
            let (campaign, url, http) = (Arc::clone(&campaign), victim.url.clone(), http.clone());
            async move { campaign.run(&url, &http, CLIENTS).await }
        });
        for _ in 0..KILLS_PER_LOG.min(total - kills) {
            // At any instant, also before the first request is done.
            tokio::time::sleep(Duration::from_millis(fastrand::u64(1..120))).await;
            victim.kill_9();
            kills += 1;
            victim.start(&http).await;
        }
        campaign.stop();
        clients.await.unwrap();
        let (ops, of_this_log) = consumers.check(&campaign, &victim.url, &http).await;
        victim.assert_whole();
        acknowledged += ops.iter().filter(|op| op.answered.is_some()).count();
        events += of_this_log;
    }
    report(&format!(
        "kill -9 under load: {kills} kills, {acknowledged} responses, {events} events, no fault"
    ));
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_while_starting() {
    let total = cycles(12, 500);
    let http = Victim::client();
    let dir = tempfile::tempdir().unwrap();
    let mut victim = Victim::new(dir.path().join("data"));
    victim.start(&http).await;
    let campaign = Campaign::new();
    let clients = tokio::spawn({
        let (campaign, url, http) = (Arc::clone(&campaign), victim.url.clone(), http.clone());
        async move { campaign.run(&url, &http, CLIENTS).await }
    });
    until("500 responses", async || campaign.acknowledged() >= 500).await;
    victim.kill_9();
    campaign.stop();
    clients.await.unwrap();
    // The approximate duration of a start.
    let began = std::time::Instant::now();
    victim.start(&http).await;
    let start = began.elapsed().as_micros() as u64;
    let before = feed(&victim.url, &http).await;
    let mut interrupted = 0;
    for _ in 0..total {
        victim.kill_9();
        victim.spawn();
        tokio::time::sleep(Duration::from_micros(fastrand::u64(0..start * 11 / 10))).await;
        interrupted += usize::from(http.get(format!("{}/readyz", victim.url)).send().await.is_err());
    }
    victim.kill_9();
    victim.start(&http).await;
    assert_eq!(feed(&victim.url, &http).await, before, "the events must be unchanged");
    let ops = std::mem::take(&mut *campaign.ops.lock().unwrap());
    assert_eq!(check(&ops, &[], &before), Vec::<String>::new());
    victim.assert_whole();
    // The same in an empty directory.
    for _ in 0..total / 2 {
        let dir = tempfile::tempdir().unwrap();
        let mut victim = Victim::new(dir.path().join("data"));
        victim.spawn();
        tokio::time::sleep(Duration::from_micros(fastrand::u64(0..start * 11 / 10))).await;
        victim.kill_9();
        victim.start(&http).await;
        // Only the first keys, once, and the rules of the venues.
        let events = feed(&victim.url, &http).await;
        let keys = events.iter().filter(|event| event.kind() == "access.key_created").count();
        let others = ["access.key_created", "access.link_key_created", "venue.changed.v2"];
        assert!(keys == 3 && events.iter().all(|event| others.contains(&event.kind())), "{keys} keys");
    }
    report(&format!(
        "kill -9 at start: {total} kills, {interrupted} before it was ready, {} events unchanged; and half as many kills on an empty directory",
        before.len()
    ));
}
