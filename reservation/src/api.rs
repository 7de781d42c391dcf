//! The interfaces of the service.

//!
//! An operation that more than one interface offers is a function in [`operations`]. The interfaces do not know each other.

mod answers;
mod call;
pub mod grpc;
pub mod http;
mod operations;
mod position;
mod problem;
mod request;

use std::sync::Arc;
use std::time::Duration;

use access::KeyDoor;

use crate::app::App;

/// If the database was silent for longer than this, the instance refuses credentials that another instance may have revoked.
const SILENCE_MAX: Duration = Duration::from_secs(5);

/// Finds out who sends a request.
fn door(app: &App) -> KeyDoor {
    let registry = Arc::clone(app.projections.access());
    let door = KeyDoor::new(registry, app.access_mode.anonymous(), app.env.clone());
    let (store, projections) = (Arc::clone(&app.store), Arc::clone(&app.projections));
    let is_current = move || store.silence() <= SILENCE_MAX && !projections.is_stalled();
    door.with_pins(Arc::clone(&app.sign_ins)).while_current(is_current)
}
