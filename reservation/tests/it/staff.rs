//! Members of staff: joining, signing in and out, and what their roles allow.

use axum::http::{Method, StatusCode};
use chrono::TimeDelta;
use events::Query;
use events::recorded::Recorded;
use serde_json::{Value, json};

use crate::app::{TOKEN, TestApp, booking};
use crate::browser::{Browser, PASSWORD, join};

const DAGO: &str = "bandung-dago";

pub fn reason(answer: &crate::app::Answer) -> String {
    answer.problem().1
}

/// The stored events whose type begins with `prefix`.
pub async fn events_of(app: &TestApp, prefix: &str) -> Vec<(String, Value, Value)> {
    let page = app.app.store.read(&Query::all(), events::Position::START, 10_000).await.unwrap();
    let recorded = page.iter().map(|event| Recorded::parse(event.json).unwrap());
    let wanted = recorded.filter(|recorded| recorded.event_type.starts_with(prefix));
    let parts = wanted.map(|recorded| {
        let actor = serde_json::to_value(&recorded.metadata().actor).unwrap();
        (recorded.event_type.to_string(), serde_json::from_str(recorded.data).unwrap(), actor)
    });
    parts.collect()
}

#[tokio::test]
async fn a_person_is_invited_joins_and_signs_in() {
    let app = TestApp::with_houses().await;
    let body = json!({"name": "Sari Wulandari", "email": "Sari@Warung-Sinar.co.id", "locale": "en",
        "roles": {"manager": [DAGO], "host": ["*"]}});
    let invited = app.post("/api/access/staff", &body).await.json();
    assert_eq!(invited["invitation"], Value::Null);
    let id = invited["staff"]["staff_id"].as_str().unwrap().to_owned();
    let expected = json!({"staff_id": id, "name": "Sari Wulandari", "email": "sari@warung-sinar.co.id", "locale": "en",
        "status": "invited", "roles": {"host": ["*"], "manager": [DAGO], "owner": []},
        "invited_at": "2026-12-01T09:00:00Z", "invitation_expires_at": "2026-12-04T09:00:00Z", "joined_at": null,
        "has_authenticator": false, "has_pin": false});
    assert_eq!(invited["staff"], expected);
    let contact = app.get(&format!("/api/access/staff/{id}/contact")).await.json();
    let link = contact["invitation"]["token"].as_str().unwrap().to_owned();
    assert_eq!(contact["invitation"]["url"], format!("https://meja.example/join/{link}"));
    let mut browser = Browser::default();
    assert_eq!(reason(&browser.sign_in(&app, "sari@warung-sinar.co.id", PASSWORD).await), "sign_in_failed");
    let info = browser.with_link(&app, &link, "/api/invitation", &Value::Null).await.json();
    assert_eq!((&info["name"], &info["needs_code"]), (&json!("Sari Wulandari"), &json!(false)));
    let weak = json!({"password": "sari wulandari"});
    let refused = browser.with_link(&app, &link, "/api/invitation/accept", &weak).await;
    assert_eq!(refused.faults(), ["body.password:value_error"]);
    assert!(!refused.text().contains("sari wulandari"));
    let joined =
        browser.with_link(&app, &link, "/api/invitation/accept", &json!({"password": PASSWORD})).await;
    assert_eq!(joined.json()["staff"]["status"], "joined");
    assert!(!joined.text().contains("mejas_"), "the secret of a session is in the cookie alone");
    assert_eq!(browser.get(&app, "/api/account").await.json()["staff_id"], id.as_str());
    // The link is used up.
    let again =
        browser.with_link(&app, &link, "/api/invitation/accept", &json!({"password": PASSWORD})).await;
    assert_eq!(again.problem(), (410, "link_over".into()));
    // The person signs in on another browser, in any case of letters.
    let mut other = Browser::default();
    let signed_in = other.sign_in(&app, " SARI@warung-sinar.CO.ID", PASSWORD).await;
    assert_eq!(signed_in.status, StatusCode::OK, "{}", signed_in.text());
    let recorded = events_of(&app, "meja.s").await;
    let types: Vec<_> = recorded.iter().map(|(event_type, ..)| event_type.as_str()).collect();
    assert_eq!(
        types,
        [
            "meja.staff.invited.v1",
            "meja.staff.joined.v1",
            "meja.staff.password_changed.v1",
            "meja.session.started.v1",
            "meja.session.started.v1",
        ]
    );
    for (event_type, data, actor) in &recorded[1..] {
        assert_eq!(actor["id"], format!("staff:{id}"), "{event_type}");
        for secret in ["Sari", "warung-sinar.co.id", "argon2"] {
            assert!(!data.to_string().contains(secret), "{event_type} publishes {secret}");
        }
    }
}

#[tokio::test]
async fn a_person_without_an_address_enters_it_with_the_one_time_link() {
    let app = TestApp::with_houses().await;
    let invited = app.post("/api/access/staff", &json!({"roles": {"owner": ["*"]}})).await.json();
    let link = invited["invitation"]["token"].as_str().unwrap();
    assert_eq!(invited["invitation"]["expires_at"], "2026-12-01T09:15:00Z");
    let mut browser = Browser::default();
    let nothing =
        browser.with_link(&app, link, "/api/invitation/accept", &json!({"password": PASSWORD})).await;
    assert_eq!(nothing.faults(), ["body.email:value_error", "body.name:value_error"]);
    let whole = json!({"password": PASSWORD, "name": "Made", "email": "made@warung-sinar.co.id"});
    app.clock.advance(TimeDelta::minutes(15));
    let late = browser.with_link(&app, link, "/api/invitation/accept", &whole).await;
    assert_eq!(reason(&late), "link_over");
    let id = invited["staff"]["staff_id"].as_str().unwrap();
    let again = app.post(&format!("/api/access/staff/{id}/invitation"), &json!({})).await.json();
    let second = again["invitation"]["token"].as_str().unwrap();
    let joined = browser.with_link(&app, second, "/api/invitation/accept", &whole).await;
    assert_eq!(joined.json()["staff"]["email"], "made@warung-sinar.co.id");
    assert_eq!(reason(&browser.with_link(&app, link, "/api/invitation", &Value::Null).await), "link_over");
    // Nobody else can have the address.
    let body = json!({"name": "Other", "email": "made@warung-sinar.co.id", "roles": {"host": [DAGO]}});
    assert_eq!(app.post("/api/access/staff", &body).await.problem(), (409, "address_taken".into()));
}

#[tokio::test]
async fn an_invitation_names_its_faults() {
    let app = TestApp::with_houses().await;
    let body = json!({"email": "sari@nowhere", "roles": {"host": ["no-such-venue"]}});
    let faults = app.post("/api/access/staff", &body).await.faults();
    assert_eq!(faults, ["body.email:value_error", "body.name:value_error", "body.roles.host:value_error"]);
    let faults = app.post("/api/access/staff", &json!({"roles": {}})).await.faults();
    assert_eq!(faults, ["body.roles:value_error"]);
}

#[tokio::test]
async fn roles_open_their_venues_and_nobody_grants_more_than_they_have() {
    let app = TestApp::with_houses().await;
    let mut manager = join(&app, "sari", json!({"manager": [DAGO]})).await.browser;
    let mut owner = join(&app, "made", json!({"owner": [DAGO]})).await.browser;
    assert_eq!(manager.status(&app, "/api/venues/bandung-dago/rules").await, StatusCode::OK);
    assert_eq!(manager.get(&app, "/api/venues/roma-trastevere/rules").await.problem().0, 404);
    assert_eq!(manager.get(&app, "/api/access/staff").await.problem(), (403, "scope_missing".into()));
    let people = owner.get(&app, "/api/access/staff").await.json();
    assert_eq!(people["items"].as_array().unwrap().len(), 2);
    for (roles, expected) in [
        (json!({"manager": [DAGO]}), StatusCode::OK),
        (json!({"owner": [DAGO]}), StatusCode::OK),
        (json!({"host": ["roma-trastevere"]}), StatusCode::FORBIDDEN),
        (json!({"host": ["*"]}), StatusCode::FORBIDDEN),
    ] {
        let answer = owner.post(&app, "/api/access/staff", &json!({"roles": roles})).await;
        assert_eq!(answer.status, expected, "{roles} {}", answer.text());
    }
    // A person who also acts elsewhere is out of reach.
    let wide = join(&app, "putu", json!({"host": ["*"]})).await;
    let removed = owner.post(&app, &format!("/api/access/staff/{}/remove", wide.id), &json!({})).await;
    assert_eq!(removed.problem().0, 404);
}

#[tokio::test]
async fn changed_roles_and_a_removal_count_at_once() {
    let app = TestApp::with_houses().await;
    let mut sari = join(&app, "sari", json!({"manager": [DAGO]})).await;
    let path = format!("/api/access/staff/{}", sari.id);
    app.post(&format!("{path}/roles"), &json!({"roles": {"host": [DAGO]}})).await;
    assert_eq!(sari.browser.get(&app, "/api/stats?venue_id=bandung-dago").await.problem().0, 403);
    assert_eq!(sari.browser.status(&app, "/api/floor?venue_id=bandung-dago").await, StatusCode::OK);
    assert_eq!(app.post(&format!("{path}/remove"), &json!({})).await.status, StatusCode::NO_CONTENT);
    let (status, code) = sari.browser.get(&app, "/api/floor?venue_id=bandung-dago").await.problem();
    assert_eq!((status, code.as_str()), (401, "credential_required"));
    assert_eq!(reason(&sari.browser.sign_in(&app, &sari.email, PASSWORD).await), "sign_in_failed");
    // What was confidential about the person is gone.
    let page = app.app.store.read(&Query::all(), events::Position::START, 10_000).await.unwrap();
    let of_sari = page.iter().filter(|event| {
        Recorded::parse(event.json).unwrap().subject == format!("staff/{}", sari.id).as_str()
    });
    let positions: Vec<_> = of_sari.map(|event| event.position).collect();
    assert!(positions.len() > 4);
    let payloads = app.app.store.confidential(positions).await.unwrap();
    assert!(payloads.iter().all(Option::is_none), "{payloads:?}");
}

#[tokio::test]
async fn sessions_are_listed_and_ended_and_end_by_themselves() {
    let app = TestApp::with_houses().await;
    let mut sari = join(&app, "sari", json!({"host": [DAGO]})).await;
    let mut phone = Browser::default();
    phone.sign_in(&app, &sari.email, PASSWORD).await;
    let sessions = phone.get(&app, "/api/sessions").await.json();
    let items = sessions["items"].as_array().unwrap();
    let current: Vec<_> = items.iter().map(|session| session["current"].as_bool().unwrap()).collect();
    assert_eq!(current, [false, true]);
    let first = format!("/api/sessions/{}", items[0]["session_id"].as_str().unwrap());
    let mut other = join(&app, "made", json!({"owner": ["*"]})).await.browser;
    assert_eq!(other.delete(&app, &first).await.problem().0, 404);
    assert_eq!(phone.delete(&app, &first).await.status, StatusCode::NO_CONTENT);
    assert_eq!(sari.browser.get(&app, "/api/account").await.problem().0, 401);
    assert_eq!(phone.delete(&app, "/api/sessions/current").await.status, StatusCode::NO_CONTENT);
    assert!(!phone.cookies.contains_key("__Host-meja_session"));
    assert_eq!(phone.get(&app, "/api/account").await.problem().0, 401);
    phone.sign_in(&app, &sari.email, PASSWORD).await;
    app.clock.advance(TimeDelta::hours(12));
    assert_eq!(phone.get(&app, "/api/account").await.problem().0, 401);
    // A further one ends the oldest.
    for _ in 0..20 {
        phone.sign_in(&app, &sari.email, PASSWORD).await;
    }
    let mut oldest = phone.clone();
    phone.sign_in(&app, &sari.email, PASSWORD).await;
    let count = phone.get(&app, "/api/sessions").await.json()["items"].as_array().unwrap().len();
    assert_eq!(count, 20);
    assert_eq!(oldest.status(&app, "/api/account").await, StatusCode::OK, "it was the last one but one");
}

#[tokio::test]
async fn a_calendar_link_reads_one_venue_until_it_is_revoked() {
    let app = TestApp::with_houses().await;
    let mut sari = join(&app, "sari", json!({"host": [DAGO]})).await;
    app.book(json!({"venue_id": DAGO})).await;
    app.book(json!({"venue_id": "roma-trastevere", "start_time": "2026-12-22T20:00"})).await;
    let path = format!("/api/account/calendars/{DAGO}");
    let elsewhere = sari.browser.put(&app, "/api/account/calendars/roma-trastevere", &json!({})).await;
    assert_eq!(elsewhere.problem().0, 404);
    let created = sari.browser.put(&app, &path, &json!({})).await.json();
    let link = created["token"].as_str().unwrap().to_owned();
    // A program that subscribes to it sends no header.
    let calendar = app.anonymous_get(created["path"].as_str().unwrap()).await;
    assert_eq!(calendar.header("content-type"), "text/calendar; charset=utf-8");
    assert_eq!(calendar.text().matches("BEGIN:VEVENT").count(), 1, "{}", calendar.text());
    assert_eq!(app.anonymous_get("/calendars/mejac_x").await.problem(), (404, "not_found".into()));
    assert_eq!(sari.browser.get(&app, "/api/account/calendars").await.json(), json!({"venues": [DAGO]}));
    let mut program = Browser::default();
    let list = program.with_link(&app, &link, "/api/reservations", &Value::Null).await.json();
    let venues: Vec<_> =
        list["items"].as_array().unwrap().iter().map(|item| item["venue_id"].clone()).collect();
    assert_eq!(venues, [json!(DAGO)]);
    let id = list["items"][0]["reservation_id"].as_str().unwrap();
    let cancel = format!("/api/reservations/{id}/cancel");
    let refused = program.with_link(&app, &link, &cancel, &json!({"reason_code": "overbooked"})).await;
    assert_eq!(refused.problem(), (403, "scope_missing".into()));
    // It changes nothing, not even what needs no credential.
    let book = booking(json!({"venue_id": DAGO, "allow_duplicate": false, "start_time": "2026-12-23T19:00"}));
    let refused = program.with_link(&app, &link, "/api/reservations", &book).await;
    assert_eq!(refused.problem(), (403, "scope_missing".into()));
    assert_eq!(sari.browser.delete(&app, &path).await.status, StatusCode::NO_CONTENT);
    let over = program.with_link(&app, &link, "/api/reservations", &Value::Null).await;
    assert_eq!(over.problem(), (401, "credential_invalid".into()));
    assert_eq!(app.anonymous_get(&format!("/calendars/{link}")).await.problem().0, 404);
    assert_eq!(sari.browser.delete(&app, &path).await.problem().0, 404);
}

#[tokio::test]
async fn a_session_is_not_needed_for_what_is_public_and_a_dead_one_does_not_harm() {
    let app = TestApp::with_houses().await;
    let mut sari = join(&app, "sari", json!({"host": [DAGO]})).await;
    app.clock.advance(TimeDelta::hours(12));
    let booked =
        sari.browser.post(&app, "/api/reservations", &booking(json!({"allow_duplicate": false}))).await;
    assert_eq!(booked.status, StatusCode::OK, "{}", booked.text());
    assert_eq!(sari.browser.sign_in(&app, &sari.email, PASSWORD).await.status, StatusCode::OK);
    // A key counts before cookies.
    let header = format!("Bearer {TOKEN}");
    let headers = [("authorization", header.as_str())];
    let keys = sari.browser.send(&app, Method::GET, "/api/access/keys", &Value::Null, &headers).await;
    assert_eq!(keys.status, StatusCode::OK);
}
