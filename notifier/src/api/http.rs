//! The HTTP interface: payments, messages and effects, pages for guests, webhooks of providers, and the commands of
//! operators.

mod bookings;
mod checkout;
mod effects;
mod guest_link;
mod guest_problems;
mod offers;
mod ops;
mod pages;
mod payments;
mod problem;
mod proofs;
mod provider_webhooks;
mod reconciliation;
mod staff;
pub mod standby;
mod webhook_subscriptions;

use std::sync::Arc;
use std::time::Duration;

use access::Access::{Everywhere, Fresh, Public, Scope as Needs};
use access::{Operations, for_guests, identified};
use axum::Router;
use axum::extract::State;
use axum::middleware;
use axum::response::IntoResponse as _;
use axum::routing::get;
use chassis::api::{checked, within};
use chassis::docs;
use chassis::serve::harden;
use events::values::Scope;
use log_tools::serve::LogRoute;
use metrics_exporter_prometheus::PrometheusHandle;
use utoipa::OpenApi as _;
use utoipa::openapi::OpenApi;
use utoipa_axum::routes;

use self::guest_problems::for_browsers;
use super::operations::REQUEST_MAX;
use crate::app::App;

/// Maximum duration of a reconciliation, which reads many pages of a provider.
const RECONCILIATION_MAX: Duration = Duration::from_secs(300);

/// All routes of the service, with those for the log if `log` is given.
pub fn router(app: App, metrics: Option<PrometheusHandle>, log: Option<LogRoute>) -> Router {
    // Without a maximum duration, because copying a log takes as long as it takes.
    let (mode, door) = (app.access_mode, Arc::clone(&app.door));
    let anonymous = mode.anonymous();
    let none = || Operations::new(OpenApi::default(), anonymous);
    let log = log.map_or_else(none, |log| log_tools::serve::routes(log, anonymous));
    let (log, log_api): (Router, _) = log.split_for_parts();
    let (routes, mut api) = Operations::new(ops::ApiDoc::openapi(), anonymous)
        .route(Public, routes!(payments::channels))
        .route(Needs(Scope::Payments), routes!(payments::list))
        .route(Needs(Scope::Payments), routes!(payments::get))
        .route(Fresh(Scope::Refund), routes!(payments::refund))
        .route(Everywhere(Scope::Audit), routes!(effects::notifications))
        .route(Everywhere(Scope::Operate), routes!(effects::retry_notification))
        .route(Everywhere(Scope::Audit), routes!(effects::list))
        .route(Everywhere(Scope::Audit), routes!(effects::get))
        .route(Everywhere(Scope::Operate), routes!(effects::retry))
        .route(Everywhere(Scope::Operate), routes!(effects::discard))
        .route(Public, routes!(provider_webhooks::simulated))
        .route(Public, routes!(provider_webhooks::stripe))
        .route(Everywhere(Scope::Audit), routes!(webhook_subscriptions::list))
        .route(Everywhere(Scope::Operate), routes!(webhook_subscriptions::enable))
        .route(Everywhere(Scope::Audit), routes!(ops::providers))
        .route(Everywhere(Scope::Audit), routes!(ops::cursor))
        .route(Public, routes!(ops::ready))
        .with_state(app.clone())
        .split_for_parts();
    api.merge(log_api);
    let (slow, slow_api) = Operations::new(OpenApi::default(), anonymous)
        .route(Everywhere(Scope::Operate), routes!(reconciliation::reconciliation))
        .with_state(app.clone())
        .split_for_parts();
    api.merge(slow_api);
    let limited = middleware::from_fn(|request, next| within(REQUEST_MAX, request, next));
    let (hosts, limits) = (app.hosts.clone(), Arc::clone(&app.limits));
    let pages = for_guests(pages(app.clone()), Some(Arc::new(Arc::clone(&door)) as _), Arc::clone(&limits))
        .layer(limited)
        .layer(middleware::from_fn(for_browsers));
    let (routes, slow, log) = (
        checked(routes, &api, REQUEST_MAX),
        checked(slow, &api, RECONCILIATION_MAX),
        checked(log, &api, REQUEST_MAX),
    );
    let measured =
        docs::routes(api, metrics, app.env.clone()).layer(middleware::from_fn_with_state(app, measure));
    let operations = identified(routes.merge(slow).merge(log), Arc::new(door), limits);
    harden(hosts.guard(operations.merge(pages).merge(measured)))
}

/// The pages for people, and what they load.
fn pages(app: App) -> Router {
    Router::new()
        .route("/checkout.js", get(checkout::script))
        .route("/checkout.css", get(checkout::stylesheet))
        .route("/r/{id}", get(pages::incomplete))
        .route("/w/{id}", get(pages::incomplete))
        .route("/r/{id}/{link}", get(pages::to_booking))
        .route("/w/{id}/{link}", get(pages::to_offer))
        .route("/checkout", get(pages::incomplete))
        .route("/offers", get(pages::incomplete))
        .route("/bookings", get(pages::incomplete))
        .route("/checkout/{reference}", get(checkout::page))
        .route(
            "/checkout/{reference}/{link}",
            get(checkout::page_with_link).post(checkout::choose_without_link),
        )
        .route("/checkout/{reference}/{link}/{choice}", get(pages::without_choice).post(checkout::choose))
        .route("/offers/{link}", get(offers::page))
        .route("/offers/{link}/{choice}", get(pages::without_choice).post(offers::choose))
        .route("/bookings/{link}", get(bookings::page))
        .route("/bookings/{link}/{answer}", get(pages::without_choice).post(bookings::answer))
        .route("/offers/{link}/prove", get(pages::without_choice).post(offers::prove))
        .route("/bookings/{link}/prove", get(pages::without_choice).post(bookings::prove))
        .route("/bookings/{link}/cancel", get(pages::without_choice).post(bookings::cancel))
        .route("/join", get(pages::incomplete))
        .route("/password", get(pages::incomplete))
        .route("/join/{link}", get(staff::page).post(staff::submit))
        .route("/password/{link}", get(staff::page).post(staff::submit))
        .with_state(app)
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
