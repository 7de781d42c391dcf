//! Keeps the tree of the log in step with it, and signs a checkpoint once a minute.

use std::time::Duration;

use crate::app::App;
use crate::app::log_tree::NoCheckpoint;

/// How long events are gathered before they are added: one addition of many costs less than many additions.
const GATHER: Duration = Duration::from_millis(200);
/// How often a checkpoint is signed, if anything happened.
const SIGN_EVERY: Duration = Duration::from_secs(60);
/// Pause after a failure.
const RETRY: Duration = Duration::from_secs(5);

/// Runs until the service stops.
pub async fn run(app: App) {
    let mut head = app.store.watch_head();
    let mut signed_at = None;
    loop {
        head.mark_unchanged();
        let is_due = signed_at.is_none_or(|at| app.env.elapsed() - at >= SIGN_EVERY);
        let done = if is_due { sign(&app).await } else { app.log_tree.follow(app.store.as_ref()).await };
        let pause = match done {
            Ok(()) if is_due => {
                signed_at = Some(app.env.elapsed());
                GATHER
            }
            Ok(()) => GATHER,
            Err(NoCheckpoint::NotSigned) => return,
            Err(error) => {
                tracing::error!(error = &error as &dyn std::error::Error, "{}", advice(&error));
                RETRY
            }
        };
        let next_sign = signed_at.map_or(RETRY, |at| (at + SIGN_EVERY).saturating_sub(app.env.elapsed()));
        let changed = async {
            app.env.sleep(pause).await;
            // The log is closed when the service ends.
            let _ = head.changed().await;
        };
        tokio::select! {
            () = changed => {}
            () = app.env.sleep(next_sign.max(pause)) => {}
            () = app.shutdown.requested() => return,
        }
    }
}

async fn sign(app: &App) -> Result<(), NoCheckpoint> {
    app.log_tree.checkpoint_now(app.store.as_ref()).await.map(|_| ())
}

/// What an operator can do about it.
fn advice(error: &NoCheckpoint) -> &'static str {
    match error {
        NoCheckpoint::Rewritten { .. } => {
            "no checkpoint is signed: find out who changed the log. If you restored an older backup, remove log-signing.keys \
             from the directory of secrets and start again: receipts before that stay as they are, and a new key begins"
        }
        _ => "no checkpoint was signed; trying again",
    }
}
