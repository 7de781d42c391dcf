//! The interfaces of the service.

//!
//! An operation that more than one interface offers is a function in [`operations`]. The interfaces do not know each other.

mod answers;
mod call;
pub mod grpc;
pub mod http;
mod operations;
mod problem;
mod request;

use std::sync::Arc;

use access::KeyDoor;

use crate::app::App;

/// Finds out who sends a request.
fn door(app: &App) -> KeyDoor {
    let registry = Arc::clone(app.projections.access());
    let door = KeyDoor::new(registry, app.access_mode.anonymous(), app.env.clone());
    door.with_pins(Arc::clone(&app.sign_ins))
}
