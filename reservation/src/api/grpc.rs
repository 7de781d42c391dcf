//! The gRPC interface: messages in, messages and statuses out. A method runs the operation of a route of the JSON interface.

mod availability;
mod exchange;
mod log;
mod reservations;

use std::sync::Arc;

use axum::{Router, middleware};
use rpc::v1::availability_server::AvailabilityServer;
use rpc::v1::log_server::LogServer;
use rpc::v1::reservations_server::ReservationsServer;
use rpc::{Guard, MESSAGE_BYTES_MAX, Rpc};

use super::operations::{REQUEST_MAX, ready};
use super::position::positioned_call;
use super::{door, grpc};
use crate::app::App;

/// All methods of the service, each with what it needs.
#[must_use]
pub fn methods(app: &App) -> Rpc {
    let availability = AvailabilityServer::new(availability::Service(app.clone()));
    let reservations = ReservationsServer::new(reservations::Service(app.clone()));
    let log = LogServer::new(log::Service(app.clone()));
    Rpc::default()
        .service(availability.max_decoding_message_size(MESSAGE_BYTES_MAX), &grpc::availability::NEEDS)
        .service(reservations.max_decoding_message_size(MESSAGE_BYTES_MAX), &grpc::reservations::NEEDS)
        .service(log.max_decoding_message_size(MESSAGE_BYTES_MAX), &grpc::log::NEEDS)
}

/// The routes of the gRPC listener.
pub fn router(app: App) -> Router {
    let ready_app = app.clone();
    methods(&app)
        .router(Guard {
            door: Arc::new(door(&app)),
            limits: Arc::clone(&app.limits),
            hosts: app.hosts.clone(),
            readiness: Arc::new(move || ready(&ready_app).is_ok()),
            call_max: REQUEST_MAX,
        })
        .layer(middleware::from_fn_with_state(app, positioned_call))
}
