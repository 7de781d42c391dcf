//! How many requests for a place were refused, by day and reason.

use std::sync::Arc;

use axum::http::StatusCode;
use chassis::environment::ManualEnvironment;
use chrono::TimeDelta;
use events::store::EventStore;
use events::store::memory::MemoryStore;
use reservation::workers::refusals::record_refusals;
use serde_json::{Value, json};

use crate::app::{TestApp, booking, start_of_time};

const VENUES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../data/venues");
const REFUSALS: &str = "/api/venues/bandung-dago/refusals?from=2026-12-01&to=2027-11-30";

async fn refused(app: &TestApp, changes: Value, reason: &str) {
    let answer = app.post("/api/reservations", &booking(changes)).await;
    assert_eq!(answer.problem(), (409, reason.into()));
}

async fn counts(app: &TestApp) -> Value {
    app.get(REFUSALS).await.json()["items"].clone()
}

fn count(date: &str, reason: &str, requests: u32, guests: u32) -> Value {
    json!({"date": date, "reason": reason, "walk_in": false, "requests": requests, "guests": guests})
}

#[tokio::test]
async fn refused_requests_are_counted_by_day_and_reason_and_survive_a_restart() {
    let (store, clock) = (Arc::new(MemoryStore::new("reservation")), ManualEnvironment::at(start_of_time()));
    let app = TestApp::idle(VENUES, Arc::clone(&store) as Arc<dyn EventStore>, clock.clone()).await;
    assert_eq!(counts(&app).await, json!([]));
    // The day of a visit after midnight is that of its evening.
    refused(&app, json!({"party_size": 40, "start_time": "2026-12-05T19:00"}), "party_too_large").await;
    refused(&app, json!({"party_size": 2, "start_time": "2026-12-06T00:10"}), "closed").await;
    refused(&app, json!({"party_size": 20, "start_time": "2026-12-05T19:00"}), "party_too_large").await;
    // A duplicate is no lack of room.
    app.book(json!({"start_time": "2026-12-07T19:00"})).await;
    let again = json!({"start_time": "2026-12-07T19:00", "allow_duplicate": false});
    refused(&app, again, "duplicate_booking").await;
    let expected =
        json!([count("2026-12-05", "closed", 1, 2), count("2026-12-05", "party_too_large", 2, 60)]);
    assert_eq!(counts(&app).await, expected);
    let before = app.app.store.known_head();
    record_refusals(&app.app).await;
    assert_eq!((counts(&app).await, app.app.store.known_head().0), (expected.clone(), before.0 + 1));
    // Nothing new, nothing to record.
    record_refusals(&app.app).await;
    assert_eq!(app.app.store.known_head().0, before.0 + 1);
    refused(&app, json!({"party_size": 40, "start_time": "2026-12-05T19:00"}), "party_too_large").await;
    drop(app);

    // The last one was not recorded when the service died.
    let again = TestApp::idle(VENUES, store, clock).await;
    assert_eq!(counts(&again).await, expected);
}

#[tokio::test]
async fn parties_at_the_door_are_counted_apart() {
    let app = TestApp::with_houses().await;
    app.clock.advance(TimeDelta::hours(3));
    for _ in 0..2 {
        let walk_in = app.post("/api/walk-ins", &json!({"party_size": 40})).await;
        assert_eq!(walk_in.problem(), (409, "party_too_large".into()));
    }
    // So are those whom the host would put on the waitlist.
    let waits = json!({"customer_id": "c", "venue_id": "bandung-dago", "party_size": 40, "quoted_minutes": 20,
        "latest_time": "2026-12-01T20:30:00+07:00", "contact_info": {"name": "Sari", "phone": "+62 812 3456 7890"}});
    assert_eq!(app.post("/api/waitlist", &waits).await.problem(), (409, "party_too_large".into()));
    let expected = json!([{"date": "2026-12-01", "reason": "party_too_large", "walk_in": true, "requests": 3, "guests": 120}]);
    assert_eq!(counts(&app).await, expected);
    record_refusals(&app.app).await;
    assert_eq!(counts(&app).await, expected);
}

#[tokio::test]
async fn a_change_of_a_booking_is_no_new_demand() {
    let app = TestApp::with_houses().await;
    let id = app.book(json!({"start_time": "2026-12-05T19:00"})).await;
    let moved = app.command(&id, "reschedule", json!({"start_time": "2026-12-05T04:00"})).await;
    assert_eq!(moved.problem(), (409, "closed".into()));
    assert_eq!(counts(&app).await, json!([]));
}

#[tokio::test]
async fn old_days_are_forgotten() {
    let app = TestApp::with_houses().await;
    refused(&app, json!({"party_size": 40, "start_time": "2026-12-05T19:00"}), "party_too_large").await;
    let expected = json!([count("2026-12-05", "party_too_large", 1, 40)]);
    record_refusals(&app.app).await;
    assert_eq!(counts(&app).await, expected);
    // An event more than 400 days later forgets that day.
    app.clock.advance(TimeDelta::days(410));
    refused(&app, json!({"party_size": 40, "start_time": "2028-01-20T19:00"}), "party_too_large").await;
    record_refusals(&app.app).await;
    assert_eq!(counts(&app).await, json!([]));
    let later = app.get("/api/venues/bandung-dago/refusals?from=2028-01-20&to=2028-01-20").await.json();
    assert_eq!(later["items"], json!([count("2028-01-20", "party_too_large", 1, 40)]));
}

#[tokio::test]
async fn days_are_read_a_year_at_a_time() {
    let app = TestApp::with_houses().await;
    for (from, to, message) in [
        ("2026-12-05", "2026-12-04", "this is before the date in from"),
        ("2026-12-05", "2027-12-06", "at most 366 days can be read at once"),
    ] {
        let answer = app.get(&format!("/api/venues/bandung-dago/refusals?from={from}&to={to}")).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(answer.text().contains(message), "{}", answer.text());
    }
    let unknown = app.get("/api/venues/nowhere/refusals?from=2026-12-05&to=2026-12-05").await;
    assert_eq!(unknown.status, StatusCode::NOT_FOUND);
}
