//! Reads the contacts of earlier proofs in the background, so that their guests are not asked again.

use std::time::Duration;

use crate::app::App;

/// Interval between checks for proofs whose contacts were not known when they were recorded.
const INTERVAL: Duration = Duration::from_secs(60);
/// Pause after an error.
const RETRY_AFTER: Duration = Duration::from_secs(5);

/// Runs until the service stops.
pub async fn run(app: App) {
    loop {
        match app.projections.read_proofs(app.store.as_ref(), app.env.now()).await {
            Ok(true) => {}
            Ok(false) => {
                tokio::select! {
                    () = app.env.sleep(INTERVAL) => {}
                    () = app.shutdown.requested() => return,
                }
            }
            Err(error) => {
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "the contacts that guests proved cannot be read; trying again"
                );
                app.env.sleep(RETRY_AFTER).await;
            }
        }
    }
}
