//! Erasing everything about a guest, erasing what was kept for long enough, and recording who reads.

use axum::http::StatusCode;
use chrono::TimeDelta;
use serde_json::{Value, json};

use crate::app::{Answer, TestApp};
use crate::corrections::patch;
use crate::keys::{create, get_as};
use crate::search::complete;
use crate::venue_rules::put;
use crate::waitlist::join;

/// The contact of a guest with phone number `phone` and address `email`.
fn contact(phone: u32, email: &str) -> Value {
    json!({"name": "Sari", "phone": format!("+62 812 3456 {phone:04}"), "email": email})
}

async fn book(app: &TestApp, contact: &Value, start: &str) -> String {
    app.book(json!({"contact_info": contact, "start_time": start, "party_size": 2})).await
}

async fn has_contact(app: &TestApp, id: &str) -> bool {
    app.get(&format!("/api/reservations/{id}/contact")).await.status == StatusCode::OK
}

async fn erase(app: &TestApp, body: Value) -> Answer {
    app.post("/api/erasures", &body).await
}

#[tokio::test]
async fn everything_about_a_guest_is_erased_and_nothing_of_others() {
    let app = TestApp::with_houses().await;
    complete(&app).await;
    let mine = contact(1, "sari@example.com");
    let upcoming = book(&app, &mine, "2026-12-05T18:00").await;
    let cancelled = book(&app, &contact(1, "other@example.com"), "2026-12-06T18:00").await;
    let words = json!({"reason_code": "guest_request", "description": "Nenek sakit"});
    app.command(&cancelled, "cancel", words).await;
    // By the same address, in capitals, with another number.
    let by_mail = book(&app, &contact(2, "SARI@example.com"), "2026-12-07T18:00").await;
    let corrected = book(&app, &contact(3, "third@example.com"), "2026-12-08T18:00").await;
    patch(&app, &corrected, json!({"contact_info": {"phone": "+62 812 3456 0001"}}), &[]).await;
    let other = book(&app, &contact(10, "sari@example.org"), "2026-12-05T18:00").await;
    let waiting = json!({"customer_id": "c", "contact_info": mine, "party_size": 2, "venue_id": "bandung-dago",
        "earliest_time": "2026-12-09T18:00", "latest_time": "2026-12-09T19:00"});
    let waiting = app.post("/api/waitlist", &waiting).await.json()["waitlist_id"].clone();

    for (body, fault) in [
        (json!({}), "body.phone:value_error"),
        (json!({"phone": "call me"}), "body.phone:value_error"),
        (json!({"email": "not-an-address"}), "body.email:value_error"),
    ] {
        assert_eq!(erase(&app, body).await.faults(), [fault]);
    }
    let erased = erase(&app, json!({"phone": "0812 3456 0001", "email": "sari@example.com"})).await.json();
    let mut ids: Vec<_> = erased["reservation_ids"].as_array().unwrap().clone();
    ids.sort_by_key(Value::to_string);
    assert_eq!(Value::from(ids), json!([upcoming, cancelled, by_mail, corrected]), "{erased}");
    assert_eq!((&erased["waitlist_ids"], &erased["complete"]), (&json!([waiting]), &json!(true)));
    for id in [&upcoming, &cancelled, &by_mail, &corrected] {
        assert!(!has_contact(&app, id).await, "{id}");
        let history = app.get(&format!("/api/reservations/{id}/history")).await.json();
        let note = history["entries"].as_array().unwrap().last().unwrap()["note"].clone();
        assert_eq!(note, "Personal data erased: guest_request");
    }
    let detail = app.get(&format!("/api/reservations/{cancelled}")).await.json();
    assert_eq!(detail["cancellation"]["description"], Value::Null);
    let entry = app.get(&format!("/api/waitlist/{}", waiting.as_str().unwrap())).await.json();
    assert_eq!((&entry["left_because"], &entry["contact_name"]), (&json!("contact_erased"), &Value::Null));
    assert!(has_contact(&app, &other).await);
    // Nothing is left, and a repetition finds nothing.
    let again = erase(&app, json!({"phone": "0812 3456 0001", "email": "sari@example.com"})).await.json();
    assert_eq!(again, json!({"reservation_ids": [], "waitlist_ids": [], "complete": true}));
    assert_eq!(app.get("/api/reservations?q=sari@example.com").await.json()["items"], json!([]));
}

#[tokio::test]
async fn a_key_for_one_venue_erases_nothing_at_another() {
    let app = TestApp::with_houses().await;
    complete(&app).await;
    let guest = contact(1, "sari@example.com");
    let bandung = book(&app, &guest, "2026-12-05T18:00").await;
    let rome = json!({"contact_info": guest, "start_time": "2026-12-05T20:00", "venue_id": "roma-trastevere", "party_size": 2});
    let rome = app.book(rome).await;
    let (key, _) = create(&app, &["contact", "read"], json!(["roma-trastevere"])).await;
    let headers = [("authorization", format!("Bearer {key}"))];
    let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let erased = app.post_with("/api/erasures", &json!({"email": "sari@example.com"}), &headers).await;
    assert_eq!(erased.json()["reservation_ids"], json!([rome]), "{}", erased.text());
    assert!(has_contact(&app, &bandung).await && !has_contact(&app, &rome).await);
}

#[tokio::test]
async fn data_is_erased_when_its_time_is_over() {
    let app = TestApp::with_houses().await;
    let mut rules = app.get("/api/venues/bandung-dago/rules").await.json();
    rules["retention_days"] = json!(30);
    assert_eq!(put(&app, "/api/venues/bandung-dago/rules", &rules, None).await.status, StatusCode::OK);
    let (first, later) = (
        book(&app, &contact(1, "a@example.com"), "2026-12-05T18:00").await,
        book(&app, &contact(2, "b@example.com"), "2026-12-06T18:00").await,
    );
    let rome = json!({"contact_info": contact(3, "c@example.com"), "start_time": "2026-12-05T20:00",
        "venue_id": "roma-trastevere", "party_size": 2});
    let rome = app.book(rome).await;
    let end: chrono::DateTime<chrono::Utc> = "2026-12-05T12:15:00Z".parse().unwrap();
    app.clock.advance(end + TimeDelta::days(30) - app.app.env.now());
    reservation::workers::retention::erase_all(&app.app).await;
    assert!(has_contact(&app, &first).await, "the last moment counts");
    app.clock.advance(TimeDelta::seconds(1));
    reservation::workers::retention::erase_all(&app.app).await;
    assert!(!has_contact(&app, &first).await);
    assert!(has_contact(&app, &later).await && has_contact(&app, &rome).await);
    let recorded = app.recorded();
    reservation::workers::retention::erase_all(&app.app).await;
    assert_eq!(app.recorded(), recorded, "once");
}

#[tokio::test]
async fn the_audit_trail_says_who_read_personal_data_once_a_day() {
    let app = TestApp::with_houses().await;
    let id = book(&app, &contact(1, "sari@example.com"), "2026-12-05T18:00").await;
    let (key, key_id) = create(&app, &["contact", "read", "audit"], Value::Null).await;
    let detail = format!("/api/reservations/{id}");
    let readings = async || {
        let history = app.get(&format!("{detail}/history")).await.json();
        let entries = history["entries"].as_array().unwrap().clone();
        entries.into_iter().filter(|entry| entry["note"] == "The personal data was read").collect::<Vec<_>>()
    };
    let version = get_as(&app, &key, &detail).await.json()["version"].clone();
    for path in [detail.clone(), format!("{detail}/contact"), format!("{detail}/personal-data")] {
        assert_eq!(get_as(&app, &key, &path).await.status, StatusCode::OK, "{path}");
    }
    let read = readings().await;
    assert_eq!(read.len(), 1, "{read:?}");
    assert_eq!(read[0]["who"]["id"], json!(format!("key:{key_id}")));
    assert_eq!(get_as(&app, &key, &detail).await.json()["version"], version, "reading changes nothing");
    // Lists show no contact, and a guest reads the own data.
    get_as(&app, &key, "/api/reservations").await;
    let link = app.guest_link(&id).await;
    assert_eq!(get_as(&app, &link, &detail).await.status, StatusCode::OK);
    assert_eq!(readings().await.len(), 1);
    app.clock.advance(TimeDelta::days(1));
    get_as(&app, &key, &detail).await;
    assert_eq!(readings().await.len(), 2);
    // After the erasure nothing is read.
    app.service_post("/api/erasures", &json!({"email": "sari@example.com"})).await;
    app.clock.advance(TimeDelta::days(1));
    get_as(&app, &key, &detail).await;
    assert_eq!(readings().await.len(), 2);
}

#[tokio::test]
async fn the_log_says_who_read_the_data_of_a_waiting_party() {
    let app = TestApp::with_houses().await;
    let (key, key_id) = create(&app, &["contact", "read", "feed"], Value::Null).await;
    let entry = format!("/api/waitlist/{}", join(&app, json!({})).await);
    let readings = async || {
        let feed = app.get("/events?type=meja.contact.read.v1").await.json();
        feed.as_array().unwrap().clone()
    };
    app.get("/api/waitlist").await;
    assert!(readings().await.is_empty(), "a list shows no contact");
    for path in [entry.clone(), format!("{entry}/contact"), format!("{entry}/personal-data")] {
        assert_eq!(get_as(&app, &key, &path).await.status, StatusCode::OK, "{path}");
    }
    let read = readings().await;
    assert_eq!(read.len(), 1, "{read:?}");
    let (who, subject) = (&read[0]["authid"], read[0]["subject"].as_str().unwrap());
    assert_eq!(who, &json!(format!("key:{key_id}")));
    assert_eq!(format!("/api/{subject}"), entry);
}

#[tokio::test]
async fn the_answer_to_a_command_is_a_reading_unless_the_log_names_its_caller_anyway() {
    let app = TestApp::with_houses().await;
    let id = book(&app, &contact(1, "sari@example.com"), "2026-12-05T18:00").await;
    let (key, _) = create(&app, &["manage", "floor", "read"], Value::Null).await;
    let readings = async || {
        let history = app.get(&format!("/api/reservations/{id}/history")).await.json();
        let notes = history["entries"].as_array().unwrap().iter().map(|entry| entry["note"].clone());
        notes.filter(|note| note == "The personal data was read").count()
    };
    let post = async |command: &str, body: &Value| {
        let path = format!("/api/reservations/{id}/{command}");
        let answer = app.post_with(&path, body, &[("authorization", &format!("Bearer {key}"))]).await;
        assert_eq!(answer.json()["contact_name"], "Sari", "{}", answer.text());
    };
    post("party-size", &json!({"party_size": 3})).await;
    assert_eq!(readings().await, 0, "the change has a caller");
    post("party-size", &json!({"party_size": 3})).await;
    assert_eq!(readings().await, 1);
    post("party-size", &json!({"party_size": 3})).await;
    assert_eq!(readings().await, 1);
}

#[tokio::test]
async fn commands_that_need_the_guest_are_over_after_the_erasure() {
    let app = TestApp::with_houses().await;
    let asked = book(&app, &contact(1, "sari@example.com"), "2026-12-05T18:00").await;
    let cancelled = book(&app, &contact(2, "sari@example.com"), "2026-12-06T18:00").await;
    app.command(&asked, "confirm", json!({})).await;
    app.command(&cancelled, "cancel", json!({"reason_code": "guest_request"})).await;
    assert_eq!(erase(&app, json!({"email": "sari@example.com"})).await.status, StatusCode::OK);
    let undo = json!({"change": "cancellation", "reason_code": "wrong_booking"});
    for (id, command, body) in [(&asked, "ask", json!({})), (&cancelled, "undo", undo)] {
        let over = app.command(id, command, body).await;
        assert_eq!(over.problem(), (410, "contact_erased".into()), "{command}");
    }
}
