//! The door: requests in, representations and problems out.
//!
//! Handlers extract, make the command, hand it over and reply. What is asked for is read in
//! [`request`], what is answered is written in [`representation`], and [`problem`] is the one place
//! where an error becomes a status.

mod availability;
mod batch;
mod bodies;
mod charges;
mod commands;
mod extract;
mod feed;
mod floor;
pub(crate) mod history;
mod ops;
mod problem;
pub(crate) mod representation;
mod request;
mod reservations;
mod results;
mod sse;
mod stats;
mod waitlist;

use std::time::Duration;

use axum::Router;
use axum::middleware;
use chassis::docs;
use chassis::serve::{harden, within};
use logbook::serve::LogRoute;
use metrics_exporter_prometheus::PrometheusHandle;
use utoipa::OpenApi as _;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;

/// The longest a request may take. The feed is exempt: it parks polls and streams.
const REQUEST_MAX: Duration = Duration::from_secs(30);

/// Every route of the service, with those of `log` if it is to be given out.
pub fn router(app: App, metrics: Option<PrometheusHandle>, log: Option<LogRoute>) -> Router {
    let bounded = OpenApiRouter::with_openapi(ops::ApiDoc::openapi())
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
        .routes(routes!(history::history))
        .routes(routes!(charges::charges))
        .routes(routes!(results::payment_results))
        .routes(routes!(results::notification_results))
        .routes(routes!(results::contact, results::erase_contact))
        .routes(routes!(waitlist::line, waitlist::join))
        .routes(routes!(waitlist::get))
        .routes(routes!(waitlist::accept))
        .routes(routes!(waitlist::decline))
        .routes(routes!(waitlist::leave))
        .routes(routes!(waitlist::contact))
        .routes(routes!(waitlist::notification_results))
        .routes(routes!(stats::stats))
        .routes(routes!(availability::availability))
        .routes(routes!(floor::floor))
        .routes(routes!(ops::schema))
        .routes(routes!(ops::ready))
        .layer(middleware::from_fn(|request, next| within(REQUEST_MAX, request, next)));
    // Neither is bounded in time: polls are parked, and a log takes as long as it takes.
    let log = log.map(logbook::serve::routes).unwrap_or_default();
    let (routes, api) = bounded.routes(routes!(feed::events)).with_state(app).merge(log).split_for_parts();
    harden(routes.merge(docs::routes(api, metrics)))
}
