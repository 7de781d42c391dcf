//! Booking through the router, as a client sees it: limits, faults, keys, versions.

use axum::body::Body;
use axum::http::{Request, StatusCode};
use chrono::TimeDelta;
use serde_json::{Value, json};

use crate::app::{TOKEN, TestApp, booking};

#[tokio::test]
async fn a_booking_is_answered_as_documented() {
    let app = TestApp::start().await;
    let answer = app.post("/api/reservations", &booking(json!({"special_requests": "Kursi bayi"}))).await;
    assert_eq!(answer.status, StatusCode::OK);
    let body = answer.json();
    assert_eq!(answer.header("etag"), "\"1\"");
    assert_eq!(
        answer.header("location"),
        format!("/api/reservations/{}", body["reservation_id"].as_str().unwrap())
    );
    assert!(!answer.header("x-request-id").is_empty());
    for (field, expected) in [
        ("customer_id", json!("cust-42")),
        ("status", json!("PENDING")),
        ("start_time", json!("2026-12-24T19:30:00+07:00")),
        ("end_time", json!("2026-12-24T21:00:00+07:00")),
        ("contact_name", json!("Sari Wulandari")),
        ("table_area", Value::Null),
        ("party_size", json!(4)),
        ("venue_id", json!("bandung-dago")),
        ("special_requests", json!("Kursi bayi")),
        ("tables", json!([])),
        ("version", json!(1)),
    ] {
        assert_eq!(body[field], expected, "{field}");
    }
    assert_eq!(body["guest_link"]["expires_at"], "2026-12-25T14:00:00Z", "a day after the visit");
    let read = app.get(answer.header("location")).await.json();
    let link_apart: Vec<_> =
        body.as_object().unwrap().iter().filter(|(name, _)| *name != "guest_link").collect();
    assert_eq!(link_apart, read.as_object().unwrap().iter().collect::<Vec<_>>());
}

#[tokio::test]
async fn defaults_are_two_guests_and_ninety_minutes() {
    let app = TestApp::start().await;
    let body = app.post("/api/reservations", &booking(json!({"party_size": null}))).await.json();
    assert_eq!(body["party_size"], 2);
    assert_eq!(body["end_time"], "2026-12-24T21:00:00+07:00");
}

#[tokio::test]
async fn all_faults_of_a_booking_are_reported_at_once() {
    let app = TestApp::start().await;
    let answer = app
        .post(
            "/api/reservations",
            &json!({
                "customer_id": "", "contact_info": {"name": "x".repeat(121), "phone": "call me", "email": "sari@", "fax": "1"},
                "start_time": "2026-11-30T19:30", "duration_minutes": 14, "party_size": 0, "payment_channel": "shells",
                "special_requests": 7, "locale": "tlh", "tabel": "T1",
            }),
        )
        .await;
    assert_eq!(
        answer.faults(),
        [
            "body.contact_info.email:value_error",
            "body.contact_info.fax:extra_forbidden",
            "body.contact_info.name:string_too_long",
            "body.contact_info.phone:value_error",
            "body.customer_id:string_too_short",
            "body.duration_minutes:greater_than_equal",
            "body.locale:string_pattern_mismatch",
            "body.party_size:greater_than_equal",
            "body.payment_channel:value_error",
            "body.special_requests:string_type",
            "body.start_time:value_error",
            "body.tabel:extra_forbidden",
        ]
    );
    assert_eq!(app.recorded(), 0, "nothing was written");
}

#[tokio::test]
async fn each_limit_holds_on_both_sides() {
    let app = TestApp::start().await;
    let cases = [
        (json!({"customer_id": "x".repeat(64)}), None),
        (json!({"customer_id": "x".repeat(65)}), Some("body.customer_id:string_too_long")),
        (json!({"customer_id": null}), Some("body.customer_id:missing")),
        (json!({"contact_info": null}), Some("body.contact_info:missing")),
        (json!({"contact_info": "Sari"}), Some("body.contact_info:dict_type")),
        (json!({"duration_minutes": 15}), None),
        (json!({"duration_minutes": 480}), None),
        (json!({"duration_minutes": 481}), Some("body.duration_minutes:less_than_equal")),
        (json!({"duration_minutes": 90.5}), Some("body.duration_minutes:int_type")),
        (json!({"party_size": 50}), None),
        (json!({"party_size": 51}), Some("body.party_size:less_than_equal")),
        (json!({"party_size": "4"}), Some("body.party_size:int_type")),
        (json!({"start_time": "2026-12-01T16:00"}), None),
        (json!({"start_time": "2026-12-01T15:59:59"}), Some("body.start_time:value_error")),
        (json!({"start_time": "2027-12-01T09:00:00Z"}), None),
        (json!({"start_time": "2027-12-01T09:00:01Z"}), Some("body.start_time:value_error")),
        (json!({"start_time": "tomorrow"}), Some("body.start_time:datetime_parsing")),
        (json!({"start_time": null}), Some("body.start_time:missing")),
        (json!({"venue_id": "roma-trastevere"}), None),
        (json!({"venue_id": "atlantis"}), Some("body.venue_id:value_error")),
        (json!({"special_requests": "x".repeat(500)}), None),
        (json!({"special_requests": "x".repeat(501)}), Some("body.special_requests:string_too_long")),
        (json!({"payment_channel": "qris"}), None),
    ];
    for (changes, fault) in cases {
        let answer = app.post("/api/reservations", &booking(changes.clone())).await;
        match fault {
            None => assert_eq!(answer.status, StatusCode::OK, "{changes}: {}", answer.text()),
            Some(fault) => assert_eq!(answer.faults(), [fault], "{changes}"),
        }
    }
}

#[tokio::test]
async fn a_local_time_is_in_the_venues_time_zone_and_must_be_unambiguous() {
    let app = TestApp::start().await;
    // Rome puts its clocks forward on 28 March 2027 at 02:00 and back on 31 October at 03:00.
    let at = |time: &str| booking(json!({"venue_id": "roma-trastevere", "start_time": time}));
    let gap = app.post("/api/reservations", &at("2027-03-28T02:30")).await;
    assert_eq!(gap.faults(), ["body.start_time:value_error"]);
    assert!(gap.text().contains("does not exist in Europe/Rome"), "{}", gap.text());
    let fold = app.post("/api/reservations", &at("2027-10-31T02:30")).await;
    assert!(
        fold.text().contains("2027-10-31T02:30:00+02:00")
            && fold.text().contains("2027-10-31T02:30:00+01:00"),
        "{}",
        fold.text()
    );
    for (given, shown) in [
        ("2027-10-31T02:30:00+01:00", "2027-10-31T02:30:00+01:00"),
        ("2027-03-28T01:30", "2027-03-28T01:30:00+01:00"),
        ("2027-07-01T19:30", "2027-07-01T19:30:00+02:00"),
        ("2027-07-01T17:30:00Z", "2027-07-01T19:30:00+02:00"),
    ] {
        assert_eq!(app.post("/api/reservations", &at(given)).await.json()["start_time"], shown);
    }
    // The visit has the same duration across the change of the offset.
    let body = app.post("/api/reservations", &at("2027-03-28T01:30")).await.json();
    assert_eq!(body["end_time"], "2027-03-28T04:00:00+02:00");
}

#[tokio::test]
async fn a_phone_number_is_kept_as_e164_of_its_country() {
    let app = TestApp::start().await;
    for (venue, given, kept) in [
        ("bandung-dago", "0812-3456-7890", "+6281234567890"),
        ("bandung-dago", "+39 06 698 4500", "+39066984500"),
        ("roma-trastevere", "06 698 4500", "+39066984500"),
        ("roma-trastevere", "+62 (812) 3456.7890", "+6281234567890"),
    ] {
        let contact = json!({"name": "S", "phone": given, "email": "s@example.com"});
        let id = app.book(json!({"venue_id": venue, "contact_info": contact})).await;
        let request = Request::get(format!("/api/reservations/{id}/contact"))
            .header("authorization", format!("Bearer {TOKEN}"));
        let contact = app.send(request.body(Body::empty()).unwrap()).await.json();
        assert_eq!(contact["phone"], kept, "{given}");
    }
}

#[tokio::test]
async fn bodies_that_are_not_a_json_object_get_different_errors() {
    let app = TestApp::start().await;
    let send = |content_type: &'static str, body: Vec<u8>| {
        let request = Request::post("/api/reservations")
            .header("content-type", content_type)
            .body(Body::from(body))
            .unwrap();
        app.send(request)
    };
    assert_eq!(send("application/json", b"{\"a\":".to_vec()).await.problem(), (400, "malformed_json".into()));
    assert_eq!(send("application/json", vec![0xff, 0xfe]).await.problem(), (400, "malformed_json".into()));
    assert_eq!(send("application/json", b"[]".to_vec()).await.faults(), ["body:dict_type"]);
    assert_eq!(send("text/plain", b"{}".to_vec()).await.problem(), (415, "unsupported_media_type".into()));
    assert_eq!(
        send("application/json", vec![b' '; 65 * 1024]).await.problem(),
        (413, "body_too_large".into())
    );
    assert_eq!(
        send("application/json", vec![]).await.faults(),
        ["body.contact_info:missing", "body.customer_id:missing", "body.start_time:missing"]
    );
}

#[tokio::test]
async fn unknown_paths_ids_and_methods_are_problems_too() {
    let app = TestApp::start().await;
    let unknown = "/api/reservations/01939f3e-7b2a-7c3d-9e4f-5a6b7c8d9e0f";
    assert_eq!(app.get(unknown).await.problem(), (404, "not_found".into()));
    assert!(app.get(unknown).await.json()["detail"].is_string());
    assert_eq!(app.get(&format!("{unknown}/history")).await.problem(), (404, "not_found".into()));
    assert_eq!(
        app.post(&format!("{unknown}/confirm"), &json!({})).await.problem(),
        (404, "not_found".into())
    );
    assert_eq!(app.get("/api/reservations/42").await.faults(), ["path.reservation_id:uuid_parsing"]);
    assert_eq!(app.get("/nowhere").await.problem(), (404, "not_found".into()));
    assert_eq!(app.post("/events", &json!({})).await.problem(), (405, "method_not_allowed".into()));
}

#[tokio::test]
async fn a_repeated_request_gets_the_first_answer() {
    let app = TestApp::start().await;
    let key = [("idempotency-key", "k-1")];
    let first = app.post_with("/api/reservations", &booking(json!({})), &key).await;
    app.clock.advance(TimeDelta::hours(1));
    let id = first.json()["reservation_id"].as_str().unwrap().to_owned();
    app.command(&id, "confirm", json!({})).await;
    let again = app.post_with("/api/reservations", &booking(json!({})), &key).await;
    assert_eq!((again.status, &again.bytes), (first.status, &first.bytes), "the response is the first one");
    assert_eq!(again.header("etag"), first.header("etag"));
    assert_eq!(again.header("idempotent-replayed"), "true");
    assert_eq!(first.header("idempotent-replayed"), "");
    let other = app.post_with("/api/reservations", &booking(json!({"party_size": 3})), &key).await;
    assert_eq!(other.problem(), (422, "idempotency_key_reused".into()));
    let elsewhere =
        app.post_with(&format!("/api/reservations/{id}/confirm"), &booking(json!({})), &key).await;
    assert_eq!(elsewhere.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(app.recorded(), 2);
    let long = "k".repeat(129);
    let answer = app.post_with("/api/reservations", &booking(json!({})), &[("idempotency-key", &long)]).await;
    assert_eq!(answer.faults(), ["header.Idempotency-Key:value_error"]);
}

#[tokio::test]
async fn a_key_used_by_many_at_once_counts_once() {
    let app = TestApp::start().await;
    let body = booking(json!({}));
    let key = [("idempotency-key", "k-2")];
    let answers =
        futures::future::join_all((0..32).map(|_| app.post_with("/api/reservations", &body, &key))).await;
    assert!(answers.iter().all(|answer| answer.status == StatusCode::OK && answer.bytes == answers[0].bytes));
    assert_eq!(app.recorded(), 1);
}

#[tokio::test]
async fn a_stale_version_is_not_overwritten() {
    let app = TestApp::start().await;
    let id = app.book(json!({})).await;
    let path = format!("/api/reservations/{id}/party-size");
    let with = |version: &'static str| {
        let (app, path) = (&app, path.clone());
        async move { app.post_with(&path, &json!({"party_size": 3}), &[("if-match", version)]).await }
    };
    assert_eq!(with("\"7\"").await.problem(), (412, "version_mismatch".into()));
    assert_eq!(with("\"abc\"").await.status, StatusCode::PRECONDITION_FAILED);
    assert_eq!(with("1").await.faults(), ["header.If-Match:value_error"]);
    let answer = with("\"9\", \"1\"").await;
    assert_eq!((answer.status, answer.header("etag")), (StatusCode::OK, "\"2\""));
    assert_eq!(with("\"1\"").await.problem(), (412, "version_mismatch".into()));
    assert_eq!(with("*").await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_repeated_request_is_recognised_before_it_is_validated() {
    let app = TestApp::start().await;
    let key = [("idempotency-key", "k-3")];
    let body = booking(json!({"start_time": "2026-12-01T16:30"}));
    let first = app.post_with("/api/reservations", &body, &key).await;
    // The response was lost, and the start has passed meanwhile.
    app.clock.advance(TimeDelta::hours(2));
    let again = app.post_with("/api/reservations", &body, &key).await;
    assert_eq!((again.status, &again.bytes), (StatusCode::OK, &first.bytes), "{}", again.text());
    assert_eq!(again.header("location"), first.header("location"));
}

#[tokio::test]
async fn a_guest_cannot_use_up_the_keys_of_the_notifier() {
    let app = TestApp::start().await;
    let id = app.book(json!({})).await;
    let key = ("idempotency-key", "01939f3e-7b2a-7c3d-9e4f.sent");
    let other = json!({"name": "Budi", "phone": "+62 812 9999 0000", "email": "budi@example.com"});
    let other = anonymous_booking(json!({"contact_info": other}));
    assert_eq!(app.anonymous_post("/api/reservations", &other, &[key]).await.status, StatusCode::OK);
    let result =
        json!({"notification_id": "n-1", "template": "received", "medium": "mail", "outcome": "sent"});
    let token = format!("Bearer {}", crate::app::TOKEN);
    let path = format!("/api/reservations/{id}/notification-results");
    let headers = [key, ("authorization", token.as_str())];
    let answers =
        [app.post_with(&path, &result, &headers).await, app.post_with(&path, &result, &headers).await];
    assert!(answers.iter().all(|answer| answer.status == StatusCode::OK), "{}", answers[0].text());
    assert_eq!(app.recorded(), 3, "the repeated result is recorded once");
}

#[tokio::test]
async fn unusable_addresses_and_times_are_refused() {
    let app = TestApp::start().await;
    for email in ["\"a b\"@example.com", "ä@example.com", "sari@", "sari", "a b@example.com"] {
        let contact = json!({"name": "S", "phone": "+6281234567890", "email": email});
        let answer = app.post("/api/reservations", &booking(json!({"contact_info": contact}))).await;
        assert_eq!(answer.faults(), ["body.contact_info.email:value_error"], "{email}");
    }
    let leap = app.post("/api/reservations", &booking(json!({"start_time": "2026-12-11T23:59:60"}))).await;
    assert_eq!(leap.faults(), ["body.start_time:value_error"]);
    // One fault, not two: without the venue the country of the number is unknown.
    let contact = json!({"name": "S", "phone": "0812 3456 7890", "email": "s@example.com"});
    let nowhere = app
        .post("/api/reservations", &booking(json!({"venue_id": "nowhere", "contact_info": contact})))
        .await;
    assert_eq!(nowhere.faults(), ["body.venue_id:value_error"]);
}

/// A booking as a guest makes it, who may not book twice at the same time.
fn anonymous_booking(changes: Value) -> Value {
    let mut body = booking(changes);
    body.as_object_mut().unwrap().remove("allow_duplicate");
    body
}

/// Clients that number their keys use the same ones. Each guest must get their own booking.
#[tokio::test]
async fn anonymous_guests_with_the_same_key_get_their_own_bookings() {
    let app = TestApp::start().await;
    let key = [("idempotency-key", "0000000000000000000001")];
    let book = async |customer: &str| {
        let phone = format!("+62 812 3456 78{}", &customer[5..]);
        let contact = json!({"name": "Sari", "phone": phone, "email": format!("{customer}@example.com")});
        let body = anonymous_booking(json!({"customer_id": customer, "contact_info": contact}));
        app.anonymous_post("/api/reservations", &body, &key).await
    };
    let short = [("idempotency-key", "000000000000000000001")];
    let refused = app.anonymous_post("/api/reservations", &anonymous_booking(json!({})), &short).await;
    assert_eq!(refused.faults(), ["header.Idempotency-Key:value_error"]);
    let (first, second) = (book("cust-1").await, book("cust-2").await);
    assert_eq!((first.status, second.status), (StatusCode::OK, StatusCode::OK), "{}", second.text());
    let (first, second) = (first.json()["reservation_id"].clone(), second.json()["reservation_id"].clone());
    assert_ne!(first, second);
    let again = book("cust-1").await;
    assert_eq!((again.header("idempotent-replayed"), &again.json()["reservation_id"]), ("true", &first));
    // A key belongs to one reservation, so the same key cancels both.
    for id in [first, second] {
        let id = id.as_str().unwrap();
        let link = format!("Bearer {}", app.guest_link(id).await);
        let headers = [key[0], ("authorization", &link)];
        let path = format!("/api/reservations/{id}/cancel");
        let answer = app.post_with(&path, &json!({"reason_code": "other"}), &headers).await;
        assert_eq!(answer.json()["status"], "CANCELLED", "{}", answer.text());
    }
}

/// The confidential payload keeps the form that mail servers understand, and the one that the guest wrote.
#[tokio::test]
async fn a_contact_is_read_as_people_write_it() {
    let app = TestApp::start().await;
    let contact = json!({"name": " Ame\u{301}lie O’Brien 🥂 ", "phone": "+49 (0)171/1234567", "email": " info@müller.de "});
    let id = app.book(json!({"contact_info": contact})).await;
    let request = Request::get(format!("/api/reservations/{id}/contact"));
    let request = request.header("authorization", format!("Bearer {TOKEN}")).body(Body::empty()).unwrap();
    let read = app.send(request).await.json();
    let expected = json!({"name": "Am\u{e9}lie O’Brien 🥂", "phone": "+491711234567",
        "email": "info@xn--mller-kva.de", "email_typed": "info@müller.de", "text_messages": true,
        "guest_link": read["guest_link"], "pay_links": [], "proof": null});
    assert_eq!(read, expected);
    assert_eq!(read["guest_link"]["token"], json!(app.guest_link(&id).await));
    let contact = json!({"name": "Sari\u{202E}", "phone": "+62 812", "email": "ani@example"});
    let refused = app.post("/api/reservations", &booking(json!({"contact_info": contact}))).await;
    let faults = ["email", "name", "phone"].map(|field| format!("body.contact_info.{field}:value_error"));
    assert_eq!(refused.faults(), faults);
    let named = app.post("/api/walk-ins", &json!({"party_size": 2, "name": "\u{200B}"})).await;
    assert_eq!(named.faults(), ["body.name:value_error"]);
}
