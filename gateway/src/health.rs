//! `/livez` and `/readyz` of the gateway itself.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use chassis::problem::Problem;
use serde_json::json;
use tokio::time::Instant;

use crate::app::{Answer, App};

/// Maximum time for the answer of a service.
const CHECK_MAX: Duration = Duration::from_secs(1);

/// How long an answer is used: many checks at once are one.
const CHECK_INTERVAL: Duration = Duration::from_millis(500);

/// Whether the gateway serves, and each service. It is ready also without them: pages say what is missing, and the rest works.
pub(crate) async fn ready(State(app): State<App>) -> Response {
    if app.shutdown.is_requested() {
        return Problem::unavailable("stopping", "The gateway is stopping.", 1).into_response();
    }
    let mut last = app.checked.lock().await;
    let checked = match last.clone().filter(|(at, _)| at.elapsed() < CHECK_INTERVAL) {
        Some((_, checked)) => checked,
        None => {
            let checked =
                tokio::join!(app.reservation.check_ready(CHECK_MAX), app.notifier.check_ready(CHECK_MAX));
            *last = Some((Instant::now(), checked.clone()));
            checked
        }
    };
    drop(last);
    let (reservation, notifier) = checked;
    let status = if reservation.is_ok() && notifier.is_ok() { "ready" } else { "degraded" };
    let word = |checked: Answer| checked.err().unwrap_or_else(|| "ready".to_owned());
    let services = json!({"reservation": word(reservation), "notifier": word(notifier)});
    Json(json!({"status": status, "services": services})).into_response()
}
