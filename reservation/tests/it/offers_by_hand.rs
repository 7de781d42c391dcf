//! A host offers a table to a waiting party, out of its turn.

use axum::body::Body;
use axum::http::{Request, StatusCode};
use chrono::{DateTime, Utc};
use events::event::{ProofMethod, WaitlistJoined};
use events::values::{ConfidentialDigest, Locale, TimeWindow};
use events::{Position, WaitlistId};
use reservation::domain::availability::{Occupancy, SeatingContext};
use reservation::domain::waitlist::{WaitlistEntry, offer_to};
use reservation::domain::{RecordedAt, Refusal};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::app::{Answer, TOKEN, TestApp, start_of_time};
use crate::venue_rules::put;
use crate::waitlist::{becomes, entry, join};

/// A house with a small table and a large one, which a party of two does not get by itself.
async fn house() -> TestApp {
    let app = TestApp::with_houses().await;
    let days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
    let rules = json!({"id": "kedai", "name": "Kedai", "timezone": "Asia/Jakarta", "country": "ID", "currency": "IDR", "locale": "id",
        "tables": [{"id": "A", "area": "Dalam", "seats": 2}, {"id": "B", "area": "Dalam", "seats": 8, "min_party": 6}],
        "services": [{"name": "Malam", "days": days, "opens": "17:00", "closes": "23:00"}],
        "policy": {"auto_confirm": true}});
    let answer = put(&app, "/api/venues/kedai/rules", &rules, None).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    app
}

async fn wait_for_two(app: &TestApp, changes: Value) -> String {
    let mut asked = json!({"venue_id": "kedai", "party_size": 2});
    asked.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    join(app, asked).await
}

async fn offer(app: &TestApp, id: &str, body: Value) -> Answer {
    app.post(&format!("/api/waitlist/{id}/offer"), &body).await
}

#[tokio::test]
async fn a_host_gives_a_small_party_the_large_table_that_nobody_else_wants() {
    let app = house().await;
    let evening = json!({"venue_id": "kedai", "party_size": 2, "start_time": "2026-12-24T19:00"});
    app.book(evening).await;
    let id = wait_for_two(&app, json!({})).await;
    assert_eq!(entry(&app, &id).await["status"], json!("WAITING"), "nothing fits by itself");
    for (table, code) in [("A", "table_taken"), ("Z", "table_gone")] {
        assert_eq!(offer(&app, &id, json!({"table_id": table})).await.problem(), (409, code.into()));
    }
    assert_eq!(offer(&app, &id, json!({})).await.problem(), (409, "no_table".into()));
    let offered = offer(&app, &id, json!({"table_id": "B"})).await.json();
    assert_eq!(
        (&offered["status"], &offered["offer"]["tables"][0]["table_id"]),
        (&json!("OFFERED"), &json!("B"))
    );
    assert_eq!(offer(&app, &id, json!({"table_id": "B"})).await.problem(), (409, "already_offered".into()));
    // It is held: a party for which the table is made does not get it.
    let large = json!({"venue_id": "kedai", "party_size": 8, "start_time": "2026-12-24T19:00"});
    let refused = app.post("/api/reservations", &crate::app::booking(large)).await;
    assert_eq!(refused.problem(), (409, "no_table".into()));
    let accepted = app.post(&format!("/api/waitlist/{id}/accept"), &json!({})).await.json();
    assert_eq!(accepted["tables"][0]["table_id"], json!("B"));
    assert_eq!(offer(&app, &id, json!({})).await.problem(), (409, "offer_taken".into()));
}

#[tokio::test]
async fn a_party_at_the_door_is_offered_a_table_with_little_time_to_answer() {
    let app = house().await;
    app.clock.advance("2026-12-24T11:52:00Z".parse::<DateTime<Utc>>().unwrap() - start_of_time());
    // Eight minutes are too few for an offer by itself.
    let id =
        wait_for_two(&app, json!({"earliest_time": "2026-12-24T18:52", "latest_time": "2026-12-24T19:05"}))
            .await;
    assert_eq!(entry(&app, &id).await["status"], json!("WAITING"));
    let offered = offer(&app, &id, json!({})).await.json();
    assert_eq!(offered["offer"]["start_time"], json!("2026-12-24T19:00:00+07:00"));
    assert_eq!(offered["offer"]["expires_at"], json!("2026-12-24T12:00:00Z"));
    app.post(&format!("/api/waitlist/{id}/leave"), &json!({})).await;
    assert_eq!(offer(&app, &id, json!({})).await.problem(), (409, "left_waitlist".into()));
}

#[tokio::test]
async fn an_offer_by_hand_keeps_to_the_seats_the_hours_and_the_proof() {
    let app = house().await;
    let id = wait_for_two(
        &app,
        json!({"party_size": 6, "earliest_time": "2026-12-24T20:00", "latest_time": "2026-12-24T20:00"}),
    )
    .await;
    becomes(&app, &id, "OFFERED").await;
    app.post(&format!("/api/waitlist/{id}/decline"), &json!({})).await;
    let evening = json!({"venue_id": "kedai", "party_size": 8, "start_time": "2026-12-24T19:00"});
    app.book(evening).await;
    let id = wait_for_two(&app, json!({"party_size": 6})).await;
    assert_eq!(offer(&app, &id, json!({"table_id": "A"})).await.problem(), (409, "table_too_small".into()));
    let stale = Request::post(format!("/api/waitlist/{id}/offer"))
        .header("authorization", format!("Bearer {TOKEN}"))
        .header("if-match", "\"7\"")
        .body(Body::empty())
        .unwrap();
    assert_eq!(app.send(stale).await.status, StatusCode::PRECONDITION_FAILED);
    assert_eq!(
        offer(&app, "01939f3e-0000-7000-8000-0000000000ff", json!({})).await.status,
        StatusCode::NOT_FOUND
    );
}

#[test]
fn no_table_is_held_for_a_party_whose_contact_is_not_proved() {
    let joined = WaitlistJoined {
        venue_id: "kedai".parse().unwrap(),
        customer_id: "cust-1".parse().unwrap(),
        party_size: 2.try_into().unwrap(),
        acceptable: TimeWindow::starting(start_of_time(), 60),
        area: None,
        timezone: "Asia/Jakarta".into(),
        payment_channel: None,
        locale: Locale::Id,
        contact_digest: ConfidentialDigest::of(b"contact"),
        contact_proof: Some(ProofMethod::Link),
        quoted_minutes: None,
    };
    let occupancy = Occupancy::default();
    let by_hand = SeatingContext::managed_by_hand(&occupancy);
    let offered = |joined: &WaitlistJoined| {
        let at = RecordedAt { position: Position(7), time: start_of_time() };
        let entry = WaitlistEntry::begin(WaitlistId(Uuid::from_u128(1)), joined, at);
        offer_to(&entry, None, &by_hand, 15, start_of_time())
    };
    assert_eq!(offered(&joined), Err(Refusal::ContactUnproved));
    let proved = WaitlistJoined { contact_proof: None, ..joined };
    assert_eq!(offered(&proved), Err(Refusal::ManagedByHand));
}
