//! The limits of clients, and what every response tells browsers.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, StatusCode};
use chassis::environment::ManualEnvironment;
use chassis::network::Peer;
use chrono::TimeDelta;
use events::store::memory::MemoryStore;
use reservation::app::admission::AdmissionLimits;
use serde_json::{Value, json};

use crate::app::{Answer, TOKEN, TestApp, booking, start_of_time};

async fn limited(address: u32, contact: u32) -> TestApp {
    let count = |count| NonZeroU32::new(count).unwrap();
    let admission = AdmissionLimits {
        address_bookings_per_hour_max: count(address),
        contact_bookings_per_day_max: count(contact),
        ..AdmissionLimits::default()
    };
    let venues = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/venues/by-hand");
    let (store, clock) = (MemoryStore::new("reservation"), ManualEnvironment::at(start_of_time()));
    TestApp::limited(venues, Arc::new(store), clock, admission).await
}

/// Books as a guest whose request comes from `ip`: guest `guest`, at an hour of its own.
async fn book(app: &TestApp, ip: &str, guest: u32, hour: u32) -> Answer {
    let contact = json!({"name": "Sari", "phone": format!("+62 812 3456 {guest:04}"),
        "email": format!("guest-{guest}@example.com")});
    let start = start_of_time() + TimeDelta::hours(24 + 3 * i64::from(hour));
    let mut body = booking(json!({"contact_info": contact, "start_time": start.to_rfc3339()}));
    body.as_object_mut().unwrap().remove("allow_duplicate");
    send(app, "/api/reservations", &body, ip).await
}

async fn send(app: &TestApp, path: &str, body: &Value, ip: &str) -> Answer {
    let mut request = Request::post(path)
        .header("content-type", "application/json")
        .body(Body::from(body.to_string()))
        .unwrap();
    let ip: IpAddr = ip.parse().unwrap();
    request.extensions_mut().insert(Peer { ip, is_encrypted: false });
    app.send_as_is(request).await
}

#[tokio::test]
async fn an_address_books_a_limited_number_of_times_and_others_book_on() {
    let app = limited(3, 100).await;
    for guest in 0..3 {
        let booked = book(&app, "2001:db8::1", guest, 0).await;
        assert_eq!(booked.status, StatusCode::OK, "{}", booked.text());
    }
    // Another address of the same household.
    let refused = book(&app, "2001:db8::2", 3, 0).await;
    assert_eq!(refused.problem(), (429, "rate_limited".into()));
    assert_eq!(refused.header("retry-after"), "1201");
    assert_eq!(refused.header("ratelimit-policy"), "\"bookings_per_address\";q=3;w=3600");
    assert_eq!(refused.header("ratelimit"), "\"bookings_per_address\";r=0;t=1201");
    assert_eq!(book(&app, "192.0.2.1", 4, 0).await.status, StatusCode::OK);
    // A program with a key is not an address.
    assert_eq!(app.post("/api/reservations", &booking(json!({}))).await.status, StatusCode::OK);
    app.clock.advance(TimeDelta::minutes(20));
    assert_eq!(book(&app, "2001:db8::2", 5, 0).await.status, StatusCode::OK);
    assert_eq!(book(&app, "2001:db8::2", 6, 0).await.status, StatusCode::TOO_MANY_REQUESTS);
}

#[tokio::test]
async fn a_contact_books_and_waits_a_limited_number_of_times_from_any_address() {
    let app = limited(100, 3).await;
    for hour in 0..3 {
        let booked = book(&app, &format!("192.0.2.{hour}"), 1, hour).await;
        assert_eq!(booked.status, StatusCode::OK, "{}", booked.text());
    }
    let refused = book(&app, "192.0.2.9", 1, 4).await;
    assert!(refused.header("ratelimit-policy").starts_with("\"bookings_per_contact\""), "{}", refused.text());
    let contact = json!({"name": "Sari", "phone": "+62 812 3456 0001", "email": "other@example.com"});
    let waiting = json!({"customer_id": "c", "contact_info": contact, "party_size": 2,
        "earliest_time": "2026-12-24T18:00", "latest_time": "2026-12-24T20:00"});
    assert_eq!(
        send(&app, "/api/waitlist", &waiting, "192.0.2.10").await.status,
        StatusCode::TOO_MANY_REQUESTS
    );
    assert_eq!(book(&app, "192.0.2.11", 2, 4).await.status, StatusCode::OK);
}

/// Each corrected address gets a message.
#[tokio::test]
async fn a_guest_corrects_addresses_as_often_as_a_guest_books() {
    let correct = async |app: &TestApp, booked: &Answer, changes: Value| {
        let id = booked.json()["reservation_id"].as_str().unwrap().to_owned();
        let link = booked.json()["guest_link"]["token"].as_str().unwrap().to_owned();
        let mut request = Request::patch(format!("/api/reservations/{id}"))
            .header("content-type", "application/merge-patch+json")
            .header("authorization", format!("Bearer {link}"))
            .body(Body::from(json!({"contact_info": changes}).to_string()))
            .unwrap();
        request.extensions_mut().insert(Peer { ip: "192.0.2.1".parse().unwrap(), is_encrypted: false });
        app.send_as_is(request).await
    };
    let app = limited(2, 100).await;
    let booked = book(&app, "192.0.2.1", 1, 0).await;
    let phone = |n: u32| json!({"phone": format!("+62 857 1234 {n:04}")});
    assert_eq!(correct(&app, &booked, phone(1)).await.status, StatusCode::OK);
    let refused = correct(&app, &booked, phone(2)).await;
    assert!(refused.header("ratelimit-policy").starts_with("\"bookings_per_address\""), "{}", refused.text());
    assert_eq!(correct(&app, &booked, json!({"name": "Sari Dewi"})).await.status, StatusCode::OK);

    let app = limited(100, 3).await;
    for guest in 0..4 {
        let booked = book(&app, "192.0.2.1", guest, 0).await;
        let victim = json!({"email": "Victim+1@example.com"});
        let corrected = correct(&app, &booked, victim).await;
        let is_counted = corrected.header("ratelimit-policy").starts_with("\"bookings_per_contact\"");
        assert_eq!(is_counted, guest == 3, "{guest}: {}", corrected.text());
    }
}

#[tokio::test]
async fn a_repeated_request_does_not_count() {
    let app = limited(1, 1).await;
    let mut body = booking(json!({}));
    body.as_object_mut().unwrap().remove("allow_duplicate");
    let book = async || {
        let mut request = Request::post("/api/reservations")
            .header("content-type", "application/json")
            .header("idempotency-key", "01939f3e-7b2a-7c3d-9e4f-5a6b7c8d9e0f")
            .body(Body::from(body.to_string()))
            .unwrap();
        let ip = "192.0.2.1".parse().unwrap();
        request.extensions_mut().insert(Peer { ip, is_encrypted: false });
        app.send_as_is(request).await
    };
    let first = book().await.json();
    for _ in 0..5 {
        assert_eq!(book().await.json(), first);
    }
}

#[tokio::test]
async fn every_response_tells_browsers_what_they_must_not_do() {
    let app = TestApp::start().await;
    for path in ["/api/reservations", "/api/availability", "/nowhere", "/livez", "/docs/", "/events"] {
        let answer = app.get(path).await;
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(answer.header("referrer-policy"), "no-referrer", "{path}");
        assert_eq!(answer.header("cross-origin-resource-policy"), "same-origin", "{path}");
        let policy = answer.header("content-security-policy");
        assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe"), "{path}: {policy}");
        let cache = if path == "/events" { "private, no-cache" } else { "no-store" };
        assert_eq!(answer.header("cache-control"), cache, "{path}");
        // This connection is not encrypted.
        assert_eq!(answer.header("strict-transport-security"), "", "{path}");
    }
}

#[tokio::test]
async fn the_service_answers_under_its_own_names_only() {
    let app = TestApp::start().await;
    let get = async |path: &str, headers: &[(&str, &str)]| {
        let request = Request::get(path).header("authorization", format!("Bearer {TOKEN}"));
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        app.send_as_is(request.body(Body::empty()).unwrap()).await
    };
    for host in ["meja.example", "127.0.0.1:8000", "localhost"] {
        assert_eq!(get("/api/reservations", &[("host", host)]).await.status, StatusCode::OK, "{host}");
    }
    let foreign = get("/api/reservations", &[("host", "evil.example")]).await;
    assert_eq!(foreign.problem(), (421, "foreign_host".into()));
    assert!(!foreign.text().contains("reservation_id"));
    for path in ["/livez", "/readyz"] {
        assert_eq!(get(path, &[("host", "10.1.2.3.nip.example")]).await.status, StatusCode::OK);
    }
    let twice = get("/api/reservations", &[("host", "localhost"), ("host", "evil.example")]).await;
    assert_eq!(twice.problem(), (400, "repeated_header".into()));
    let absolute = get("http://evil.example/api/reservations", &[("host", "localhost")]).await;
    assert_eq!(absolute.problem(), (421, "foreign_host".into()));
}

#[tokio::test]
async fn pages_of_other_sites_change_nothing() {
    let app = TestApp::start().await;
    for headers in [
        &[("sec-fetch-site", "cross-site")][..],
        &[("sec-fetch-site", "same-site")],
        &[("origin", "https://evil.example"), ("host", "meja.example")],
    ] {
        let refused = app.anonymous_post("/api/reservations", &booking(json!({})), headers).await;
        assert_eq!(refused.problem(), (403, "cross_site".into()), "{headers:?}");
    }
    assert_eq!(app.recorded(), 0);
    let own =
        [("origin", "https://meja.example"), ("host", "meja.example"), ("sec-fetch-site", "same-origin")];
    let mut body = booking(json!({}));
    body.as_object_mut().unwrap().remove("allow_duplicate");
    assert_eq!(app.anonymous_post("/api/reservations", &body, &own).await.status, StatusCode::OK);
}

#[tokio::test]
async fn consumers_that_wait_have_a_limited_number_of_places() {
    let app = limited(1, 1).await;
    // The limit of this service is one. Keys of services are not limited, so that the test uses an API key.
    let key = app.post("/api/access/keys", &json!({"name": "reader", "scopes": ["feed"]})).await.json();
    let key = format!("Bearer {}", key["token"].as_str().unwrap());
    let get = async |path: &str| {
        app.send(Request::get(path).header("authorization", &key).body(Body::empty()).unwrap()).await
    };
    let last = get("/events").await.json().as_array().unwrap().last().unwrap()["id"].clone();
    let wait = format!(
        "/events?timeout=10000&type=meja.reservation.created.v1&lastEventId={}",
        last.as_str().unwrap()
    );
    let second = async {
        let anonymous = access::Caller::anonymous(events::values::Scopes::NONE);
        let waits = async {
            while app.app.admission.wait(&anonymous).is_some() {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), waits).await.expect("the first consumer waits");
        assert_eq!(get(&wait).await.problem(), (503, "too_many_waiting".into()));
        assert_eq!(get("/events?limit=1").await.status, StatusCode::OK);
        app.post("/api/reservations", &booking(json!({}))).await
    };
    let (first, booked) = tokio::join!(get(&wait), second);
    assert!(first.json().as_array().is_some_and(|page| !page.is_empty()) && booked.status == StatusCode::OK);
}

#[tokio::test]
async fn a_guest_changes_a_booking_twenty_times_and_staff_as_often_as_they_want() {
    let app = TestApp::start().await;
    let id = app.book(json!({"party_size": 2})).await;
    let sizes = (0..21).map(|n| json!({"party_size": 2 + n % 3}));
    for (n, size) in sizes.enumerate() {
        let answer = app.guest_command(&id, "party-size", size).await;
        // The first one changes nothing.
        assert_eq!(answer.status, StatusCode::OK, "{n}: {}", answer.text());
    }
    let refused = app.guest_command(&id, "party-size", json!({"party_size": 6})).await;
    assert_eq!(refused.problem(), (409, "too_many_changes".into()));
    let renewed = app.guest_command(&id, "link/renew", json!({})).await;
    assert_eq!(renewed.problem(), (409, "too_many_changes".into()));
    assert_eq!(app.command(&id, "party-size", json!({"party_size": 5})).await.status, StatusCode::OK);
    assert_eq!(app.guest_command(&id, "cancel", json!({"reason_code": "ill"})).await.status, StatusCode::OK);
}
