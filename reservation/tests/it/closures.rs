//! Closures: new bookings are refused, and earlier ones are marked, moved or cancelled.

use std::time::Duration;

use axum::http::StatusCode;
use chrono::TimeDelta;
use events::event::{CancellationsOrdered, ClosureLifted, Event, VenueClosed};
use events::{ClosureId, Position, ReservationId, VenueId};
use reservation::app::commands::ClosureCommand;
use reservation::app::request_context::RequestContext;
use reservation::app::venues::VenueFiles;
use reservation::domain::RecordedAt;
use reservation::domain::availability::Closures;
use reservation::domain::closure::{CLOSURES_MAX, Closure, ClosureRefusal, ClosureRequest};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::app::{Answer, TestApp, booking};
use crate::houses::tables;
use crate::rules::now;
use crate::waitlist::{becomes, join};

pub const CLOSURES: &str = "/api/venues/bandung-dago/closures";
const FILES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../data/venues");

fn request(areas: &[&str]) -> ClosureRequest {
    ClosureRequest {
        from: "2026-12-24".parse().unwrap(),
        to: "2026-12-24".parse().unwrap(),
        service: None,
        areas: areas.iter().map(|area| (*area).to_owned()).collect(),
        tables: vec![],
        reason_code: "private_event".into(),
    }
}

pub async fn close(app: &TestApp, changes: Value) -> Value {
    let answer = try_to_close(app, changes).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    answer.json()
}

pub async fn try_to_close(app: &TestApp, changes: Value) -> Answer {
    let mut body = json!({"from": "2026-12-24", "reason_code": "private_event"});
    body.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    app.post(CLOSURES, &body).await
}

pub async fn act(app: &TestApp, closure: &Value, command: &str) -> Answer {
    app.post(&path(closure, &format!("/{command}")), &json!({})).await
}

pub fn path(closure: &Value, rest: &str) -> String {
    format!("{CLOSURES}/{}{rest}", closure["closure_id"].as_str().unwrap())
}

async fn read(app: &TestApp, closure: &Value) -> Value {
    app.get(&path(closure, "")).await.json()
}

async fn view(app: &TestApp, id: &str) -> Value {
    app.get(&format!("/api/reservations/{id}")).await.json()
}

/// A party of `size` at a time of Christmas Eve. Each has a guest of its own.
async fn party(app: &TestApp, size: u8, time: &str, area: &str) -> String {
    let body = json!({"party_size": size, "start_time": format!("2026-12-24T{time}"), "area": area, "allow_duplicate": true});
    app.book(body).await
}

/// Waits until nothing is left to cancel under a closure.
async fn settled(app: &TestApp, closure: &Value) -> Value {
    let waited = tokio::time::timeout(Duration::from_secs(10), async {
        let mut head = app.app.store.watch_head();
        loop {
            let closure = read(app, closure).await;
            if closure["affected_count"] == json!(0) {
                return closure;
            }
            head.changed().await.unwrap();
        }
    });
    waited.await.expect("bookings under the closure are left")
}

fn affected(closure: &Value) -> Vec<(&str, &str)> {
    let all = closure["affected"].as_array().unwrap().iter();
    all.map(|booking| (booking["reservation_id"].as_str().unwrap(), booking["reason"].as_str().unwrap()))
        .collect()
}

#[test]
fn a_closure_is_declared_its_bookings_are_cancelled_once_and_it_is_lifted_once() {
    let files = VenueFiles::load(std::path::Path::new(FILES)).unwrap();
    let venue =
        &files.0.iter().find(|file| file.rules.venue.id.as_str() == "bandung-dago").unwrap().rules.venue;
    let (id, booking) = (ClosureId(Uuid::from_u128(1)), ReservationId(Uuid::from_u128(2)));
    let declared = request(&["Teras"]).declare(id, venue, 0, &[booking]);
    let closed = VenueClosed {
        venue_id: venue.id.clone(),
        closure_id: id,
        from: "2026-12-24".parse().unwrap(),
        to: "2026-12-24".parse().unwrap(),
        service: None,
        areas: vec!["Teras".into()],
        tables: vec![],
        reason_code: "private_event".into(),
        stranded: vec![booking],
        stranded_count: 1,
    };
    assert_eq!(declared, Ok(closed.clone()));
    assert_eq!(request(&[]).declare(id, venue, CLOSURES_MAX, &[]), Err(ClosureRefusal::TooMany));

    let mut closure = Closure::begin(closed, RecordedAt { position: Position(7), time: now() });
    let venue_id: VenueId = venue.id.clone();
    let ordered = CancellationsOrdered { venue_id: venue_id.clone(), closure_id: id, stranded_count: 1 };
    let ordered = Event::from(ordered);
    assert_eq!(closure.cancel_affected(&venue_id, 1), Ok(Some(ordered.clone())));
    closure.evolve(&ordered, now());
    assert!(closure.is_cancelling());
    assert_eq!(closure.cancel_affected(&venue_id, 1), Ok(None));
    let lifted = Event::from(ClosureLifted { venue_id: venue_id.clone(), closure_id: id });
    assert_eq!(closure.lift(&venue_id), Some(lifted.clone()));
    assert_ne!(Closure::in_force([&closure].into_iter()), Closures::default());
    closure.evolve(&lifted, now());
    assert_eq!(Closure::in_force([&closure].into_iter()), Closures::default());
    assert_eq!((closure.lift(&venue_id), closure.is_cancelling()), (None, false));
    assert_eq!(closure.cancel_affected(&venue_id, 1), Err(ClosureRefusal::Lifted));
    assert_eq!(closure.version, 3);
}

#[tokio::test]
async fn nobody_can_book_a_closed_area_until_the_closure_is_lifted() {
    let app = TestApp::with_houses().await;
    let garden = json!({"party_size": 12, "area": "Kebun", "start_time": "2026-12-24T19:00"});
    let closure = close(&app, json!({"areas": ["Kebun"]})).await;
    assert_eq!(
        app.post("/api/reservations", &booking(garden.clone())).await.problem(),
        (409, "closed".into())
    );
    let day = "/api/availability?date=2026-12-24&party_size=12";
    let slots = |day: Value| day["slots"].as_array().unwrap().clone();
    let is_offered = |slot: &Value| slot["tables"].to_string().contains("B1");
    assert!(!slots(app.get(day).await.json()).iter().any(is_offered));
    // The rest of the venue is open, and so are other days.
    party(&app, 2, "19:00", "Dalam").await;
    app.book(json!({"party_size": 12, "area": "Kebun", "start_time": "2026-12-23T19:00"})).await;
    // No rule that staff can overrule opens it.
    let overruled = json!({"override": {"reason_code": "regular_guest"}, "party_size": 12, "area": "Kebun", "start_time": "2026-12-24T19:00"});
    assert_eq!(app.post("/api/reservations", &booking(overruled)).await.problem(), (409, "closed".into()));
    let listed = app.get(CLOSURES).await.json();
    assert_eq!(listed["items"], json!([closure]));

    let lifted = act(&app, &closure, "lift").await.json();
    assert_eq!((&lifted["version"], lifted["lifted_at"].is_string()), (&json!(2), true));
    app.book(garden).await;
    assert_eq!(app.get(CLOSURES).await.json()["items"], json!([]));
    assert_eq!(read(&app, &closure).await["lifted_at"], lifted["lifted_at"]);
}

#[tokio::test]
async fn a_closed_service_takes_no_walk_ins_and_no_waiting_parties_and_withdraws_its_offers() {
    let app = TestApp::with_houses().await;
    let waits = join(&app, json!({})).await;
    becomes(&app, &waits, "OFFERED").await;
    close(&app, json!({"service": "Makan malam"})).await;
    becomes(&app, &waits, "WAITING").await;
    let late = app.post("/api/waitlist", &crate::waitlist::joining(json!({}))).await;
    assert_eq!(late.problem(), (409, "closed".into()));
    // Lunch is open. The evening keeps its parties on its business day.
    party(&app, 2, "12:00", "Dalam").await;
    let at = |text: &str| text.parse::<chrono::DateTime<chrono::Utc>>().unwrap();
    app.clock.advance(at("2026-12-24T05:00:00Z") - now());
    assert_eq!(app.post("/api/walk-ins", &json!({"party_size": 2})).await.status, StatusCode::OK);
    app.clock.advance(TimeDelta::hours(7));
    assert_eq!(app.post("/api/walk-ins", &json!({"party_size": 2})).await.problem(), (409, "closed".into()));
}

#[tokio::test]
async fn a_dry_run_of_a_closure_names_its_bookings_and_records_nothing() {
    let app = TestApp::with_houses().await;
    let booking = party(&app, 2, "19:00", "Teras").await;
    let head = app.app.store.known_head();
    let asked = json!({"from": "2026-12-24", "areas": ["Teras"], "reason_code": "private_event"});
    let dry_run = app.post(&format!("{CLOSURES}?dry_run=true"), &asked).await.json();
    assert_eq!(affected(&dry_run), [(booking.as_str(), "table_closed")]);
    assert_eq!((&dry_run["affected_count"], &dry_run["version"]), (&json!(1), &json!(0)));
    assert_eq!(app.get(CLOSURES).await.json()["items"], json!([]));
    assert_eq!(
        (view(&app, &booking).await["closure_id"].clone(), app.app.store.known_head()),
        (Value::Null, head)
    );
    // What cannot be declared cannot be tried either.
    let unknown = json!({"from": "2026-12-24", "areas": ["Atap"], "reason_code": "private_event"});
    assert_eq!(
        app.post(&format!("{CLOSURES}?dry_run=true"), &unknown).await.status,
        StatusCode::UNPROCESSABLE_ENTITY
    );
}

#[tokio::test]
async fn the_bookings_under_a_closure_are_listed_and_marked_and_nothing_is_due_for_them() {
    let app = TestApp::with_houses().await;
    let small = party(&app, 2, "19:00", "Teras").await;
    let large = party(&app, 8, "19:00", "Lesehan").await;
    let elsewhere = party(&app, 2, "19:00", "Dalam").await;
    let closure = close(&app, json!({"areas": ["Teras", "Lesehan"]})).await;
    let mut expected = [(small.as_str(), "table_closed"), (large.as_str(), "table_closed")];
    let mut listed = affected(&closure);
    expected.sort_unstable();
    listed.sort_unstable();
    assert_eq!((listed, &closure["affected_count"]), (expected.to_vec(), &json!(2)));
    let marked = view(&app, &large).await;
    assert_eq!((&marked["closure_id"], &marked["needs_table"]), (&closure["closure_id"], &json!(true)));
    assert_eq!(view(&app, &elsewhere).await["closure_id"], Value::Null);
    let history = app.get(&format!("/api/reservations/{large}/history?lang=id")).await.text();
    assert!(history.contains("Terdampak penutupan: table_closed"), "{history}");
    // Its hold does not expire, and money that arrives late goes back and confirms nothing.
    app.clock.advance(TimeDelta::minutes(20));
    let payment = marked["payment"]["payment_id"].clone();
    let paid = json!({"outcome": "completed", "payment_id": payment, "amount_minor": 40_000_000, "currency": "IDR",
        "channel": "qris", "provider_reference": "sim_1"});
    let answer = app.service_post(&format!("/api/reservations/{large}/payment-results"), &paid).await.json();
    assert_eq!(answer["status"], json!("PENDING"), "{answer}");
    let charges = app.get(&format!("/api/reservations/{large}/charges")).await.json();
    assert_eq!(charges["balance"]["to_return_minor"], json!(40_000_000), "{charges}");
    // Another table makes it a booking like any other, and its deposit is due again.
    let moved = app.command(&large, "assign-table", json!({"table_id": "B1"})).await.json();
    assert_eq!((&moved["closure_id"], &moved["needs_table"]), (&Value::Null, &json!(false)));
    assert_eq!(
        (&moved["deposit"]["status"], &moved["deposit"]["amount_minor"]),
        (&json!("due"), &json!(40_000_000))
    );
    assert_ne!(moved["payment"]["payment_id"], payment);
    assert_eq!(affected(&read(&app, &closure).await).len(), 1);
}

#[tokio::test]
async fn money_that_arrives_between_a_closure_and_the_mark_confirms_nothing() {
    let app = TestApp::with_houses().await;
    let id = party(&app, 8, "19:00", "Lesehan").await;
    let payment = view(&app, &id).await["payment"]["payment_id"].clone();
    // As after a crash, nothing follows from the closure yet.
    let context = RequestContext::system("test", app.app.env.as_ref());
    let command = ClosureCommand::Declare(request(&[]));
    let (venue, closure) = ("bandung-dago".parse().unwrap(), ClosureId(Uuid::from_u128(5)));
    app.app.executor.change_closure(&venue, closure, &command, &context).await.unwrap();
    assert_eq!(view(&app, &id).await["closure_id"], Value::Null);
    let paid = json!({"outcome": "completed", "payment_id": payment, "amount_minor": 40_000_000, "currency": "IDR",
        "channel": "qris", "provider_reference": "sim_1"});
    let answer = app.service_post(&format!("/api/reservations/{id}/payment-results"), &paid).await.json();
    assert_eq!(
        (&answer["status"], &answer["affected_by_rules"], &answer["closure_id"]),
        (&json!("PENDING"), &json!("closed"), &json!(closure.to_string()))
    );
    let again = app.service_post(&format!("/api/reservations/{id}/payment-results"), &paid).await.json();
    assert_eq!(again["version"], answer["version"]);
}

#[tokio::test]
async fn bookings_under_a_closure_are_cancelled_together_but_for_those_that_staff_placed() {
    let app = TestApp::with_houses().await;
    let paid = party(&app, 8, "19:00", "Lesehan").await;
    app.command(&paid, "confirm", json!({"waive_deposit": true})).await;
    let (small, moved, wedding) = (
        party(&app, 2, "19:00", "Teras").await,
        party(&app, 2, "12:00", "Teras").await,
        party(&app, 12, "18:00", "Kebun").await,
    );
    let closure = close(&app, json!({"to": "2026-12-25"})).await;
    assert_eq!(closure["affected_count"], json!(4));
    // The wedding for which the venue is closed, and a party that gets another day.
    app.command(&wedding, "assign-table", json!({"table_id": "B1"})).await;
    assert_eq!(view(&app, &wedding).await["closure_id"], Value::Null);
    app.command(&moved, "reschedule", json!({"start_time": "2026-12-26T12:00"})).await;
    let ordered = act(&app, &closure, "cancel-affected").await.json();
    assert!(ordered["cancelling_since"].is_string());
    let done = settled(&app, &closure).await;
    assert_eq!(done["cancelled_count"], json!(2));
    for id in [&paid, &small] {
        let cancelled = view(&app, id).await;
        let expected = json!({"cancelled_by": "staff", "reason_code": "private_event", "description": null, "by_closure": true});
        assert_eq!((&cancelled["status"], &cancelled["cancellation"]), (&json!("CANCELLED"), &expected));
        assert_eq!(tables(&cancelled), Vec::<String>::new());
    }
    assert_ne!(app.status(&wedding).await, "CANCELLED");
    assert_ne!(app.status(&moved).await, "CANCELLED");
    let history = app.get(&format!("/api/reservations/{small}/history")).await.text();
    assert!(history.contains("Cancelled by the restaurant with all bookings under a closure"), "{history}");
    // A repetition changes nothing, and a cancellation cannot be undone while the venue is closed.
    assert_eq!(act(&app, &closure, "cancel-affected").await.json()["version"], ordered["version"]);
    let undo = json!({"change": "cancellation", "reason_code": "other", "allow_duplicate": true});
    assert_eq!(app.command(&small, "undo", undo.clone()).await.problem(), (409, "closed".into()));
    act(&app, &closure, "lift").await;
    assert_eq!(app.command(&small, "undo", undo).await.status, StatusCode::OK);
    assert_eq!(act(&app, &closure, "cancel-affected").await.problem(), (409, "closure_lifted".into()));
}

#[tokio::test]
async fn a_lifted_closure_makes_its_bookings_valid_again() {
    let app = TestApp::with_houses().await;
    let id = party(&app, 8, "19:00", "Lesehan").await;
    let before = view(&app, &id).await;
    let closure = close(&app, json!({})).await;
    assert_eq!(view(&app, &id).await["affected_by_rules"], json!("closed"));
    // A second closure of the same time keeps it closed.
    let second = close(&app, json!({"areas": ["Lesehan"]})).await;
    assert_eq!(affected(&second), [(id.as_str(), "closed")]);
    act(&app, &closure, "lift").await;
    let marked = view(&app, &id).await;
    assert_eq!(
        (&marked["affected_by_rules"], &marked["closure_id"]),
        (&json!("table_closed"), &second["closure_id"])
    );
    act(&app, &second, "lift").await;
    let after = view(&app, &id).await;
    assert_eq!((&after["affected_by_rules"], tables(&after)), (&Value::Null, tables(&before)));
    assert_eq!(after["deposit"]["status"], json!("due"));
    assert_ne!(after["payment"]["payment_id"], before["payment"]["payment_id"]);
}

#[tokio::test]
async fn a_party_that_is_expected_again_is_marked_again() {
    let app = TestApp::with_houses().await;
    let id = party(&app, 2, "19:00", "Teras").await;
    app.command(&id, "confirm", json!({})).await;
    let early = "2026-12-24T10:00:00Z".parse::<chrono::DateTime<chrono::Utc>>().unwrap();
    app.clock.advance(early - now());
    assert_eq!(app.command(&id, "check-in", json!({})).await.status, StatusCode::OK);
    // A party that sits there stays.
    let closure = close(&app, json!({"areas": ["Teras"]})).await;
    assert_eq!(closure["affected_count"], json!(0));
    let undone = app.command(&id, "undo", json!({"change": "check_in", "reason_code": "other"})).await.json();
    assert_eq!((&undone["status"], &undone["closure_id"]), (&json!("CONFIRMED"), &closure["closure_id"]));
    // It is cancelled with the others, also if their cancellation was ordered while it sat there.
    let again = async || {
        app.command(&id, "check-in", json!({})).await;
        let undo = json!({"change": "check_in", "reason_code": "other"});
        app.command(&id, "undo", undo).await;
    };
    app.command(&id, "check-in", json!({})).await;
    act(&app, &closure, "cancel-affected").await;
    again().await;
    assert_eq!(settled(&app, &closure).await["cancelled_count"], json!(1));
}

#[tokio::test]
async fn closures_and_their_orders_survive_a_restart() {
    let app = TestApp::with_houses().await;
    let id = party(&app, 2, "19:00", "Teras").await;
    let lifted = close(&app, json!({"from": "2026-12-26", "areas": ["Teras"]})).await;
    act(&app, &lifted, "lift").await;
    let closure = close(&app, json!({"areas": ["Teras"]})).await;
    let (store, clock) = (app.app.store.clone(), app.clock.clone());
    // The order is recorded, and the service ends before the first cancellation.
    drop(app);
    let stopped = TestApp::idle(FILES, store.clone(), clock.clone()).await;
    assert_eq!(act(&stopped, &closure, "cancel-affected").await.json()["affected_count"], json!(1));
    drop(stopped);
    let app = TestApp::at(FILES, store, clock).await;
    let done = settled(&app, &closure).await;
    assert_eq!((app.status(&id).await, &done["cancelled_count"]), ("CANCELLED".into(), &json!(1)));
    let closed = json!({"area": "Teras", "start_time": "2026-12-24T20:00"});
    assert_eq!(app.post("/api/reservations", &booking(closed)).await.problem(), (409, "closed".into()));
    app.book(json!({"area": "Teras", "start_time": "2026-12-26T20:00"})).await;
}
