//! Reads the contacts of earlier proofs in the background, so that their guests are not asked again.

use std::time::Duration;

use crate::app::App;

/// Pause after an error.
const RETRY_AFTER: Duration = Duration::from_secs(5);

/// Runs until all proofs that were recorded before the start are known.
pub async fn run(app: App) {
    loop {
        match app.projections.read_proofs(app.store.as_ref(), app.env.now()).await {
            Ok(true) => {}
            Ok(false) => return,
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
