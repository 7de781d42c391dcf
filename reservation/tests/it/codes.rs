//! Short codes: people read them to each other, and find a reservation by them.

use std::collections::BTreeSet;

use chassis::environment::{Environment as _, ManualEnvironment};
use chrono::{DateTime, Utc};
use events::ReservationId;
use events::values::ReservationCode;
use serde_json::json;
use uuid::Uuid;

use crate::app::{TestApp, start_of_time};
use crate::rules::now;

#[tokio::test]
async fn a_reservation_is_found_by_its_code_in_any_notation() {
    let app = TestApp::start().await;
    let (id, _) = (app.book(json!({})).await, app.book(json!({"customer_id": "other"})).await);
    let code = app.get(&format!("/api/reservations/{id}")).await.json()["code"].as_str().unwrap().to_owned();
    assert_eq!(code, ReservationCode::of(id.parse().unwrap()).to_string());
    for text in
        [code.clone(), code.to_lowercase(), format!("{}-{}", &code[..3], &code[3..]), code.replace('0', "O")]
    {
        let found = app.get(&format!("/api/reservations?code={text}")).await.json();
        assert_eq!(found["items"].as_array().unwrap().len(), 1, "{text}");
        assert_eq!(found["items"][0]["reservation_id"], json!(id));
    }
    assert_eq!(app.get("/api/reservations?code=7QK2").await.faults(), ["query.code:value_error"]);
}

#[tokio::test]
async fn a_code_is_taken_until_the_visit_is_past() {
    let app = TestApp::start().await;
    let id: ReservationId = app.book(json!({})).await.parse().unwrap();
    let venue = app.app.venues.ids()[0].clone();
    // Another id with the same code.
    let twin = ReservationId(Uuid::from_u128(id.0.as_u128() ^ (1 << 90)));
    assert_eq!(ReservationCode::of(twin), ReservationCode::of(id));
    app.app.catch_up().await.unwrap();
    let taken = |at: DateTime<Utc>| app.app.projections.has_code_of(&venue, twin, at);
    assert!(taken(now()));
    assert!(!taken("2026-12-25T00:00:00Z".parse().unwrap()));
    // A cancelled booking can be reinstated.
    app.command(&id.to_string(), "cancel", json!({"reason_code": "other"})).await;
    app.app.catch_up().await.unwrap();
    assert!(taken(now()));
    let elsewhere = "elsewhere".parse().unwrap();
    assert!(!app.app.projections.has_code_of(&elsewhere, twin, now()));
}

#[tokio::test]
async fn a_new_reservation_gets_an_id_whose_code_is_free() {
    let first = TestApp::start().await;
    let mut taken = BTreeSet::new();
    // Another process, which makes the same ids once more.
    let again = TestApp::on(first.app.store.clone(), ManualEnvironment::at(start_of_time())).await;
    for (app, kind) in [(&first, "first"), (&again, "again")] {
        for n in 0..100 {
            // So that the ids of both meet: a booking makes several.
            for _ in 0..n % 7 {
                let _ = app.clock.new_id();
            }
            app.app.catch_up().await.unwrap();
            let body = json!({"customer_id": format!("{kind}-{n}"), "allow_duplicate": true});
            let id: ReservationId = app.book(body).await.parse().unwrap();
            assert!(taken.insert(ReservationCode::of(id)), "{kind} {n}: {id}");
        }
    }
}
