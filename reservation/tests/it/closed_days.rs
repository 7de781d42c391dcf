//! Bookings at a time, a table or a venue that is closed after they were made.

use axum::http::StatusCode;
use chrono::TimeDelta;
use events::Event;
use events::event::*;
use events::values::*;
use reservation::app::venues::VenueFiles;
use reservation::domain::Command;
use serde_json::{Value, json};

use crate::app::{TestApp, booking};
use crate::rules::*;
use crate::venue_rules::{BANDUNG, put, read};

fn affected(reason: Option<&str>) -> Event {
    ReservationAffected { reason: reason.map(str::to_owned), rules_version: 2, closure_id: None }.into()
}

fn paid_booking() -> Vec<Event> {
    [held().to_vec(), vec![paid(), confirmed()]].concat()
}

#[test]
fn a_guest_of_a_closed_restaurant_owes_nothing() {
    let everything = Some(Refund { payment_id: PAYMENT, amount: idr(30_000_000) });
    let too_late = window().start - TimeDelta::hours(1);
    for reason in ["closed", "venue_gone"] {
        let closed = [paid_booking(), vec![affected(Some(reason))]].concat();
        given(closed)
            .at(too_late)
            .when(cancel(Initiator::Guest))
            .then([cancelled(Initiator::Guest, everything)]);
    }
    let table = [paid_booking(), vec![affected(Some("table_closed"))]].concat();
    given(table).at(too_late).when(cancel(Initiator::Guest)).then([cancelled(Initiator::Guest, None)]);
}

#[test]
fn a_guest_who_finds_the_restaurant_closed_is_not_a_no_show() {
    let mut created = created_for(6);
    created.policy.no_show_grace_minutes = Some(15);
    let after_grace = window().start + TimeDelta::minutes(16);
    let expected = given([Event::from(created.clone()), confirmed()]).at(after_grace);
    expected.when(Command::Expire(None)).then([ReservationNoShow::default().into()]);
    let closed = given([created.into(), confirmed(), affected(Some("closed"))]).at(after_grace);
    closed.when(Command::Expire(None)).nothing_happens();
}

#[test]
fn a_day_that_opens_again_requests_a_deposit_whose_late_money_went_back() {
    let Event::PaymentCompleted(completed) = paid() else { unreachable!() };
    let back = Some(Refund { payment_id: PAYMENT, amount: idr(30_000_000) });
    let late = PaymentCompleted { refund: back, ..completed };
    let events = [held().to_vec(), vec![affected(Some("closed")), late.into()]].concat();
    let opens = Command::MarkAffected { found: None, rules_version: 2 };
    let requested = PaymentRequested {
        payment_id: PAYMENT.renewed(),
        amount: idr(30_000_000),
        channel: None,
        expires_at: now() + TimeDelta::hours(24),
        purpose: Purpose::Deposit,
        replaces: None,
    };
    given(events).when(opens).then([affected(None), requested.into()]);
}

#[test]
fn a_party_that_becomes_too_small_for_a_deposit_has_nothing_to_pay() {
    let hold = |auto_confirm: bool| {
        let mut created = created_for(6);
        (created.policy.refund_on_shrink, created.policy.auto_confirm) = (true, auto_confirm);
        [created.into(), held()[1].clone()]
    };
    let smaller = || Event::from(PartySizeChanged { waives_deposit: true, ..resized(6, 4) });
    given(hold(true)).when(resize(4)).then([smaller(), confirmed()]);
    // Otherwise staff confirm it, and it does not expire until then.
    given(hold(false)).when(resize(4)).then([smaller()]);
    let waived = || [hold(false).to_vec(), vec![smaller()]].concat();
    given(waived()).at(now() + TimeDelta::days(1)).when(Command::Expire(None)).nothing_happens();
    given(waived()).when(Command::Confirm { waive_deposit: false }).then([confirmed()]);
    // Money that was on its way goes back, and confirms nothing.
    let Event::PaymentCompleted(completed) = paid() else { unreachable!() };
    let refund = Some(Refund { payment_id: PAYMENT, amount: idr(30_000_000) });
    given(waived()).when(pay(30_000_000)).then([PaymentCompleted { refund, ..completed }.into()]);
}

/// Rules of Bandung with `exceptions` on Christmas Eve.
async fn with_exception(app: &TestApp, exception: Value) -> Value {
    let mut document = read(app, BANDUNG).await.json();
    document["exceptions"] = json!([exception]);
    let answer = put(app, BANDUNG, &document, None).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    document
}

/// The rules of Bandung without `table`, and without combinations, which would name it.
async fn rules_without(app: &TestApp, table: &Value) -> Value {
    let mut document = read(app, BANDUNG).await.json();
    let tables = document["tables"].as_array_mut().unwrap();
    tables.retain(|known| known["id"] != *table);
    tables.iter_mut().for_each(|known| drop(known.as_object_mut().unwrap().remove("combinable_with")));
    document
}

async fn view(app: &TestApp, id: &str) -> Value {
    app.get(&format!("/api/reservations/{id}")).await.json()
}

#[tokio::test]
async fn a_table_that_closes_is_replaced_and_the_deposit_stays_due() {
    let app = TestApp::with_houses().await;
    let id = app.book(json!({"party_size": 6, "start_time": "2026-12-24T19:00"})).await;
    let booked = view(&app, &id).await;
    let table = booked["tables"][0]["table_id"].clone();
    with_exception(&app, json!({"date": "2026-12-24", "closed_tables": [table]})).await;
    let marked = view(&app, &id).await;
    assert_eq!(marked["affected_by_rules"], json!("table_closed"));
    assert_eq!(marked["deposit"], booked["deposit"], "the deposit stays due");
    let assigned = app.command(&id, "assign-table", json!({"table_id": "L2"})).await.json();
    assert_eq!((&assigned["affected_by_rules"], &assigned["deposit"]), (&Value::Null, &booked["deposit"]));
    // Closed areas close the restaurant only together.
    with_exception(&app, json!({"date": "2026-12-24", "closed_areas": ["Lesehan"]})).await;
    assert_eq!(view(&app, &id).await["affected_by_rules"], json!("table_closed"));
    let all = json!(["Teras", "Dalam", "Lesehan", "Kebun"]);
    with_exception(&app, json!({"date": "2026-12-24", "closed_areas": all})).await;
    assert_eq!(view(&app, &id).await["affected_by_rules"], json!("closed"));
}

#[tokio::test]
async fn what_staff_have_settled_is_not_marked_again_at_the_next_start() {
    let app = TestApp::with_houses().await;
    let id = app.book(json!({"start_time": "2026-12-24T19:00"})).await;
    let table = view(&app, &id).await["tables"][0]["table_id"].clone();
    let document = rules_without(&app, &table).await;
    put(&app, BANDUNG, &document, None).await;
    assert_eq!(view(&app, &id).await["affected_by_rules"], json!("table_gone"));
    // Staff keep the table for this party.
    app.command(&id, "assign-table", json!({"table_id": "T1", "capacity": 4, "area": "Teras"})).await;
    let by_hand = json!({"table_id": table, "capacity": 4, "area": "Teras"});
    let settled = app.command(&id, "assign-table", by_hand).await.json();
    assert_eq!(settled["affected_by_rules"], Value::Null);
    let files = concat!(env!("CARGO_MANIFEST_DIR"), "/../data/venues");
    let app = TestApp::at(files, app.app.store.clone(), app.clock.clone()).await;
    let settled = app.app.settle_rules(&"bandung-dago".parse().unwrap()).await;
    assert!(settled.failed.is_empty());
    assert_eq!(view(&app, &id).await["affected_by_rules"], Value::Null);
}

#[tokio::test]
async fn a_reason_that_a_closed_day_replaced_counts_again_when_the_day_opens() {
    let app = TestApp::with_houses().await;
    let id = app.book(json!({"start_time": "2026-12-24T19:00"})).await;
    let table = view(&app, &id).await["tables"][0]["table_id"].clone();
    let mut document = rules_without(&app, &table).await;
    for (exceptions, reason) in [
        (json!([]), "table_gone"),
        (json!([{"date": "2026-12-24", "closed": true}]), "closed"),
        (json!([]), "table_gone"),
    ] {
        document["exceptions"] = exceptions;
        put(&app, BANDUNG, &document, None).await;
        assert_eq!(view(&app, &id).await["affected_by_rules"], json!(reason));
    }
}

#[tokio::test]
async fn at_a_removed_venue_a_booking_can_be_cancelled_and_not_be_changed() {
    let app = TestApp::with_houses().await;
    let id = app.book(json!({"venue_id": "roma-trastevere", "start_time": "2026-12-23T20:00"})).await;
    let name = view(&app, &id).await["venue_name"].clone();
    let dir = tempfile::tempdir().unwrap();
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../data/venues/bandung-dago.json");
    std::fs::copy(file, dir.path().join("bandung-dago.json")).unwrap();
    app.import(&VenueFiles::load(dir.path()).unwrap()).await;
    assert_eq!(view(&app, &id).await["affected_by_rules"], json!("venue_gone"));
    let moved = app.command(&id, "reschedule", json!({"start_time": "2026-12-30T21:00"})).await;
    assert_eq!(moved.problem(), (409, "venue_gone".into()));
    let resized = app.command(&id, "party-size", json!({"party_size": 2})).await;
    assert_eq!(resized.problem(), (409, "venue_gone".into()));
    let cancelled = app.command(&id, "cancel", json!({"reason_code": "maintenance"})).await.json();
    assert_eq!((&cancelled["status"], &cancelled["venue_name"]), (&json!("CANCELLED"), &name));
}

#[tokio::test]
async fn a_repeated_change_of_the_rules_names_the_affected_bookings_again() {
    let app = TestApp::with_houses().await;
    let id = app.book(json!({"start_time": "2026-12-24T19:00"})).await;
    let document = with_exception(&app, json!({"date": "2026-12-24", "closed": true})).await;
    let again = put(&app, BANDUNG, &document, None).await.json();
    assert_eq!((&again["recorded"], &again["affected_count"]), (&json!(false), &json!(1)));
    assert_eq!(again["affected"][0]["reservation_id"], json!(id));
    let dry = put(&app, &format!("{BANDUNG}?dry_run=true"), &document, Some("\"1\"")).await;
    assert_eq!(dry.problem().0, 412, "a dry run compares the version too");
}

#[tokio::test]
async fn a_visit_that_moves_takes_over_the_time_zone_of_its_venue() {
    let app = TestApp::with_houses().await;
    let id = app.book(json!({"start_time": "2026-12-24T13:00"})).await;
    let mut document = read(&app, BANDUNG).await.json();
    document["timezone"] = json!("Asia/Makassar");
    put(&app, BANDUNG, &document, None).await;
    assert_eq!(view(&app, &id).await["start_time"], json!("2026-12-24T13:00:00+07:00"));
    let moved = app.command(&id, "reschedule", json!({"start_time": "2026-12-24T18:00"})).await.json();
    assert_eq!(moved["start_time"], json!("2026-12-24T18:00:00+08:00"));
    assert_eq!((&moved["timezone"], &moved["affected_by_rules"]), (&json!("Asia/Makassar"), &Value::Null));
}

#[tokio::test]
async fn an_earlier_state_shows_the_venue_as_it_was() {
    let app = TestApp::with_houses().await;
    let booked = app.post("/api/reservations", &booking(json!({}))).await.json();
    let id = booked["reservation_id"].as_str().unwrap();
    let position = app.app.store.known_head().0;
    let mut document = read(&app, BANDUNG).await.json();
    document["name"] = json!("Warung Bulan");
    put(&app, BANDUNG, &document, None).await;
    assert_eq!(view(&app, id).await["venue_name"], json!("Warung Bulan"));
    let then = app.get(&format!("/api/reservations/{id}?as_of={position}")).await.json();
    assert_eq!(then["venue_name"], booked["venue_name"]);
}
