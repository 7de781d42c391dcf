//! The routes: pages, documents, health checks, and everything else to the service that has it.

use std::sync::Arc;

use access::for_guests;
use axum::Router;
use axum::extract::{Request, State};
use axum::http::Uri;
use axum::http::header::CONTENT_TYPE;
use axum::response::Response;
use axum::routing::get;
use chassis::docs;
use chassis::network::ClientAddress;
use chassis::request_trace::RequestTrace;
use chassis::serve::{harden, observed};
use metrics_exporter_prometheus::PrometheusHandle;

use crate::app::App;
use crate::proxy::{self, Origin, Target, target};
use crate::{health, pages};

/// All routes of the gateway.
pub fn router(app: App) -> Router {
    let guests = for_guests(pages::router(app.clone()), Arc::clone(&app.limits));
    let hosts = app.network.hosts.clone();
    let rest = Router::new()
        .route("/livez", get(|| async { "alive\n" }))
        .route("/readyz", get(health::ready))
        .route("/openapi/reservation.json", get(reservation_description))
        .route("/openapi/notifier.json", get(notifier_description))
        .fallback(pass_on)
        .with_state(app);
    let documents = docs::page("/docs/reservation", "/openapi/reservation.json")
        .merge(docs::page("/docs/notifier", "/openapi/notifier.json"));
    hosts.guard(observed(guests.merge(documents).merge(rest)))
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
        None => pages::not_found(&app, request).await,
    }
}

async fn send(app: &App, target: Target, trace: RequestTrace, mut request: Request) -> Response {
    let client = ClientAddress::of(request.extensions(), request.headers(), &app.network.proxies, false);
    let (is_encrypted, key) = (proxy::is_encrypted(&request), app.key.token());
    proxy::name(&mut request, &trace.request_id);
    let origin = Origin { client, is_encrypted, key: key.as_ref() };
    app.upstream(target).forward(request, &origin).await
}
