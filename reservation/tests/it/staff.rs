//! Members of staff: joining, signing in and out, and what their roles allow.

use axum::http::{Method, StatusCode};
use chrono::TimeDelta;
use events::Query;
use events::recorded::Recorded;
use serde_json::{Value, json};

use crate::app::{TOKEN, TestApp, booking};
use crate::browser::{Browser, OTHER_PASSWORD, PASSWORD, join, open_link};

const DAGO: &str = "bandung-dago";

fn reason(answer: &crate::app::Answer) -> String {
    answer.problem().1
}

/// The stored events whose type begins with `prefix`.
async fn events_of(app: &TestApp, prefix: &str) -> Vec<(String, Value, Value)> {
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
    assert_eq!(nothing.faults(), ["body.email:missing", "body.name:missing"]);
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
    assert_eq!(faults, ["body.email:value_error", "body.name:missing", "body.roles.host:value_error"]);
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
async fn a_changed_password_ends_the_other_sessions() {
    let app = TestApp::with_houses().await;
    let mut sari = join(&app, "sari", json!({"host": [DAGO]})).await;
    let mut phone = Browser::default();
    phone.sign_in(&app, &sari.email, PASSWORD).await;
    let change = |current: &str, new: &str| json!({"current_password": current, "password": new});
    let refused = phone.post(&app, "/api/account/password", &change(OTHER_PASSWORD, PASSWORD)).await;
    assert_eq!(reason(&refused), "sign_in_failed");
    let changed = phone.post(&app, "/api/account/password", &change(PASSWORD, OTHER_PASSWORD)).await;
    assert_eq!(changed.status, StatusCode::NO_CONTENT, "{}", changed.text());
    assert_eq!(phone.status(&app, "/api/account").await, StatusCode::OK);
    assert_eq!(sari.browser.get(&app, "/api/account").await.problem().0, 401);
    assert_eq!(reason(&Browser::default().sign_in(&app, &sari.email, PASSWORD).await), "sign_in_failed");
    let signed_in = Browser::default().sign_in(&app, &sari.email, OTHER_PASSWORD).await;
    assert_eq!(signed_in.status, StatusCode::OK);
}

#[tokio::test]
async fn a_password_is_reset_by_the_link_in_the_mail() {
    let app = TestApp::with_houses().await;
    let mut sari = join(&app, "sari", json!({"host": [DAGO]})).await;
    let mut phone = Browser::default();
    let ask = async |phone: &mut Browser, email: &str| {
        phone.post(&app, "/api/password-resets", &json!({"email": email})).await
    };
    // Nothing tells whether an address has an account.
    let (known, unknown) = (ask(&mut phone, &sari.email).await, ask(&mut phone, "nobody@example.com").await);
    assert_eq!((known.status, known.bytes), (StatusCode::ACCEPTED, unknown.bytes));
    // Another request within five minutes sends no other mail.
    ask(&mut phone, &sari.email).await;
    assert_eq!(events_of(&app, "meja.staff.password_reset").await.len(), 1);
    let first = open_link(&app, &sari.id, "password_reset").await;
    app.clock.advance(TimeDelta::minutes(5));
    ask(&mut phone, &sari.email).await;
    let link = open_link(&app, &sari.id, "password_reset").await;
    let body = json!({"password": OTHER_PASSWORD});
    for (link, path) in [(&first, "/api/password-reset"), (&link, "/api/invitation/accept")] {
        let refused = phone.with_link(&app, link, path, &body).await;
        assert!([410, 403].contains(&refused.status.as_u16()), "{}", refused.text());
    }
    let info = phone.with_link(&app, &link, "/api/password-reset", &Value::Null).await.json();
    assert_eq!(info["email"], sari.email.as_str());
    let reset = phone.with_link(&app, &link, "/api/password-reset", &body).await;
    assert_eq!(reset.status, StatusCode::OK, "{}", reset.text());
    assert_eq!(phone.status(&app, "/api/account").await, StatusCode::OK);
    assert_eq!(sari.browser.get(&app, "/api/account").await.problem().0, 401);
    let again = phone.with_link(&app, &link, "/api/password-reset", &body).await;
    assert_eq!(reason(&again), "link_over");
    // A link is valid for an hour.
    app.clock.advance(TimeDelta::minutes(5));
    ask(&mut phone, &sari.email).await;
    let link = open_link(&app, &sari.id, "password_reset").await;
    app.clock.advance(TimeDelta::hours(1));
    assert_eq!(reason(&phone.with_link(&app, &link, "/api/password-reset", &body).await), "link_over");
}

#[tokio::test]
async fn an_authenticator_app_is_enrolled_used_and_recovered() {
    let app = TestApp::with_houses().await;
    let mut sari = join(&app, "sari", json!({"host": [DAGO]})).await;
    let mut phone = Browser::default();
    phone.sign_in(&app, &sari.email, PASSWORD).await;
    let secret = sari.browser.post(&app, "/api/account/authenticator/secret", &json!({})).await.json();
    let totp = access::totp::TotpSecret::parse(secret["secret"].as_str().unwrap()).unwrap();
    let code = || totp.code_at(app.app.env.now());
    let path = "/api/account/authenticator";
    let wrong = json!({"secret": secret["secret"], "code": "000000"});
    assert_eq!(reason(&sari.browser.put(&app, path, &wrong).await), "sign_in_failed");
    let enrolled = sari.browser.put(&app, path, &json!({"secret": secret["secret"], "code": code()})).await;
    let codes: Vec<String> = serde_json::from_value(enrolled.json()["codes"].clone()).unwrap();
    assert_eq!(codes.len(), 10);
    // The other session ended.
    assert_eq!(phone.get(&app, "/api/account").await.problem().0, 401);
    let sign_in = async |code: Option<&str>| {
        let body = json!({"email": sari.email, "password": PASSWORD, "code": code});
        Browser::default().post(&app, "/api/sessions", &body).await
    };
    assert_eq!(reason(&sign_in(None).await), "code_required");
    // The code that enrolled the app is used up; the next one counts once.
    assert_eq!(reason(&sign_in(Some(&code())).await), "sign_in_failed");
    app.clock.advance(TimeDelta::seconds(30));
    let signed_in = sign_in(Some(&code())).await;
    assert_eq!(signed_in.json()["session"]["method"], "totp");
    assert_eq!(reason(&sign_in(Some(&code())).await), "sign_in_failed");
    // A recovery code counts once too, in any writing.
    let typed = codes[3].to_lowercase().replace('-', " ");
    assert_eq!(sign_in(Some(&typed)).await.json()["session"]["method"], "recovery_code");
    assert_eq!(reason(&sign_in(Some(&typed)).await), "sign_in_failed");
    // A reset needs a code too.
    phone.post(&app, "/api/password-resets", &json!({"email": sari.email})).await;
    let link = open_link(&app, &sari.id, "password_reset").await;
    let body = json!({"password": OTHER_PASSWORD});
    let refused = phone.with_link(&app, &link, "/api/password-reset", &body).await;
    assert_eq!(reason(&refused), "code_required");
    let body = json!({"password": OTHER_PASSWORD, "code": codes[5]});
    let reset = phone.with_link(&app, &link, "/api/password-reset", &body).await;
    assert_eq!(reset.json()["session"]["method"], "recovery_code");
    // An owner lets a person in who lost everything.
    let recovered = app
        .send(
            axum::http::Request::delete(format!("/api/access/staff/{}/authenticator", sari.id))
                .body(axum::body::Body::empty())
                .unwrap(),
        )
        .await;
    assert_eq!(recovered.json()["has_authenticator"], false);
    let signed_in = Browser::default().sign_in(&app, &sari.email, OTHER_PASSWORD).await;
    assert_eq!(signed_in.json()["session"]["method"], "password");
}

#[tokio::test]
async fn what_moves_money_or_decides_access_needs_a_proof_within_five_minutes() {
    let app = TestApp::with_houses().await;
    let mut made = join(&app, "made", json!({"owner": ["*"]})).await;
    let body = json!({"party_size": 6, "venue_id": DAGO});
    let (id, other) = (app.book(body.clone()).await, app.book(body).await);
    let waive = json!({"waive_deposit": true});
    let confirm = |id: &str| format!("/api/reservations/{id}/confirm");
    app.clock.advance(TimeDelta::minutes(5) + TimeDelta::seconds(1));
    let stale = made.browser.post(&app, &confirm(&id), &waive).await;
    assert_eq!(stale.problem(), (401, "proof_required".into()));
    let challenge = r#"Bearer error="insufficient_user_authentication", max_age=300"#;
    assert_eq!(stale.header("www-authenticate"), challenge);
    let contact = format!("/api/reservations/{other}/contact");
    let key = json!({"name": "till", "scopes": ["read"]});
    assert_eq!(reason(&made.browser.delete(&app, &contact).await), "proof_required");
    assert_eq!(reason(&made.browser.post(&app, "/api/access/keys", &key).await), "proof_required");
    assert_eq!(
        reason(&made.browser.put(&app, "/api/account/pin", &json!({"pin": "7294"})).await),
        "proof_required"
    );
    // Reading does not need one.
    assert_eq!(made.browser.status(&app, "/api/access/keys").await, StatusCode::OK);
    let wrong = json!({"password": OTHER_PASSWORD});
    assert_eq!(
        reason(&made.browser.post(&app, "/api/sessions/current/proof", &wrong).await),
        "sign_in_failed"
    );
    let proved = made.browser.post(&app, "/api/sessions/current/proof", &json!({"password": PASSWORD})).await;
    assert_eq!(proved.json()["proved_at"], "2026-12-01T09:05:01Z");
    let waived = made.browser.post(&app, &confirm(&id), &waive).await;
    assert_eq!(waived.json()["status"], "CONFIRMED", "{}", waived.text());
    assert_eq!(made.browser.delete(&app, &contact).await.status, StatusCode::OK);
    assert_eq!(made.browser.post(&app, "/api/access/keys", &key).await.status, StatusCode::OK);
    let (.., actor) = events_of(&app, "meja.reservation.confirmed").await.remove(0);
    assert_eq!((&actor["kind"], &actor["id"]), (&json!("user"), &json!(format!("staff:{}", made.id))));
}

#[tokio::test]
async fn a_page_of_another_site_cannot_use_the_cookies() {
    let app = TestApp::with_houses().await;
    let mut sari = join(&app, "sari", json!({"host": [DAGO]})).await;
    let id = app.book(json!({"venue_id": DAGO})).await;
    let path = format!("/api/reservations/{id}/cancel");
    let body = json!({"reason_code": "house"});
    for headers in [
        &[("sec-fetch-site", "cross-site")][..],
        &[("origin", "https://evil.example"), ("host", "meja.example")],
    ] {
        let refused = sari.browser.send(&app, Method::POST, &path, &body, headers).await;
        assert_eq!(refused.problem(), (403, "cross_site".into()), "{headers:?}");
    }
    let same = [("sec-fetch-site", "same-origin")];
    let cancelled = sari.browser.send(&app, Method::POST, &path, &body, &same).await;
    assert_eq!(cancelled.json()["cancellation"]["cancelled_by"], "staff");
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
    let link = sari.browser.put(&app, &path, &json!({})).await.json()["token"].as_str().unwrap().to_owned();
    assert_eq!(sari.browser.get(&app, "/api/account/calendars").await.json(), json!({"venues": [DAGO]}));
    let mut program = Browser::default();
    let list = program.with_link(&app, &link, "/api/reservations", &Value::Null).await.json();
    let venues: Vec<_> =
        list["items"].as_array().unwrap().iter().map(|item| item["venue_id"].clone()).collect();
    assert_eq!(venues, [json!(DAGO)]);
    let id = list["items"][0]["reservation_id"].as_str().unwrap();
    let cancel = format!("/api/reservations/{id}/cancel");
    let refused = program.with_link(&app, &link, &cancel, &json!({"reason_code": "house"})).await;
    assert_eq!(refused.problem(), (403, "scope_missing".into()));
    assert_eq!(sari.browser.delete(&app, &path).await.status, StatusCode::NO_CONTENT);
    let over = program.with_link(&app, &link, "/api/reservations", &Value::Null).await;
    assert_eq!(over.problem(), (401, "credential_invalid".into()));
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
