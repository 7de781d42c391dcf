//! Proving an identity: passwords, resets, authenticator apps, fresh proofs, and requests of other sites.

use std::time::Duration;

use axum::http::{Method, StatusCode};
use chrono::TimeDelta;
use serde_json::{Value, json};

use crate::app::TestApp;
use crate::browser::{Browser, OTHER_PASSWORD, PASSWORD, join, open_link};
use crate::staff::{events_of, reason};

const DAGO: &str = "bandung-dago";

/// Waits until this number of requests to reset a password is recorded: the response does not wait for it.
pub async fn asked(app: &TestApp, count: usize) {
    let recorded = async {
        while events_of(app, "meja.staff.password_reset").await.len() < count {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), recorded).await.unwrap();
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
    asked(&app, 1).await;
    let first = open_link(&app, &sari.id, "password_reset").await;
    app.clock.advance(TimeDelta::minutes(5));
    ask(&mut phone, &sari.email).await;
    asked(&app, 2).await;
    let link = open_link(&app, &sari.id, "password_reset").await;
    let body = json!({"password": OTHER_PASSWORD});
    assert_eq!(first, link, "a link that is open is sent again: a stranger cannot end it by asking");
    let refused = phone.with_link(&app, &link, "/api/invitation/accept", &body).await;
    assert_eq!(refused.problem(), (403, "wrong_credential".into()));
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
    asked(&app, 3).await;
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
    assert_eq!(sari.browser.put(&app, path, &wrong).await.faults(), ["body.code:value_error"]);
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
    asked(&app, 1).await;
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
    let body = json!({"reason_code": "overbooked"});
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
