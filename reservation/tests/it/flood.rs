//! Floods of guesses: the honest person gets in, and the attacker gets as many attempts as the arithmetic says.

use std::sync::Arc;

use access::throttle::{FREE_ATTEMPTS, attempts_within};
use axum::http::StatusCode;
use chrono::TimeDelta;
use futures::future::join_all;
use serde_json::json;

use crate::app::TestApp;
use crate::browser::{Browser, OTHER_PASSWORD, PASSWORD, join, open_link};
use crate::sign_in::asked;

const DAGO: &str = "bandung-dago";

/// The codes of the responses to many guesses at once.
async fn guess(app: &TestApp, email: &str, count: usize) -> Vec<String> {
    let one = async |n: usize| {
        let password = format!("kelapa motor sunyi {n}");
        Browser::default().sign_in(app, email, &password).await.problem().1
    };
    join_all((0..count).map(one)).await
}

fn tried(codes: &[String]) -> usize {
    codes.iter().filter(|code| *code == "sign_in_failed").count()
}

#[tokio::test]
async fn a_flood_of_passwords_gets_the_attempts_of_the_arithmetic_and_the_person_gets_in() {
    let app = TestApp::with_houses().await;
    let mut sari = join(&app, "sari", json!({"host": [DAGO]})).await;
    // At the same time: a delay that is checked after the slow comparison would let all of them pass.
    assert_eq!(tried(&guess(&app, &sari.email, 25).await), FREE_ATTEMPTS as usize);
    // For an hour, as fast as it is allowed.
    let (mut passed, mut all) = (TimeDelta::zero(), FREE_ATTEMPTS as usize);
    while passed < TimeDelta::hours(1) {
        app.clock.advance(TimeDelta::seconds(1));
        passed += TimeDelta::seconds(1);
        all += tried(&guess(&app, &sari.email, 1).await);
    }
    assert_eq!(all, attempts_within(TimeDelta::hours(1)) as usize);
    // The browser in which Sari has signed in before is not delayed, and the delay of others stays.
    assert_eq!(sari.browser.sign_in(&app, &sari.email, PASSWORD).await.status, StatusCode::OK);
    let mut phone = Browser::default();
    let delayed = phone.sign_in(&app, &sari.email, PASSWORD).await;
    assert_eq!(delayed.problem(), (429, "too_many_attempts".into()));
    assert!(delayed.header("retry-after").parse::<u32>().unwrap() > 60);
    // On another one Sari gets in by the link in the mail.
    phone.post(&app, "/api/password-resets", &json!({"email": sari.email})).await;
    asked(&app, 1).await;
    let link = open_link(&app, &sari.id, "password_reset").await;
    let body = json!({"password": OTHER_PASSWORD});
    assert_eq!(phone.with_link(&app, &link, "/api/password-reset", &body).await.status, StatusCode::OK);
    assert_eq!(phone.sign_in(&app, &sari.email, OTHER_PASSWORD).await.status, StatusCode::OK);
    // The cookie of the first browser was for the earlier password.
    let forgotten = sari.browser.sign_in(&app, &sari.email, OTHER_PASSWORD).await;
    assert_eq!(forgotten.problem().0, 429);
}

#[tokio::test]
async fn an_address_without_an_account_is_delayed_as_one_with_an_account() {
    let app = TestApp::with_houses().await;
    let sari = join(&app, "sari", json!({"host": [DAGO]})).await;
    let (mut known, mut unknown) = (Vec::new(), Vec::new());
    for _ in 0..12 {
        known.extend(guess(&app, &sari.email, 1).await);
        unknown.extend(guess(&app, "nobody@warung-sinar.co.id", 1).await);
        app.clock.advance(TimeDelta::seconds(1));
    }
    assert_eq!(known, unknown);
    assert!(known.contains(&"too_many_attempts".to_owned()));
}

#[tokio::test]
async fn guesses_at_many_addresses_fill_only_the_lane_of_strangers() {
    let app = Arc::new(TestApp::with_houses().await);
    let mut sari = join(&app, "sari", json!({"host": [DAGO]})).await;
    let flood = async |n: usize| {
        let email = format!("nobody{n}@warung-sinar.co.id");
        Browser::default().sign_in(&app, &email, PASSWORD).await.problem()
    };
    let (answers, signed_in) = futures::join!(
        join_all((0..100).map(flood)),
        // Sari comes when the lane is full.
        async {
            tokio::task::yield_now().await;
            sari.browser.sign_in(&app, &sari.email, PASSWORD).await
        }
    );
    assert_eq!(signed_in.status, StatusCode::OK, "{}", signed_in.text());
    let busy = answers.iter().filter(|(status, _)| *status == 503).count();
    assert_eq!(busy, 100 - access::sign_in::WAITING_ATTEMPTS_MAX);
    assert!(answers.iter().all(|(_, code)| ["sign_in_failed", "sign_in_busy"].contains(&code.as_str())));
}

#[tokio::test]
async fn codes_of_devices_are_too_many_to_guess() {
    let app = TestApp::with_houses().await;
    let code = app.post("/api/access/devices", &json!({"venue_id": DAGO, "name": "tablet"})).await.json();
    let code = code["code"].as_str().unwrap().to_owned();
    let mut attacker = Browser::default();
    for _ in 0..2_000 {
        let guess = access::code::OneTimeCode::new(&chassis::environment::SystemEnvironment).reveal();
        let answer = attacker.post(&app, "/api/stand/enrol", &json!({"code": guess})).await;
        assert_eq!(answer.problem(), (401, "code_over".into()));
    }
    // Nothing delays the honest device.
    let enrolled = Browser::default().post(&app, "/api/stand/enrol", &json!({"code": code})).await;
    assert_eq!(enrolled.status, StatusCode::OK);
}
