//! Requests about closures: what is refused, repeated, and compared.

use axum::http::StatusCode;
use reservation::domain::closure::CLOSURES_MAX;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::app::TestApp;
use crate::closures::{CLOSURES, act, close, path, try_to_close};

#[tokio::test]
async fn a_closure_without_sense_is_refused_with_all_its_faults() {
    let app = TestApp::with_houses().await;
    let wrong = json!({"from": "2026-11-30", "service": "Brunch", "areas": ["Atap"], "tables": ["X1"], "reason_code": ""});
    let answer = try_to_close(&app, wrong).await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    let faults = answer.faults();
    for field in ["from", "service", "areas", "tables", "reason_code"] {
        assert!(faults.iter().any(|fault| fault.contains(field)), "{field}: {faults:?}");
    }
    for to in ["2026-12-23", "2027-12-25"] {
        assert_eq!(
            try_to_close(&app, json!({"to": to})).await.status,
            StatusCode::UNPROCESSABLE_ENTITY,
            "{to}"
        );
    }
    let unknown = app.get(&format!("{CLOSURES}/{}", Uuid::from_u128(9))).await;
    assert_eq!(unknown.problem(), (404, "not_found".into()));
    let lift = app.post(&format!("{CLOSURES}/{}/lift", Uuid::from_u128(9)), &json!({})).await;
    assert_eq!(lift.problem(), (404, "not_found".into()));
    let nowhere = app
        .post("/api/venues/nowhere/closures", &json!({"from": "2026-12-24", "reason_code": "other"}))
        .await;
    assert_eq!(nowhere.problem(), (404, "not_found".into()));
    let by_hand = TestApp::start().await;
    let id = by_hand.app.venues.ids()[0].clone();
    let body = json!({"from": "2026-12-24", "reason_code": "holiday"});
    let refused = by_hand.post(&format!("/api/venues/{id}/closures"), &body).await;
    assert_eq!(refused.problem(), (409, "kept_by_hand".into()));
}

#[tokio::test]
async fn a_venue_has_a_limited_number_of_closures() {
    let app = TestApp::with_houses().await;
    let mut last = Value::Null;
    for _ in 0..CLOSURES_MAX {
        last = close(&app, json!({"tables": ["T1"]})).await;
    }
    assert_eq!(try_to_close(&app, json!({})).await.problem(), (409, "too_many_closures".into()));
    act(&app, &last, "lift").await;
    close(&app, json!({"tables": ["T1"]})).await;
}

#[tokio::test]
async fn commands_about_closures_are_repeatable_and_compare_the_version() {
    let app = TestApp::with_houses().await;
    let body = json!({"from": "2026-12-24", "reason_code": "holiday"});
    let key = [("idempotency-key", "close-1")];
    let first = app.post_with(CLOSURES, &body, &key).await;
    let again = app.post_with(CLOSURES, &body, &key).await;
    assert_eq!((first.json(), again.header("idempotent-replayed")), (again.json(), "true"));
    assert_eq!(first.header("location"), path(&first.json(), ""));
    let other = app.post_with(CLOSURES, &json!({"from": "2026-12-25", "reason_code": "holiday"}), &key).await;
    assert_eq!(other.problem(), (422, "idempotency_key_reused".into()));
    let lift = path(&first.json(), "/lift");
    let stale = app.post_with(&lift, &json!({}), &[("if-match", "\"7\"")]).await;
    assert_eq!(stale.problem(), (412, "version_mismatch".into()));
    let lifted = app
        .post_with(&lift, &json!({}), &[("if-match", first.header("etag")), ("idempotency-key", "l")])
        .await;
    assert_eq!(lifted.status, StatusCode::OK);
    let repeated = app.post_with(&lift, &json!({}), &[("idempotency-key", "l2")]).await;
    assert_eq!(repeated.json()["version"], lifted.json()["version"]);
}
