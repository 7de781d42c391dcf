//! Personal data stays out of what is published and kept for ever.

use axum::http::StatusCode;
use serde_json::json;

use crate::app::{TestApp, booking};
use crate::corrections::patch;
use crate::venue_rules::put;

#[tokio::test]
async fn what_events_contain_has_no_room_for_the_data_of_a_guest() {
    let app = TestApp::with_houses().await;
    for customer in ["sari@example.com", "+6281234567890"] {
        let refused = app.post("/api/reservations", &booking(json!({"customer_id": customer}))).await;
        assert_eq!(refused.faults(), ["body.customer_id:string_pattern_mismatch"]);
    }
    let created = app.post("/api/reservations", &booking(json!({}))).await.json();
    let id = created["reservation_id"].as_str().unwrap();
    for (command, body, field) in [
        ("cancel", json!({"reason_code": "sari"}), "reason_code"),
        ("cancel", json!({"reason_code": "0812"}), "reason_code"),
        ("undo", json!({"change": "check_in", "reason_code": "budi_santoso"}), "reason_code"),
        ("assign-table", json!({"table_id": "X", "capacity": 2, "area": "sari@example.com"}), "area"),
        ("assign-table", json!({"table_id": "Sari 081234", "capacity": 2, "area": "Trotoar"}), "table_id"),
        ("assign-table", json!({"table_id": "D1", "area": "Sari"}), "area"),
        ("party-size", json!({"party_size": 3, "override": {"reason_code": "sari"}}), "override.reason_code"),
    ] {
        let refused = app.command(id, command, body.clone()).await;
        let fault = refused.faults().concat();
        assert!(fault.starts_with(&format!("body.{field}:")), "{body}: {fault}");
    }
    for tag in ["0812", "sari@example.com", "VIP", "very important"] {
        let refused = patch(&app, id, json!({"tags": [tag]}), &[]).await;
        assert_eq!(refused.faults(), ["body.tags.0:value_error"], "{tag}");
    }
}

#[test]
fn the_documentation_lists_the_reasons() {
    let docs = include_str!("../../../docs/api-reservation.md");
    for (code, meaning) in contract::values::REASONS {
        let line = format!("| `{code}` | {meaning} |\n");
        assert!(docs.contains(&line), "docs/api-reservation.md misses the line {line}");
    }
}

#[tokio::test]
async fn the_rules_of_a_venue_can_add_reasons() {
    let app = TestApp::with_houses().await;
    let path = "/api/venues/bandung-dago/rules";
    let mut rules = app.get(path).await.json();
    let created = app.post("/api/reservations", &booking(json!({}))).await.json();
    let id = created["reservation_id"].as_str().unwrap();
    let cancel = json!({"reason_code": "arisan_postponed"});
    let refused = app.command(id, "cancel", cancel.clone()).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    let text = refused.text();
    assert!(text.contains("guest_request") && text.contains("reason_codes"), "{text}");
    rules["reason_codes"] = json!(["Arisan postponed"]);
    assert_eq!(put(&app, path, &rules, None).await.faults(), ["body.reason_codes.0:value_error"]);
    rules["reason_codes"] = json!(["arisan_postponed"]);
    let changed = put(&app, path, &rules, None).await;
    assert!(changed.status.is_success(), "{}", changed.text());
    let cancelled = app.command(id, "cancel", cancel).await;
    assert_eq!(cancelled.json()["cancellation"]["reason_code"], "arisan_postponed", "{}", cancelled.text());
}
