//! The routes: pages, documents, health checks, and everything else to the service that has it.

use std::sync::Arc;

use access::for_guests;
use axum::Router;
use axum::body::Body;
use axum::extract::{FromRequestParts as _, Request, State};
use axum::http::Uri;
use axum::http::header::CONTENT_TYPE;
use axum::middleware::{self, Next};
use axum::response::Response;
use axum::routing::get;
use chassis::api::{accepts_html, encode};
use chassis::docs;
use chassis::request_trace::RequestTrace;
use chassis::serve::{harden, observed_plain as observed};
use futures::StreamExt as _;
use metrics_exporter_prometheus::PrometheusHandle;

use crate::app::App;
use crate::proxy::{Target, target};
use crate::{health, pages};

/// What the paths of programs begin with: their problems stay as they are.
const PROGRAMS: [&str; 4] = ["/api/", "/events", "/openapi/", "/webhooks/"];

/// All routes of the gateway.
pub fn router(app: App) -> Router {
    let guests = for_guests(pages::router(app.clone()), None, Arc::clone(&app.limits));
    let hosts = app.network.hosts.clone();
    let rest = Router::new()
        .route("/livez", get(|| async { "alive\n" }))
        .route("/readyz", get(health::ready))
        .route("/openapi/reservation.json", get(reservation_description))
        .route("/openapi/notifier.json", get(notifier_description))
        .fallback(pass_on)
        .with_state(app.clone());
    let documents = docs::page("/docs/reservation", "/openapi/reservation.json")
        .merge(docs::page("/docs/notifier", "/openapi/notifier.json"));
    // Responses of the services are encoded already.
    let own = guests.merge(documents).layer(middleware::from_fn(encode));
    let router = own.merge(rest).layer(middleware::from_fn_with_state(app, for_browsers));
    observed(hosts.guard(router))
}

/// Replaces a problem by a page if a browser shows it: a page of a service that is down, or a limit.
async fn for_browsers(State(app): State<App>, request: Request, next: Next) -> Response {
    let path = request.uri().path();
    let is_page = accepts_html(request.headers()) && !PROGRAMS.iter().any(|prefix| path.starts_with(prefix));
    if !is_page {
        return next.run(request).await;
    }
    let (mut parts, body) = request.into_parts();
    let Ok(guest) = pages::Guest::from_request_parts(&mut parts, &app).await;
    let response = next.run(Request::from_parts(parts, body)).await;
    let media_type = response.headers().get(CONTENT_TYPE);
    match media_type.is_some_and(|media_type| media_type == contract::problem::CONTENT_TYPE) {
        true => pages::in_place_of(&guest, &response),
        false => response,
    }
}

/// The route of the listener for metrics.
pub fn metrics(handle: PrometheusHandle) -> Router {
    let render = move || async move { ([(CONTENT_TYPE, "text/plain; version=0.0.4")], handle.render()) };
    harden(Router::new().route("/metrics", get(render)))
}

async fn reservation_description(State(app): State<App>, trace: RequestTrace, request: Request) -> Response {
    description(app, Target::Reservation, trace, request).await
}

async fn notifier_description(State(app): State<App>, trace: RequestTrace, request: Request) -> Response {
    description(app, Target::Notifier, trace, request).await
}

/// The OpenAPI document of a service.
async fn description(app: App, of: Target, trace: RequestTrace, mut request: Request) -> Response {
    *request.uri_mut() = Uri::from_static("/openapi.json");
    send(&app, of, trace, request).await
}

/// Passes a request on to its service.
async fn pass_on(State(app): State<App>, trace: RequestTrace, request: Request) -> Response {
    match target(request.uri().path()) {
        Some(target) => send(&app, target, trace, request).await,
        None => pages::not_found(request.uri().path()),
    }
}

async fn send(app: &App, target: Target, trace: RequestTrace, request: Request) -> Response {
    let response = app.send(target, &trace.request_id, request).await;
    let media_type = response.headers().get(CONTENT_TYPE);
    if !media_type.is_some_and(|media_type| media_type.as_bytes().starts_with(b"text/event-stream")) {
        return response;
    }
    // A stream ends when the gateway stops, and its client continues elsewhere.
    let shutdown = app.shutdown.clone();
    let stops = async move { shutdown.requested().await };
    response.map(|body| Body::from_stream(body.into_data_stream().take_until(Box::pin(stops))))
}
