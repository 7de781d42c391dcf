//! Webhooks to the restaurant's own systems: real binaries, and a receiver that verifies each webhook.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex};

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::services::{Pair, anonymous_client, until};

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const NEXT_SECRET: &str = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";

/// A receiver of webhooks whose responses the test sets.
pub struct Receiver {
    url: String,
    answer: AtomicU16,
    /// Every accepted body, and how often each id was sent.
    taken: Mutex<Vec<Value>>,
    tries: Mutex<HashMap<String, usize>>,
}

impl Receiver {
    pub async fn start() -> Arc<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let receiver = Arc::new(Self {
            url: format!("http://{}/hook", listener.local_addr().unwrap()),
            answer: AtomicU16::new(204),
            taken: Mutex::default(),
            tries: Mutex::default(),
        });
        let app = axum::Router::new().route("/hook", post(Self::take)).with_state(Arc::clone(&receiver));
        tokio::spawn(async move { axum::serve(listener, app).await });
        receiver
    }

    async fn take(State(this): State<Arc<Self>>, headers: HeaderMap, body: Bytes) -> StatusCode {
        // Either secret is valid, because the receiver may not use the next one yet.
        for secret in [SECRET, NEXT_SECRET] {
            standardwebhooks::Webhook::new(secret).unwrap().verify(&body, &headers).unwrap();
        }
        assert!(headers["user-agent"].to_str().unwrap().starts_with("meja-notifier/"));
        let id = headers["webhook-id"].to_str().unwrap().to_owned();
        let body: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(body["data"]["id"], id);
        *this.tries.lock().unwrap().entry(id).or_default() += 1;
        let status = StatusCode::from_u16(this.answer.load(Ordering::SeqCst)).unwrap();
        if status.is_success() {
            this.taken.lock().unwrap().push(body);
        }
        status
    }

    /// The status of each response from now on.
    pub fn answer(&self, status: u16) {
        self.answer.store(status, Ordering::SeqCst);
    }

    /// The file of subscriptions with one for these types of events, sent here.
    pub fn subscription(&self, types: &[&str]) -> Value {
        json!([{"id": "pos", "url": self.url, "secrets": [SECRET, NEXT_SECRET], "types": types}])
    }

    /// The number of webhooks that were sent, accepted or not.
    pub fn tried(&self) -> usize {
        self.tries.lock().unwrap().len()
    }

    /// The accepted bodies, by position.
    pub fn taken(&self) -> Vec<Value> {
        let mut taken = self.taken.lock().unwrap().clone();
        taken.sort_by_key(|body| body["position"].as_u64());
        taken
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_receiver_gets_every_event_it_selects_and_can_detect_gaps() {
    let (pos, gone) = (Receiver::start().await, Receiver::start().await);
    let mut pair = Pair::prepared(&["--sms", "off"]);
    let file = pair.dir.path().join("hooks.json");
    let hooks = json!([
        {"id": "pos", "url": pos.url, "secrets": [SECRET, NEXT_SECRET], "types": ["meja.reservation.*"]},
        {"id": "gone", "url": gone.url, "secrets": [SECRET, NEXT_SECRET]},
    ]);
    std::fs::write(&file, hooks.to_string()).unwrap();
    pair.notifier_args.extend(["--hooks".into(), file.to_string_lossy().into_owned()]);
    gone.answer(410);
    pair.start_reservation().await;
    pair.start_notifier().await;
    pos.answer(500);
    let id = pair.book(2).await;
    until("the first attempt", async || !pos.tries.lock().unwrap().is_empty()).await;
    pos.answer(204);
    pair.post(&format!("/api/reservations/{id}/confirm"), &json!({})).await;
    pair.post(&format!("/api/reservations/{id}/cancel"), &json!({"reason_code": "guest_request"})).await;
    // The first webhook is repeated after about five seconds.
    until("all three events", async || pos.taken().len() == 3).await;
    let taken = pos.taken();
    let types: Vec<_> = taken.iter().map(|body| body["type"].as_str().unwrap().to_owned()).collect();
    let ends = ["created", "confirmed", "cancelled"];
    assert!(types.iter().zip(ends).all(|(t, end)| *t == format!("meja.reservation.{end}.v1")), "{types:?}");
    let feed = pair.events().await;
    for body in &taken {
        let place = body["position"].as_u64().unwrap() as usize - 1;
        assert_eq!(body["data"], feed[place], "the webhook contains the event exactly as in the feed");
        // Instants, because a time is written with as many digits as it needs.
        let instant = |text: &Value| text.as_str().unwrap().parse::<chrono::DateTime<chrono::Utc>>().unwrap();
        assert_eq!(instant(&body["timestamp"]), instant(&feed[place]["time"]));
    }
    // Each webhook names the previous event.
    assert_eq!(taken[0]["previous_position"], Value::Null);
    assert_eq!(taken[1]["previous_position"], taken[0]["position"]);
    assert_eq!(taken[2]["previous_position"], taken[1]["position"]);
    assert!(
        !taken.iter().any(|body| body.to_string().contains("sari@")),
        "webhooks contain no personal data"
    );

    // 410: the receiver gets no more events until an operator enables it.
    let status =
        async || pair.get(&format!("{}/api/hooks", pair.notifier_url)).await["items"][1]["status"].clone();
    until("the second subscription to be disabled", async || status().await == "disabled").await;
    pair.settled().await;
    let tried: usize = gone.tries.lock().unwrap().values().sum();
    let other = pair.book(2).await;
    until("the fourth event", async || pos.taken().len() == 4).await;
    pair.settled().await;
    assert_eq!(gone.tries.lock().unwrap().values().sum::<usize>(), tried);
    gone.answer(200);
    let enable = format!("{}/api/hooks/gone/enable", pair.notifier_url);
    assert_eq!(anonymous_client().post(&enable).send().await.unwrap().status(), 401);
    assert_eq!(pair.client.post(&enable).send().await.unwrap().status(), 200);
    assert_eq!(status().await, "enabled");
    pair.post(&format!("/api/reservations/{other}/confirm"), &json!({})).await;
    until("the enabled subscription to receive an event", async || !gone.taken().is_empty()).await;
    assert_eq!(gone.taken()[0]["previous_position"], Value::Null, "the receiver must look up missed events");
}

#[test]
fn a_webhook_to_the_own_network_is_refused_at_the_start() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("hooks.json");
    let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    let check = |url: &str, more: &[&str]| {
        let hooks = json!([{"id": "own", "url": url, "secrets": [secret], "types": []}]);
        std::fs::write(&file, hooks.to_string()).unwrap();
        let mut command = crate::services::program("notifier");
        let output =
            command.current_dir(dir.path()).arg("check").arg("--hooks").arg(&file).args(more).output();
        String::from_utf8(output.unwrap().stderr).unwrap()
    };
    for url in ["http://169.254.169.254/latest", "https://10.0.0.5/hook", "http://example.com/hook"] {
        let said = check(url, &[]);
        assert!(said.contains("NOTIFIER_HOOKS: hook \"own\""), "{url}: {said}");
    }
    assert!(!check("https://example.com/hook", &[]).contains("NOTIFIER_HOOKS"));
    assert!(!check("http://10.0.0.5/hook", &["--calls-allowed", "10.0.0.0/8"]).contains("NOTIFIER_HOOKS"));
}
