//! The links of guests.

use axum::body::Body;
use axum::http::{Request, StatusCode};
use chrono::TimeDelta;
use serde_json::{Value, json};

use crate::app::{Answer, TestApp, booking};
use crate::waitlist::{becomes, join};

async fn with_link(app: &TestApp, link: &str, method: &str, path: &str, body: &Value) -> Answer {
    let request = axum::http::Request::builder().method(method).uri(path);
    let request = request.header("authorization", format!("Bearer {link}"));
    let request = request.header("content-type", "application/json");
    app.send(request.body(axum::body::Body::from(body.to_string())).unwrap()).await
}

/// Books as a guest. Returns the id and the link.
async fn book(app: &TestApp, changes: Value) -> (String, String) {
    let mut body = booking(changes);
    body.as_object_mut().unwrap().remove("allow_duplicate");
    let answer = app.anonymous_post("/api/reservations", &body, &[]).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    (text(&answer.json()["reservation_id"]), text(&answer.json()["guest_link"]["token"]))
}

fn other_guest() -> Value {
    json!({"contact_info": {"name": "Budi", "phone": "+62 812 3456 7891", "email": "budi@example.com"}})
}

#[tokio::test]
async fn a_link_opens_its_own_booking_only() {
    let app = TestApp::start().await;
    let (mine, link) = book(&app, json!({})).await;
    let (other, _) = book(&app, other_guest()).await;
    let (path, other) = (format!("/api/reservations/{mine}"), format!("/api/reservations/{other}"));
    assert_eq!(app.anonymous_get(&path).await.problem(), (401, "credential_required".into()));
    let read = with_link(&app, &link, "GET", &path, &json!({})).await;
    assert_eq!((read.status, &read.json()["guest_link"]), (StatusCode::OK, &Value::Null));
    assert_eq!(with_link(&app, &link, "GET", &other, &json!({})).await.problem(), (404, "not_found".into()));
    // Neither lists nor what staff do.
    for path in ["/api/reservations".to_owned(), format!("{path}/history"), format!("{path}/contact")] {
        let refused = with_link(&app, &link, "GET", &path, &json!({})).await;
        assert_eq!(refused.problem(), (403, "scope_missing".into()), "{path}");
    }
    let check_in = with_link(&app, &link, "POST", &format!("{path}/check-in"), &json!({})).await;
    assert_eq!(check_in.problem(), (403, "scope_missing".into()));
    let reason = json!({"reason_code": "guest_request"});
    let foreign = with_link(&app, &link, "POST", &format!("{other}/cancel"), &reason).await;
    assert_eq!(foreign.problem(), (404, "not_found".into()));
    let cancelled = with_link(&app, &link, "POST", &format!("{path}/cancel"), &reason).await.json();
    assert_eq!(cancelled["cancellation"]["cancelled_by"], "guest");
    let history = app.get(&format!("{path}/history")).await.json();
    let last = history["entries"].as_array().unwrap().last().unwrap().clone();
    assert_eq!(last["who"], json!({"kind": "app_user", "id": format!("guest:{mine}")}));
}

#[tokio::test]
async fn a_repeated_booking_gets_the_same_link() {
    let app = TestApp::start().await;
    let mut body = booking(json!({}));
    body.as_object_mut().unwrap().remove("allow_duplicate");
    let key = [("idempotency-key", "01939f3e-7b2a-7c3d-9e4f-5a6b7c8d9e0f")];
    let first = app.anonymous_post("/api/reservations", &body, &key).await.json();
    let again = app.anonymous_post("/api/reservations", &body, &key).await;
    assert_eq!((again.header("idempotent-replayed"), again.json()), ("true", first));
}

#[tokio::test]
async fn a_renewed_link_replaces_the_earlier_one() {
    let app = TestApp::start().await;
    let (id, link) = book(&app, json!({"party_size": 6})).await;
    let path = format!("/api/reservations/{id}");
    let pay_links = async || app.get(&format!("{path}/contact")).await.json()["pay_links"].clone();
    let pays = pay_links().await;
    let version = app.get(&path).await.header("etag").to_owned();
    let renewed = with_link(&app, &link, "POST", &format!("{path}/link/renew"), &json!({})).await.json();
    let second = renewed["guest_link"]["token"].as_str().unwrap().to_owned();
    assert_ne!(second, link);
    let old = with_link(&app, &link, "GET", &path, &json!({})).await;
    assert_eq!(old.problem(), (401, "credential_invalid".into()));
    assert_eq!(with_link(&app, &second, "GET", &path, &json!({})).await.status, StatusCode::OK);
    assert_ne!(pay_links().await, pays);
    // The restaurant can renew it too. The version of the booking stays.
    let third = app.post(&format!("{path}/link/renew"), &json!({})).await;
    assert_eq!(third.header("etag"), version);
    assert_eq!(with_link(&app, &second, "GET", &path, &json!({})).await.status, StatusCode::UNAUTHORIZED);
}

/// A repeated request gets the outcome of then only with the link that is valid now.
#[tokio::test]
async fn a_replaced_link_gets_no_earlier_outcome() {
    let app = TestApp::start().await;
    let (id, link) = book(&app, json!({})).await;
    let path = format!("/api/reservations/{id}");
    let resize = async |link: &str| {
        let request = Request::post(format!("{path}/party-size"))
            .header("authorization", format!("Bearer {link}"))
            .header("content-type", "application/json")
            .header("idempotency-key", "larger");
        app.send_as_is(request.body(Body::from(r#"{"party_size":3}"#)).unwrap()).await
    };
    assert_eq!(resize(&link).await.status, StatusCode::OK);
    let again = resize(&link).await;
    assert_eq!((again.status, again.header("idempotent-replayed")), (StatusCode::OK, "true"));
    assert_eq!(app.post(&format!("{path}/link/renew"), &json!({})).await.status, StatusCode::OK);
    assert_eq!(resize(&link).await.problem(), (401, "credential_invalid".into()));
}

#[tokio::test]
async fn a_guest_acts_until_a_day_after_the_visit_and_reads_longer() {
    let app = TestApp::start().await;
    let (id, link) = book(&app, json!({})).await;
    let path = format!("/api/reservations/{id}");
    let resize = async || {
        with_link(&app, &link, "POST", &format!("{path}/party-size"), &json!({"party_size": 3})).await
    };
    // The visit ends on 24 December at 21:00 in Jakarta.
    app.clock.set("2026-12-25T13:59:59Z".parse().unwrap());
    assert_ne!(resize().await.status, StatusCode::UNAUTHORIZED);
    app.clock.advance(TimeDelta::seconds(1));
    assert_eq!(resize().await.problem(), (401, "credential_invalid".into()));
    assert_eq!(with_link(&app, &link, "GET", &path, &json!({})).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_waiting_guest_answers_an_offer_by_its_link() {
    let app = TestApp::with_houses().await;
    let id = join(&app, json!({})).await;
    becomes(&app, &id, "OFFERED").await;
    let entry = app.app.waitlist_entry(id.parse().unwrap(), &access::Caller::system("test")).await.unwrap();
    let link = app.app.guest_link_of_entry(&entry.unwrap()).unwrap().token;
    let path = format!("/api/waitlist/{id}");
    // The id stands in the feed: it is no credential.
    let anonymous = app.anonymous_post(&format!("{path}/accept"), &json!({}), &[]).await;
    assert_eq!(anonymous.problem(), (401, "credential_required".into()));
    let (_, other) = book(&app, other_guest()).await;
    let foreign = with_link(&app, &other, "POST", &format!("{path}/accept"), &json!({})).await;
    assert_eq!(foreign.problem(), (404, "not_found".into()));
    let twice =
        with_link(&app, &link, "POST", &format!("{path}/accept"), &json!({"allow_duplicate": true})).await;
    assert_eq!(twice.problem(), (403, "scope_missing".into()));
    let accepted = with_link(&app, &link, "POST", &format!("{path}/accept"), &json!({})).await;
    assert_eq!(accepted.status, StatusCode::OK, "{}", accepted.text());
    // The new booking has a link of its own.
    let booked = accepted.json();
    let own = booked["guest_link"]["token"].as_str().unwrap();
    let booking = format!("/api/reservations/{}", booked["reservation_id"].as_str().unwrap());
    assert_eq!(with_link(&app, own, "GET", &booking, &json!({})).await.status, StatusCode::OK);
    assert_eq!(with_link(&app, &link, "GET", &booking, &json!({})).await.status, StatusCode::NOT_FOUND);
    // Who lost the answer gets it again, until the link of the booking is renewed: then this one must not open the booking.
    let accept = async || with_link(&app, &link, "POST", &format!("{path}/accept"), &json!({})).await;
    assert_eq!(accept().await.json()["guest_link"], booked["guest_link"]);
    assert_eq!(app.post(&format!("{booking}/link/renew"), &json!({})).await.status, StatusCode::OK);
    assert_eq!(accept().await.problem(), (401, "credential_invalid".into()));
}
