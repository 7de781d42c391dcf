//! Stripe's API: the meaning of responses, lookups by our reference, and the verification of webhooks.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use chassis::environment::SystemEnvironment;
use chassis::secret::Token;
use chrono::TimeDelta;
use notifier::adapters::stripe::webhook::{Notice, WebhookError, verify};
use notifier::adapters::stripe::{Stripe, StripeSettings};
use notifier::ports::ProviderError;
use notifier::ports::payment::{Asking, PaymentOrder, PaymentProvider as _, ProviderStatus, RefundOrder};
use serde_json::{Value, json};
use wiremock::matchers::{body_string_contains, header, method, path, query_param};
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate};

use crate::support::*;

fn stripe(server: &MockServer) -> Stripe {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let settings = StripeSettings {
        base_url: server.uri(),
        secret_key: token("sk_test_0123456789abcdef"),
        publishable_key: "pk_test_1".into(),
        script_url: "https://js.stripe.com/v3/".into(),
        webhook_secrets: vec![token(OLD), token(NEW)],
        poll_every: TimeDelta::seconds(60),
    };
    Stripe::new(http_client(), settings, "https://meja.example".into(), Arc::new(SystemEnvironment))
}

fn token(text: &str) -> Token {
    Token::try_from(text.to_owned()).unwrap()
}

fn intent(id: &str, status: &str, payment: &str) -> Value {
    json!({"id": id, "status": status, "amount": 30_000_000, "amount_received": 30_000_000, "currency": "idr",
        "created": now().timestamp(), "metadata": {"meja_payment_id": payment}, "client_secret": "cs"})
}

fn list(items: &[Value], has_more: bool) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_json(json!({"data": items, "has_more": has_more}))
}

fn again(order: PaymentOrder, key_changes: u32) -> PaymentOrder {
    PaymentOrder { asking: Asking { tried: true, key_changes, ..order.asking }, ..order }
}

#[tokio::test]
async fn a_second_attempt_looks_the_payment_up_first() {
    let server = MockServer::start().await;
    let mine = PAYMENT.to_string();
    // The first page contains only payments of another use of the account.
    let others: Vec<_> = (0..2).map(|n| intent(&format!("pi_{n}"), "succeeded", "x")).collect();
    Mock::given(method("GET"))
        .and(path("/v1/payment_intents"))
        .and(query_param("starting_after", "pi_1"))
        .respond_with(list(&[intent("pi_mine", "requires_payment_method", &mine)], false))
        .with_priority(1)
        .mount(&server)
        .await;
    Mock::given(method("GET"))
        .and(path("/v1/payment_intents"))
        .respond_with(list(&others, true))
        .mount(&server)
        .await;
    Mock::given(method("POST"))
        .and(path("/v1/payment_intents"))
        .and(header("idempotency-key", "k"))
        .and(header("authorization", "Bearer sk_test_0123456789abcdef"))
        .and(body_string_contains("amount=30000000&currency=idr"))
        .and(body_string_contains(format!("meja_payment_id%5D={mine}")))
        .respond_with(ResponseTemplate::new(200).set_body_json(intent(
            "pi_new",
            "requires_payment_method",
            &mine,
        )))
        .expect(1)
        .mount(&server)
        .await;
    let stripe = stripe(&server);
    let opened = stripe.open(&order("k")).await.unwrap();
    assert_eq!(
        (opened.reference.as_str(), opened.url.as_str()),
        ("pi_new", "https://meja.example/checkout/pi_new")
    );
    assert_eq!(stripe.open(&again(order("k"), 0)).await.unwrap().reference, "pi_mine", "no second payment");
    assert_eq!(stripe.find(&order("k")).await.unwrap().unwrap().reference, "pi_mine");
}

/// Fails like Stripe: the response to a key is stored, so a retry needs another key.
struct EventBytes(AtomicUsize);

impl Respond for EventBytes {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        self.0.fetch_add(1, Ordering::SeqCst);
        match request.headers.get("idempotency-key").unwrap().to_str().unwrap() {
            "k" => ResponseTemplate::new(500).set_body_json(json!({"error": {"message": "oops"}})),
            _ => ResponseTemplate::new(200).set_body_json(intent(
                "pi_2",
                "requires_payment_method",
                &PAYMENT.to_string(),
            )),
        }
    }
}

#[tokio::test]
async fn after_a_failure_of_stripe_a_missing_payment_is_requested_with_another_key() {
    let server = MockServer::start().await;
    Mock::given(method("GET")).respond_with(list(&[], false)).expect(2).mount(&server).await;
    Mock::given(method("POST")).respond_with(EventBytes(AtomicUsize::new(0))).mount(&server).await;
    let stripe = stripe(&server);
    let failed = stripe.open(&order("k")).await.unwrap_err();
    assert!(matches!(&failed, ProviderError::Failed(words) if words.contains("oops")), "{failed:?}");
    assert!(matches!(stripe.open(&again(order("k"), 0)).await, Err(ProviderError::Failed(_))));
    assert_eq!(stripe.open(&again(order("k"), 1)).await.unwrap().reference, "pi_2");
}

#[tokio::test]
async fn transient_errors_differ_from_final_errors() {
    for (status, expected) in [
        (400, "final"),
        (402, "final"),
        (404, "final"),
        (401, "passing"),
        (409, "busy"),
        (429, "busy"),
        (500, "failed"),
        (503, "passing"),
    ] {
        let server = MockServer::start().await;
        let answer = ResponseTemplate::new(status).insert_header("retry-after", "7");
        Mock::given(method("POST")).respond_with(answer).mount(&server).await;
        let error = stripe(&server).open(&order("k")).await.unwrap_err();
        let kind = match &error {
            ProviderError::Transient(_) => "passing",
            ProviderError::Busy { after, .. } if status == 429 => {
                assert_eq!(*after, TimeDelta::seconds(7));
                "busy"
            }
            ProviderError::Busy { .. } => "busy",
            ProviderError::Failed(_) => "failed",
            ProviderError::Final(_) => "final",
        };
        assert_eq!(kind, expected, "{status}: {error}");
        assert!(!error.to_string().contains("sk_test"));
    }
    let impossible = PaymentOrder { amount: idr(0), ..order("k") };
    let idle = MockServer::start().await;
    assert!(matches!(stripe(&idle).open(&impossible).await, Err(ProviderError::Final(_))));
    let gone = stripe(&idle);
    drop(idle);
    assert!(gone.open(&order("k")).await.is_err());
}

#[tokio::test]
async fn a_refund_is_looked_up_and_a_refund_that_the_bank_returned_does_not_count() {
    let server = MockServer::start().await;
    let refund = |key: &str, status: &str| {
        json!({"id": format!("re_{key}"), "amount": 1_000, "status": status, "payment_intent": "pi_1", "created": 1,
            "metadata": {"meja_refund_key": key}})
    };
    Mock::given(method("GET"))
        .and(path("/v1/refunds"))
        .and(query_param("payment_intent", "pi_1"))
        .respond_with(list(&[refund("a", "succeeded"), refund("b", "failed")], false))
        .mount(&server)
        .await;
    let ask = |key: &str| RefundOrder {
        asking: Asking { tried: true, ..asking(key) },
        payment_id: PAYMENT,
        reference: "pi_1".into(),
        amount: idr(1_000),
    };
    let stripe = stripe(&server);
    assert_eq!(stripe.refund(&ask("a")).await.unwrap(), "re_a");
    let back = stripe.refund(&ask("b")).await.unwrap_err();
    assert!(matches!(&back, ProviderError::Final(words) if words.contains("by hand")), "{back:?}");
}

#[tokio::test]
async fn a_payment_paid_before_it_was_closed_is_reported_as_paid() {
    let server = MockServer::start().await;
    let mine = PAYMENT.to_string();
    Mock::given(method("POST")).respond_with(ResponseTemplate::new(400)).mount(&server).await;
    Mock::given(method("GET"))
        .and(path("/v1/payment_intents/pi_1"))
        .respond_with(ResponseTemplate::new(200).set_body_json(intent("pi_1", "succeeded", &mine)))
        .mount(&server)
        .await;
    let stripe = stripe(&server);
    assert_eq!(stripe.close("pi_1").await, Ok(ProviderStatus::Paid(idr(30_000_000))));
    assert_eq!(stripe.status("pi_1").await, Ok(ProviderStatus::Paid(idr(30_000_000))));
}

const OLD: &str = "whsec_old_0123456789";
const NEW: &str = "whsec_new_0123456789";

fn signed(secret: &str, at: i64, body: &str) -> String {
    use hmac::Mac as _;
    let mac = hmac::Hmac::<sha2::Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    let signature = mac.chain_update(format!("{at}.{body}")).finalize().into_bytes();
    format!("t={at},v1={}", hex::encode(signature))
}

#[test]
fn a_webhook_signed_with_either_secret_is_valid_for_five_minutes() {
    let secrets = [token(OLD), token(NEW)];
    let at = now().timestamp();
    let check = |header: &str, body: &str| verify(&secrets, Some(header), body.as_bytes(), now());
    for secret in [OLD, NEW] {
        assert_eq!(check(&signed(secret, at, "{}"), "{}"), Ok(()));
    }
    assert_eq!(check(&signed("whsec_other_0123456789", at, "{}"), "{}"), Err(WebhookError::Forged));
    assert_eq!(
        check(&signed(NEW, at, "{}"), "{} "),
        Err(WebhookError::Forged),
        "the signature covers the raw body"
    );
    // The time is signed too.
    let moved = signed(NEW, at - 1, "{}").replace(&(at - 1).to_string(), &at.to_string());
    assert_eq!(check(&moved, "{}"), Err(WebhookError::Forged));
    for (apart, believed) in [(300, true), (-300, true), (301, false), (-301, false)] {
        assert_eq!(check(&signed(NEW, at - apart, "{}"), "{}").is_ok(), believed, "{apart}");
    }
    // While the secret is changed, Stripe signs with both.
    let by_new = signed(NEW, at, "{}");
    let both =
        format!("{},v1={}", signed("whsec_gone_0123456789", at, "{}"), by_new.split_once("v1=").unwrap().1);
    assert_eq!(check(&both, "{}"), Ok(()));
    for header in ["", "t=1", "v1=00", "t=x,v1=00", "t=1,v1=zz", "t=1,v0=00"] {
        assert_eq!(check(header, "{}"), Err(WebhookError::NoSignature), "{header}");
    }
    assert_eq!(verify(&secrets, None, b"{}", now()), Err(WebhookError::NoSignature));
    assert_eq!(verify(&[], Some("t=1,v1=00"), b"{}", now()), Err(WebhookError::NoSecret));
}

#[tokio::test]
async fn a_webhook_yields_the_status_of_our_payments_only() {
    let server = MockServer::start().await;
    let stripe = Arc::new(stripe(&server));
    let read = |what: &str, object: Value| {
        let body = json!({"id": "evt_1", "type": what, "data": {"object": object}}).to_string();
        stripe.read_webhook(Some(&signed(NEW, now().timestamp(), &body)), body.as_bytes(), now())
    };
    let mine = PAYMENT.to_string();
    let paid = Notice::Payment { reference: "pi_1".into(), status: ProviderStatus::Paid(idr(30_000_000)) };
    assert_eq!(read("payment_intent.succeeded", intent("pi_1", "succeeded", &mine)), Ok(paid));
    let closed = Notice::Payment { reference: "pi_1".into(), status: ProviderStatus::Closed };
    assert_eq!(read("payment_intent.canceled", intent("pi_1", "canceled", &mine)), Ok(closed));
    let mut foreign = intent("pi_1", "succeeded", &mine);
    foreign["metadata"] = json!({});
    assert!(matches!(read("payment_intent.succeeded", foreign), Ok(Notice::Other(_))));
    // The guest can use another card.
    let failed = read("payment_intent.payment_failed", intent("pi_1", "requires_payment_method", &mine));
    assert!(matches!(failed, Ok(Notice::Other(_))));
    assert!(matches!(read("payment_intent.succeeded", json!({})), Err(WebhookError::Body(_))));
}
