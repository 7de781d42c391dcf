//! Records how many requests for a place were refused.

use std::time::Duration;

use crate::app::App;
use crate::app::request_context::RequestContext;

/// How often counts are recorded.
pub const INTERVAL: Duration = Duration::from_secs(600);

/// Runs until the service stops.
pub async fn run(app: App) {
    loop {
        tokio::select! {
            () = app.env.sleep(INTERVAL) => record_refusals(&app).await,
            () = app.shutdown.requested() => return,
        }
    }
}

/// Records what was counted since it was recorded last. What cannot be recorded is tried again the next time.
pub async fn record_refusals(app: &App) {
    let refusals = &app.executor.refusals;
    let _moving = refusals.hold().await;
    for (venue_id, counts) in refusals.all() {
        let context = RequestContext::system("refusals", app.env.as_ref());
        match app.executor.record_refusals(&venue_id, &counts, &context).await {
            Ok(()) => refusals.remove(&venue_id, &counts),
            Err(error) => tracing::warn!(
                %venue_id,
                error = &error as &dyn std::error::Error,
                "the counts of refused requests were not recorded; they will be in ten minutes"
            ),
        }
    }
}
