//! Wrong taps at the door, undone through the interface.

use axum::http::StatusCode;
use chrono::TimeDelta;
use serde_json::{Value, json};

use crate::app::{Answer, TOKEN, TestApp, booking};
use crate::holds::{becomes, pay};
use crate::houses::tables;

async fn undo(app: &TestApp, id: &str, change: &str) -> Answer {
    app.command(id, "undo", json!({"change": change, "reason_code": "wrong_booking"})).await
}

/// The state of the table `id` on the floor now.
async fn state(app: &TestApp, id: &str) -> Value {
    let floor = app.get("/api/floor").await.json();
    let tables = floor["tables"].as_array().unwrap();
    tables.iter().find(|table| table["table_id"] == json!(id)).unwrap()["state"].clone()
}

/// A party of two, confirmed for an hour after the start of the clock, at table D1.
async fn expected(app: &TestApp) -> String {
    let id = app.book(json!({"party_size": 2, "area": "Dalam", "start_time": "2026-12-01T17:00"})).await;
    app.command(&id, "confirm", json!({})).await;
    id
}

#[tokio::test]
async fn the_floor_follows_every_undo() {
    let app = TestApp::with_houses().await;
    let id = expected(&app).await;
    app.clock.advance(TimeDelta::minutes(65));
    assert_eq!(state(&app, "D1").await, "reserved");
    app.command(&id, "check-in", json!({})).await;
    assert_eq!(state(&app, "D1").await, "seated");
    let undone = undo(&app, &id, "check_in").await.json();
    assert_eq!(
        (&undone["status"], &undone["start_time"]),
        (&json!("CONFIRMED"), &json!("2026-12-01T17:00:00+07:00"))
    );
    assert_eq!(state(&app, "D1").await, "reserved");
    app.command(&id, "check-in", json!({})).await;
    app.command(&id, "complete", json!({})).await;
    assert_eq!(state(&app, "D1").await, "free");
    assert_eq!(undo(&app, &id, "check_in").await.problem(), (409, "nothing_to_undo".into()));
    let undone = undo(&app, &id, "completion").await.json();
    assert_eq!((&undone["status"], tables(&undone)), (&json!("CHECKED_IN"), vec!["D1"]));
    assert_eq!(state(&app, "D1").await, "seated");
    // A repeated request does not undo the check-in too.
    let again = undo(&app, &id, "completion").await.json();
    assert_eq!(again["version"], undone["version"]);
    // After a restart the party still sits there.
    let houses = concat!(env!("CARGO_MANIFEST_DIR"), "/../data/venues");
    let restarted = TestApp::at(houses, app.app.store.clone(), app.clock.clone()).await;
    assert_eq!(restarted.get("/api/floor").await.bytes, app.get("/api/floor").await.bytes);
}

#[tokio::test]
async fn a_table_that_was_given_away_is_not_taken_back() {
    let app = TestApp::with_houses().await;
    let id = expected(&app).await;
    app.command(&id, "cancel", json!({"reason_code": "other"})).await;
    let other = expected(&app).await;
    let refused = undo(&app, &id, "cancellation").await;
    assert_eq!(refused.problem(), (409, "table_taken".into()));
    let free = refused.json()["alternatives"].as_array().unwrap().clone();
    let free = free[0]["table_id"].as_str().unwrap().to_owned();
    assert_ne!(free, "D1");
    let at = |change: &str, table: &str| json!({"change": change, "reason_code": "other", "table_id": table, "allow_duplicate": true});
    let elsewhere = app.command(&id, "undo", at("cancellation", &free)).await.json();
    assert_eq!((&elsewhere["status"], tables(&elsewhere)), (&json!("CONFIRMED"), vec![free.as_str()]));
    assert_eq!(
        app.command(&other, "undo", at("check_in", "D3")).await.faults(),
        ["body.table_id:value_error"]
    );
    assert_eq!(
        app.command(&other, "undo", at("no_show", "X9")).await.faults(),
        ["body.table_id:value_error"]
    );
    let nothing = app.command(&other, "undo", json!({"change": "confirmation"})).await;
    assert_eq!(nothing.faults(), ["body.change:enum", "body.reason_code:missing"]);
}

#[tokio::test]
async fn a_table_that_was_offered_meanwhile_is_not_free() {
    let app = TestApp::with_houses().await;
    let twelve = json!({"party_size": 12, "area": "Kebun", "start_time": "2026-12-04T19:00"});
    let id = app.book(twelve).await;
    app.command(&id, "confirm", json!({"waive_deposit": true})).await;
    let at = json!("2026-12-04T19:00");
    let joining = json!({"party_size": 12, "area": "Kebun", "earliest_time": at, "latest_time": at});
    let waits = crate::waitlist::join(&app, joining).await;
    app.command(&id, "cancel", json!({"reason_code": "other"})).await;
    crate::waitlist::becomes(&app, &waits, "OFFERED").await;
    assert_eq!(undo(&app, &id, "cancellation").await.problem(), (409, "table_taken".into()));
    app.post(&format!("/api/waitlist/{waits}/decline"), &json!({})).await;
    let undone = undo(&app, &id, "cancellation").await.json();
    assert_eq!((&undone["status"], tables(&undone)), (&json!("CONFIRMED"), vec!["B1"]));
}

#[tokio::test]
async fn a_guest_who_booked_again_has_one_booking() {
    let app = TestApp::start().await;
    let once = booking(json!({"party_size": 2, "allow_duplicate": null}));
    let first =
        app.post("/api/reservations", &once).await.json()["reservation_id"].as_str().unwrap().to_owned();
    app.command(&first, "cancel", json!({"reason_code": "other"})).await;
    let second =
        app.post("/api/reservations", &once).await.json()["reservation_id"].as_str().unwrap().to_owned();
    assert_eq!(undo(&app, &first, "cancellation").await.problem(), (409, "duplicate_booking".into()));
    app.command(&second, "cancel", json!({"reason_code": "other"})).await;
    assert_eq!(undo(&app, &first, "cancellation").await.status, StatusCode::OK);
    // The guest of the first booking is known again.
    assert_eq!(app.post("/api/reservations", &once).await.problem().1, "duplicate_booking");
    let both = json!({"change": "cancellation", "reason_code": "other", "allow_duplicate": true});
    assert_eq!(app.command(&second, "undo", both).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_deposit_that_went_back_is_due_again() {
    let app = TestApp::start().await;
    let id = app.book(json!({"party_size": 6})).await;
    let first = pay(&app, &id).await.json()["payment"]["payment_id"].clone();
    app.command(&id, "cancel", json!({"reason_code": "other", "description": "sakit"})).await;
    let undone = undo(&app, &id, "cancellation").await.json();
    assert_eq!((&undone["status"], &undone["deposit"]["status"]), (&json!("PENDING"), &json!("due")));
    assert_eq!(undone["cancellation"], Value::Null);
    assert_ne!(undone["payment"]["payment_id"], first);
    let charges = app.get(&format!("/api/reservations/{id}/charges")).await.json();
    let all = 30_000_000;
    assert_eq!(
        charges["balance"],
        json!({"asked_minor": all, "paid_minor": all, "to_return_minor": all, "returned_minor": 0,
            "kept_minor": 0, "owed_minor": 0})
    );
    // The description of the undone cancellation is erased together with the contact.
    let request = axum::http::Request::delete(format!("/api/reservations/{id}/contact"))
        .header("authorization", format!("Bearer {TOKEN}"));
    app.send(request.body(axum::body::Body::empty()).unwrap()).await;
    let cancelled = app.get("/events?type=meja.reservation.cancelled.v1").await.json();
    let position = cancelled[0]["sequence"].as_str().unwrap().parse().map(events::Position).unwrap();
    assert_eq!(app.app.store.confidential(vec![position]).await.unwrap(), [None]);
    // The new hold expires.
    app.clock.advance(TimeDelta::hours(24));
    becomes(&app, &id, "CANCELLED").await;
    assert_eq!(undo(&app, &id, "cancellation").await.problem(), (409, "reservation_cancelled".into()));
}

#[tokio::test]
async fn a_no_show_by_itself_is_undone_when_the_party_comes() {
    let app = TestApp::with_houses().await;
    let id = expected(&app).await;
    app.clock.advance(TimeDelta::minutes(91));
    becomes(&app, &id, "NO_SHOW").await;
    assert_eq!(undo(&app, &id, "no_show").await.json()["status"], "CONFIRMED");
    app.clock.advance(TimeDelta::minutes(5));
    let seated = app.command(&id, "check-in", json!({})).await.json();
    assert_eq!((&seated["status"], tables(&seated)), (&json!("CHECKED_IN"), vec!["D1"]));
    let history = app.get(&format!("/api/reservations/{id}/history")).await.json();
    let notes: Vec<_> =
        history["entries"].as_array().unwrap().iter().map(|e| e["note"].as_str().unwrap()).collect();
    assert!(notes.contains(&"The no-show was undone: wrong_booking"), "{notes:?}");
}

#[tokio::test]
async fn the_fee_of_an_undone_no_show_is_not_owed() {
    let app = TestApp::with_houses().await;
    let body = json!({"party_size": 2, "venue_id": "roma-trastevere", "start_time": "2026-12-04T20:00"});
    let id = app.book(body).await;
    app.command(&id, "confirm", json!({})).await;
    app.clock.advance(TimeDelta::days(3) + TimeDelta::hours(11));
    let fee = app.command(&id, "no-show", json!({})).await.json()["no_show_fee"].clone();
    assert_eq!((&fee["status"], &fee["amount_minor"]), (&json!("due"), &json!(4_000)));
    assert_eq!(undo(&app, &id, "no_show").await.json()["no_show_fee"], Value::Null);
    let charges = app.get(&format!("/api/reservations/{id}/charges")).await.json();
    let last = charges["entries"].as_array().unwrap().last().unwrap();
    assert_eq!((&last["kind"], &last["amount_minor"]), (&json!("fee_withdrawn"), &json!(4_000)));
    assert_eq!(
        (&charges["balance"]["owed_minor"], &charges["balance"]["asked_minor"]),
        (&json!(0), &json!(0))
    );
}
