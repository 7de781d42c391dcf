//! What a change of a booking costs the guest, and what it gives back to the house: moves, sizes, early arrivals.

use axum::http::StatusCode;
use chrono::{DateTime, TimeDelta, Utc};
use events::Event;
use events::event::*;
use events::values::*;
use reservation::domain::{Command, Refusal};
use serde_json::{Value, json};

use crate::app::{TestApp, booking};
use crate::houses::tables;
use crate::rules::*;

/// A paid booking for six guests, which is free to cancel until a day before [`window`].
fn paid_booking() -> Vec<Event> {
    [held().to_vec(), vec![paid(), confirmed()]].concat()
}

fn hours_before(hours: i64) -> DateTime<Utc> {
    window().start - TimeDelta::hours(hours)
}

fn days_later(days: i64) -> TimeWindow {
    TimeWindow::starting(window().start + TimeDelta::days(days), 90)
}

fn everything() -> Option<Refund> {
    Some(Refund { payment_id: PAYMENT, amount: idr(30_000_000) })
}

#[test]
fn a_deadline_that_the_guest_has_missed_stays_missed() {
    given(paid_booking())
        .and_at(hours_before(12), [moved(days_later(30), Initiator::Guest).into()])
        .when(cancel(Initiator::Guest))
        .then([cancelled(Initiator::Guest, None)]);
    // A guest whom the restaurant moves did not choose the new time.
    given(paid_booking())
        .and_at(hours_before(12), [moved(days_later(30), Initiator::Staff).into()])
        .when(cancel(Initiator::Guest))
        .then([cancelled(Initiator::Guest, everything())]);
    // A second move does not help, and the restaurant can still give everything back.
    let twice = given(paid_booking())
        .and_at(hours_before(12), [moved(days_later(30), Initiator::Guest).into()])
        .and_at(hours_before(11), [moved(days_later(60), Initiator::Guest).into()]);
    twice.when(cancel(Initiator::Staff)).then([cancelled(Initiator::Staff, everything())]);
}

#[test]
fn a_guest_who_moves_in_time_gets_the_deadline_of_the_new_time() {
    let given_moved =
        |to| given(paid_booking()).and_at(hours_before(48), [moved(to, Initiator::Guest).into()]);
    let cancelled = |refund| [cancelled(Initiator::Guest, refund)];
    given_moved(days_later(30))
        .at(window().start + TimeDelta::days(29))
        .when(cancel(Initiator::Guest))
        .then(cancelled(everything()));
    given_moved(days_later(30))
        .at(window().start + TimeDelta::days(29) + TimeDelta::seconds(1))
        .when(cancel(Initiator::Guest))
        .then(cancelled(None));
    // The guest moved the visit closer, into the time in which a cancellation costs the deposit.
    given_moved(days_later(-1)).when(cancel(Initiator::Guest)).then(cancelled(everything()));
    given_moved(days_later(-1)).at(hours_before(47)).when(cancel(Initiator::Guest)).then(cancelled(None));
}

#[test]
fn a_move_by_the_restaurant_never_costs_the_guest_anything() {
    let closer = TimeWindow::starting(hours_before(40), 90);
    let given_moved =
        || given(paid_booking()).and_at(hours_before(48), [moved(closer, Initiator::Staff).into()]);
    given_moved().when(cancel(Initiator::Guest)).then([cancelled(Initiator::Guest, everything())]);
    given_moved()
        .at(hours_before(40))
        .when(cancel(Initiator::Guest))
        .then([cancelled(Initiator::Guest, everything())]);
    given_moved()
        .at(hours_before(39))
        .when(cancel(Initiator::Guest))
        .then([cancelled(Initiator::Guest, None)]);
}

#[test]
fn in_logs_without_the_side_that_moved_the_deadline_follows_the_visit() {
    let unknown = ReservationRescheduled { moved_by: None, ..moved(days_later(30), Initiator::Guest) };
    given(paid_booking())
        .and_at(hours_before(12), [unknown.into()])
        .when(cancel(Initiator::Guest))
        .then([cancelled(Initiator::Guest, everything())]);
}

/// A paid booking for eight guests at a venue that refunds the part of the deposit that no longer applies.
fn paid_for_eight() -> Vec<Event> {
    let mut created = created_for(8);
    created.policy.refund_on_shrink = true;
    let (amount, payment_id, channel) = (idr(40_000_000), PAYMENT, None);
    let requested = PaymentRequested {
        payment_id,
        amount,
        channel,
        expires_at: now(),
        purpose: Purpose::Deposit,
        replaces: None,
    };
    let Event::PaymentCompleted(completed) = paid() else { unreachable!() };
    vec![created.into(), requested.into(), PaymentCompleted { amount, ..completed }.into(), confirmed()]
}

fn back(minor: i64) -> Option<Refund> {
    Some(Refund { payment_id: PAYMENT, amount: idr(minor) })
}

#[test]
fn a_party_that_becomes_smaller_in_time_gets_back_what_no_longer_applies() {
    let smaller = |to, minor| [PartySizeChanged { refund: back(minor), ..resized(8, to) }.into()];
    given(paid_for_eight()).when(resize(6)).then(smaller(6, 10_000_000));
    given(paid_for_eight()).when(resize(5)).then(smaller(5, 40_000_000));
    given(paid_for_eight()).at(hours_before(23)).when(resize(6)).then([resized(8, 6).into()]);
    // The policy of the day of booking counts: earlier versions had no such rule.
    given(paid_booking()).when(resize(5)).then([resized(6, 5).into()]);
}

#[test]
fn a_refund_that_was_decided_is_not_decided_again() {
    let to_seven = Event::from(PartySizeChanged { refund: back(5_000_000), ..resized(8, 7) });
    let to_six = PartySizeChanged { refund: back(5_000_000), ..resized(7, 6) };
    let reported =
        PaymentRefunded { payment_id: PAYMENT, amount: idr(5_000_000), provider_reference: "simr_1".into() };
    for reported in [vec![], vec![Event::from(reported)]] {
        let events = [paid_for_eight(), vec![to_seven.clone()], reported].concat();
        given(events.clone()).when(resize(6)).then([to_six.clone().into()]);
        given(events.clone())
            .when(cancel(Initiator::Guest))
            .then([cancelled(Initiator::Guest, back(35_000_000))]);
        // What was given back is missing if the party grows again.
        let due = Refusal::DepositChanges { party_size: party(8), due: idr(40_000_000) };
        given(events).when(resize(8)).refused(due);
    }
}

#[test]
fn a_party_that_became_smaller_before_it_paid_gets_the_difference_back() {
    let mut events = paid_for_eight();
    events.truncate(2);
    events.push(resized(8, 6).into());
    let Event::PaymentCompleted(completed) = paid() else { unreachable!() };
    let completed = PaymentCompleted { amount: idr(40_000_000), refund: back(10_000_000), ..completed };
    given(events).when(pay(40_000_000)).then([completed.into(), confirmed()]);
}

#[test]
fn a_party_checks_in_on_the_day_of_its_visit() {
    let too_early = Refusal::TooEarly("2026-12-24T19:30:00+07:00".parse().unwrap());
    // 19:30 in Jakarta.
    given(ready()).at(hours_before(20)).when(Command::CheckIn(None)).refused(too_early);
    given(ready())
        .at(hours_before(19))
        .when(Command::CheckIn(None))
        .then([ReservationCheckedIn::default().into()]);
}

async fn book(app: &TestApp, body: Value) -> Value {
    let answer = app.post("/api/reservations", &booking(body)).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    answer.json()
}

async fn resized_to(app: &TestApp, booked: &Value, body: Value) -> Value {
    let answer = app.command(booked["reservation_id"].as_str().unwrap(), "party-size", body).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    answer.json()
}

fn roma(guests: u8, time: &str) -> Value {
    let start = format!("2026-12-23T{time}");
    json!({"venue_id": "roma-trastevere", "party_size": guests, "start_time": start, "area": "Sala"})
}

fn time(visit: &Value, name: &str) -> String {
    visit[name].as_str().unwrap()[11..16].to_owned()
}

#[tokio::test]
async fn a_party_that_grows_stays_as_long_as_a_party_of_its_new_size() {
    let app = TestApp::with_houses().await;
    let pair = book(&app, roma(2, "20:00")).await;
    assert_eq!(time(&pair, "end_time"), "21:30");
    let six = resized_to(&app, &pair, json!({"party_size": 6})).await;
    assert_eq!((time(&six, "end_time").as_str(), tables(&six)), ("22:00", vec!["6"]));
    // Table 6 is not sold again before they leave.
    let next = book(&app, roma(6, "21:30")).await;
    assert_eq!(tables(&next), ["1", "2", "3"]);
    // A smaller party keeps the time that it was promised.
    let four = resized_to(&app, &six, json!({"party_size": 4})).await;
    assert_eq!((time(&four, "end_time").as_str(), tables(&four)), ("22:00", vec!["6"]));
}

#[tokio::test]
async fn a_party_that_grows_needs_its_table_for_the_longer_time() {
    let app = TestApp::with_houses().await;
    let three = book(&app, roma(3, "19:00")).await;
    assert_eq!((time(&three, "end_time").as_str(), tables(&three)), ("21:00", vec!["4"]));
    let pair = book(
        &app,
        json!({"venue_id": "roma-trastevere", "party_size": 2, "duration_minutes": 60,
        "start_time": "2026-12-23T19:00", "area": "Dehors"}),
    )
    .await;
    assert_eq!((time(&pair, "end_time").as_str(), tables(&pair)), ("20:00", vec!["11"]));
    let after = book(
        &app,
        json!({"venue_id": "roma-trastevere", "party_size": 4,
        "start_time": "2026-12-23T20:00", "area": "Dehors"}),
    )
    .await;
    assert_eq!(tables(&after), ["13"]);
    // Table 13 is taken from 20:00 on, and a party of four stays until 21:00: it gets 11 and 12.
    let four = resized_to(&app, &pair, json!({"party_size": 4})).await;
    assert_eq!((time(&four, "end_time").as_str(), tables(&four)), ("21:00", vec!["11", "12"]));
    // The kitchen closes at 23:30.
    let late = book(&app, roma(2, "22:00")).await;
    let id = late["reservation_id"].as_str().unwrap();
    let refused = app.command(id, "party-size", json!({"party_size": 3})).await;
    assert_eq!(refused.problem(), (409, "closed".into()));
}

#[tokio::test]
async fn a_party_that_shrinks_can_be_seated_anew() {
    let app = TestApp::with_houses().await;
    let four = book(&app, json!({"party_size": 4, "area": "Teras"})).await;
    assert_eq!(tables(&four), ["T3"]);
    let two = resized_to(&app, &four, json!({"party_size": 2})).await;
    assert_eq!(tables(&two), ["T3"]);
    let reseated = resized_to(&app, &two, json!({"party_size": 2, "reseat": true})).await;
    assert_eq!((tables(&reseated), reseated["end_time"].clone()), (vec!["T1"], four["end_time"].clone()));
    let again = resized_to(&app, &two, json!({"party_size": 2, "reseat": true})).await;
    assert_eq!(again["version"], reseated["version"]);
    let by_hand = TestApp::start().await;
    let id = by_hand.book(json!({})).await;
    let refused = by_hand.command(&id, "party-size", json!({"party_size": 2, "reseat": true})).await;
    assert_eq!(refused.faults(), ["body.reseat:value_error"]);
}

#[tokio::test]
async fn a_refused_check_in_names_only_tables_that_are_free_now_for_the_whole_stay() {
    let app = TestApp::with_houses().await;
    let area = |guests: u8, time: &str| json!({"party_size": guests, "area": "Teras", "start_time": time});
    // Both pairs of tables for four are taken before 20:00; T3 by a party that is still there at 20:00.
    let sits = book(&app, area(4, "2026-12-24T18:30")).await;
    let waits = book(&app, area(4, "2026-12-24T20:00")).await;
    assert_eq!((tables(&sits), tables(&waits)), (vec!["T3"], vec!["T3"]));
    let until_eight = book(&app, area(4, "2026-12-24T18:30")).await;
    assert_eq!(tables(&until_eight), ["T4"]);
    for booked in [&sits, &waits, &until_eight] {
        let id = booked["reservation_id"].as_str().unwrap();
        assert_eq!(app.command(id, "confirm", json!({})).await.status, StatusCode::OK);
    }
    let check_in = async |booked: &Value| {
        app.command(booked["reservation_id"].as_str().unwrap(), "check-in", json!({})).await
    };
    app.clock.set("2026-12-24T11:30:00Z".parse().unwrap());
    assert_eq!(check_in(&sits).await.status, StatusCode::OK);
    assert_eq!(check_in(&until_eight).await.status, StatusCode::OK);
    // At 19:45 T4 is free from 20:00 on, but not now.
    app.clock.set("2026-12-24T12:45:00Z".parse().unwrap());
    let refused = check_in(&waits).await;
    assert_eq!(refused.problem(), (409, "table_taken".into()));
    let offered = refused.json()["alternatives"].clone();
    let offered: Vec<_> =
        offered.as_array().unwrap().iter().map(|t| t["table_id"].as_str().unwrap().to_owned()).collect();
    assert!(!offered.is_empty() && !offered.contains(&"T4".to_owned()), "{offered:?}");
}
