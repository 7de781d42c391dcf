//! Deposits: an unpaid booking is a hold, which is cancelled at its deadline, also after a restart.

use std::sync::Arc;
use std::time::Duration;

use chassis::environment::ManualEnvironment;
use chrono::TimeDelta;
use events::store::sled::{self, Options};
use serde_json::json;

use crate::app::{TestApp, start_of_time};

/// Posts as the notifier that the deposit of `id` was paid.
pub async fn pay(app: &TestApp, id: &str) -> crate::app::Answer {
    let payment = app.get(&format!("/api/reservations/{id}")).await.json()["payment"]["payment_id"].clone();
    let result = json!({"payment_id": payment, "outcome": "completed", "amount_minor": 30_000_000, "currency": "IDR",
        "channel": "qris", "provider_reference": "sim_1"});
    app.service_post(&format!("/api/reservations/{id}/payment-results"), &result).await
}

/// Waits for a status, because deadlines run in the background.
pub async fn becomes(app: &TestApp, id: &str, status: &str) {
    let waited = tokio::time::timeout(Duration::from_secs(10), async {
        let mut head = app.app.store.watch_head();
        while app.status(id).await != status {
            head.changed().await.unwrap();
        }
    });
    waited.await.unwrap_or_else(|_| panic!("{id} never became {status}"));
}

#[tokio::test]
async fn a_paid_hold_is_confirmed_in_the_same_append() {
    let app = TestApp::start().await;
    let id = app.book(json!({"party_size": 6})).await;
    let held = app.get(&format!("/api/reservations/{id}")).await.json();
    assert_eq!(held["status"], "PENDING");
    assert_eq!(
        held["deposit"],
        json!({"required": true, "status": "due", "amount_minor": 30_000_000, "currency": "IDR", "expires_at": "2026-12-01T09:15:00Z",
            "payment_id": held["payment"]["payment_id"]})
    );
    assert_eq!(app.command(&id, "confirm", json!({})).await.problem(), (409, "deposit_due".into()));
    let paid = pay(&app, &id).await.json();
    assert_eq!(paid["status"], "CONFIRMED");
    assert_eq!(paid["deposit"]["status"], "paid");
    app.clock.advance(TimeDelta::hours(1));
    assert_eq!(app.status(&id).await, "CONFIRMED");
}

#[tokio::test]
async fn an_unpaid_hold_is_cancelled_at_its_deadline_and_its_table_is_free() {
    let app = TestApp::start().await;
    let (one, two) = (app.book(json!({"party_size": 6})).await, app.book(json!({})).await);
    app.command(&one, "assign-table", json!({"table_id": "D4"})).await;
    app.clock.advance(TimeDelta::minutes(15) - TimeDelta::milliseconds(1));
    assert_eq!(
        app.command(&two, "assign-table", json!({"table_id": "D4"})).await.problem(),
        (409, "table_taken".into())
    );
    assert_eq!(app.status(&one).await, "PENDING");
    app.clock.advance(TimeDelta::milliseconds(1));
    becomes(&app, &one, "CANCELLED").await;
    let view = app.get(&format!("/api/reservations/{one}")).await.json();
    assert_eq!(
        view["cancellation"],
        json!({"cancelled_by": "system", "reason_code": "deposit_unpaid", "description": null, "by_closure": false})
    );
    assert_eq!(app.command(&two, "assign-table", json!({"table_id": "D4"})).await.status, 200);
    let late = pay(&app, &one).await.json();
    assert_eq!(late["status"], "CANCELLED");
    assert_eq!(
        late["deposit"]["status"], "paid",
        "the payment is recorded, and an event requests the refund"
    );
    assert!(app.get("/events?type=meja.payment.completed.v1").await.text().contains("\"refund\":{"));
}

#[tokio::test]
async fn a_deadline_survives_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let options = Options { reserve_bytes: 0, ..Options::new(dir.path(), "reservation") };
    let clock = ManualEnvironment::at(start_of_time());
    let id = {
        let store = Arc::new(sled::open(&options).unwrap());
        let app = TestApp::on(store.clone(), clock.clone()).await;
        let id = app.book(json!({"party_size": 6})).await;
        app.trigger.fire();
        drop(app);
        // The background tasks close the log when they notice the shutdown.
        while Arc::strong_count(&store) > 1 {
            tokio::task::yield_now().await;
        }
        id
    };
    clock.advance(TimeDelta::minutes(20));
    let app = TestApp::on(Arc::new(sled::open(&options).unwrap()), clock).await;
    becomes(&app, &id, "CANCELLED").await;
    let history = app.get(&format!("/api/reservations/{id}/history")).await.json();
    let cancellations = history["entries"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|e| e["action"] == "reservation.cancelled")
        .count();
    assert_eq!(cancellations, 1);
    assert_eq!(history["entries"][2]["who"], json!({"kind": "system", "id": "deadlines"}));
}

#[tokio::test]
async fn holds_end_in_the_order_of_their_deadlines_not_of_their_booking() {
    let app = TestApp::start().await;
    let long = app.book(json!({"party_size": 8, "venue_id": "roma-trastevere"})).await;
    let short = app.book(json!({"party_size": 6})).await;
    app.clock.advance(TimeDelta::minutes(15));
    becomes(&app, &short, "CANCELLED").await;
    assert_eq!(app.status(&long).await, "PENDING");
    app.clock.advance(TimeDelta::minutes(15));
    becomes(&app, &long, "CANCELLED").await;
}
