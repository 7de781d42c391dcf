//! Reading the feed again from its beginning repeats no effect. An event that
//! cannot be decoded becomes a dead letter, and the consumer continues.

use std::sync::Arc;
use std::time::Duration;

use chassis::environment::SystemEnvironment;
use chassis::serve::Shutdown;
use chrono::TimeDelta;
use events::store::EventStore as _;
use notifier::adapters::reservation_client::ReservationClient;
use notifier::domain::effect::{EffectKey, Lane};
use notifier::domain::reaction::NotificationPolicy;
use notifier::effects::EffectState;
use notifier::workers::feed_consumer::{FeedConsumer, FeedStatus};
use serde_json::{Value, json};
use wiremock::matchers::{method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::support::*;

fn event(position: u64, event_type: &str, data: Value) -> Value {
    json!({"specversion": "1.0", "id": event_id(position).to_string(), "source": "/reservation/x", "sequence": format!("{position:020}"),
        "type": event_type, "subject": format!("reservation/{RESERVATION}"), "time": now(), "datacontenttype": "application/json",
        "dataschema": "/schemas/x.json", "correlationid": "r", "authtype": "system", "authid": "test", "data": data})
}

fn feed() -> Vec<Value> {
    let money = json!({"amount_minor": 30_000_000, "currency": "IDR"});
    vec![
        event(
            1,
            "meja.payment.requested.v1",
            json!({"payment_id": PAYMENT, "amount": money, "expires_at": now()}),
        ),
        event(2, "meja.payment.completed.v1", json!({"payment_id": PAYMENT, "amount": "three hundred"})),
        event(3, "meja.birthday.celebrated.v1", json!({})),
        event(4, "meja.reservation.cancelled.v1", json!({"cancelled_by": "guest", "reason_code": "r"})),
    ]
}

async fn follow(fixture: &Fixture, server: &MockServer) {
    let (trigger, shutdown) = Shutdown::new();
    let policy =
        NotificationPolicy { remind_before: vec![TimeDelta::hours(24)], sms: true, keeps_copies: false };
    let feed_status = FeedStatus::default();
    let consumer = FeedConsumer {
        reservation_api: Arc::new(ReservationClient::new(http_client(), server.uri(), key())),
        effect_log: Arc::clone(&fixture.effect_log),
        policy,
        hooks: Arc::default(),
        status: feed_status.clone(),
        env: Arc::new(SystemEnvironment),
    };
    let task = tokio::spawn(consumer.run(shutdown));
    let before = server.received_requests().await.unwrap().len();
    let read = async {
        while server.received_requests().await.unwrap().len() < before + 3 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), read).await.unwrap();
    drop(trigger);
    task.abort();
    assert!(!feed_status.seen().stuck, "{:?}", feed_status.seen());
}

#[tokio::test]
async fn a_replayed_feed_has_no_second_effect_and_a_poison_event_blocks_no_other_event() {
    let server = MockServer::start().await;
    // The server ignores the cursor: every response is the whole feed.
    let page = ResponseTemplate::new(200)
        .set_body_json(feed())
        .insert_header("head-position", "4")
        .set_delay(Duration::from_millis(20));
    Mock::given(method("GET")).and(path("/events")).respond_with(page).mount(&server).await;
    let fixture = Fixture::new().await;
    follow(&fixture, &server).await;
    let all = |fixture: &Fixture| {
        let mut all: Vec<_> = fixture
            .effect_log
            .effects(|_| true, 100)
            .into_iter()
            .map(|t| (t.scheduled.key.0, t.state.status().word()))
            .collect();
        all.sort();
        all
    };
    let scheduled = all(&fixture);
    let kinds: Vec<_> = scheduled.iter().map(|(key, word)| (key.split_once('.').unwrap().1, *word)).collect();
    assert_eq!(
        kinds,
        [
            ("take-deposit", "waiting"),
            ("react", "dead"),
            ("close-payments", "waiting"),
            ("mail-cancelled", "waiting"),
            ("sms-cancelled", "waiting"),
        ]
    );
    let parked = fixture.effect_log.effect(&EffectKey::of_event(event_id(2), "react")).unwrap();
    assert_eq!(parked.state, EffectState::Dead("unreadable".into()));
    assert!(parked.last_error.unwrap().contains("three hundred"));
    // Again, also after a restart, only the cursor is appended.
    let again = Fixture { effect_log: fixture.reopened().await, ..fixture };
    follow(&again, &server).await;
    assert_eq!(all(&again), scheduled);
    // The payment, and the end of all payments of the booking, which waits for none of them.
    assert_eq!(again.effect_log.take_due(Lane::Money, 10).len(), 2);
    assert!(again.store.known_head().0 > 5);
}
