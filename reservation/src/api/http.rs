//! The HTTP interface: requests in, representations and problems out.
//!
//! Handlers read a request, call a command or a query, and respond. [`request`] reads bodies and queries,
//! [`respond`] writes the responses of commands, and [`problem`] is the one place where an error becomes a
//! status.

mod asyncapi;
mod commands;
mod extract;
mod feed;
mod keys;
mod ops;
mod problem;
mod request;
mod reservations;
mod respond;
mod results;
mod rules;
mod venues;
mod waitlist;

use std::sync::Arc;
use std::time::Duration;

use access::Access::{Everywhere, Own, Public, Scope as Needs};
use access::{KeyDoor, Operations, identified};
use axum::Router;
use chassis::api::checked;
use chassis::docs;
use chassis::serve::harden;
use events::values::Scope;
use log_tools::serve::LogRoute;
use metrics_exporter_prometheus::PrometheusHandle;
use utoipa::OpenApi as _;
use utoipa_axum::routes;

use crate::app::App;

/// Maximum duration of a request. The feed is exempt, because consumers wait there for events.
const REQUEST_MAX: Duration = Duration::from_secs(30);

/// All routes of the service, with those for the log if `log` is given.
pub fn router(app: App, metrics: Option<PrometheusHandle>, log: Option<LogRoute>) -> Router {
    let (mode, env) = (app.access_mode, app.env.clone());
    let door = KeyDoor::new(Arc::clone(app.projections.access()), mode.anonymous(), env.clone());
    let anonymous = mode.anonymous();
    let routes = Operations::new(ops::ApiDoc::openapi(), anonymous)
        .route(Needs(Scope::Read), routes!(reservations::list))
        .route(Public, routes!(reservations::create))
        .route(Own(Scope::Read), routes!(reservations::get))
        .route(Needs(Scope::Floor), routes!(reservations::walk_in))
        .route(Needs(Scope::Floor), routes!(commands::confirm))
        .route(Needs(Scope::Floor), routes!(commands::assign_table))
        .route(Own(Scope::Manage), routes!(commands::reschedule))
        .route(Own(Scope::Manage), routes!(commands::party_size))
        .route(Needs(Scope::Floor), routes!(commands::check_in))
        .route(Needs(Scope::Floor), routes!(commands::complete))
        .route(Needs(Scope::Floor), routes!(commands::no_show))
        .route(Own(Scope::Manage), routes!(commands::cancel))
        .route(Needs(Scope::Audit), routes!(reservations::history))
        .route(Own(Scope::Audit), routes!(reservations::charges))
        .route(Needs(Scope::Results), routes!(results::payment_results))
        .route(Needs(Scope::Results), routes!(results::notification_results))
        .route(Needs(Scope::Contact), routes!(results::contact, results::erase_contact))
        .route(Needs(Scope::Floor), routes!(waitlist::list))
        .route(Public, routes!(waitlist::join))
        .route(Own(Scope::Read), routes!(waitlist::get))
        .route(Own(Scope::Manage), routes!(waitlist::accept))
        .route(Own(Scope::Manage), routes!(waitlist::decline))
        .route(Own(Scope::Manage), routes!(waitlist::leave))
        .route(Needs(Scope::Contact), routes!(waitlist::contact))
        .route(Needs(Scope::Results), routes!(waitlist::notification_results))
        .route(Own(Scope::Manage), routes!(commands::renew_link))
        .route(Own(Scope::Manage), routes!(waitlist::renew_link))
        .route(Needs(Scope::Access), routes!(keys::list, keys::create))
        .route(Needs(Scope::Access), routes!(keys::rotate))
        .route(Needs(Scope::Access), routes!(keys::revoke))
        .route(Everywhere(Scope::Results), routes!(keys::snapshot))
        .route(Needs(Scope::Stats), routes!(venues::stats))
        .route(Public, routes!(rules::list))
        .route(Public, routes!(rules::get))
        .route(Needs(Scope::Rules), routes!(rules::rules, rules::put))
        .route(Public, routes!(venues::availability))
        .route(Public, routes!(venues::days))
        .route(Needs(Scope::Floor), routes!(venues::floor))
        .route(Public, routes!(ops::schema))
        .route(Public, routes!(asyncapi::asyncapi))
        .route(Public, routes!(ops::ready));
    let routes = routes.route(Needs(Scope::Feed), routes!(feed::events)).with_state(app);
    let routes = match log {
        Some(log) => routes.merge(log_tools::serve::routes(log, anonymous)),
        None => routes,
    };
    let (routes, api) = routes.split_for_parts();
    let routes = identified(checked(routes, &api, REQUEST_MAX), Arc::new(door));
    harden(mode.guard(routes.merge(docs::routes(api, metrics, env))))
}
