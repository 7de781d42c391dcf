//! Records when keys are used, and warns before they expire.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use crate::app::App;
use crate::app::commands::KeyCommand;
use crate::app::request_context::RequestContext;

/// How often uses are recorded. A use is recorded with its date, so that more often tells nothing more.
const INTERVAL: Duration = Duration::from_secs(600);
/// How long before its end a key is reported.
const EXPIRY_NOTICE: TimeDelta = TimeDelta::days(14);
/// How often a key that will expire is reported.
const NOTICE_INTERVAL: TimeDelta = TimeDelta::days(1);

/// Runs until the service stops.
pub async fn run(app: App) {
    let mut noticed_at = None;
    loop {
        noticed_at = notice_expiry(&app, noticed_at);
        tokio::select! {
            () = app.env.sleep(INTERVAL) => record_uses(&app).await,
            () = app.shutdown.requested() => return,
        }
    }
}

/// Records the dates on which keys were used since they were recorded last.
pub async fn record_uses(app: &App) {
    for (id, on) in app.projections.access().unrecorded_uses() {
        let context = RequestContext::system("access", app.env.as_ref());
        if let Err(error) = app.executor.change_key(&KeyCommand::Use { id, on }, &context).await {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "the use of a key was not recorded; it will be, if the key is used again"
            );
        }
    }
}

/// Reports the keys that expire soon, in the process log once a day. Returns when it did so last.
fn notice_expiry(app: &App, noticed_at: Option<DateTime<Utc>>) -> Option<DateTime<Utc>> {
    let now = app.env.now();
    let mut expiring = app.projections.access().keys();
    expiring.retain(|key| key.is_valid_at(now) && key.expires_at.is_some_and(|at| at - now <= EXPIRY_NOTICE));
    metrics::gauge!("meja_access_keys_expiring").set(expiring.len() as f64);
    if noticed_at.is_some_and(|at| now - at < NOTICE_INTERVAL) {
        return noticed_at;
    }
    for key in &expiring {
        tracing::warn!(key = %key.id, name = key.name, expires_at = ?key.expires_at, "a key expires soon: create another one, and change the program that uses it");
    }
    Some(now)
}
