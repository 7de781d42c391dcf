//! The verification of a running log over HTTP.

use std::process::Command;

use serde_json::{Value, json};

use crate::services::{Pair, anonymous_client, binary, until};

const PATH: &str = "/api/log/verification";

/// A service whose log has so many events already.
async fn with_log(events: u64) -> Pair {
    let mut pair = Pair::prepared(&[]);
    let filled = Command::new(binary("examples/fill"))
        .arg(pair.dir.path().join("reservation"))
        .arg(events.to_string())
        .status()
        .unwrap();
    assert!(filled.success());
    pair.start_reservation().await;
    pair
}

async fn ended(pair: &Pair) -> Value {
    until("the verification to end", async || pair.get(PATH).await["status"] != "running").await;
    pair.get(PATH).await
}

async fn cancel(pair: &Pair) -> Value {
    let answer = pair.client.delete(format!("{}{PATH}", pair.reservation_url)).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    answer.json().await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_log_is_verified_once_at_a_time_and_again_after_it_was_cancelled() {
    let pair = with_log(200_000).await;
    assert_eq!(pair.get(PATH).await["status"], "none");
    let (status, begun) = pair.post(PATH, &json!({})).await;
    assert_eq!((status, &begun["status"]), (202, &json!("running")));
    let (status, second) = pair.post(PATH, &json!({})).await;
    assert_eq!((status, &second["code"]), (409, &json!("already_verifying")));
    cancel(&pair).await;
    let cancelled = ended(&pair).await;
    assert_eq!(cancelled["status"], "cancelled");
    assert!(cancelled["position"].as_u64() < cancelled["head"].as_u64(), "{cancelled}");

    let (status, _) = pair.post(PATH, &json!({})).await;
    assert_eq!(status, 202);
    // Bookings go on, and are not examined.
    let later = pair.book(2).await;
    let valid = ended(&pair).await;
    assert_eq!((&valid["status"], &valid["faults_count"]), (&json!("valid"), &json!(0)), "{valid}");
    assert_eq!(valid["position"], valid["head"]);
    assert!(valid["head"].as_u64().unwrap() < pair.head().await, "{later} is behind it");
    assert_eq!(valid["private_parts"], valid["private_parts_proved"]);
    assert!(valid["private_parts"].as_u64().unwrap() > 20_000, "{valid}");
    // Cancelling what has ended changes nothing.
    assert_eq!(cancel(&pair).await, valid);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_does_not_wait_for_a_verification() {
    let mut pair = with_log(400_000).await;
    assert_eq!(pair.post(PATH, &json!({})).await.0, 202);
    let code = pair.reservation.take().unwrap().terminate();
    assert_eq!(code, Some(0));
    let logged = pair.logged("reservation");
    assert!(logged.contains("the verification of the log did not reach its end"), "{logged}");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_an_operator_verifies_the_log_and_a_faulty_checkpoint_is_refused() {
    let pair = Pair::running(&[]).await;
    let url = format!("{}{PATH}", pair.reservation_url);
    let anonymous = anonymous_client();
    for request in [anonymous.get(&url), anonymous.post(&url).json(&json!({})), anonymous.delete(&url)] {
        assert_eq!(request.send().await.unwrap().status(), 401);
    }
    for (scopes, venues, code) in [
        (json!(["audit", "feed", "read"]), Value::Null, "scope_missing"),
        (json!(["operate"]), json!(["bandung-dago"]), "all_venues_required"),
    ] {
        let key = json!({"name": "auditor", "scopes": scopes, "venues": venues});
        let (_, created) = pair.post("/api/access/keys", &key).await;
        let token = created["token"].as_str().unwrap();
        for request in [anonymous.get(&url), anonymous.post(&url).json(&json!({})), anonymous.delete(&url)] {
            let problem: Value = request.bearer_auth(token).send().await.unwrap().json().await.unwrap();
            assert_eq!(problem["code"], code, "{problem}");
        }
    }
    let long = json!({"checkpoint": "x".repeat(100_000)});
    let (status, problem) = pair.post(PATH, &long).await;
    assert_eq!((status, &problem["code"]), (413, &json!("body_too_large")), "{problem}");
    for checkpoint in ["x", "example.com/log\n3\nAAAA\n\n— example.com AAAAAAAA\n"] {
        let (status, problem) = pair.post(PATH, &json!({"checkpoint": checkpoint})).await;
        assert_eq!(
            (status, &problem["detail"][0]["loc"]),
            (422, &json!(["body", "checkpoint"])),
            "{problem}"
        );
    }
}
