//! Two notifiers on one log in a database: one is active, the other one stands by.

use std::collections::BTreeMap;
use std::fs::DirBuilder;
use std::os::unix::fs::{DirBuilderExt as _, symlink};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use test_database::Database;

use crate::hooks::Receiver;
use crate::services::{Pair, Running, program, until};

/// A reservation service, an active notifier, and one that stands by.
struct Fixture {
    database: Database,
    active: Pair,
    standby: Pair,
}

/// The files of the simulated provider, which both notifiers reach, as they reach a real one.
const PROVIDER_FILES: [&str; 2] = ["simulated-provider.jsonl", "simulated-provider.key"];

impl Fixture {
    async fn start() -> Self {
        Self::with(&[]).await
    }

    /// Notifiers with these arguments.
    async fn with(arguments: &[&str]) -> Self {
        let database = Database::start();
        let made = program("notifier").args(["log", "init", "--store", &database.url()]).output().unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let arguments = [&["--sms", "off"], arguments].concat();
        let [mut active, mut standby] = [Pair::prepared(&arguments), Pair::prepared(&arguments)];
        for pair in [&mut active, &mut standby] {
            pair.env.push(("NOTIFIER_STORE", database.url()));
        }
        active.start_reservation().await;
        active.start_notifier().await;
        standby.reservation_url.clone_from(&active.reservation_url);
        let dir = standby.dir.path().join("notifier");
        DirBuilder::new().mode(0o700).create(&dir).unwrap();
        for file in PROVIDER_FILES {
            symlink(active.dir.path().join("notifier").join(file), dir.join(file)).unwrap();
        }
        let fixture = Self { database, active, standby };
        fixture.spawn_standby()
    }

    fn spawn_standby(mut self) -> Self {
        self.standby.notifier = Some(Running(self.standby.notifier_command().spawn().unwrap()));
        self
    }

    /// How often the provider was asked to open each payment.
    fn opened(&self) -> BTreeMap<String, usize> {
        let file = self.active.dir.path().join("notifier").join(PROVIDER_FILES[0]);
        let mut opened = BTreeMap::new();
        for line in std::fs::read_to_string(file).unwrap_or_default().lines() {
            let line: Value = serde_json::from_str(line).unwrap();
            if line["what"] == "opened" {
                *opened.entry(line["payment_id"].as_str().unwrap().to_owned()).or_default() += 1;
            }
        }
        opened
    }

    fn verified(&self) -> Value {
        let url = self.database.url();
        let output = program("notifier").args(["log", "verify", "--json", "--store", &url]).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }
}

/// The status of a path, and the code of the problem.
async fn status(pair: &Pair, path: &str) -> Option<(u16, Value)> {
    let response = pair.client.get(format!("{}{path}", pair.notifier_url)).send().await.ok()?;
    let status = response.status().as_u16();
    Some((status, response.json::<Value>().await.unwrap_or_default()["code"].clone()))
}

async fn is_active(pair: &Pair) -> bool {
    status(pair, "/readyz").await.is_some_and(|(status, _)| status == 200)
}

/// Waits until the notifier is active, and has read which keys to accept.
async fn becomes_active(pair: &Pair) {
    until("the notifier to be active", async || is_active(pair).await).await;
    let knows_keys = async || status(pair, "/api/cursor").await.is_some_and(|(status, _)| status == 200);
    until("the notifier to know the keys", knows_keys).await;
}

async fn refuses_as(pair: &Pair, code: &str) -> bool {
    status(pair, "/readyz").await.is_some_and(|(status, found)| status == 503 && found == code)
}

async fn metric(pair: &Pair, line: &str) -> bool {
    let response = pair.client.get(format!("{}/metrics", pair.notifier_url)).send().await.unwrap();
    response.text().await.unwrap().lines().any(|found| found == line)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_standby_takes_over_from_a_killed_notifier_and_no_payment_is_opened_twice() {
    let mut fixture = Fixture::start().await;
    until("a standby", async || refuses_as(&fixture.standby, "standby").await).await;
    // It is alive, and refuses what only the active one may do.
    assert_eq!(status(&fixture.standby, "/livez").await.unwrap().0, 200);
    assert_eq!(status(&fixture.standby, "/api/payments").await.unwrap().0, 503);
    assert!(metric(&fixture.standby, "meja_notifier_active 0").await);
    assert!(metric(&fixture.active, "meja_notifier_active 1").await);
    let mut booked = Vec::new();
    for _ in 0..10 {
        booked.push(fixture.active.book(6).await);
    }
    until("a payment to be opened", async || !fixture.opened().is_empty()).await;
    fixture.active.notifier.take().unwrap().kill_9();
    for _ in 0..5 {
        booked.push(fixture.active.book(6).await);
    }
    becomes_active(&fixture.standby).await;
    assert!(metric(&fixture.standby, "meja_notifier_active 1").await);
    let standby = &fixture.standby;
    standby.settled().await;
    let opened = fixture.opened();
    assert!(opened.values().all(|times| *times == 1), "{opened:?}");
    assert_eq!(opened.len(), booked.len());
    for id in &booked {
        let payments =
            standby.get(&format!("{}/api/payments?reservation_id={id}", standby.notifier_url)).await;
        assert_eq!(payments["items"].as_array().unwrap().len(), 1, "{payments}");
    }
    let dead = standby.get(&format!("{}/api/effects?status=dead", standby.notifier_url)).await;
    assert_eq!(dead["items"].as_array().unwrap().len(), 0, "{dead}");
    // One that stops cleanly hands over, and the one that was killed can be active again.
    fixture.active.notifier = Some(Running(fixture.active.notifier_command().spawn().unwrap()));
    until("the other one to stand by", async || refuses_as(&fixture.active, "standby").await).await;
    assert_eq!(fixture.standby.notifier.take().unwrap().terminate(), Some(0));
    becomes_active(&fixture.active).await;
    assert_eq!(fixture.active.notifier.take().unwrap().terminate(), Some(0));
    assert_eq!(fixture.verified()["ok"], true);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_notifier_that_was_paused_and_replaced_ends() {
    let mut fixture = Fixture::start().await;
    until("a standby", async || refuses_as(&fixture.standby, "standby").await).await;
    let mut paused = fixture.active.notifier.take().unwrap();
    kill_process(Pid::from_child(&paused.0), Signal::STOP).unwrap();
    becomes_active(&fixture.standby).await;
    let id = fixture.active.book(6).await;
    kill_process(Pid::from_child(&paused.0), Signal::CONT).unwrap();
    let ended = paused.0.wait().unwrap();
    assert_eq!(ended.code(), Some(1));
    let logged = fixture.active.logged("notifier");
    assert!(logged.contains("another notifier has taken over"), "{logged}");
    let standby = &fixture.standby;
    standby.settled().await;
    let payments = standby.get(&format!("{}/api/payments?reservation_id={id}", standby.notifier_url)).await;
    assert_eq!(payments["items"].as_array().unwrap().len(), 1, "{payments}");
}

#[tokio::test(flavor = "multi_thread")]
async fn webhooks_go_on_after_a_takeover_without_a_gap() {
    let (receiver, dir) = (Receiver::start().await, tempfile::tempdir().unwrap());
    let file = dir.path().join("hooks.json");
    std::fs::write(&file, receiver.subscription(&["meja.reservation.created.v1"]).to_string()).unwrap();
    let mut fixture = Fixture::with(&["--hooks", file.to_str().unwrap()]).await;
    until("a standby", async || refuses_as(&fixture.standby, "standby").await).await;
    let mut booked = vec![fixture.active.book(2).await];
    until("the first webhook", async || receiver.taken().len() == 1).await;
    // The next one is attempted by the notifier that is killed.
    receiver.answer(500);
    booked.push(fixture.active.book(2).await);
    until("an attempt", async || receiver.tried() == 2).await;
    fixture.active.notifier.take().unwrap().kill_9();
    booked.push(fixture.active.book(2).await);
    receiver.answer(204);
    becomes_active(&fixture.standby).await;
    booked.push(fixture.active.book(2).await);
    until("the other webhooks", async || receiver.taken().len() >= booked.len()).await;
    let mut taken = receiver.taken();
    // The result of one that was delivered may not have been recorded.
    taken.dedup_by_key(|body| body["position"].clone());
    let subjects: Vec<_> = taken.iter().map(|body| body["data"]["subject"].as_str().unwrap()).collect();
    let expected: Vec<_> = booked.iter().map(|id| format!("reservation/{id}")).collect();
    assert_eq!(subjects, expected);
    for pair in taken.windows(2) {
        assert_eq!(pair[1]["previous_position"], pair[0]["position"]);
    }
}

/// While the database is away, no notifier can know whether it is the active one, so none begins an effect. Bookings go on, and their
/// effects are carried out later.
#[tokio::test(flavor = "multi_thread")]
async fn effects_wait_for_a_database_that_is_away() {
    let mut fixture = Fixture::start().await;
    fixture.database.stop();
    until("the notifier to refuse", async || refuses_as(&fixture.active, "log_unavailable").await).await;
    assert!(metric(&fixture.active, "meja_notifier_active 0").await);
    let id = fixture.active.book(6).await;
    fixture.database.restart();
    // The lease has expired: either of them continues.
    let continued = async || is_active(&fixture.active).await || is_active(&fixture.standby).await;
    until("a notifier to continue", continued).await;
    let active = if is_active(&fixture.active).await { &fixture.active } else { &fixture.standby };
    becomes_active(active).await;
    active.settled().await;
    let payments = active.get(&format!("{}/api/payments?reservation_id={id}", active.notifier_url)).await;
    assert_eq!(payments["items"].as_array().unwrap().len(), 1, "{payments}");
    assert!(fixture.opened().values().all(|times| *times == 1));
}
