//! Three instances on a cluster of two database servers, whose primary fails again and again.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use test_database::cluster::{Cluster, PORTS};

use super::checker::check;
use super::clients::{Campaign, Consumers, feed};
use super::victim::Victim;
use super::{cycles, instances, is_campaign, report, skipped};
use crate::instances::init;
use crate::ports::own_port;
use crate::services::until;

const CLIENTS: usize = 16;
const INSTANCES: usize = 3;

/// Maximum time until bookings go on.
const FAILOVER_MAX: Duration = Duration::from_secs(60);

/// How the primary fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Failure {
    /// The server is killed.
    Crash,
    /// The server and its Patroni are killed.
    Lost,
    /// The server and its Patroni are paused, and continue when the standby has taken over.
    Paused,
}

/// Crashes are the usual case, and the others take longer.
const FAILURES: [Failure; 6] =
    [Failure::Crash, Failure::Crash, Failure::Lost, Failure::Crash, Failure::Crash, Failure::Paused];

/// A cluster, if this is a campaign and the machine can have one.
fn cluster(synchronous: bool) -> Option<Cluster> {
    if !is_campaign() {
        skipped("clusters with failover take minutes: make torture runs them");
        return None;
    }
    if let Some(program) = Cluster::missing() {
        skipped(&format!("clusters with failover: the program {program} is not installed"));
        return None;
    }
    Some(Cluster::start([(); PORTS].map(|()| own_port()), synchronous))
}

/// Instances on the log in `cluster`, with their directories in `root`.
async fn on_cluster(root: &Path, cluster: &Cluster, count: usize, http: &reqwest::Client) -> Vec<Victim> {
    init(&cluster.url());
    let store = vec!["--store".into(), cluster.url()];
    instances::start(root, &vec![store; count], http).await
}

/// The end of a log.
fn last_lines(text: &str) -> String {
    let lines: Vec<_> = text.lines().collect();
    lines[lines.len().saturating_sub(5)..].join("\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn no_acknowledged_booking_is_lost_in_failovers_to_a_synchronous_standby() {
    let Some(mut cluster) = cluster(true) else { return };
    let (http, root, total) = (Victim::client(), tempfile::tempdir().unwrap(), cycles(2, 30));
    let mut instances = on_cluster(root.path(), &cluster, INSTANCES, &http).await;
    let campaign = Campaign::new();
    let urls: Vec<_> = instances.iter().map(|instance| instance.url.clone()).collect();
    let consumers = Consumers::follow(&campaign, &urls, &http);
    let clients = tokio::spawn({
        let (campaign, urls, http) = (Arc::clone(&campaign), urls.clone(), http.clone());
        async move { campaign.run_through(&urls, &http, CLIENTS).await }
    });
    let mut away = Vec::new();
    for number in 0..total {
        let primary = cluster.wait_whole();
        // At any instant of the work that goes on.
        tokio::time::sleep(Duration::from_millis(fastrand::u64(1..1_000))).await;
        let failure = FAILURES[number % FAILURES.len()];
        let before = campaign.acknowledged();
        let began = Instant::now();
        match failure {
            Failure::Crash => cluster.crash_server(primary),
            Failure::Lost => cluster.lose_node(primary),
            Failure::Paused => cluster.pause_node(primary),
        }
        // Some responses may still be on their way.
        while campaign.acknowledged() <= before + CLIENTS || began.elapsed() < Duration::from_secs(1) {
            let is_late = began.elapsed() > FAILOVER_MAX;
            let said = || instances.iter().map(|instance| last_lines(&instance.said())).collect::<Vec<_>>();
            assert!(
                !is_late,
                "no bookings after failure {number}, {failure:?}: {:#?} {}",
                said(),
                cluster.logs()
            );
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        away.push((failure, began.elapsed()));
        assert_eq!(cluster.wait_primary(), 1 - primary, "{failure:?}: the standby did not take over");
        match failure {
            Failure::Crash => {}
            Failure::Lost => cluster.start_node(primary),
            Failure::Paused => cluster.resume_node(primary),
        }
        for instance in &mut instances {
            assert!(instance.ended().is_none(), "{failure:?}: an instance ended: {}", instance.said());
        }
    }
    cluster.wait_whole();
    campaign.stop();
    clients.await.unwrap();
    let (ops, events) = consumers.check(&campaign, &urls[0], &http).await;
    for instance in &mut instances {
        instance.kill_9();
    }
    instances[0].assert_whole();
    let acknowledged = ops.iter().filter(|op| op.answered.is_some()).count();
    let slowest = |wanted: Failure| {
        let times = away.iter().filter(|(failure, _)| *failure == wanted).map(|(_, time)| time.as_secs_f64());
        format!("{:.1} s", times.fold(0.0, f64::max))
    };
    report(&format!(
        "cluster: {total} failovers to a synchronous standby, {acknowledged} responses through {INSTANCES} instances, {events} events, \
         no fault. Longest time until bookings went on: {} after a crash of the server, {} after the loss of the node, {} after a pause",
        slowest(Failure::Crash),
        slowest(Failure::Lost),
        slowest(Failure::Paused)
    ));
}

/// The positive control: a standby that is not synchronous can lack acknowledged bookings. The checker says so, and no
/// instance goes on as if nothing had happened.
#[tokio::test(flavor = "multi_thread")]
async fn a_failover_to_an_asynchronous_standby_loses_bookings_and_is_noticed() {
    let Some(mut cluster) = cluster(false) else { return };
    let (http, root) = (Victim::client(), tempfile::tempdir().unwrap());
    let mut instance = on_cluster(root.path(), &cluster, 1, &http).await.remove(0);
    let campaign = Campaign::new();
    let clients = tokio::spawn({
        let (campaign, url, http) = (Arc::clone(&campaign), instance.url.clone(), http.clone());
        async move { campaign.run(&url, &http, 4).await }
    });
    until("bookings that both servers have", async || campaign.acknowledged() > 20).await;
    let primary = cluster.wait_whole();
    let standby = 1 - primary;
    cluster.lose_node(standby);
    let before = campaign.acknowledged();
    until("bookings that the standby lacks", async || campaign.acknowledged() > before + 20).await;
    cluster.lose_node(primary);
    campaign.stop();
    clients.await.unwrap();
    cluster.start_node(standby);
    assert_eq!(cluster.wait_primary(), standby);
    assert!(!instance.end().await.success(), "an instance must not go on with fewer bookings");
    assert!(instance.said().contains("no longer holds the group at position"), "{}", instance.said());
    instance.spawn();
    assert!(!instance.is_ready(&http).await, "a supervisor must not bring it back");
    // An instance with a new directory cannot know. The checker compares what it serves with the responses.
    let mut fresh = Victim::new(root.path().join("fresh"));
    fresh.args.clone_from(&instance.args);
    fresh.start(&http).await;
    let feed = feed(&fresh.url, &http).await;
    let ops = std::mem::take(&mut *campaign.ops.lock().unwrap());
    let faults = check(&ops, &[], &feed);
    assert!(!faults.is_empty(), "the checker does not notice that acknowledged bookings are lost");
    report(&format!(
        "cluster, positive control: an asynchronous failover lost acknowledged requests; the checker found {} faults, the \
         instance ended and refused to start again",
        faults.len()
    ));
}
