//! Following an evening: a snapshot, then the events of the venue behind its cursor.

use std::sync::Arc;

use axum::http::StatusCode;
use chassis::environment::ManualEnvironment;
use chrono::TimeDelta;
use events::store::sled::{self, Options};
use serde_json::{Value, json};

use crate::app::{TestApp, start_of_time};
use crate::browser::join;
use crate::waitlist::joining;

const DAGO: &str = "bandung-dago";

/// Everything that answers a cursor.
const SNAPSHOTS: [&str; 5] = [
    "/api/floor?venue_id=bandung-dago",
    "/api/reservations?venue_id=bandung-dago",
    "/api/waitlist?venue_id=bandung-dago",
    "/api/availability?venue_id=bandung-dago&date=2026-12-24&party_size=2",
    "/api/availability/days?venue_id=bandung-dago&party_size=2&from=2026-12-24&to=2026-12-25",
];

async fn cursor(app: &TestApp, path: &str) -> String {
    let snapshot = app.get(path).await.json();
    snapshot["feed_cursor"].as_str().unwrap_or_else(|| panic!("{path}: {snapshot}")).to_owned()
}

async fn behind(app: &TestApp, cursor: &str) -> Vec<Value> {
    let path = format!("/api/venues/{DAGO}/events?lastEventId={cursor}");
    app.get(&path).await.json().as_array().unwrap().clone()
}

#[tokio::test]
async fn each_snapshot_answers_the_cursor_behind_which_its_venue_goes_on() {
    let app = TestApp::with_houses().await;
    for path in SNAPSHOTS {
        let cursor = cursor(&app, path).await;
        assert!(behind(&app, &cursor).await.is_empty(), "{path}");
        let id = app.book(json!({"venue_id": DAGO})).await;
        app.book(json!({"venue_id": "roma-trastevere", "start_time": "2026-12-24T20:00"})).await;
        let events = behind(&app, &cursor).await;
        let subjects: Vec<_> = events.iter().map(|event| event["subject"].clone()).collect();
        assert!(!subjects.is_empty(), "{path}");
        assert!(
            subjects.iter().all(|subject| *subject == format!("reservation/{id}")),
            "{path} {subjects:?}"
        );
    }
}

#[tokio::test]
async fn the_cursor_is_known_after_a_restart_and_not_in_another_log() {
    let dir = tempfile::tempdir().unwrap();
    let options = Options { reserve_bytes: 0, ..Options::new(dir.path(), "reservation") };
    let clock = ManualEnvironment::at(start_of_time());
    let before = {
        let store = Arc::new(sled::open(&options).unwrap());
        let app = TestApp::on(store.clone(), clock.clone()).await;
        app.book(json!({})).await;
        let before = cursor(&app, "/api/floor").await;
        app.trigger.fire();
        drop(app);
        // The background tasks close the log when they notice the shutdown.
        while Arc::strong_count(&store) > 1 {
            tokio::task::yield_now().await;
        }
        before
    };
    let app = TestApp::on(Arc::new(sled::open(&options).unwrap()), clock).await;
    assert_eq!(cursor(&app, "/api/floor").await, before);
    // A log that was replaced has another event at that position.
    let last = if before.ends_with('0') { '1' } else { '0' };
    let other = format!("{}{last}", &before[..before.len() - 1]);
    let replaced = app.get(&format!("/api/venues/{DAGO}/events?lastEventId={other}")).await;
    assert_eq!(replaced.problem(), (409, "cursor_not_in_log".into()));
}

#[tokio::test]
async fn a_host_follows_the_own_venue_and_no_other_one() {
    let app = TestApp::with_houses().await;
    let mut sari = join(&app, "sari", json!({"host": [DAGO]})).await;
    app.book(json!({"venue_id": DAGO})).await;
    let own = sari.browser.get(&app, &format!("/api/venues/{DAGO}/events?limit=2")).await;
    assert_eq!(own.status, StatusCode::OK, "{}", own.text());
    let next = own.header("link").to_owned();
    assert!(next.starts_with(&format!("</api/venues/{DAGO}/events?lastEventId=")), "{next}");
    for (path, status) in [
        ("/api/venues/roma-trastevere/events", 404),
        ("/api/venues/nowhere/events", 404),
        ("/events?subject=venue/bandung-dago", 403),
    ] {
        assert_eq!(sari.browser.get(&app, path).await.problem().0, status, "{path}");
    }
    // What needs another scope is not in it.
    app.command(&app.book(json!({"venue_id": DAGO})).await, "confirm", json!({})).await;
    let all = sari.browser.get(&app, &format!("/api/venues/{DAGO}/events")).await.text();
    assert!(all.contains("meja.reservation.confirmed.v1") && !all.contains("meja.venue.changed"), "{all}");
    let rules = format!("/api/venues/{DAGO}/events?type=meja.venue.changed.v2");
    assert_eq!(sari.browser.get(&app, &rules).await.faults(), ["query.type:value_error"]);
    // Events of accounts and keys belong to no venue, not even for a host of all venues.
    let mut made = join(&app, "made", json!({"host": ["*"]})).await;
    let events = made.browser.get(&app, &format!("/api/venues/{DAGO}/events")).await.text();
    assert!(events.contains("meja.reservation.created.v1") && !events.contains("meja.access."), "{events}");
}

#[tokio::test]
async fn the_floor_answers_what_a_screen_needs_of_the_rules() {
    let app = TestApp::with_houses().await;
    let floor = app.get("/api/floor?venue_id=bandung-dago&at=2026-12-05T19:00").await.json();
    assert_eq!(floor["slots"], json!({"minutes": 15, "covers_max": 24, "parties_max": 6}));
    assert_eq!(
        floor["services"],
        json!([
            {"name": "Makan siang", "opens": "2026-12-05T11:00:00+07:00", "closes": "2026-12-05T15:00:00+07:00"},
            {"name": "Makan malam", "opens": "2026-12-05T17:00:00+07:00", "closes": "2026-12-06T00:30:00+07:00"}
        ])
    );
    assert_eq!(floor["tables"][0]["place"], json!({"x_cm": 100, "y_cm": 120, "shape": "round"}));
    let roma = app.get("/api/floor?venue_id=roma-trastevere").await.json();
    assert!(roma["tables"][0]["place"].is_null(), "its rules name no places");
    let by_hand = TestApp::start().await.get("/api/floor").await.json();
    assert_eq!((&by_hand["services"], &by_hand["slots"]), (&json!([]), &Value::Null));
}

#[tokio::test]
async fn staff_quote_a_wait_and_guests_do_not() {
    let app = TestApp::with_houses().await;
    let body = joining(json!({"party_size": 12, "area": "Kebun", "quoted_minutes": 25}));
    let joined = app.post("/api/waitlist", &body).await;
    assert_eq!((joined.status, &joined.json()["quoted_minutes"]), (StatusCode::OK, &json!(25)));
    let waiting = app.get("/api/waitlist?venue_id=bandung-dago").await.json();
    assert_eq!(waiting["items"][0]["quoted_minutes"], json!(25));
    let body = joining(json!({"party_size": 12, "area": "Kebun", "quoted_minutes": 0}));
    assert_eq!(app.anonymous_post("/api/waitlist", &body, &[]).await.problem().0, 403);
    // At the door a name and a number are enough, for staff only.
    let contact = json!({"name": "Sari Wulandari", "phone": "+62 812 9999 111"});
    let body = joining(json!({"party_size": 12, "area": "Kebun", "contact_info": contact}));
    assert_eq!(app.post("/api/waitlist", &body).await.status, StatusCode::OK);
    let missing = app.anonymous_post("/api/waitlist", &body, &[]).await;
    assert_eq!(missing.faults(), ["body.contact_info.email:value_error"]);
    let body = joining(json!({"party_size": 12, "area": "Kebun", "quoted_minutes": 361}));
    assert_eq!(app.post("/api/waitlist", &body).await.faults(), ["body.quoted_minutes:less_than_equal"]);
}

#[tokio::test]
async fn a_party_that_joined_at_any_second_is_told_that_its_table_is_ready() {
    let app = TestApp::with_houses().await;
    app.clock.advance(TimeDelta::seconds(90 * 60 + 7));
    let seated = app.post("/api/walk-ins", &json!({"party_size": 12, "area": "Kebun"})).await;
    assert_eq!(seated.status, StatusCode::OK, "{}", seated.text());
    let now =
        json!({"party_size": 12, "area": "Kebun", "earliest_time": null, "latest_time": "2026-12-01T18:20"});
    let joined = app.post("/api/waitlist", &joining(now)).await;
    assert_eq!(joined.status, StatusCode::OK, "{}", joined.text());
    let id = joined.json()["waitlist_id"].as_str().unwrap().to_owned();
    let ready = app.post(&format!("/api/waitlist/{id}/ready"), &json!({})).await;
    assert_eq!(ready.status, StatusCode::OK, "{}", ready.text());
}
