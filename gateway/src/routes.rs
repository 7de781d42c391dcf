//! The routes: pages, documents, health checks, and everything else to the service that has it.

use std::sync::Arc;

use access::for_guests;
use axum::Router;
use axum::extract::{Request, State};
use axum::http::header::CONTENT_TYPE;
use axum::response::Response;
use axum::routing::get;
use chassis::network::ClientAddress;
use chassis::request_trace::RequestTrace;
use chassis::serve::{harden, observed};
use metrics_exporter_prometheus::PrometheusHandle;

use crate::app::App;
use crate::proxy::{self, Origin, target};
use crate::{health, pages};

/// All routes of the gateway.
pub fn router(app: App) -> Router {
    let guests = for_guests(pages::router(app.clone()), Arc::clone(&app.limits));
    let hosts = app.network.hosts.clone();
    let rest = Router::new()
        .route("/livez", get(|| async { "alive\n" }))
        .route("/readyz", get(health::ready))
        .fallback(pass_on)
        .with_state(app);
    hosts.guard(observed(guests.merge(rest)))
}

/// The route of the listener for metrics.
pub fn metrics(handle: PrometheusHandle) -> Router {
    let render = move || async move { ([(CONTENT_TYPE, "text/plain; version=0.0.4")], handle.render()) };
    harden(Router::new().route("/metrics", get(render)))
}

/// Passes a request on to its service.
async fn pass_on(State(app): State<App>, trace: RequestTrace, mut request: Request) -> Response {
    let Some(target) = target(request.uri().path()) else {
        return pages::not_found(&app, request).await;
    };
    let client = ClientAddress::of(request.extensions(), request.headers(), &app.network.proxies, false);
    let (is_encrypted, key) = (proxy::is_encrypted(&request), app.key.token());
    proxy::name(&mut request, &trace.request_id);
    let origin = Origin { client, is_encrypted, key: key.as_ref() };
    app.upstream(target).forward(request, &origin).await
}
