//! Kills the notifier at each named step of charge, refund, mail and report. Each effect happens once. Only a mail can
//! be sent twice, if the kill comes after the server accepted it. Every mail is sent at least once.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use serde_json::json;

use super::money::{at_rest, audit, pair_at};
use super::{cycles, report};
use crate::bank::{Bank, Behaviour};
use crate::mail_server::MailServer;
use crate::services::{Pair, Running, until};

/// Maximum time until a step is reached.
const REACHED_WITHIN: Duration = Duration::from_secs(20);

/// Books three times: one is paid and kept, one is paid and cancelled, one is cancelled before it is paid.
async fn evening(pair: &Pair, bank: &Bank) -> [String; 3] {
    let ids = [pair.book(6).await, pair.book(6).await, pair.book(6).await];
    for (n, id) in ids.iter().enumerate() {
        // While the notifier is dead no payment is opened, so do not wait for one.
        let deadline = Instant::now() + REACHED_WITHIN;
        while bank.open_intent_of(id).is_none() && !is_dead(pair) {
            assert!(Instant::now() < deadline, "no payment was opened");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        if let (true, Some(intent)) = (n < 2, bank.open_intent_of(id)) {
            bank.pay(&intent);
        }
    }
    ids
}

fn is_dead(pair: &Pair) -> bool {
    let pid = pair.notifier.as_ref().unwrap().0.id();
    // A killed child remains as a zombie until it is waited for.
    std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| stat.contains(") Z "))
}

async fn killed_at(pair: &mut Pair, bank: &Bank, point: &str, nth: usize) -> [String; 3] {
    pair.notifier.take();
    let mut command = pair.notifier_command();
    command.env("NOTIFIER_FAILPOINT", format!("{point}:{nth}"));
    pair.notifier = Some(Running(command.spawn().unwrap()));
    let ids = evening(pair, bank).await;
    for id in &ids[1..] {
        // The second booking is cancelled when its payment has arrived; otherwise the payment would not be reported.
        let paid = async || {
            let status = pair.get(&format!("/api/reservations/{id}")).await["status"].clone();
            status == "CONFIRMED" || is_dead(pair) || *id == ids[2]
        };
        until("the payment to arrive", paid).await;
        pair.post(&format!("/api/reservations/{id}/cancel"), &json!({"reason_code": "guest_request"})).await;
    }
    let deadline = Instant::now() + REACHED_WITHIN;
    while !is_dead(pair) {
        assert!(Instant::now() < deadline, "{point}:{nth} was never reached");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    pair.notifier.take();
    pair.start_notifier().await;
    // Guests without an open payment pay now, or their bookings are cancelled.
    for id in &ids[..2] {
        let done = async || {
            if let Some(intent) = bank.open_intent_of(id) {
                bank.pay(&intent);
            }
            pair.get(&format!("/api/reservations/{id}")).await["status"] != "PENDING"
        };
        until("the holds to expire", done).await;
    }
    // The notifier recovers from each kill before the next one.
    at_rest(pair, bank).await;
    ids
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_every_step() {
    let rounds = cycles(1, 25);
    let server = MailServer::start().await;
    let behaviour = Behaviour::default();
    let mail = server.url();
    let (mut pair, bank) = pair_at(async |dir| Bank::open(dir, behaviour).await, &["--mail", &mail]).await;
    pair.start_notifier().await;
    let (mut kills, mut booked) = (0, Vec::new());
    for _ in 0..rounds {
        for point in notifier::failpoint::POINTS {
            // Some steps are reached only once during three bookings. A fast consumer of the feed reads all
            // their events in one page, and so appends only once.
            let once = ["refund.", "close.", "follow."];
            let nth = if rounds > 1 && !once.iter().any(|name| point.starts_with(name)) {
                fastrand::usize(1..=3)
            } else {
                1
            };
            booked.extend(killed_at(&mut pair, &bank, point, nth).await);
            kills += 1;
        }
    }
    assert_eq!(audit(&pair, &bank).await, Vec::<String>::new());
    // Every mail that was reported as sent arrived, and no other did.
    let mut sent = BTreeSet::new();
    for event in pair.events().await {
        assert_ne!(event["type"], "meja.notification.failed.v1", "{event}");
        if event["type"] == "meja.notification.sent.v1" {
            sent.insert(format!("<{}@meja.example>", event["data"]["notification_id"].as_str().unwrap()));
        }
    }
    let came = server.counts();
    let keys: BTreeSet<_> = came.keys().cloned().collect();
    assert_eq!(
        sent.difference(&keys).collect::<Vec<_>>(),
        Vec::<&String>::new(),
        "every mail reported as sent arrived"
    );
    // A mail that arrived without a report was interrupted, and was obsolete before it could be repeated.
    for id in keys.difference(&sent) {
        let key = id.trim_start_matches('<').split_once('@').unwrap().0;
        let skipped = format!("{}/api/notifications?status=skipped&limit=1000", pair.notifier_url);
        let skipped = pair.get(&skipped).await;
        let effect = skipped["items"].as_array().unwrap().iter().find(|effect| effect["id"] == key);
        let reason = effect.map(|effect| effect["reason"].as_str().unwrap().to_owned());
        assert!(
            reason.as_ref().is_some_and(|reason| reason.contains("may have reached")),
            "{id}: {reason:?}"
        );
    }
    let doubles = came.values().filter(|count| **count > 1).count();
    let most = came.values().max().copied().unwrap_or_default();
    assert!(most <= 2, "the same mail was sent {most} times");
    // Every guest got the confirmation or the cancellation.
    let counts = pair.counts().await;
    for id in &booked {
        let counts = &counts[&format!("reservation/{id}")];
        let told = ["notification.sent:confirmed:mail", "notification.sent:cancelled:mail"];
        assert!(told.iter().any(|name| counts.get(*name) == Some(&1)), "{id}: {counts:?}");
    }
    report(&format!(
        "money, kill -9 at {} steps: {kills} kills, {} bookings, {} mails of which {doubles} arrived more than once, no duplicate charge or refund",
        notifier::failpoint::POINTS.len(),
        booked.len(),
        came.len(),
    ));
}
