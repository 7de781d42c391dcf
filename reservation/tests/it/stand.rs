//! Devices at the stand: enrolling them, PINs, and a manager's approval on the device of a host.

use axum::http::{Method, StatusCode};
use chrono::TimeDelta;
use serde_json::{Value, json};

use crate::app::TestApp;
use crate::browser::{Browser, PASSWORD, Staff, enrol, join};

const DAGO: &str = "bandung-dago";

async fn with_pin(app: &TestApp, name: &str, roles: Value, pin: &str) -> Staff {
    let mut staff = join(app, name, roles).await;
    let set = staff.browser.put(app, "/api/account/pin", &json!({"pin": pin})).await;
    assert_eq!(set.status, StatusCode::NO_CONTENT, "{}", set.text());
    staff
}

async fn sign_in(app: &TestApp, tablet: &mut Browser, id: &str, pin: &str) -> crate::app::Answer {
    tablet.post(app, "/api/sessions", &json!({"staff_id": id, "pin": pin})).await
}

#[tokio::test]
async fn a_device_is_enrolled_once_with_its_code_and_people_sign_in_with_a_pin() {
    let app = TestApp::with_houses().await;
    let sari = with_pin(&app, "sari", json!({"host": [DAGO]}), "7294").await;
    with_pin(&app, "romeo", json!({"host": ["roma-trastevere"]}), "7294").await;
    let body = json!({"venue_id": DAGO, "name": "tablet"});
    let added = app.post("/api/access/devices", &body).await.json();
    let code = added["code"].as_str().unwrap().to_lowercase();
    let mut tablet = Browser::default();
    assert_eq!(tablet.get(&app, "/api/stand").await.problem().0, 401);
    let wrong = tablet.post(&app, "/api/stand/enrol", &json!({"code": "00000-00000"})).await;
    assert_eq!(wrong.problem(), (401, "code_over".into()));
    let enrolled = tablet.post(&app, "/api/stand/enrol", &json!({"code": code})).await;
    assert_eq!(enrolled.json()["status"], "enrolled", "{}", enrolled.text());
    let again = Browser::default().post(&app, "/api/stand/enrol", &json!({"code": code})).await;
    assert_eq!(again.problem(), (401, "code_over".into()));
    // The stand shows the people of its venue, and opens nothing before one of them signs in.
    let stand = tablet.get(&app, "/api/stand").await.json();
    assert_eq!(stand["people"], json!([{"staff_id": sari.id, "name": "sari"}]));
    assert_eq!(tablet.get(&app, "/api/floor").await.problem().0, 401);
    assert_eq!(sign_in(&app, &mut Browser::default(), &sari.id, "7294").await.problem().1, "sign_in_failed");
    let signed_in = sign_in(&app, &mut tablet, &sari.id, "7294").await.json();
    assert_eq!(
        (&signed_in["session"]["method"], &signed_in["session"]["device_id"]),
        (&json!("pin"), &added["device"]["device_id"])
    );
    assert_eq!(tablet.status(&app, "/api/floor?venue_id=bandung-dago").await, StatusCode::OK);
    assert_eq!(tablet.get(&app, "/api/floor?venue_id=roma-trastevere").await.problem().0, 404);
    // A code is valid for ten minutes.
    let late = app.post("/api/access/devices", &body).await.json();
    app.clock.advance(TimeDelta::minutes(10));
    let over = Browser::default().post(&app, "/api/stand/enrol", &json!({"code": late["code"]})).await;
    assert_eq!(over.problem(), (401, "code_over".into()));
    let items = app.get("/api/access/devices").await.json();
    let states: Vec<_> =
        items["items"].as_array().unwrap().iter().map(|item| item["status"].clone()).collect();
    assert_eq!(states, [json!("enrolled"), json!("code_over")]);
}

#[tokio::test]
async fn a_revoked_device_ends_its_sessions() {
    let app = TestApp::with_houses().await;
    let sari = with_pin(&app, "sari", json!({"host": [DAGO]}), "7294").await;
    let (id, mut tablet) = enrol(&app, DAGO).await;
    sign_in(&app, &mut tablet, &sari.id, "7294").await;
    assert_eq!(tablet.status(&app, "/api/account").await, StatusCode::OK);
    let revoked =
        app.post(&format!("/api/access/devices/{id}/revoke"), &json!({"reason_code": "lost"})).await;
    assert_eq!(revoked.status, StatusCode::NO_CONTENT);
    for path in ["/api/account", "/api/stand", "/api/floor"] {
        assert_eq!(tablet.get(&app, path).await.problem().0, 401, "{path}");
    }
    assert_eq!(sign_in(&app, &mut tablet, &sari.id, "7294").await.problem().1, "sign_in_failed");
}

#[tokio::test]
async fn a_pin_never_opens_what_only_owners_may_do() {
    let app = TestApp::with_houses().await;
    let made = with_pin(&app, "made", json!({"owner": ["*"]}), "7294").await;
    let (_, mut tablet) = enrol(&app, DAGO).await;
    sign_in(&app, &mut tablet, &made.id, "7294").await;
    assert_eq!(tablet.status(&app, "/api/venues/bandung-dago/rules").await, StatusCode::OK);
    assert_eq!(tablet.get(&app, "/api/access/keys").await.problem(), (403, "scope_missing".into()));
    // It decides nothing about the account either: a person who saw it must not replace it.
    let pin = json!({"pin": "5082"});
    assert_eq!(tablet.put(&app, "/api/account/pin", &pin).await.problem(), (401, "proof_required".into()));
    let again = tablet.post(&app, "/api/sessions/current/proof", &json!({"pin": "7294"})).await;
    assert_eq!(again.status, StatusCode::OK);
    assert_eq!(tablet.put(&app, "/api/account/pin", &pin).await.problem(), (401, "proof_required".into()));
    let password = json!({"password": PASSWORD});
    tablet.post(&app, "/api/sessions/current/proof", &password).await;
    assert_eq!(tablet.put(&app, "/api/account/pin", &pin).await.status, StatusCode::NO_CONTENT);
    // A session that is not on the device is not proved with a PIN, not even on the device.
    let mut own = made.browser.clone();
    own.cookies.extend(
        tablet
            .cookies
            .iter()
            .filter(|(name, _)| name.ends_with("device"))
            .map(|(a, b)| (a.clone(), b.clone())),
    );
    let proof = own.post(&app, "/api/sessions/current/proof", &json!({"pin": "5082"})).await;
    assert_eq!(proof.problem(), (401, "sign_in_failed".into()));
    // With the password it opens what the role allows, at the venue of the device.
    let signed_in = tablet.sign_in(&app, &made.email, PASSWORD).await;
    assert_eq!(signed_in.status, StatusCode::OK);
    assert_eq!(tablet.get(&app, "/api/access/keys").await.problem(), (403, "scope_missing".into()));
}

#[tokio::test]
async fn a_managers_pin_allows_one_request_on_the_device_of_a_host() {
    let app = TestApp::with_houses().await;
    let host = with_pin(&app, "sari", json!({"host": [DAGO]}), "7294").await;
    let manager = with_pin(&app, "made", json!({"manager": [DAGO]}), "5082").await;
    let foreign = with_pin(&app, "romeo", json!({"manager": ["roma-trastevere"]}), "5082").await;
    let (_, mut tablet) = enrol(&app, DAGO).await;
    sign_in(&app, &mut tablet, &host.id, "7294").await;
    let id = app.book(json!({"party_size": 6, "venue_id": DAGO})).await;
    let (path, body) = (format!("/api/reservations/{id}/confirm"), json!({"waive_deposit": true}));
    let confirm = async |approval: Option<String>, tablet: &mut Browser| {
        let header = approval.unwrap_or_default();
        let headers = [("meja-approval", header.as_str())];
        let headers = if header.is_empty() { &[][..] } else { &headers[..] };
        tablet.send(&app, Method::POST, &path, &body, headers).await
    };
    assert_eq!(confirm(None, &mut tablet).await.problem(), (403, "scope_missing".into()));
    for approval in ["nonsense".to_owned(), format!("{} 0000", manager.id)] {
        let refused = confirm(Some(approval), &mut tablet).await;
        assert_eq!(refused.problem(), (401, "approval_failed".into()));
    }
    // A manager of another venue approves nothing here.
    let refused = confirm(Some(format!("{} 5082", foreign.id)), &mut tablet).await;
    assert_eq!(refused.problem(), (401, "approval_failed".into()));
    // Without a device a PIN approves nothing.
    let mut phone = Browser::default();
    phone.sign_in(&app, &host.email, PASSWORD).await;
    let refused = confirm(Some(format!("{} 5082", manager.id)), &mut phone).await;
    assert_eq!(refused.problem(), (401, "approval_failed".into()));
    let approved = confirm(Some(format!("{} 5082", manager.id)), &mut tablet).await;
    assert_eq!(approved.json()["status"], "CONFIRMED", "{}", approved.text());
    let history = app.get(&format!("/api/reservations/{id}/history")).await.json();
    let last = history["entries"]
        .as_array()
        .unwrap()
        .iter()
        .rev()
        .find(|item| item["action"] == "reservation.confirmed");
    assert!(last.unwrap().to_string().contains(&format!("staff:{}", manager.id)), "{history}");
    // The next request is the host's again.
    assert_eq!(tablet.get(&app, "/api/stats?venue_id=bandung-dago").await.problem().0, 403);
}

#[tokio::test]
async fn failed_pins_delay_the_next_one_on_that_device_alone() {
    let app = TestApp::with_houses().await;
    let sari = with_pin(&app, "sari", json!({"host": [DAGO]}), "7294").await;
    let ((_, mut stolen), (_, mut tablet)) = (enrol(&app, DAGO).await, enrol(&app, DAGO).await);
    let mut tried = 0;
    for guess in 0..40 {
        let answer = sign_in(&app, &mut stolen, &sari.id, &format!("{guess:04}")).await;
        tried += u32::from(answer.problem().1 == "sign_in_failed");
    }
    assert_eq!(tried, access::throttle::FREE_ATTEMPTS);
    let delayed = sign_in(&app, &mut stolen, &sari.id, "7294").await;
    assert_eq!(delayed.problem(), (429, "too_many_attempts".into()));
    assert_eq!(delayed.header("retry-after"), "1");
    // Sari signs in on the other device meanwhile.
    assert_eq!(sign_in(&app, &mut tablet, &sari.id, "7294").await.status, StatusCode::OK);
    app.clock.advance(TimeDelta::seconds(1));
    assert_eq!(sign_in(&app, &mut stolen, &sari.id, "7294").await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_pin_counts_only_where_its_person_has_a_role_and_many_devices_give_few_more_guesses() {
    let app = TestApp::with_houses().await;
    let romeo = with_pin(&app, "romeo", json!({"host": ["roma-trastevere"]}), "7294").await;
    let (_, mut tablet) = enrol(&app, DAGO).await;
    assert_eq!(sign_in(&app, &mut tablet, &romeo.id, "7294").await.problem().1, "sign_in_failed");
    // An owner who keeps adding devices reaches the limit of a day.
    let made = with_pin(&app, "made", json!({"manager": [DAGO]}), "7294").await;
    let mut wrong = 0;
    loop {
        let (_, mut device) = enrol(&app, DAGO).await;
        let answers = futures::future::join_all((0..access::throttle::FREE_ATTEMPTS).map(async |_| {
            let body = json!({"staff_id": made.id, "pin": "0001"});
            device.clone().post(&app, "/api/sessions", &body).await.problem().1
        }))
        .await;
        wrong += answers.iter().filter(|code| *code == "sign_in_failed").count();
        if answers.contains(&"too_many_attempts".to_owned()) {
            assert_eq!(sign_in(&app, &mut device, &made.id, "7294").await.problem().0, 429);
            break;
        }
    }
    assert_eq!(wrong, access::sign_in::PINS_PER_DAY_MAX as usize);
    app.clock.advance(TimeDelta::days(1));
    let (_, mut device) = enrol(&app, DAGO).await;
    assert_eq!(sign_in(&app, &mut device, &made.id, "7294").await.status, StatusCode::OK);
}

#[tokio::test]
async fn approvals_give_a_host_no_more_guesses() {
    let app = TestApp::with_houses().await;
    let manager = with_pin(&app, "made", json!({"manager": [DAGO]}), "5082").await;
    let (_, mut tablet) = enrol(&app, DAGO).await;
    let mut approve = async |pin: &str| {
        let header = format!("{} {pin}", manager.id);
        let headers = [("meja-approval", header.as_str())];
        tablet
            .send(&app, Method::GET, "/api/floor?venue_id=bandung-dago", &Value::Null, &headers)
            .await
            .status
    };
    for _ in 0..4 {
        assert_eq!(approve("0001").await, StatusCode::UNAUTHORIZED);
    }
    assert_eq!(approve("5082").await, StatusCode::OK);
    assert_eq!(approve("0001").await, StatusCode::UNAUTHORIZED);
    assert_eq!(approve("0001").await, StatusCode::TOO_MANY_REQUESTS);
}
