//! Personal data stays out of what is published and kept for ever.

use axum::body::Body;
use axum::http::{Request, StatusCode};
use serde_json::{Value, json};

use crate::app::{TestApp, booking};
use crate::corrections::patch;
use crate::keys::get_as;
use crate::venue_rules::put;
use crate::waitlist::joining;

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

#[tokio::test]
async fn faults_do_not_repeat_the_data_of_a_guest() {
    let app = TestApp::with_houses().await;
    let contact = |name: &str, phone: &str, email: &str| json!({"contact_info": {"name": name, "phone": phone, "email": email}});
    for (wrong, parts) in [
        (contact("Sari Wulandari", "0857 9988 78901234567", "sari@example.com"), &["9988", "Wulandari"][..]),
        (contact("Sari Wulandari", "0857 9988 7890", "sari.wulandari@"), &["wulandari", "9988"]),
        (contact("Sari evil-wulandari.com", "0812 3456 7890", "sari@example.com"), &["wulandari"]),
        (contact(&"Wulandari ".repeat(20), "0812 3456 7890", "sari@example.com"), &["Wulandari"]),
        (json!({"contact_info": "Wulandari 0857 9988"}), &["Wulandari", "9988"]),
        (json!({"fone": "0857 9988 7890"}), &["9988"]),
        (json!({"allergies": ["kacang wulandari"]}), &["wulandari"]),
        (json!({"special_requests": "wulandari ".repeat(60)}), &["wulandari"]),
        (json!({"customer_id": "wulandari@example.com"}), &["wulandari"]),
    ] {
        let refused = app.post("/api/reservations", &booking(wrong.clone())).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{wrong}");
        let text = refused.text();
        let found = parts.iter().find(|part| text.to_lowercase().contains(&part.to_lowercase()));
        assert_eq!(found, None, "{text}");
    }
    let searched = app.get(&format!("/api/reservations?q={}", "wulandari".repeat(30))).await;
    assert!(searched.status == StatusCode::UNPROCESSABLE_ENTITY && !searched.text().contains("wulandari"));
}

#[tokio::test]
async fn lists_show_the_first_name_and_an_initial_and_no_allergies() {
    let app = TestApp::with_houses().await;
    let id = app.book(json!({"allergies": "kacang", "party_size": 2})).await;
    let listed = |answer: &Value| answer["items"][0].clone();
    for path in ["/api/reservations", "/api/reservations?q=sari"] {
        let item = listed(&app.get(path).await.json());
        assert_eq!(item["contact_name"], "Sari W.", "{path}");
        assert_eq!((&item["allergies"], &item["has_allergies"]), (&Value::Null, &json!(true)), "{path}");
    }
    let one = app.get(&format!("/api/reservations/{id}")).await.json();
    assert_eq!((&one["contact_name"], &one["allergies"]), (&json!("Sari Wulandari"), &json!("kacang")));
    for media_type in ["text/csv", "text/calendar"] {
        let request = Request::get("/api/reservations").header("accept", media_type);
        let text = app.send(request.body(Body::empty()).unwrap()).await.text();
        assert!(
            text.contains("Sari W.") && !text.contains("Wulandari") && !text.contains("kacang"),
            "{text}"
        );
    }
    crate::waitlist::join(&app, json!({})).await;
    let waiting = listed(&app.get("/api/waitlist").await.json());
    assert_eq!(waiting["contact_name"], "Sari W.");
}

#[tokio::test]
async fn the_reference_of_a_provider_is_not_in_lists() {
    let app = TestApp::with_houses().await;
    let id = app.book(json!({"party_size": 6})).await;
    let deposit = app.get(&format!("/api/reservations/{id}")).await.json()["deposit"].clone();
    let paid = json!({"payment_id": deposit["payment_id"], "outcome": "completed", "amount_minor": deposit["amount_minor"],
        "currency": "IDR", "channel": "qris", "provider_reference": "sim_secret"});
    let path = format!("/api/reservations/{id}/payment-results");
    assert_eq!(app.service_post(&path, &paid).await.status, StatusCode::OK);
    assert!(!app.get("/api/reservations").await.text().contains("sim_secret"));
    assert!(app.get(&format!("/api/reservations/{id}")).await.text().contains("sim_secret"));
}

#[tokio::test]
async fn a_guest_downloads_what_is_held_and_nothing_of_others() {
    let app = TestApp::with_houses().await;
    let id = app.book(json!({"allergies": "kacang", "party_size": 2})).await;
    patch(&app, &id, json!({"staff_notes": "suka meja jendela", "tags": ["vip"]}), &[]).await;
    let path = format!("/api/reservations/{id}/personal-data");
    let link = format!("Bearer {}", app.guest_link(&id).await);
    let get = async |path: &str| {
        let request = Request::get(path).header("authorization", &link).body(Body::empty()).unwrap();
        app.send_as_is(request).await
    };
    let held = get(&path).await;
    assert!(held.header("content-disposition").contains("attachment"));
    let held = held.json();
    assert_eq!((&held["phone"], &held["email"]), (&json!("+6281234567890"), &json!("sari@example.com")));
    let reservation = &held["reservation"];
    assert_eq!(
        (&reservation["contact_name"], &reservation["allergies"], &reservation["staff_notes"]),
        (&json!("Sari Wulandari"), &json!("kacang"), &json!("suka meja jendela"))
    );
    assert!(held["events"].as_array().unwrap().len() > 1, "{held}");
    let other = app.book(json!({"start_time": "2026-12-26T19:30"})).await;
    let foreign = get(&format!("/api/reservations/{other}/personal-data")).await;
    assert_eq!(foreign.status, StatusCode::NOT_FOUND);
    assert_eq!(app.anonymous_get(&path).await.status, StatusCode::UNAUTHORIZED);
    let erase = Request::delete(format!("/api/reservations/{id}/contact")).body(Body::empty()).unwrap();
    assert_eq!(app.send(erase).await.status, StatusCode::OK);
    let held = get(&path).await.json();
    assert_eq!((&held["phone"], &held["reservation"]["contact_name"]), (&Value::Null, &Value::Null));
    assert!(!held.to_string().contains("kacang") && !held.to_string().contains("jendela"), "{held}");
}

#[tokio::test]
async fn a_waiting_guest_downloads_what_is_held_until_it_is_forgotten() {
    let app = TestApp::with_houses().await;
    let body = joining(json!({}));
    let joined = app.post("/api/waitlist", &body).await.json();
    let path = format!("/api/waitlist/{}", joined["waitlist_id"].as_str().unwrap());
    let link = joined["guest_link"]["token"].as_str().unwrap();
    let file = format!("{path}/personal-data");
    let held = get_as(&app, link, &file).await;
    assert!(held.header("content-disposition").contains("attachment"));
    let (held, contact) = (held.json(), &body["contact_info"]);
    let shown = (&held["phone"], &held["email"], &held["entry"]["contact_name"]);
    assert_eq!(shown, (&contact["phone"], &contact["email"], &contact["name"]), "{held}");
    let first = &held["events"][0]["note"];
    assert_eq!(first, "Masuk daftar tunggu untuk 4 orang, mulai 2026-12-24T19:00:00+07:00");
    assert_eq!(app.anonymous_get(&file).await.status, StatusCode::UNAUTHORIZED);
    app.post(&format!("{path}/leave"), &json!({})).await;
    let held = get_as(&app, link, &file).await.json();
    assert_eq!((&held["phone"], &held["entry"]["contact_name"]), (&Value::Null, &Value::Null));
    let last = &held["events"].as_array().unwrap().last().unwrap()["note"];
    assert_eq!(last, "Keluar dari daftar tunggu: gave_up");
    assert!(!held.to_string().contains("Sari"), "{held}");
}
