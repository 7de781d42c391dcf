//! Bookings through both services, also while one of them is down.

use std::collections::BTreeSet;

use events::store::EventStore as _;
use events::store::sled::{self, Options};
use events::{Position, Query, QueryItem, Recorded};
use serde_json::{Value, json};

use crate::services::{Feed, Pair, anonymous_client, until};

async fn status_becomes(pair: &Pair, id: &str, status: &str) {
    let path = format!("/api/reservations/{id}");
    until(status, async || pair.get(&path).await["status"] == status).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deposit_is_paid_on_the_checkout_page_and_recorded_in_the_audit_trail() {
    let pair = Pair::running(&[]).await;
    let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let request = pair.client.post(format!("{}/api/reservations", pair.reservation_url));
    let request = request.header("x-request-id", "req-e2e").header("traceparent", trace);
    let body: Value = request.json(&crate::services::booking(6)).send().await.unwrap().json().await.unwrap();
    let id = body["reservation_id"].as_str().unwrap().to_owned();
    let checkout = pair.checkout(&id).await;
    let page = pair.client.get(&checkout).send().await.unwrap().text().await.unwrap();
    assert!(page.contains("Rp 300,000") && page.contains("Pay</button>"), "{page}");
    // The button is pressed twice.
    for _ in 0..2 {
        let page = pair.client.post(format!("{checkout}/pay")).send().await.unwrap();
        assert!(page.text().await.unwrap().contains("paid"));
    }
    status_becomes(&pair, &id, "CONFIRMED").await;
    pair.settled().await;
    let history = pair.get(&format!("/api/reservations/{id}/history")).await;
    // The owner, who read the contact for the link, is another request.
    let entries: Vec<_> =
        history["entries"].as_array().unwrap().iter().filter(|e| e["action"] != "contact.read").collect();
    let correlation_id = &entries[0]["correlation_id"];
    assert!(
        correlation_id != "req-e2e" && entries.iter().all(|entry| entry["correlation_id"] == *correlation_id),
        "every entry has the id that the service gave to the request: {history:#}"
    );
    let mut actions: Vec<_> = entries.iter().map(|entry| entry["action"].as_str().unwrap()).collect();
    assert_eq!(actions[..2], ["reservation.created", "payment.requested"]);
    actions.sort_unstable();
    assert_eq!(
        actions,
        [
            "notification.sent",
            "notification.sent",
            "notification.sent",
            "payment.completed",
            "payment.requested",
            "reservation.confirmed",
            "reservation.created"
        ]
    );
    let caused = entries
        .iter()
        .find(|entry| entry["note"] == "Message sent to the guest by mail: deposit_due")
        .unwrap();
    assert_eq!(caused["causation_id"], entries[1]["event_id"]);
    let mail = pair.mail();
    assert_eq!(mail.len(), 2, "{mail:?}");
    let confirmed = mail.iter().find(|name| name.contains("mail-confirmed")).unwrap();
    let confirmed = std::fs::read_to_string(pair.dir.path().join("notifier/outbox").join(confirmed)).unwrap();
    assert!(confirmed.contains(&format!("UID:{id}\r")) && confirmed.contains("SEQUENCE:4"), "{confirmed}");
    let notifications = pair.get(&format!("{}/api/notifications", pair.notifier_url)).await;
    assert!(
        !notifications.to_string().contains("sari@example.com")
            && notifications.to_string().contains("s***@e***.com")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_payment_keeps_the_hold_and_is_reported() {
    let pair = Pair::running(&["--sms", "off"]).await;
    let id = pair.book(6).await;
    let reference = pair.checkout(&id).await.rsplit('/').nth(1).unwrap().to_owned();
    let hook = json!({"reference": reference, "outcome": "refused"});
    for _ in 0..2 {
        let answer: Value = pair.simulated_webhook(&hook).await.json().await.unwrap();
        assert_eq!(answer, json!({"status": "refused"}));
    }
    let late = json!({"reference": reference, "outcome": "paid"});
    let late: Value = pair.simulated_webhook(&late).await.json().await.unwrap();
    assert_eq!(late, json!({"status": "refused"}), "the first decision is final");
    pair.settled().await;
    let view = pair.get(&format!("/api/reservations/{id}")).await;
    assert_eq!(view["status"], "PENDING");
    assert_eq!(view["payment"]["failure"], "refused");
    assert_eq!(pair.counts().await[&format!("reservation/{id}")]["payment.failed"], 1);
    assert_eq!(
        pair.client
            .post(format!("{}/webhooks/other", pair.notifier_url))
            .json(&hook)
            .send()
            .await
            .unwrap()
            .status(),
        404
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_whose_payment_was_refused_pays_by_another_channel() {
    let pair = Pair::running(&["--sms", "off"]).await;
    let id = pair.book(6).await;
    let first = pair.checkout(&id).await;
    let payments = format!("{}/api/payments?reservation_id={id}", pair.notifier_url);
    let renew = format!("/api/reservations/{id}/deposit/renew");
    let renewed = async |channel: &str, n: usize| {
        assert_eq!(pair.post(&renew, &json!({"payment_channel": channel})).await.0, 200);
        let all = async || pair.get(&payments).await["items"].as_array().unwrap().clone();
        until("another payment", async || all().await.len() == n).await;
        let view = pair.get(&format!("/api/reservations/{id}")).await;
        let payment = all().await.into_iter().find(|it| it["payment_id"] == view["payment"]["payment_id"]);
        let page = payment.unwrap()["checkout_url"].as_str().unwrap().to_owned();
        let contact = pair.get(&format!("/api/reservations/{id}/contact")).await;
        format!("{page}/{}", contact["pay_links"][0]["token"].as_str().unwrap())
    };
    // The guest changes the mind before paying. The first page takes no payment any more.
    let second = renewed("card", 2).await;
    pair.settled().await;
    let page = pair.client.post(format!("{first}/pay")).send().await.unwrap().text().await.unwrap();
    assert!(page.contains("expired") && !page.contains("Pay</button>"), "{page}");
    pair.client.post(format!("{second}/refuse")).send().await.unwrap();
    until("the refusal", async || {
        pair.get(&format!("/api/reservations/{id}")).await["payment"]["failure"] == "refused"
    })
    .await;
    let third = renewed("card", 3).await;
    pair.client.post(format!("{third}/pay")).send().await.unwrap();
    status_becomes(&pair, &id, "CONFIRMED").await;
    pair.settled().await;
    let all = pair.get(&payments).await;
    let statuses: Vec<_> = all["items"].as_array().unwrap().iter().map(|it| it["status"].clone()).collect();
    let count = |status: &str| statuses.iter().filter(|it| *it == status).count();
    assert_eq!([count("paid"), count("refused"), count("expired")], [1, 1, 1], "{statuses:?}");
    let report = pair.get(&format!("{}/api/reconciliation", pair.notifier_url)).await;
    assert_eq!(report["differences"], json!([]), "{report:#}");
    let dead = pair.get(&format!("{}/api/effects?status=dead", pair.notifier_url)).await;
    assert_eq!(dead["items"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_channel_that_cannot_be_checked_is_not_recorded() {
    let mut pair = Pair::prepared(&[]);
    pair.start_reservation().await;
    let id = pair.book(6).await;
    let link = pair.get(&format!("/api/reservations/{id}/contact")).await["guest_link"]["token"].clone();
    let url = format!("{}/api/reservations/{id}/deposit/renew", pair.reservation_url);
    let answer = anonymous_client().post(url).bearer_auth(link.as_str().unwrap());
    let answer = answer.json(&json!({"payment_channel": "sari-wulandari"})).send().await.unwrap();
    assert_eq!(answer.status(), 409);
    assert_eq!(answer.json::<Value>().await.unwrap()["code"], "channels_unknown");
    let events = serde_json::to_string(&pair.events().await).unwrap();
    assert!(events.contains("meja.payment.requested.v1") && !events.contains("sari-wulandari"), "{events}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_booking_is_refunded_and_the_guest_notified() {
    let pair = Pair::running(&["--simulated-decide-after-ms", "0"]).await;
    let id = pair.book(6).await;
    status_becomes(&pair, &id, "CONFIRMED").await;
    pair.settled().await;
    pair.post(&format!("/api/reservations/{id}/cancel"), &json!({"reason_code": "guest_request"})).await;
    until("the refund", async || {
        pair.get(&format!("/api/reservations/{id}")).await["payment"]["status"] == "refunded"
    })
    .await;
    pair.settled().await;
    let counts = pair.counts().await.remove(&format!("reservation/{id}")).unwrap();
    for name in [
        "payment.refunded",
        "notification.sent:cancelled:mail",
        "notification.sent:cancelled:sms",
        "notification.sent:refunded:mail",
    ] {
        assert_eq!(counts.get(name), Some(&1), "{name} in {counts:?}");
    }
    let payments = pair.get(&format!("{}/api/payments?status=refunded", pair.notifier_url)).await;
    assert_eq!(payments["items"][0]["refunded_minor"], 30_000_000);
    let skipped = pair.get(&format!("{}/api/effects?status=dead", pair.notifier_url)).await;
    assert_eq!(skipped["items"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn part_of_a_payment_can_be_refunded_by_hand() {
    let pair = Pair::running(&["--simulated-decide-after-ms", "0"]).await;
    let id = pair.book(6).await;
    status_becomes(&pair, &id, "CONFIRMED").await;
    let payments = pair.get(&format!("{}/api/payments", pair.notifier_url)).await;
    let payment = payments["items"][0]["payment_id"].as_str().unwrap();
    let url = format!("{}/api/payments/{payment}/refund", pair.notifier_url);
    let order = |body: Value| pair.client.post(&url).json(&body).send();
    let anonymous = anonymous_client().post(&url).json(&json!({}));
    assert_eq!(anonymous.send().await.unwrap().status(), 401);
    assert_eq!(order(json!({"amount_minor": 30_000_001})).await.unwrap().status(), 409);
    assert_eq!(order(json!({"amount_minor": 10_000_000})).await.unwrap().status(), 202);
    until("the refund", async || {
        pair.get(&format!("/api/reservations/{id}")).await["payment"]["refunded_minor"] == 10_000_000
    })
    .await;
    assert_eq!(order(json!({"amount_minor": 20_000_001})).await.unwrap().status(), 409);
    assert_eq!(order(json!({})).await.unwrap().status(), 202);
    until("the rest of the refund", async || {
        pair.get(&format!("/api/reservations/{id}")).await["payment"]["status"] == "refunded"
    })
    .await;
}

/// The same tests of the notifier over both feeds.
mod over {
    macro_rules! feeds {
        ($($module:ident: $feed:expr),+; $tests:tt) => {$(feeds!(@ $module $feed, $tests);)+};
        (@ $module:ident $feed:expr, { $($name:ident),+ $(,)? }) => {
            mod $module {
                $(
                    #[tokio::test(flavor = "multi_thread")]
                    async fn $name() {
                        crate::pair::$name($feed).await;
                    }
                )+
            }
        };
    }

    feeds! { http: crate::services::Feed::Http, grpc: crate::services::Feed::Grpc; {
        ten_bookings_made_while_the_notifier_is_down_are_processed_later,
        the_notifier_keeps_working_while_the_reservation_service_is_down,
        the_notifier_stops_when_the_log_was_replaced,
    }}
}

async fn ten_bookings_made_while_the_notifier_is_down_are_processed_later(feed: Feed) {
    let mut pair = Pair::prepared_over(feed, &["--simulated-decide-after-ms", "0", "--sms", "off"]);
    pair.start_reservation().await;
    let mut ids = Vec::new();
    for _ in 0..10 {
        ids.push(pair.book(6).await);
    }
    // A channel that could not be checked is accepted; the notifier uses its default instead.
    let mut odd = crate::services::booking(6);
    odd["payment_channel"] = json!("shells");
    let (status, body) = pair.post("/api/reservations", &odd).await;
    assert_eq!(status, 200);
    ids.push(body["reservation_id"].as_str().unwrap().to_owned());
    pair.start_notifier().await;
    for id in &ids {
        status_becomes(&pair, id, "CONFIRMED").await;
    }
    pair.settled().await;
    assert_eq!(pair.mail().len(), 22, "for each booking one mail about the deposit and one confirmation");
    // Once the notifier is reachable, channels are checked. A party of two pays no deposit.
    odd["party_size"] = json!(2);
    until("the channels to be known", async || pair.post("/api/reservations", &odd).await.0 == 422).await;
    pair.settled().await;
    exactly_once(&mut pair, &ids).await;
}

/// One charge, one confirmation and one mail of each kind for every reservation.
pub async fn exactly_once(pair: &mut Pair, ids: &[String]) {
    let counts = pair.counts().await;
    for id in ids {
        let counts = counts.get(&format!("reservation/{id}")).unwrap_or_else(|| panic!("{id} has no events"));
        for name in [
            "reservation.created",
            "payment.requested",
            "payment.completed",
            "reservation.confirmed",
            "notification.sent:confirmed:mail",
        ] {
            assert_eq!(counts.get(name), Some(&1), "{name} of {id}: {counts:?}");
        }
        // The mail with the link is not sent if the payment arrives first.
        assert!(counts.get("notification.sent:deposit_due:mail").is_none_or(|n| *n == 1), "{id}: {counts:?}");
        assert!(!counts.contains_key("payment.failed"), "{id}: {counts:?}");
    }
    // The effects are in the notifier's own log.
    pair.notifier.take().unwrap().terminate();
    let log = sled::open(&Options {
        reserve_bytes: 0,
        ..Options::new(&pair.dir.path().join("notifier"), "notifier")
    })
    .unwrap();
    for event_type in ["meja.payment.opened.v1", "meja.payment.decided.v1"] {
        let item = QueryItem { types: vec![event_type.to_owned()], tags: vec![] };
        let page = log.read(&Query { items: vec![item] }, Position::START, usize::MAX).await.unwrap();
        let subjects: Vec<_> =
            page.iter().map(|e| Recorded::parse(e.json).unwrap().subject.into_owned()).collect();
        let distinct: BTreeSet<_> = subjects.iter().collect();
        assert_eq!(
            (subjects.len(), distinct.len()),
            (ids.len(), ids.len()),
            "{event_type}: no guest is charged twice"
        );
    }
}

async fn the_notifier_keeps_working_while_the_reservation_service_is_down(feed: Feed) {
    let mut pair = Pair::running_over(feed, &["--sms", "off"]).await;
    let id = pair.book(6).await;
    let checkout = pair.checkout(&id).await;
    pair.settled().await;
    pair.reservation.take().unwrap().kill_9();
    // The guest pays meanwhile, and the API of the notifier responds.
    assert!(pair.client.post(format!("{checkout}/pay")).send().await.unwrap().status().is_success());
    let payments = pair.get(&format!("{}/api/payments", pair.notifier_url)).await;
    assert_eq!(payments["items"][0]["status"], "paid");
    assert_eq!(pair.get(&format!("{}/readyz", pair.notifier_url)).await["status"], "ready");
    pair.start_reservation().await;
    status_becomes(&pair, &id, "CONFIRMED").await;
    pair.settled().await;
    exactly_once(&mut pair, &[id]).await;
}

async fn the_notifier_stops_when_the_log_was_replaced(feed: Feed) {
    let mut pair = Pair::running_over(feed, &["--simulated-decide-after-ms", "0"]).await;
    let id = pair.book(6).await;
    status_becomes(&pair, &id, "CONFIRMED").await;
    pair.settled().await;
    pair.reservation.take().unwrap().kill_9();
    std::fs::remove_dir_all(pair.dir.path().join("reservation")).unwrap();
    pair.start_reservation().await;
    pair.book(6).await;
    let ready = format!("{}/readyz", pair.notifier_url);
    until("the notifier to report that it is stuck", async || {
        pair.client.get(&ready).send().await.unwrap().status() == 503
    })
    .await;
    let payments = pair.get(&format!("{}/api/payments", pair.notifier_url)).await;
    assert_eq!(payments["items"].as_array().unwrap().len(), 1);
    assert!(pair.logged("notifier").contains("cursor_not_in_log"));
}
