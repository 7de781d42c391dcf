//! `/livez` and `/readyz` of the gateway itself.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use chassis::problem::Problem;
use serde_json::json;

use crate::app::App;

/// Maximum time for the answer of a service.
const CHECK_MAX: Duration = Duration::from_secs(1);

/// Whether the gateway serves, and each service. It is ready also without them: pages say what is missing, and the rest works.
pub(crate) async fn ready(State(app): State<App>) -> Response {
    if app.shutdown.is_requested() {
        return Problem::unavailable("stopping", "The gateway is stopping.", 1).into_response();
    }
    let (reservation, notifier) =
        tokio::join!(app.reservation.check_ready(CHECK_MAX), app.notifier.check_ready(CHECK_MAX));
    let status = if reservation.is_ok() && notifier.is_ok() { "ready" } else { "degraded" };
    let word = |checked: Result<(), String>| checked.err().unwrap_or_else(|| "ready".to_owned());
    let services = json!({"reservation": word(reservation), "notifier": word(notifier)});
    Json(json!({"status": status, "services": services})).into_response()
}
