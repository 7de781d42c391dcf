//! The adapters with real servers, and a reservation service that misbehaves.

use std::sync::Arc;

use chassis::environment::{ManualEnvironment, SharedEnvironment};
use chassis::secret::Token;
use notifier::adapters::reservation_client::ReservationClient;
use notifier::adapters::simulated::Simulated;
use notifier::adapters::sms::Twilio;
use notifier::domain::effect::{EffectKey, PaymentOutcome, PaymentResult};
use notifier::ports::payment::{PaymentProvider as _, ProviderStatus, RefundOrder};
use notifier::ports::reservation_api::{ReservationApi as _, ReservationError};
use notifier::ports::{ProviderError, SmsSender as _};
use serde_json::json;
use wiremock::matchers::{basic_auth, body_string_contains, header, method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::support::*;

#[tokio::test]
async fn text_messages_are_posted_in_twilios_format() {
    let server = MockServer::start().await;
    Mock::given(method("POST"))
        .and(path("/2010-04-01/Accounts/AC1/Messages.json"))
        .and(basic_auth("AC1", "0123456789abcdef"))
        .and(body_string_contains("To=%2B6281234567890&From=%2B6221&Body=Sampai+jumpa"))
        .respond_with(ResponseTemplate::new(201))
        .expect(1)
        .mount(&server)
        .await;
    let token = || Token::try_from("0123456789abcdef".to_owned()).unwrap();
    let twilio = Twilio::new(http_client(), &server.uri(), "AC1".into(), token(), "+6221".into());
    twilio.send(&EffectKey("k".into()), "+6281234567890", "Sampai jumpa").await.unwrap();
    for (status, passing) in [(429, true), (503, true), (401, true), (400, false), (404, false)] {
        let server = MockServer::start().await;
        Mock::given(method("POST")).respond_with(ResponseTemplate::new(status)).mount(&server).await;
        let twilio = Twilio::new(http_client(), &server.uri(), "AC1".into(), token(), "+6221".into());
        let error = twilio.send(&EffectKey("k".into()), "+62", "x").await.unwrap_err();
        assert_eq!(matches!(error, ProviderError::Transient(_)), passing, "{status}: {error}");
        assert!(!error.to_string().contains("0123456789abcdef"));
    }
    // A service that asks for a delay gets no request before the delay has passed.
    let server = MockServer::start().await;
    let busy = ResponseTemplate::new(429).insert_header("retry-after", "90");
    Mock::given(method("POST")).respond_with(busy).mount(&server).await;
    let twilio = Twilio::new(http_client(), &server.uri(), "AC1".into(), token(), "+6221".into());
    let error = twilio.send(&EffectKey("k".into()), "+62", "x").await.unwrap_err();
    assert!(matches!(error, ProviderError::Busy { after, .. } if after.num_seconds() == 90), "{error}");
}

#[tokio::test]
async fn the_simulated_provider_is_idempotent_and_durable() {
    let dir = tempfile::tempdir().unwrap();
    let books = dir.path().join("simulated-provider.jsonl");
    let env = || Arc::new(ManualEnvironment::at(now())) as SharedEnvironment;
    let open = || Simulated::open("http://127.0.0.1".into(), env(), dir.path()).unwrap();
    let provider = open();
    let reference = provider.open(&order("a")).await.unwrap().reference;
    assert_eq!(provider.open(&order("a")).await.unwrap().reference, reference);
    let refund = |key: &str, amount_minor| RefundOrder {
        asking: asking(key),
        payment_id: PAYMENT,
        reference: reference.clone(),
        amount: idr(amount_minor),
    };
    assert!(provider.refund(&refund("r", 1)).await.is_err(), "nothing was paid");
    assert_eq!(provider.choose(&reference, true), Ok(ProviderStatus::Paid(idr(30_000_000))));
    assert_eq!(
        provider.close(&reference).await,
        provider.choose(&reference, false),
        "the first decision is final"
    );
    let name = provider.refund(&refund("r", 10_000_000)).await.unwrap();
    // An incomplete line, as after a kill, and a restart.
    drop(provider);
    let mut text = std::fs::read(&books).unwrap();
    text.extend(br#"{"at":"2026-"#);
    std::fs::write(&books, text).unwrap();
    for _ in 0..2 {
        let provider = open();
        assert_eq!(provider.refund(&refund("r", 10_000_000)).await.as_ref(), Ok(&name));
        assert!(provider.refund(&refund("s", 20_000_001)).await.is_err());
        let ledger = provider.ledger(now()).await.unwrap();
        assert_eq!((ledger.len(), ledger[0].refunded_minor), (1, 10_000_000));
        assert_eq!(
            (ledger[0].payment_id, ledger[0].status),
            (Some(PAYMENT), ProviderStatus::Paid(idr(30_000_000)))
        );
    }
    let other = open();
    other.refund(&refund("s", 20_000_000)).await.unwrap();
    assert_eq!(open().ledger(now()).await.unwrap()[0].refunded_minor, 30_000_000);
}

#[tokio::test]
async fn refusals_of_the_reservation_service_differ_from_outages() {
    let by = events::recorded::EventMetadata::system("test");
    for (status, refused) in
        [(409, true), (404, true), (422, true), (401, false), (429, false), (500, false), (503, false)]
    {
        let server = MockServer::start().await;
        let problem = ResponseTemplate::new(status).set_body_json(json!({"code": "c"}));
        Mock::given(method("POST"))
            .and(header("idempotency-key", "k"))
            .respond_with(problem)
            .expect(1)
            .mount(&server)
            .await;
        let reservation_client = ReservationClient::new(http_client(), server.uri(), key());
        let outcome = PaymentOutcome::Failed { reason_code: "refused".into() };
        let result = PaymentResult { payment_id: PAYMENT, outcome };
        let key = EffectKey("k".into());
        let error = reservation_client.report_payment(RESERVATION, &key, &result, &by).await.unwrap_err();
        assert_eq!(error.refusal().is_some(), refused, "{status}: {error}");
    }
    let unreachable = ReservationClient::new(http_client(), "http://127.0.0.1:9".into(), key());
    assert!(matches!(unreachable.reservation(RESERVATION, &by).await, Err(ReservationError::Unavailable(_))));
}
