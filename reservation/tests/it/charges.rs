//! Every amount is explained by the rules at the time of booking.

use axum::http::StatusCode;
use chrono::TimeDelta;
use serde_json::{Value, json};

use crate::app::TestApp;
use crate::holds::pay;

async fn charges(app: &TestApp, id: &str) -> (Vec<(String, i64, String)>, Value) {
    let answer = app.get(&format!("/api/reservations/{id}/charges")).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    let body = answer.json();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let entry =
        |entry: &Value| (text(&entry["kind"]), entry["amount_minor"].as_i64().unwrap(), text(&entry["rule"]));
    (body["entries"].as_array().unwrap().iter().map(entry).collect(), body["balance"].clone())
}

fn balance(asked: i64, paid: i64, to_return: i64, returned: i64, kept: i64, owed: i64) -> Value {
    json!({"asked_minor": asked, "paid_minor": paid, "to_return_minor": to_return, "returned_minor": returned,
        "kept_minor": kept, "owed_minor": owed})
}

const ALL: i64 = 30_000_000;

#[tokio::test]
async fn a_deposit_is_requested_paid_and_refunded_after_a_timely_cancellation() {
    let app = TestApp::start().await;
    let id = app.book(json!({"party_size": 6})).await;
    let (asked, sum) = charges(&app, &id).await;
    let rule = "6 guests, IDR 50000.00 for each: a deposit from 6 guests on".to_owned();
    assert_eq!((asked, sum), (vec![("deposit_asked".into(), ALL, rule)], balance(ALL, 0, 0, 0, 0, 0)));
    let payment = pay(&app, &id).await.json()["payment"]["payment_id"].clone();
    assert_eq!(charges(&app, &id).await.1, balance(ALL, ALL, 0, 0, ALL, 0));
    app.guest_command(&id, "cancel", json!({"reason_code": "other"})).await;
    let (entries, sum) = charges(&app, &id).await;
    assert_eq!(sum, balance(ALL, ALL, ALL, 0, 0, 0));
    let why = "Cancelled by the guest in time: free until 2026-12-23T19:30:00+07:00";
    assert_eq!(entries.last().unwrap(), &("refund_ordered".to_owned(), ALL, why.to_owned()));
    let result = json!({"payment_id": payment, "outcome": "refunded", "amount_minor": 10_000_000, "currency": "IDR",
        "provider_reference": "sim_r1"});
    app.service_post(&format!("/api/reservations/{id}/payment-results"), &result).await;
    assert_eq!(charges(&app, &id).await.1, balance(ALL, ALL, 20_000_000, 10_000_000, 0, 0));
    let none = app.book(json!({"party_size": 2})).await;
    let nothing = app.get(&format!("/api/reservations/{none}/charges")).await.json();
    assert_eq!((&nothing["entries"], &nothing["currency"]), (&json!([]), &Value::Null));
    let unknown = "01939f3e-0000-7000-8000-0000000000ff";
    assert_eq!(app.get(&format!("/api/reservations/{unknown}/charges")).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_late_cancellation_and_a_waived_deposit_are_shown_as_such() {
    let app = TestApp::start().await;
    let (late, waived) = (app.book(json!({"party_size": 6})).await, app.book(json!({"party_size": 6})).await);
    pay(&app, &late).await;
    app.command(&waived, "confirm", json!({"waive_deposit": true})).await;
    app.clock.advance(TimeDelta::days(23));
    app.guest_command(&late, "cancel", json!({"reason_code": "other"})).await;
    let (entries, sum) = charges(&app, &late).await;
    assert_eq!(sum, balance(ALL, ALL, 0, 0, ALL, 0));
    let why = "Cancelled by the guest too late: free until 2026-12-23T19:30:00+07:00";
    assert_eq!(entries.last().unwrap(), &("deposit_kept".to_owned(), ALL, why.to_owned()));
    let (entries, _) = charges(&app, &waived).await;
    assert_eq!(entries[1].0, "deposit_waived");
}

#[tokio::test]
async fn a_no_show_owes_the_part_of_the_fee_that_the_deposit_does_not_cover() {
    let app = TestApp::with_houses().await;
    let evening = json!({"venue_id": "roma-trastevere", "party_size": 2, "start_time": "2026-12-24T20:00"});
    let id = app.book(evening).await;
    app.clock.advance(TimeDelta::days(24));
    app.command(&id, "no-show", json!({})).await;
    let (entries, sum) = charges(&app, &id).await;
    let (kind, fee, rule) = &entries[0];
    assert_eq!((kind.as_str(), sum), ("no_show_fee", balance(*fee, 0, 0, 0, 0, *fee)));
    assert!(rule.ends_with("the party never arrived"), "{rule}");
    assert_eq!((entries[1].0.as_str(), entries.len()), ("fee_asked", 2));
    // The no-show fee is requested as a separate payment.
    let reservation = app.get(&format!("/api/reservations/{id}")).await.json();
    let due = &reservation["no_show_fee"];
    assert_eq!((&due["status"], &due["amount_minor"]), (&json!("due"), &json!(fee)));
    let feed = app.get("/events?type=meja.payment.requested.v1").await.json();
    let asked = &feed.as_array().unwrap().last().unwrap()["data"];
    assert_eq!(asked["purpose"], "no_show_fee");
    let result = json!({"payment_id": asked["payment_id"], "outcome": "completed", "amount_minor": fee, "currency": "EUR",
        "channel": "card", "provider_reference": "sim_f1"});
    app.service_post(&format!("/api/reservations/{id}/payment-results"), &result).await;
    let (entries, sum) = charges(&app, &id).await;
    assert_eq!((entries[2].0.as_str(), sum), ("fee_paid", balance(*fee, *fee, 0, 0, *fee, 0)));
    let stats = app.get("/api/stats?date=2026-12-24&venue_id=roma-trastevere").await.json();
    assert_eq!(stats["revenue_minor"]["EUR"], json!(fee));
}
