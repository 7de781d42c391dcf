//! Keeps the tree of the log in step with it, and signs a checkpoint once a minute.

use std::time::Duration;

use crate::app::App;
use crate::app::log_tree::NoCheckpoint;

/// How long events are gathered before they are added: one addition of many costs less than many additions.
const GATHER: Duration = Duration::from_millis(200);
/// How often a checkpoint is signed, if anything happened.
const SIGN_EVERY: Duration = Duration::from_secs(60);
/// Pause after a failure that may pass.
const RETRY: Duration = Duration::from_secs(5);
/// Pause after one that needs a person.
const RETRY_LATER: Duration = Duration::from_secs(60);

/// Runs until the service stops.
pub async fn run(app: App) {
    if app.log_tree.verifiers().is_empty() {
        tracing::info!("this instance signs no checkpoints, and has no receipts");
        return;
    }
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
                let (pause, advice) = advice(&error);
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "no checkpoint is signed: {advice}"
                );
                pause
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

/// When it is tried again, and what an operator can do about it.
fn advice(error: &NoCheckpoint) -> (Duration, &'static str) {
    match error {
        NoCheckpoint::Unknown(_) => (
            RETRY_LATER,
            "put the file back, or the keys that are missing in log-signing.keys, and start again. If the file is lost, move \
             log-signing.keys away, start again, and do not put it back: a new log begins for receipts",
        ),
        NoCheckpoint::Rewritten { .. } => (
            RETRY_LATER,
            "find out who changed the log. If you restored a backup, move log-signing.keys away from the directory of secrets, \
             start again, and do not put it back: a new key begins, and earlier receipts stay as they are",
        ),
        _ => (RETRY, "trying again"),
    }
}
