//! While no device at the stand of a venue is connected, automatic no-shows wait.

use axum::http::StatusCode;
use chrono::TimeDelta;
use serde_json::json;

use crate::app::TestApp;
use crate::browser::{Browser, enrol};
use crate::holds::becomes;

const DAGO: &str = "bandung-dago";

/// A service at four, a booking at five that is a no-show at half past five, and the device at the stand.
async fn expected_party() -> (TestApp, String, Browser) {
    let app = TestApp::with_houses().await;
    let id = app.book(json!({"party_size": 2, "start_time": "2026-12-01T17:00"})).await;
    let view = app.command(&id, "confirm", json!({})).await.json();
    assert_eq!(view["policy"]["no_show_grace_minutes"], 30, "{view}");
    let (_, tablet) = enrol(&app, DAGO).await;
    (app, id, tablet)
}

async fn say_present(app: &TestApp, tablet: &mut Browser) {
    let said = tablet.post(app, "/api/stand/presence", &json!({})).await;
    assert_eq!(said.status, StatusCode::OK, "{}", said.text());
    assert_eq!(said.json()["repeat_after_seconds"], 30);
}

/// Books a table that is held for a quarter of an hour, and advances the clock to the end of the hold. Its cancellation shows
/// that all earlier deadlines were looked at.
async fn let_deadlines_pass(app: &TestApp) {
    let held = app.book(json!({"party_size": 6, "start_time": "2026-12-03T18:00"})).await;
    app.clock.advance(TimeDelta::minutes(15));
    becomes(app, &held, "CANCELLED").await;
}

async fn trail(app: &TestApp, id: &str) -> String {
    app.get(&format!("/api/reservations/{id}/history")).await.text()
}

#[tokio::test]
async fn a_no_show_waits_until_the_stand_is_back_and_the_trail_says_why() {
    let (app, id, mut tablet) = expected_party().await;
    app.clock.advance(TimeDelta::minutes(75));
    say_present(&app, &mut tablet).await;
    app.clock.advance(TimeDelta::minutes(10));
    let_deadlines_pass(&app).await;
    assert_eq!(app.status(&id).await, "CONFIRMED", "at 17:40 the stand is silent");
    say_present(&app, &mut tablet).await;
    app.clock.advance(TimeDelta::seconds(59));
    assert_eq!(app.status(&id).await, "CONFIRMED", "the device may report what happened meanwhile");
    app.clock.advance(TimeDelta::seconds(1));
    becomes(&app, &id, "NO_SHOW").await;
    let trail = trail(&app, &id).await;
    let why = "recorded late, because no device at the stand was connected from 2026-12-01T17:15:00+07:00 until \
               2026-12-01T17:40:00+07:00";
    assert!(trail.contains(why), "{trail}");
}

#[tokio::test]
async fn an_arrival_that_the_stand_reports_when_it_is_back_is_no_no_show() {
    let (app, id, mut tablet) = expected_party().await;
    app.clock.advance(TimeDelta::minutes(75));
    say_present(&app, &mut tablet).await;
    app.clock.advance(TimeDelta::minutes(50));
    say_present(&app, &mut tablet).await;
    let arrived = json!({"occurred_at": "2026-12-01T17:25:00+07:00"});
    assert_eq!(app.command(&id, "check-in", arrived).await.status, StatusCode::OK);
    let_deadlines_pass(&app).await;
    assert_eq!(app.status(&id).await, "CHECKED_IN");
}

#[tokio::test]
async fn a_no_show_waits_for_an_hour_at_most() {
    let (app, id, mut tablet) = expected_party().await;
    app.clock.advance(TimeDelta::minutes(75));
    say_present(&app, &mut tablet).await;
    app.clock.advance(TimeDelta::minutes(59));
    let_deadlines_pass(&app).await;
    assert_eq!(app.status(&id).await, "CONFIRMED", "at 18:29");
    app.clock.advance(TimeDelta::minutes(1));
    becomes(&app, &id, "NO_SHOW").await;
    let trail = trail(&app, &id).await;
    let why = "no device at the stand was connected from 2026-12-01T17:15:00+07:00";
    assert!(trail.contains(why) && !trail.contains("until"), "{trail}");
}

#[tokio::test]
async fn nothing_waits_for_the_stand_of_another_venue() {
    let (app, id, _) = expected_party().await;
    let (_, mut roma) = enrol(&app, "roma-trastevere").await;
    say_present(&app, &mut roma).await;
    app.clock.advance(TimeDelta::minutes(90));
    becomes(&app, &id, "NO_SHOW").await;
    assert!(!trail(&app, &id).await.contains("recorded late"));
}

#[tokio::test]
async fn a_no_show_that_is_due_during_a_service_waits_beyond_its_end() {
    let (app, _, mut tablet) = expected_party().await;
    let late = app.book(json!({"party_size": 2, "start_time": "2026-12-01T21:15"})).await;
    app.command(&late, "confirm", json!({})).await;
    app.clock.advance(TimeDelta::minutes(330));
    say_present(&app, &mut tablet).await;
    // It is due at 21:45, and the restaurant closes at 22:30.
    app.clock.advance(TimeDelta::minutes(59));
    let_deadlines_pass(&app).await;
    assert_eq!(app.status(&late).await, "CONFIRMED", "at 22:44");
    app.clock.advance(TimeDelta::minutes(1));
    becomes(&app, &late, "NO_SHOW").await;
    assert!(trail(&app, &late).await.contains("recorded late"));
}
