//! The HTTP interface: requests in, representations and problems out.
//!
//! Handlers read a request, call a command or a query, and respond. [`request`] reads bodies and queries,
//! [`respond`] writes the responses of commands, and [`problem`] is the one place where an error becomes a
//! status.

mod asyncapi;
mod commands;
mod extract;
mod feed;
mod ops;
mod problem;
mod request;
mod reservations;
mod respond;
mod results;
mod rules;
mod venues;
mod waitlist;

use std::time::Duration;

use axum::Router;
use chassis::api::checked;
use chassis::docs;
use chassis::serve::harden;
use log_tools::serve::LogRoute;
use metrics_exporter_prometheus::PrometheusHandle;
use utoipa::OpenApi as _;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;

/// Maximum duration of a request. The feed is exempt, because consumers wait there for events.
const REQUEST_MAX: Duration = Duration::from_secs(30);

/// All routes of the service, with those for the log if `log` is given.
pub fn router(app: App, metrics: Option<PrometheusHandle>, log: Option<LogRoute>) -> Router {
    let routes = OpenApiRouter::with_openapi(ops::ApiDoc::openapi())
        .routes(routes!(reservations::list, reservations::create))
        .routes(routes!(reservations::get))
        .routes(routes!(reservations::walk_in))
        .routes(routes!(commands::confirm))
        .routes(routes!(commands::assign_table))
        .routes(routes!(commands::reschedule))
        .routes(routes!(commands::party_size))
        .routes(routes!(commands::check_in))
        .routes(routes!(commands::complete))
        .routes(routes!(commands::no_show))
        .routes(routes!(commands::cancel))
        .routes(routes!(reservations::history))
        .routes(routes!(reservations::charges))
        .routes(routes!(results::payment_results))
        .routes(routes!(results::notification_results))
        .routes(routes!(results::contact, results::erase_contact))
        .routes(routes!(waitlist::list, waitlist::join))
        .routes(routes!(waitlist::get))
        .routes(routes!(waitlist::accept))
        .routes(routes!(waitlist::decline))
        .routes(routes!(waitlist::leave))
        .routes(routes!(waitlist::contact))
        .routes(routes!(waitlist::notification_results))
        .routes(routes!(venues::stats))
        .routes(routes!(rules::list))
        .routes(routes!(rules::get))
        .routes(routes!(rules::rules, rules::put))
        .routes(routes!(venues::availability))
        .routes(routes!(venues::days))
        .routes(routes!(venues::floor))
        .routes(routes!(ops::schema))
        .routes(routes!(asyncapi::asyncapi))
        .routes(routes!(ops::ready));
    let log = log.map(log_tools::serve::routes).unwrap_or_default();
    let env = app.env.clone();
    let (routes, api) = routes.routes(routes!(feed::events)).with_state(app).merge(log).split_for_parts();
    harden(checked(routes, &api, REQUEST_MAX).merge(docs::routes(api, metrics, env)))
}
