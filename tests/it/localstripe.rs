//! The whole life of a payment at localstripe, a server with Stripe's API.

use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::mail_server::python;
use crate::ports::own_port;
use crate::services::{Pair, Running, until};

const SECRET_KEY: &str = "sk_test_0123456789abcdef";
const WEBHOOK_SECRET: &str = "whsec_0123456789abcdef";

struct LocalStripe {
    url: String,
    http: reqwest::Client,
    _process: Running,
}

impl LocalStripe {
    async fn start() -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let port = own_port();
        let mut command: Command = python();
        command.args(["-m", "localstripe", "--from-scratch", "--port", &port.to_string()]);
        // It keeps its data in a file in the directory it is started in, or in the home directory.
        let process = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let (url, http) = (format!("http://127.0.0.1:{port}"), reqwest::Client::new());
        let stripe = Self { url, http, _process: Running(process) };
        until("localstripe", async || stripe.http.get(&stripe.url).send().await.is_ok()).await;
        stripe
    }

    fn settings(&self, poll_ms: u32) -> Vec<String> {
        let poll_ms = poll_ms.to_string();
        let pairs = [
            ("--payment-provider", "stripe"),
            ("--stripe-url", &self.url),
            ("--stripe-secret-key", SECRET_KEY),
            ("--stripe-publishable-key", "pk_test_0123456789abcdef"),
            ("--stripe-webhook-secret", WEBHOOK_SECRET),
            ("--stripe-poll-ms", &poll_ms),
            ("--sms", "off"),
        ];
        pairs.into_iter().flat_map(|(name, value)| [name.to_owned(), value.to_owned()]).collect()
    }

    async fn post(&self, path: &str, form: &[(&str, &str)]) -> Value {
        let request = self.http.post(format!("{}{path}", self.url)).bearer_auth(SECRET_KEY).form(form);
        let answer = request.send().await.unwrap();
        let status = answer.status();
        let body = answer.text().await.unwrap();
        assert!(status.is_success(), "{path}: {status} {body}");
        serde_json::from_str(&body).unwrap_or_default()
    }

    async fn get(&self, path: &str) -> Value {
        let request = self.http.get(format!("{}{path}", self.url)).bearer_auth(SECRET_KEY);
        request.send().await.unwrap().json().await.unwrap()
    }

    /// The guest pays with a card, as the script of the checkout page does.
    async fn pay(&self, intent: &str) {
        let card = [
            ("type", "card"),
            ("card[number]", "4242424242424242"),
            ("card[exp_month]", "12"),
            ("card[exp_year]", "2034"),
            ("card[cvc]", "123"),
        ];
        let method = self.post("/v1/payment_methods", &card).await;
        let path = format!("/v1/payment_intents/{intent}");
        self.post(&path, &[("payment_method", method["id"].as_str().unwrap())]).await;
        self.post(&format!("{path}/confirm"), &[]).await;
    }
}

/// The payment of a reservation, once it is open.
async fn payment(pair: &Pair, id: &str) -> Value {
    let url = format!("{}/api/payments?reservation_id={id}", pair.notifier_url);
    until("the payment to be open", async || pair.get(&url).await["items"] != json!([])).await;
    pair.get(&url).await["items"][0].clone()
}

async fn becomes(pair: &Pair, path: &str, field: &str, wanted: &str) {
    until(&format!("{path} to be {wanted}"), async || pair.get(path).await[field] == wanted).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deposit_is_paid_refunded_and_closed() {
    let stripe = LocalStripe::start().await;
    let mut pair = Pair::prepared(&[]);
    pair.notifier_args = stripe.settings(200);
    pair.start_reservation().await;
    pair.start_notifier().await;
    // No webhook is sent, so the provider is polled.
    let id = pair.book(6).await;
    let open = payment(&pair, &id).await;
    let intent = open["provider_reference"].as_str().unwrap().to_owned();
    let page = pair.client.get(pair.checkout(&id).await).send().await.unwrap();
    let policy = page.headers()["content-security-policy"].to_str().unwrap().to_owned();
    assert!(policy.contains("script-src 'self' https://js.stripe.com"), "{policy}");
    let page = page.text().await.unwrap();
    let secret = stripe.get(&format!("/v1/payment_intents/{intent}")).await["client_secret"].clone();
    assert!(page.contains(secret.as_str().unwrap()) && page.contains("Rp 300,000"), "{page}");
    stripe.pay(&intent).await;
    let path = format!("/api/reservations/{id}");
    becomes(&pair, &path, "status", "CONFIRMED").await;

    // An operator refunds a part. The cancellation refunds the rest.
    let payment_url = format!("{}/api/payments/{}", pair.notifier_url, open["payment_id"].as_str().unwrap());
    let part = pair.client.post(format!("{payment_url}/refund")).json(&json!({"amount_minor": 10_000_000}));
    assert_eq!(part.send().await.unwrap().status(), 202);
    becomes(&pair, &payment_url, "status", "partly_refunded").await;
    until("the partial refund", async || pair.get(&path).await["deposit"]["status"] == "partly_refunded")
        .await;
    pair.post(&format!("{path}/cancel"), &json!({"reason_code": "guest_request"})).await;
    becomes(&pair, &payment_url, "status", "refunded").await;
    let refunds = stripe.get(&format!("/v1/refunds?payment_intent={intent}")).await;
    let mut amounts: Vec<_> =
        refunds["data"].as_array().unwrap().iter().map(|r| r["amount"].as_i64().unwrap()).collect();
    amounts.sort_unstable();
    assert_eq!(amounts, [10_000_000, 20_000_000]);

    // A booking that is cancelled before it is paid can no longer be paid.
    let unpaid = pair.book(6).await;
    let open = payment(&pair, &unpaid).await;
    pair.post(&format!("/api/reservations/{unpaid}/cancel"), &json!({"reason_code": "guest_request"})).await;
    let path = format!("{}/api/payments/{}", pair.notifier_url, open["payment_id"].as_str().unwrap());
    becomes(&pair, &path, "status", "expired").await;
    let intent = open["provider_reference"].as_str().unwrap();
    assert_eq!(stripe.get(&format!("/v1/payment_intents/{intent}")).await["status"], "canceled");

    // From now on only webhooks report decisions.
    pair.notifier.take();
    pair.notifier_args = stripe.settings(3_600_000);
    pair.start_notifier().await;
    let hook = format!("{}/webhooks/stripe", pair.notifier_url);
    stripe.post("/_config/webhooks/meja", &[("url", &hook), ("secret", WEBHOOK_SECRET)]).await;
    let id = pair.book(6).await;
    let open = payment(&pair, &id).await;
    stripe.pay(open["provider_reference"].as_str().unwrap()).await;
    becomes(&pair, &format!("/api/reservations/{id}"), "status", "CONFIRMED").await;

    // The notifier is killed while it opens a payment. It must look that payment up instead of opening another one.
    pair.notifier.take();
    let killed = pair.book(6).await;
    let mut command = pair.notifier_command();
    command.env("NOTIFIER_FAILPOINT", "open.after_provider:1");
    let mut dying = command.spawn().unwrap();
    dying.wait().unwrap();
    pair.start_notifier().await;
    payment(&pair, &killed).await;
    let all = stripe.get("/v1/payment_intents?limit=100").await;
    let of_it = |intent: &&Value| intent["metadata"]["meja_reservation_id"] == killed.as_str();
    assert_eq!(all["data"].as_array().unwrap().iter().filter(of_it).count(), 1);
    pair.settled().await;
    let report = pair.get(&format!("{}/api/reconciliation", pair.notifier_url)).await;
    assert_eq!(report["differences"], json!([]), "{report:#}");
    assert_eq!(report["provider_payments"], 4);
}
