//! The HTTP interface: requests in, representations and problems out.
//!
//! Handlers read a request, call an operation, a command or a query, and respond. [`respond`] writes the responses of
//! commands.

mod account;
mod asyncapi;
mod audit;
mod calendars;
mod closures;
mod commands;
mod devices;
mod export;
mod extract;
mod feed;
mod keys;
mod ops;
mod proofs;
mod reservations;
mod respond;
mod results;
mod rules;
mod sessions;
mod staff;
mod venues;
mod waitlist;

use std::sync::Arc;

use access::Access::{
    Device, Everywhere, Fresh, FreshPerson, Invitation, Own, PasswordReset, Person, Public, Scope as Needs,
};
use access::{Operations, identified};
use axum::{Router, middleware};
use chassis::api::checked;
use chassis::docs;
use chassis::serve::harden;
use events::values::{Scope, Scopes};
use log_tools::serve::LogRoute;
use metrics_exporter_prometheus::PrometheusHandle;
use utoipa::OpenApi as _;
use utoipa::openapi::OpenApi;
use utoipa_axum::routes;

use super::door;
use super::operations::REQUEST_MAX;
use crate::app::App;

/// All routes of the service, with those for the log if `log` is given.
pub fn router(app: App, metrics: Option<PrometheusHandle>, log: Option<LogRoute>) -> Router {
    let (hosts, limits, env) = (app.hosts.clone(), Arc::clone(&app.limits), app.env.clone());
    let (door, anonymous) = (door(&app), app.access_mode.anonymous());
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
        .route(Own(Scope::Manage), routes!(commands::correct))
        .route(Needs(Scope::Floor), routes!(commands::undo))
        .route(Needs(Scope::Floor), routes!(commands::extend))
        .route(Needs(Scope::Floor), routes!(commands::swap))
        .route(Needs(Scope::Floor), routes!(commands::ask))
        .route(Own(Scope::Floor), routes!(commands::answer))
        .route(Own(Scope::Floor), routes!(commands::prove_contact))
        .route(Needs(Scope::Audit), routes!(reservations::history))
        .route(Own(Scope::Audit), routes!(reservations::charges))
        .route(Own(Scope::Contact), routes!(reservations::personal_data))
        .route(Own(Scope::Read), routes!(proofs::receipt))
        .route(Needs(Scope::Results), routes!(results::payment_results))
        .route(Needs(Scope::Results), routes!(results::notification_results))
        .route(Needs(Scope::Contact), routes!(results::contact))
        .route(Fresh(Scope::Contact), routes!(results::erase_contact))
        .route(Fresh(Scope::Contact), routes!(results::erase_guest))
        .route(Needs(Scope::Floor), routes!(waitlist::list))
        .route(Public, routes!(waitlist::join))
        .route(Own(Scope::Read), routes!(waitlist::get))
        .route(Needs(Scope::Floor), routes!(waitlist::offer))
        .route(Needs(Scope::Floor), routes!(waitlist::ready))
        .route(Own(Scope::Floor), routes!(waitlist::answer))
        .route(Own(Scope::Floor), routes!(waitlist::prove_contact))
        .route(Own(Scope::Manage), routes!(waitlist::accept))
        .route(Own(Scope::Manage), routes!(waitlist::decline))
        .route(Own(Scope::Manage), routes!(waitlist::leave))
        .route(Own(Scope::Contact), routes!(waitlist::personal_data))
        .route(Needs(Scope::Contact), routes!(waitlist::contact))
        .route(Needs(Scope::Results), routes!(waitlist::notification_results))
        .route(Own(Scope::Manage), routes!(commands::renew_deposit))
        .route(Own(Scope::Manage), routes!(commands::renew_link))
        .route(Own(Scope::Manage), routes!(waitlist::renew_link))
        .merge(access_routes(anonymous))
        .merge(venue_routes(anonymous))
        .route(Public, routes!(ops::schema))
        .route(Public, routes!(asyncapi::asyncapi))
        .route(Public, routes!(ops::ready))
        .route(Public, routes!(proofs::checkpoint))
        .route(Public, routes!(proofs::keys));
    let tiles = proofs::tiles(app.clone());
    // Behind the limits of clients, because a request can wait there.
    let positioned = middleware::from_fn_with_state(app.clone(), super::position::positioned);
    let routes = routes.route(Needs(Scope::Feed), routes!(feed::events));
    let routes = routes.route(Needs(Scope::Audit), routes!(audit::events)).with_state(app);
    let routes = match log {
        Some(log) => routes
            .merge(log_tools::serve::routes(log.clone(), anonymous))
            .merge(log_tools::serve::verification_routes(log, anonymous)),
        None => routes,
    };
    let (routes, api) = routes.split_for_parts();
    let routes = checked(routes, &api, REQUEST_MAX).merge(tiles).layer(positioned);
    let routes = identified(routes, Arc::new(door), limits);
    harden(hosts.guard(routes.merge(docs::routes(api, metrics, env))))
}

/// The routes for venues: their rules, closures, days and counts.
fn venue_routes(anonymous: Scopes) -> Operations<App> {
    Operations::new(OpenApi::default(), anonymous)
        .route(Needs(Scope::Stats), routes!(venues::stats))
        .route(Needs(Scope::Stats), routes!(venues::refusals))
        .route(Public, routes!(rules::list))
        .route(Public, routes!(rules::get))
        .route(Needs(Scope::Rules), routes!(rules::rules, rules::put))
        .route(Needs(Scope::Floor), routes!(closures::list))
        .route(Needs(Scope::Rules), routes!(closures::declare))
        .route(Needs(Scope::Floor), routes!(closures::get))
        .route(Needs(Scope::Rules), routes!(closures::cancel_affected))
        .route(Needs(Scope::Rules), routes!(closures::lift))
        .route(Needs(Scope::Floor), routes!(feed::venue_events))
        .route(Public, routes!(venues::availability))
        .route(Public, routes!(venues::days))
        .route(Needs(Scope::Floor), routes!(venues::floor))
}

/// The routes for keys, accounts, sessions and devices.
fn access_routes(anonymous: Scopes) -> Operations<App> {
    Operations::new(OpenApi::default(), anonymous)
        .route(Needs(Scope::Access), routes!(keys::list))
        .route(Fresh(Scope::Access), routes!(keys::create))
        .route(Fresh(Scope::Access), routes!(keys::rotate))
        .route(Fresh(Scope::Access), routes!(keys::revoke))
        .route(Everywhere(Scope::Results), routes!(keys::snapshot))
        .route(Needs(Scope::Access), routes!(staff::list))
        .route(Fresh(Scope::Access), routes!(staff::invite))
        .route(Fresh(Scope::Access), routes!(staff::invite_again))
        .route(Fresh(Scope::Access), routes!(staff::change_roles))
        .route(Fresh(Scope::Access), routes!(staff::recover_totp))
        .route(Fresh(Scope::Access), routes!(staff::remove))
        .route(Everywhere(Scope::Results), routes!(staff::contact))
        .route(Needs(Scope::Access), routes!(devices::list))
        .route(Fresh(Scope::Access), routes!(devices::add))
        .route(Fresh(Scope::Access), routes!(devices::revoke))
        .route(Public, routes!(devices::enrol))
        .route(Device, routes!(devices::stand))
        .route(Device, routes!(devices::presence))
        .route(Public, routes!(sessions::sign_in))
        .route(Person, routes!(sessions::list))
        .route(Person, routes!(sessions::prove))
        .route(Person, routes!(sessions::sign_out))
        .route(FreshPerson, routes!(sessions::end))
        .route(Invitation, routes!(account::invitation))
        .route(Invitation, routes!(account::join))
        .route(Public, routes!(account::request_reset))
        .route(PasswordReset, routes!(account::password_reset, account::reset))
        .route(Person, routes!(account::get))
        .route(Person, routes!(account::change_password))
        .route(FreshPerson, routes!(account::totp_secret))
        .route(FreshPerson, routes!(account::enrol_totp, account::remove_totp))
        .route(FreshPerson, routes!(account::set_pin))
        .route(Person, routes!(account::calendars))
        .route(FreshPerson, routes!(account::link_calendar))
        .route(Public, routes!(calendars::read))
        .route(FreshPerson, routes!(account::unlink_calendar))
}
