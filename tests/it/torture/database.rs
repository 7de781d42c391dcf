//! A database that an instance cannot reach, or whose disk is full.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::Value;
use test_database::network::Network;
use test_database::{Database, Setup};
use tokio::task::JoinHandle;

use super::checker::Outcome;
use super::clients::{Campaign, Consumers};
use super::disk::Disk;
use super::victim::Victim;
use super::{cycles, instances, report, skipped};
use crate::instances::init;
use crate::services::{booking, until};

/// Clients of both instances, and of each alone.
const CLIENTS: usize = 6;

/// Maximum time that a link is cut: longer than a connection is believed without an answer.
const CUT_MAX: Duration = Duration::from_secs(8);

fn run_clients(campaign: &Arc<Campaign>, urls: &[String], http: &reqwest::Client) -> JoinHandle<()> {
    let (campaign, urls, http) = (Arc::clone(campaign), urls.to_vec(), http.clone());
    tokio::spawn(async move { campaign.run_through(&urls, &http, CLIENTS).await })
}

/// The database is on another machine, as far as the network can tell, and each instance reaches it through a link of its own.
#[tokio::test(flavor = "multi_thread")]
async fn an_instance_that_is_cut_off_from_the_database_delays_no_other_and_recovers() {
    let network = match Network::with_links(2) {
        Ok(network) => network,
        Err(reason) => return skipped(&reason),
    };
    let addresses = [network.address(0), network.address(1)];
    let made = rcgen::generate_simple_self_signed(addresses.clone()).unwrap();
    let (certificate, key) = (made.cert.pem(), made.signing_key.serialize_pem());
    let listens = format!("listen_addresses='{}'", addresses.join(","));
    let access = "host all all 10.231.0.0/16 trust\nlocal all all trust\n";
    let database = Database::with(Setup {
        settings: &["ssl=on", &listens],
        files: &[("server.crt", &certificate), ("server.key", &key), ("pg_hba.conf", access)],
        under: network.words(),
        ..Setup::default()
    });
    init(&database.url());
    let (http, root, total) = (Victim::client(), tempfile::tempdir().unwrap(), cycles(3, 40));
    let ca = root.path().join("ca.pem");
    std::fs::write(&ca, certificate).unwrap();
    let arguments = addresses.map(|address| {
        let url = format!("postgres://postgres@{address}/postgres");
        ["--store", &url, "--tls-ca", ca.to_str().unwrap()].map(str::to_owned).to_vec()
    });
    let mut instances = instances::start(root.path(), &arguments, &http).await;
    let campaign = Campaign::new();
    let urls: Vec<_> = instances.iter().map(|instance| instance.url.clone()).collect();
    let consumers = Consumers::follow(&campaign, &urls, &http);
    let clients = [&urls[..], &urls[..1], &urls[1..]].map(|urls| run_clients(&campaign, urls, &http));
    for number in 0..total {
        let link = number % 2;
        // At any instant of the work that goes on.
        tokio::time::sleep(Duration::from_millis(fastrand::u64(1..500))).await;
        let (before, began) = (campaign.acknowledged(), Instant::now());
        let lasts = CUT_MAX.mul_f64(fastrand::f64());
        network.cut(u8::try_from(link).unwrap());
        // Some responses may still be on their way.
        until("bookings through the other instance", async || campaign.acknowledged() > before + 3 * CLIENTS)
            .await;
        tokio::time::sleep(lasts.saturating_sub(began.elapsed())).await;
        network.mend(u8::try_from(link).unwrap());
        // It refuses the owner until it has heard from the database again.
        let recovered = async || {
            let sent = http.get(format!("{}/events?limit=1", urls[link])).send().await;
            sent.is_ok_and(|answer| answer.status() == 200)
        };
        until("the instance that was cut off", recovered).await;
        assert!(instances[link].ended().is_none(), "the instance ended: {}", instances[link].said());
    }
    campaign.stop();
    for client in clients {
        client.await.unwrap();
    }
    let (ops, events) = consumers.check(&campaign, &urls[0], &http).await;
    for instance in &mut instances {
        instance.kill_9();
    }
    instances[0].assert_whole();
    let acknowledged = ops.iter().filter(|op| op.answered.is_some()).count();
    report(&format!(
        "an instance cut off from the database: {total} cuts, {acknowledged} responses through two instances, {events} events, no fault"
    ));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_with_a_full_disk_is_a_503_and_the_instances_recover() {
    let disk = match Disk::of_mib(400) {
        Ok(disk) => disk,
        Err(reason) => return skipped(reason),
    };
    let database = Database::with(Setup { volume: Some(&disk.at()), ..Setup::default() });
    init(&database.url());
    let (http, root) = (Victim::client(), tempfile::tempdir().unwrap());
    let store = vec!["--store".to_owned(), database.url()];
    let mut instances = instances::start(root.path(), &[store.clone(), store], &http).await;
    let campaign = Campaign::new();
    let urls: Vec<_> = instances.iter().map(|instance| instance.url.clone()).collect();
    let consumers = Consumers::follow(&campaign, &urls, &http);
    let clients = run_clients(&campaign, &urls, &http);
    until("bookings", async || campaign.acknowledged() > 50).await;
    disk.fill(0);
    let is_full = async || {
        let ops = campaign.ops.lock().unwrap();
        let last = ops.iter().rev().take(CLIENTS);
        last.filter(|op| matches!(&op.outcome, Outcome::NotDone(code) if code == "log_unavailable")).count()
            == CLIENTS
    };
    until("a full disk", is_full).await;
    let answer = http.post(format!("{}/api/reservations", urls[0])).json(&booking(2)).send().await.unwrap();
    assert_eq!(answer.status(), 503);
    assert!(answer.headers().contains_key("retry-after"));
    assert_eq!(answer.json::<Value>().await.unwrap()["code"], "log_unavailable");
    // Reading still works.
    assert_eq!(http.get(format!("{}/events?limit=1", urls[1])).send().await.unwrap().status(), 200);
    let before = campaign.acknowledged();
    disk.free();
    until("bookings with space", async || campaign.acknowledged() > before + 20).await;
    campaign.stop();
    clients.await.unwrap();
    let (ops, events) = consumers.check(&campaign, &urls[0], &http).await;
    for instance in &mut instances {
        instance.kill_9();
    }
    instances[0].assert_whole();
    let refused = ops.iter().filter(|op| matches!(op.outcome, Outcome::NotDone(_))).count();
    report(&format!(
        "a full disk of the database: {refused} refused with 503, {events} events, nothing lost"
    ));
}
