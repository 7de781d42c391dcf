//! The operations that more than one interface offers. They read the fields of a request, run a command or a query, and
//! return a representation or a problem; they know neither paths nor messages.

pub(super) mod follow;
pub(super) mod reservations;
pub(super) mod venues;
pub(super) mod waitlist;

use std::time::Duration;

use chassis::problem::Problem;

use crate::app::App;

/// Maximum duration of a request. Following the log is exempt, because consumers wait there for events.
pub(super) const REQUEST_MAX: Duration = Duration::from_secs(30);

/// Whether the service is ready. It does not depend on the notifier, because bookings do not need it.
pub(super) fn ready(app: &App) -> Result<(), Problem> {
    if app.shutdown.is_requested() {
        return Err(Problem::unavailable("stopping", "The service is stopping.", 1));
    }
    if app.projections.is_stalled() {
        let (head, position) = (app.store.known_head(), app.projections.position());
        let detail = format!("The read models are at position {position}, the log is at {head}.");
        return Err(Problem::unavailable("views_behind", detail, 1));
    }
    Ok(())
}
