//! A payment provider that misbehaves, and a notifier that is killed at every step. In the end the provider's ledger
//! agrees with the events, no guest is charged twice, and every payment that is kept belongs to a confirmed booking.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use futures::StreamExt as _;
use serde_json::{Value, json};

use super::{cycles, report};
use crate::bank::{Bank, Behaviour};
use crate::services::Pair;

const CLIENTS: usize = 32;
/// Maximum time until a campaign has settled.
const TAIL: Duration = Duration::from_secs(240);

/// A pair that uses the provider `bank` and retries quickly.
pub async fn pair_at(bank: impl AsyncFnOnce(&std::path::Path) -> Bank, args: &[&str]) -> (Pair, Bank) {
    let mut pair = Pair::prepared(args);
    let bank = bank(pair.dir.path()).await;
    bank.tell(&pair.notifier_url);
    pair.notifier_args.extend(bank.settings());
    let soon = ["--sms", "off", "--reminder-hours", "", "--backoff-ms", "20", "--attempts-max", "40"];
    pair.notifier_args.extend(soon.map(str::to_owned));
    pair.notifier_args.extend(["--stripe-poll-ms", "300"].map(str::to_owned));
    pair.start_reservation().await;
    (pair, bank)
}

/// Waits until the provider is idle and all effects are done.
pub async fn at_rest(pair: &Pair, bank: &Bank) {
    let deadline = Instant::now() + TAIL;
    loop {
        let waiting = pair.get(&format!("{}/api/effects?status=waiting&limit=5", pair.notifier_url)).await;
        let pending = pair.get(&format!("{}/api/payments?status=pending&limit=5", pair.notifier_url)).await;
        let cursor = pair.get(&format!("{}/api/cursor", pair.notifier_url)).await;
        let head = pair.head().await;
        let is_empty = |list: &Value| list["items"].as_array().unwrap().is_empty();
        let followed = cursor["position"].as_u64() == Some(head);
        if bank.is_quiet() && is_empty(&waiting) && is_empty(&pending) && followed {
            return;
        }
        assert!(Instant::now() < deadline, "not settled: {waiting:#} {pending:#} {cursor}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// The differences between the provider's ledger, the events and the reconciliation.
pub async fn audit(pair: &Pair, bank: &Bank) -> Vec<String> {
    let mut faults = Vec::new();
    let mut moved = BTreeMap::<String, (i64, i64, usize)>::new();
    for line in bank.ledger() {
        let (id, amount) =
            (line["payment_id"].as_str().unwrap().to_owned(), line["amount"].as_i64().unwrap());
        let (charged, returned, charges) = moved.entry(id).or_default();
        if line["what"] == "charge" {
            *charged += amount;
            *charges += 1;
        } else {
            *returned += amount;
        }
    }
    let mut told = BTreeMap::<String, (i64, i64)>::new();
    let mut ends = BTreeMap::<String, (Option<String>, &'static str)>::new();
    for event in pair.events().await {
        let (data, subject) = (&event["data"], event["subject"].as_str().unwrap().to_owned());
        let minor = data["amount"]["amount_minor"].as_i64().unwrap_or_default();
        let payment = data["payment_id"].as_str().unwrap_or_default().to_owned();
        match event["type"].as_str().unwrap() {
            "meja.payment.completed.v1" => {
                told.entry(payment.clone()).or_default().0 += minor;
                ends.entry(subject).or_default().0 = Some(payment);
            }
            "meja.payment.refunded.v1" => told.entry(payment).or_default().1 += minor,
            "meja.reservation.confirmed.v1" => ends.entry(subject).or_default().1 = "confirmed",
            "meja.reservation.cancelled.v1" => ends.entry(subject).or_default().1 = "cancelled",
            _ => {}
        }
    }
    for (id, (charged, returned, charges)) in &moved {
        if *charges > 1 {
            faults.push(format!("{id} was charged {charges} times"));
        }
        if told.get(id) != Some(&(*charged, *returned)) {
            faults.push(format!(
                "{id}: the ledger has {charged}/{returned}, the events have {:?}",
                told.get(id)
            ));
        }
    }
    faults.extend(
        told.keys().filter(|id| !moved.contains_key(*id)).map(|id| format!("{id} was never charged")),
    );
    for (subject, (payment, end)) in &ends {
        let kept =
            payment.as_ref().and_then(|id| moved.get(id)).map(|(charged, returned, _)| charged - returned);
        let fits = match (*end, kept) {
            ("confirmed", Some(kept)) => kept > 0,
            ("cancelled", kept) => kept.unwrap_or(0) == 0,
            _ => false,
        };
        if !fits {
            faults.push(format!("{subject} is {end}, but {kept:?} was kept"));
        }
    }
    let report = pair.get(&format!("{}/api/reconciliation", pair.notifier_url)).await;
    faults.extend(report["differences"].as_array().unwrap().iter().map(Value::to_string));
    let dead = pair.get(&format!("{}/api/effects?status=dead", pair.notifier_url)).await;
    faults.extend(dead["items"].as_array().unwrap().iter().map(|dead| format!("dead: {dead}")));
    faults
}

/// Books, and cancels some of the bookings a little later.
async fn visit(pair: &Pair, number: usize) -> String {
    let id = pair.book(6).await;
    if number.is_multiple_of(5) {
        tokio::time::sleep(Duration::from_millis(fastrand::u64(0..600))).await;
        pair.post(&format!("/api/reservations/{id}/cancel"), &json!({"reason_code": "guest_request"})).await;
    }
    id
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_misbehaves_charges_no_guest_twice() {
    let bookings = cycles(250, 10_000);
    let began = Instant::now();
    let behaviour = Behaviour { faults_percent: 30, guests_pay: true, webhook_faults_percent: 50 };
    let (mut pair, bank) =
        pair_at(async |dir| Bank::open(dir, behaviour).await, &["--concurrency", "64"]).await;
    pair.start_notifier().await;
    let ids: Vec<_> = futures::stream::iter(0..bookings)
        .map(|number| visit(&pair, number))
        .buffer_unordered(CLIENTS)
        .collect()
        .await;
    // Some guests never pay; their holds would only end after a quarter of an hour.
    let rest = "/api/reservations?status=PENDING&limit=200";
    let deadline = Instant::now() + TAIL;
    while let pending = pair.get(rest).await["items"].as_array().unwrap().clone()
        && !pending.is_empty()
    {
        assert!(Instant::now() < deadline, "{} are still pending", pending.len());
        for reservation in pending {
            let id = reservation["reservation_id"].as_str().unwrap();
            // Cancels only when the payment is open, or when none will be opened.
            if bank.is_quiet() {
                let cancel = json!({"reason_code": "other"});
                pair.post(&format!("/api/reservations/{id}/cancel"), &cancel).await;
            }
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    at_rest(&pair, &bank).await;
    assert_eq!(audit(&pair, &bank).await, Vec::<String>::new());
    assert_eq!(bank.believed_forgeries(), 0);
    let ledger = bank.ledger();
    let charges = ledger.iter().filter(|line| line["what"] == "charge").count();
    assert!(charges > bookings / 2, "{charges} charges");
    report(&format!(
        "money, 30 % faults: {} bookings, {charges} charges, {} refunds, ledger equals events, in {} s",
        ids.len(),
        ledger.len() - charges,
        began.elapsed().as_secs()
    ));
}

/// A positive control: planted faults are found by the audit and by the reconciliation.
#[tokio::test(flavor = "multi_thread")]
async fn a_planted_charge_is_found() {
    let behaviour = Behaviour::default();
    let (mut pair, bank) = pair_at(async |dir| Bank::open(dir, behaviour).await, &[]).await;
    pair.start_notifier().await;
    let id = pair.book(6).await;
    crate::services::until("the payment to be open", async || bank.open_intent_of(&id).is_some()).await;
    bank.pay(&bank.open_intent_of(&id).unwrap());
    crate::services::until("CONFIRMED", async || {
        pair.get(&format!("/api/reservations/{id}")).await["status"] == "CONFIRMED"
    })
    .await;
    at_rest(&pair, &bank).await;
    assert_eq!(audit(&pair, &bank).await, Vec::<String>::new());
    bank.charge_again(&id);
    let found = audit(&pair, &bank).await;
    assert!(found.iter().any(|fault| fault.contains("charged_twice")), "{found:?}");
    let asked =
        pair.notifier_command().arg("reconcile").stdout(std::process::Stdio::piped()).output().unwrap();
    let words = String::from_utf8(asked.stdout).unwrap();
    assert_eq!(asked.status.code(), Some(4), "{words}");
    assert!(words.contains("charged_twice") && words.contains(&id), "{words}");
    let csv = pair
        .notifier_command()
        .args(["reconcile", "--csv"])
        .stdout(std::process::Stdio::piped())
        .output()
        .unwrap();
    let csv = String::from_utf8(csv.stdout).unwrap();
    assert_eq!(csv.lines().count(), 2, "{csv}");
    assert!(csv.starts_with("kind,payment_id,"), "{csv}");
}
