//! The router in-process: responses, refusals, and the description of the API.

use access::link::LinkSecret;
use access::{AccessMode, ClientLimits, Link, LinkOf};
use axum::Router;
use axum::body::Body;
use axum::http::response::Parts;
use axum::http::{HeaderName, Request, StatusCode};
use chassis::environment::SharedEnvironment;
use chassis::network::{Hosts, Network};
use chassis::serve::Shutdown;
use contract::conformance::{Description, Observed};
use contract::reservation::waitlist::WaitlistView;
use http_body_util::BodyExt as _;
use notifier::adapters::reservation_client::ReservationClient;
use notifier::app::App;
use notifier::workers::feed_consumer::FeedStatus;
use serde_json::{Value, json};
use std::sync::Arc;
use tower::ServiceExt as _;

use crate::support::*;

pub fn router(fixture: &Fixture) -> Router {
    before(fixture, "http://127.0.0.1:9")
}

/// The router with a reservation service at `url`.
fn before(fixture: &Fixture, url: &str) -> Router {
    let env: SharedEnvironment = Arc::new(fixture.env.clone());
    let app = App {
        reservation_api: Arc::new(ReservationClient::new(http_client(), url.to_owned(), key())),
        effect_log: Arc::clone(&fixture.effect_log),
        payment_providers: Arc::clone(&fixture.payment_providers),
        simulated: Arc::clone(&fixture.simulated),
        stripe: None,
        hooks: Arc::default(),
        breakers: Arc::new(notifier::executors::breaker::Breakers::new(8)),
        reconciling: Arc::new(tokio::sync::Semaphore::new(1)),
        feed_status: FeedStatus::default(),
        door: Arc::clone(&fixture.door),
        access_mode: AccessMode::On,
        hosts: Hosts::named([]),
        limits: ClientLimits::new(&Network::local(), &env),
        env,
        shutdown: Shutdown::new().1,
    };
    notifier::api::http::router(app, None, None)
}

/// Sends a request, with a key that may do everything unless it has a credential.
async fn send(router: &Router, request: axum::http::request::Builder, body: Value) -> (StatusCode, String) {
    let has_credential = request.headers_ref().is_some_and(|headers| headers.contains_key("authorization"));
    let request = match has_credential {
        true => request,
        false => request.header("authorization", format!("Bearer {TOKEN}")),
    };
    send_as_is(router, request, body).await
}

/// Sends a request without adding a credential.
pub async fn send_as_is(
    router: &Router,
    request: axum::http::request::Builder,
    body: Value,
) -> (StatusCode, String) {
    let request =
        request.header("content-type", "application/json").body(Body::from(body.to_string())).unwrap();
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let (parts, body) = router.clone().oneshot(request).await.unwrap().into_parts();
    let bytes = body.collect().await.unwrap().to_bytes();
    if path != "/openapi.json" {
        conforms(router, method.as_str(), &path, &parts, &bytes).await;
    }
    (parts.status, String::from_utf8(bytes.to_vec()).unwrap())
}

/// Fails if the description of the API does not allow the response.
async fn conforms(router: &Router, method: &str, path: &str, parts: &Parts, body: &[u8]) {
    let document = Box::pin(get(router, "/openapi.json")).await.1;
    let headers: Vec<_> = parts.headers.keys().map(HeaderName::as_str).collect();
    let media_type =
        parts.headers.get("content-type").and_then(|value| value.to_str().ok()?.split(';').next());
    let (status, headers) = (parts.status.as_u16(), &headers[..]);
    let observed = Observed { method, path, status, headers, media_type, body };
    Description::new(document).check(&observed).unwrap();
}

pub async fn get(router: &Router, path: &str) -> (StatusCode, Value) {
    let (status, text) = send(router, Request::get(path), json!({})).await;
    (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
}

#[tokio::test]
async fn payments_are_listed_read_and_decided() {
    let fixture = Fixture::new().await;
    let router = router(&fixture);
    assert_eq!(get(&router, "/api/payments").await.1, json!({"items": [], "next_cursor": null}));
    let reference = fixture.opened().await;
    let (_, list) = get(&router, "/api/payments?status=pending").await;
    assert_eq!(list["items"][0]["amount_minor"], 30_000_000);
    assert_eq!(list["items"][0]["channel"], "qris");
    let (status, one) = get(&router, &format!("/api/payments/{PAYMENT}")).await;
    assert_eq!((status, &one), (StatusCode::OK, &list["items"][0]));
    assert_eq!(get(&router, "/api/payments/42").await.0, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(get(&router, &format!("/api/payments/{RESERVATION}")).await.0, StatusCode::NOT_FOUND);
    assert_eq!(get(&router, "/api/payments?status=lost").await.0, StatusCode::UNPROCESSABLE_ENTITY);
    let (_, page) = get(&router, &format!("/checkout/{reference}")).await;
    assert!(page.as_str().unwrap().contains("Rp 300,000"), "{page}");
    let sent = |signer: standardwebhooks::Webhook, at: i64, body: Value| {
        let signature = signer.sign("w-1", at, body.to_string().as_bytes()).unwrap();
        let request = Request::post("/webhooks/simulated").header("webhook-id", "w-1");
        let request = request.header("webhook-timestamp", at).header("webhook-signature", signature);
        send_as_is(&router, request, body)
    };
    let now = crate::support::now().timestamp();
    let paid = json!({"reference": reference, "outcome": "paid"});
    // Anybody who knows the reference could confirm the booking, but for the signature.
    for forged in [
        send_as_is(&router, Request::post("/webhooks/simulated"), paid.clone()).await,
        sent(standardwebhooks::Webhook::from_bytes(vec![8; 32]).unwrap(), now, paid.clone()).await,
        sent(simulated_webhook(), now - 301, paid.clone()).await,
    ] {
        assert_eq!(forged.0, StatusCode::UNAUTHORIZED, "{}", forged.1);
    }
    let hook = |body| sent(simulated_webhook(), now, body);
    let (status, text) = hook(json!({"reference": reference, "outcome": "maybe", "extra": 1})).await;
    assert!(
        status == StatusCode::UNPROCESSABLE_ENTITY
            && text.contains("\"outcome\"")
            && text.contains("\"extra\""),
        "{text}"
    );
    assert_eq!(hook(json!({"reference": "sim_9", "outcome": "paid"})).await.0, StatusCode::NOT_FOUND);
    assert_eq!(hook(json!({"reference": reference, "outcome": "paid"})).await.1, r#"{"status":"paid"}"#);
    assert_eq!(get(&router, "/checkout/sim_9").await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn orders_need_a_credential() {
    let fixture = Fixture::new().await;
    let router = router(&fixture);
    for path in [
        format!("/api/payments/{PAYMENT}/refund"),
        "/api/effects/a/retry".into(),
        "/api/notifications/a/retry".into(),
        "/api/effects/a/discard".into(),
    ] {
        assert_eq!(
            send_as_is(&router, Request::post(&path), json!({})).await.0,
            StatusCode::UNAUTHORIZED,
            "{path}"
        );
        let request = Request::post(&path).header("authorization", format!("Bearer {TOKEN}"));
        let body = if path.ends_with("discard") { json!({"reason": "called"}) } else { json!({}) };
        assert_eq!(send(&router, request, body).await.0, StatusCode::NOT_FOUND, "{path}");
    }
}

#[tokio::test]
async fn channels_cursor_and_probes_answer() {
    let fixture = Fixture::new().await;
    let router = router(&fixture);
    let (_, channels) = get(&router, "/api/payment-channels").await;
    assert_eq!(channels["channels"][0]["code"], "qris");
    assert_eq!(get(&router, "/api/cursor").await.1["lag_events"], 0);
    assert_eq!(get(&router, "/readyz").await.1["status"], "ready");
    for path in ["/livez", "/docs/"] {
        assert_eq!(get(&router, path).await.0, StatusCode::OK);
    }
    let (_, problem) = get(&router, "/nowhere").await;
    assert_eq!(problem["code"], "not_found");
}

#[tokio::test]
async fn every_route_of_the_design_is_described() {
    let fixture = Fixture::new().await;
    let (_, api) = get(&router(&fixture), "/openapi.json").await;
    assert_eq!(api["openapi"], "3.1.0");
    for (method, path) in [
        ("get", "/api/payment-channels"),
        ("get", "/api/payments"),
        ("get", "/api/payments/{payment_id}"),
        ("post", "/api/payments/{payment_id}/refund"),
        ("get", "/api/notifications"),
        ("post", "/api/notifications/{id}/retry"),
        ("get", "/api/effects"),
        ("post", "/api/effects/{id}/discard"),
        ("get", "/api/providers"),
        ("post", "/webhooks/simulated"),
        ("post", "/webhooks/stripe"),
        ("get", "/api/cursor"),
        ("get", "/readyz"),
    ] {
        assert!(api["paths"][path][method].is_object(), "{method} {path}");
    }
}

#[tokio::test]
async fn the_page_of_a_payment_that_is_not_open_yet_loads_itself_again() {
    let router = router(&Fixture::new().await);
    let of = LinkOf::Payment("01939f3e-0000-7000-8000-0000000000aa".parse().unwrap());
    let link = LinkSecret::new([7; 32]).key().unwrap().sign(Link { of, generation: 0 });
    let request = Request::get(format!("/checkout/{link}")).header("accept", "text/html");
    let response = router.oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(response.headers()["refresh"], "2");
    let text = response.into_body().collect().await.unwrap().to_bytes();
    assert!(String::from_utf8_lossy(&text).contains("Your payment is being prepared"));
}

/// A guest answers on the page. The reservation service decides. Answers given while it is down are not lost.
#[tokio::test]
async fn an_offer_is_shown_and_answered_on_its_page() {
    let fixture = Fixture::new().await;
    let id = "01939f3e-0000-7000-8000-0000000000aa";
    let link_to = |id: &str| {
        let of = LinkOf::Waitlist(id.parse().unwrap());
        LinkSecret::new([7; 32]).key().unwrap().sign(Link { of, generation: 0 })
    };
    let link = link_to(id);
    let (status, _) = get(&router(&fixture), &format!("/offers/{link}")).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    // The page presents the link of the guest, and never the key of this service.
    let by_guest = || wiremock::matchers::header("authorization", format!("Bearer {link}"));
    let reservation_client = wiremock::MockServer::start().await;
    let offered: WaitlistView = serde_json::from_value(json!({"waitlist_id": id, "customer_id": "cust-1", "status": "OFFERED",
        "venue_id": "bandung-dago", "venue_name": "Warung <b>", "venue_profile": {}, "timezone": "Asia/Jakarta", "party_size": 2,
        "earliest_time": "2026-12-24T18:00:00+07:00", "latest_time": "2026-12-24T20:00:00+07:00", "locale": "id",
        "created_at": "2026-12-01T09:00:00Z", "version": 2,
        "offer": {"start_time": "2026-12-24T19:30:00+07:00", "end_time": "2026-12-24T21:00:00+07:00",
            "expires_at": "2026-12-01T09:15:00Z", "tables": [{"table_id": "T1", "area": "Teras", "capacity": 2}]}}))
    .unwrap();
    wiremock::Mock::given(wiremock::matchers::method("GET"))
        .and(by_guest())
        .respond_with(wiremock::ResponseTemplate::new(200).set_body_json(offered))
        .mount(&reservation_client)
        .await;
    let booked = json!({"code": "duplicate_booking"});
    wiremock::Mock::given(wiremock::matchers::path(format!("/api/waitlist/{id}/accept")))
        .and(by_guest())
        .respond_with(wiremock::ResponseTemplate::new(409).set_body_json(booked))
        .up_to_n_times(1)
        .with_priority(1)
        .mount(&reservation_client)
        .await;
    let expired = json!({"code": "offer_expired"});
    wiremock::Mock::given(wiremock::matchers::path(format!("/api/waitlist/{id}/accept")))
        .and(by_guest())
        .respond_with(wiremock::ResponseTemplate::new(409).set_body_json(expired))
        .expect(1)
        .mount(&reservation_client)
        .await;
    let router = before(&fixture, &reservation_client.uri());
    let (_, page) = get(&router, &format!("/offers/{link}")).await;
    let page = page.as_str().unwrap();
    for words in [
        "Kamis, 24 Desember 2026, 19.30",
        "Ambil meja ini</button>",
        "1 Desember 2026 pukul 16.15",
        "Warung &lt;b&gt;",
    ] {
        assert!(page.contains(words), "{words} in {page}");
    }
    // The guest has a booking at that time: the page says so, and still shows the offer.
    let (status, page) = send(&router, Request::post(format!("/offers/{link}/accept")), json!({})).await;
    assert_eq!(status, StatusCode::CONFLICT);
    assert!(
        page.contains("sudah punya reservasi") && page.contains("Tidak, terima kasih</button>"),
        "{page}"
    );
    // The page shows the result.
    let (status, _) = send(&router, Request::post(format!("/offers/{link}/accept")), json!({})).await;
    assert_eq!(status, StatusCode::SEE_OTHER);
    // The service does not know the link of another entry. The id alone is no link.
    let other = format!("/offers/{}/decline", link_to("01939f3e-0000-7000-8000-0000000000bb"));
    let by_id = format!("/offers/{id}/accept");
    for path in [format!("/offers/{link}/keep"), "/offers/7/accept".to_owned(), other, by_id] {
        assert_eq!(send(&router, Request::post(path), json!({})).await.0, StatusCode::NOT_FOUND);
    }
}
