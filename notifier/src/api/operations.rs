//! The operations that more than one interface offers. They know neither paths nor messages.

pub(super) mod payments;

use std::time::Duration;

use chassis::problem::Problem;

use crate::app::App;

/// Maximum duration of a request.
pub(super) const REQUEST_MAX: Duration = Duration::from_secs(30);

/// The length of a page of a list.
pub(super) const LIMIT_DEFAULT: usize = 100;

/// Whether the service is ready, and why the feed cannot be read at the moment. It does not depend on the reservation
/// service, because effects wait for it. A feed that cannot be continued without an operator makes the service not ready.
pub(super) fn ready(app: &App) -> Result<Option<String>, Problem> {
    if app.shutdown.is_requested() {
        return Err(Problem::unavailable("stopping", "The service is stopping.", 1));
    }
    if !app.effect_log.may_act() {
        let detail = "The notifier cannot renew its lease in the database, so it begins no effect. It continues by itself when the database is back.";
        return Err(Problem::unavailable("log_unavailable", detail, 2));
    }
    let seen = app.feed_status.seen();
    match seen.stuck {
        true => Err(Problem::unavailable("stuck", seen.trouble.unwrap_or_default(), 60)),
        false => Ok(seen.trouble),
    }
}
