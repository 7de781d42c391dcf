//! Arrivals and departures that a device without a connection reports later.

use axum::http::StatusCode;
use chrono::{DateTime, TimeDelta, Utc};
use events::event::{ReservationCheckedIn, ReservationCompleted};
use events::values::ReleaseCause;
use reservation::domain::{Command, Refusal};
use serde_json::{Value, json};

use crate::app::TestApp;
use crate::rules::{given, ready, released, window};

fn minutes_after_start(minutes: i64) -> DateTime<Utc> {
    window().start + TimeDelta::minutes(minutes)
}

#[test]
fn an_arrival_counts_from_when_it_happened() {
    let (arrived, left) = (minutes_after_start(10), minutes_after_start(85));
    let seated = ReservationCheckedIn { occurred_at: Some(arrived) };
    let gone = ReservationCompleted { occurred_at: Some(left) };
    given(ready())
        .at(minutes_after_start(50))
        .when(Command::CheckIn(Some(arrived)))
        .then([seated.clone().into()]);
    let at_the_table = [ready(), vec![seated.into()]].concat();
    given(at_the_table)
        .at(minutes_after_start(120))
        .when(Command::Complete(Some(left)))
        .then([gone.into(), released("T3", ReleaseCause::Completed)]);
    // Whether it was plausible depends on when it happened.
    let day_before = minutes_after_start(-20 * 60);
    let too_early = given(ready()).at(minutes_after_start(0)).when(Command::CheckIn(Some(day_before)));
    too_early
        .refused(Refusal::TooEarly(window().start.with_timezone(&chrono_tz::Asia::Jakarta).fixed_offset()));
}

/// A service with a party at table D1 that is expected on the day on which the clock starts, and its id.
async fn expected(time: &str) -> (TestApp, String) {
    let app = TestApp::with_houses().await;
    let id =
        app.book(json!({"party_size": 2, "area": "Dalam", "start_time": format!("2026-12-01T{time}")})).await;
    app.command(&id, "confirm", json!({})).await;
    (app, id)
}

async fn since(app: &TestApp) -> Value {
    let floor = app.get("/api/floor").await.json();
    let tables = floor["tables"].as_array().unwrap();
    tables.iter().find(|table| table["table_id"] == json!("D1")).unwrap()["seated_since"].clone()
}

#[tokio::test]
async fn the_floor_and_the_trail_show_when_it_happened() {
    let (app, id) = expected("17:00").await;
    // The clock starts at four. After a quarter of an hour it would be a no-show.
    app.clock.advance(TimeDelta::minutes(70));
    let arrived = json!({"occurred_at": "2026-12-01T17:05:00+07:00"});
    assert_eq!(app.command(&id, "check-in", arrived).await.status, StatusCode::OK);
    assert_eq!(since(&app).await, json!("2026-12-01T17:05:00+07:00"));
    app.clock.advance(TimeDelta::minutes(90));
    let left = json!({"occurred_at": "2026-12-01T10:55:00Z"});
    assert_eq!(app.command(&id, "complete", left).await.json()["status"], json!("COMPLETED"));
    let history = app.get(&format!("/api/reservations/{id}/history")).await.text();
    for note in [
        "The party arrived; reported later: it was at 2026-12-01T17:05:00+07:00",
        "The party left; reported later: it was at 2026-12-01T17:55:00+07:00",
    ] {
        assert!(history.contains(note), "{note} in {history}");
    }
}

#[test]
fn a_party_does_not_leave_before_it_came() {
    let seated = ReservationCheckedIn { occurred_at: Some(minutes_after_start(10)) };
    let gone = ReservationCompleted { occurred_at: Some(minutes_after_start(10)) };
    given([ready(), vec![seated.into()]].concat())
        .at(minutes_after_start(20))
        .when(Command::Complete(Some(minutes_after_start(5))))
        .then([gone.into(), released("T3", ReleaseCause::Completed)]);
}

#[tokio::test]
async fn a_party_that_came_early_has_its_table_from_then_on() {
    let (app, id) = expected("17:00").await;
    app.clock.advance(TimeDelta::minutes(70));
    let arrived = json!({"occurred_at": "2026-12-01T16:30:00+07:00"});
    assert_eq!(app.command(&id, "check-in", arrived).await.status, StatusCode::OK);
    let floor = app.get("/api/floor").await.json();
    let table = floor["tables"].as_array().unwrap().iter().find(|table| table["table_id"] == json!("D1"));
    assert_eq!(table.unwrap()["party"]["start_time"], json!("2026-12-01T16:30:00+07:00"));
}

#[tokio::test]
async fn a_time_that_is_too_long_ago_or_in_the_future_is_refused() {
    let (app, id) = expected("19:15").await;
    app.clock.advance(TimeDelta::minutes(200));
    for (time, part) in [
        ("2026-12-01T17:19:59+07:00", "more than 2 hours ago"),
        ("2026-12-01T19:21:01+07:00", "in the future"),
        ("17:19", "not a time"),
    ] {
        let refused = app.command(&id, "check-in", json!({"occurred_at": time})).await;
        let text = refused.text();
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{text}");
        assert!(text.contains("occurred_at") && text.contains(part), "{text}");
    }
    // A device whose clock is a little ahead means now.
    let ahead = app.command(&id, "check-in", json!({"occurred_at": "2026-12-01T19:20:50+07:00"})).await;
    assert_eq!(ahead.status, StatusCode::OK, "{}", ahead.text());
    assert_eq!(since(&app).await, json!("2026-12-01T19:20:00+07:00"));
}
