//! The HTTP interface: payments, messages and effects, pages for guests, webhooks of providers, and the commands of
//! operators.

mod checkout;
mod effects;
mod guest_problems;
mod offers;
mod ops;
mod pages;
mod payments;
mod problem;
mod provider_webhooks;
mod reconciliation;
mod webhook_subscriptions;

use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::middleware;
use axum::response::IntoResponse as _;
use axum::routing::get;
use chassis::api::{checked, within};
use chassis::docs;
use chassis::serve::harden;
use log_tools::serve::LogRoute;
use metrics_exporter_prometheus::PrometheusHandle;
use utoipa::OpenApi as _;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use self::guest_problems::for_browsers;
use crate::app::App;

/// Maximum duration of a request.
const REQUEST_MAX: Duration = Duration::from_secs(30);
/// Maximum duration of a reconciliation, which reads many pages of a provider.
const RECONCILIATION_MAX: Duration = Duration::from_secs(300);

/// All routes of the service, with those for the log if `log` is given.
pub fn router(app: App, metrics: Option<PrometheusHandle>, log: Option<LogRoute>) -> Router {
    // Without a maximum duration, because copying a log takes as long as it takes.
    let (log, log_api) = log.map(log_tools::serve::routes).unwrap_or_default().split_for_parts();
    let (routes, mut api) = OpenApiRouter::with_openapi(ops::ApiDoc::openapi())
        .routes(routes!(payments::channels))
        .routes(routes!(payments::list))
        .routes(routes!(payments::get))
        .routes(routes!(payments::refund))
        .routes(routes!(effects::notifications))
        .routes(routes!(effects::retry_notification))
        .routes(routes!(effects::list))
        .routes(routes!(effects::retry))
        .routes(routes!(effects::discard))
        .routes(routes!(provider_webhooks::simulated))
        .routes(routes!(provider_webhooks::stripe))
        .routes(routes!(webhook_subscriptions::list))
        .routes(routes!(webhook_subscriptions::enable))
        .routes(routes!(ops::providers))
        .routes(routes!(ops::cursor))
        .routes(routes!(ops::ready))
        .with_state(app.clone())
        .split_for_parts();
    api.merge(log_api);
    let (slow, slow_api) = OpenApiRouter::new()
        .routes(routes!(reconciliation::reconciliation))
        .with_state(app.clone())
        .split_for_parts();
    api.merge(slow_api);
    let pages = Router::new()
        .route("/checkout.js", get(checkout::script))
        .route("/checkout", get(pages::incomplete))
        .route("/offers", get(pages::incomplete))
        .route("/checkout/{reference}", get(checkout::page))
        .route("/checkout/{reference}/{choice}", get(pages::without_choice).post(checkout::choose))
        .route("/offers/{waitlist_id}", get(offers::page))
        .route("/offers/{waitlist_id}/{choice}", get(pages::without_choice).post(offers::choose))
        .with_state(app.clone());
    let limited = middleware::from_fn(|request, next| within(REQUEST_MAX, request, next));
    let pages = pages.layer(limited).layer(middleware::from_fn(for_browsers));
    let (routes, slow, log) = (
        checked(routes, &api, REQUEST_MAX),
        checked(slow, &api, RECONCILIATION_MAX),
        checked(log, &api, REQUEST_MAX),
    );
    let measured =
        docs::routes(api, metrics, app.env.clone()).layer(middleware::from_fn_with_state(app, measure));
    harden(routes.merge(pages).merge(slow).merge(measured).merge(log))
}

/// Updates the gauges before the metrics are read.
async fn measure(
    State(app): State<App>,
    request: axum::extract::Request,
    next: middleware::Next,
) -> axum::response::Response {
    if request.uri().path() == "/metrics" {
        app.measure();
    }
    next.run(request).await.into_response()
}
