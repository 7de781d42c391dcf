//! Tables are assigned only once, in every interleaving.

use std::sync::Arc;

use axum::http::StatusCode;
use chassis::environment::ManualEnvironment;
use events::store::sled::{self, Options};
use serde_json::json;

use crate::app::{TestApp, start_of_time};

#[tokio::test]
async fn a_table_of_the_venue_is_assigned_by_name_and_any_other_needs_all_fields() {
    let app = TestApp::start().await;
    let id = app.book(json!({})).await;
    let answer = app.command(&id, "assign-table", json!({"table_id": "T3"})).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    let body = answer.json();
    assert_eq!(body["table_area"], "Teras");
    assert_eq!(body["tables"][0]["capacity"], 4);
    let answer = app.command(&id, "assign-table", json!({"table_id": "X9"})).await;
    assert_eq!(answer.faults(), ["body.area:value_error", "body.capacity:value_error"]);
    let answer =
        app.command(&id, "assign-table", json!({"table_id": "X9", "capacity": 4, "area": "Trotoar"})).await;
    assert_eq!(answer.json()["table_area"], "Trotoar");
    assert_eq!(
        app.command(&id, "assign-table", json!({"table_id": "a/b"})).await.faults(),
        ["body.table_id:string_pattern_mismatch"]
    );
}

#[tokio::test]
async fn a_refusal_of_a_taken_table_lists_free_tables() {
    let app = TestApp::start().await;
    let (one, two) = (app.book(json!({})).await, app.book(json!({"start_time": "2026-12-24T20:30"})).await);
    app.command(&one, "assign-table", json!({"table_id": "T3"})).await;
    let refused = app.command(&two, "assign-table", json!({"table_id": "T3"})).await;
    assert_eq!(refused.problem(), (409, "table_taken".into()));
    let alternatives = refused.json()["alternatives"].clone();
    let names: Vec<_> =
        alternatives.as_array().unwrap().iter().map(|a| a["table_id"].as_str().unwrap()).collect();
    assert_eq!(names, ["T4", "D2", "D3"]);
    // An alternative can be booked.
    assert_eq!(app.command(&two, "assign-table", json!({"table_id": names[0]})).await.status, StatusCode::OK);
    // A released table can be booked too.
    app.command(&one, "cancel", json!({"reason_code": "other"})).await;
    assert_eq!(app.command(&two, "assign-table", json!({"table_id": "T3"})).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_visit_past_midnight_keeps_its_table_on_both_days() {
    let app = TestApp::start().await;
    // 23:00 in Jakarta is 16:00 UTC; 06:30 is 23:30 UTC, and the visit ends on the next UTC day.
    let one = app.book(json!({"start_time": "2026-12-24T06:30", "duration_minutes": 60})).await;
    let two = app.book(json!({"start_time": "2026-12-24T07:15", "duration_minutes": 60})).await;
    app.command(&one, "assign-table", json!({"table_id": "T3"})).await;
    assert_eq!(
        app.command(&two, "assign-table", json!({"table_id": "T3"})).await.problem(),
        (409, "table_taken".into())
    );
    let answer = app.command(&two, "reschedule", json!({"start_time": "2026-12-24T07:30"})).await;
    assert_eq!(answer.json()["end_time"], "2026-12-24T08:30:00+07:00", "the duration is unchanged");
    assert_eq!(app.command(&two, "assign-table", json!({"table_id": "T3"})).await.status, StatusCode::OK);
    let back = app.command(&two, "reschedule", json!({"start_time": "2026-12-24T07:00"})).await;
    assert_eq!(back.problem(), (409, "table_taken".into()));
}

#[tokio::test]
async fn of_two_hundred_concurrent_requests_for_one_table_one_succeeds() {
    let dir = tempfile::tempdir().unwrap();
    let store = sled::open(&Options { reserve_bytes: 0, ..Options::new(dir.path(), "reservation") }).unwrap();
    let app = Arc::new(TestApp::on(Arc::new(store), ManualEnvironment::at(start_of_time())).await);
    let mut ids = Vec::new();
    for _ in 0..200 {
        ids.push(app.book(json!({})).await);
    }
    let claims = ids.iter().cloned().map(|id| {
        let app = Arc::clone(&app);
        tokio::spawn(async move { app.command(&id, "assign-table", json!({"table_id": "T3"})).await })
    });
    let answers = futures::future::join_all(claims.collect::<Vec<_>>()).await;
    let (won, lost): (Vec<_>, Vec<_>) =
        answers.into_iter().map(|a| a.unwrap()).partition(|a| a.status == StatusCode::OK);
    assert_eq!(won.len(), 1);
    for answer in lost {
        assert_eq!(answer.problem(), (409, "table_taken".into()));
        assert!(!answer.json()["alternatives"].as_array().unwrap().is_empty());
    }
}
