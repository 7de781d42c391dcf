//! Speaks up when a hold has run out. The deadlines are in the log, so they survive a restart.

use std::sync::Arc;

use chassis::clock::SharedClock;
use chassis::serve::Shutdown;
use events::Position;

use crate::domain::Command;
use crate::handle::Handler;
use crate::record::Submission;
use crate::views::Views;

/// Cancels holds at their deadline, until the service stops.
///
/// `head` is the doorbell of the log: a new hold may end before the one that is waited for.
pub async fn run(
    handler: Handler,
    views: Arc<Views>,
    clock: SharedClock,
    mut head: tokio::sync::watch::Receiver<Position>,
    shutdown: Shutdown,
) {
    loop {
        let seen = *head.borrow_and_update();
        views.caught_up(seen).await;
        let next = views.next_hold();
        if let Some((expires_at, id)) = next.filter(|(expires_at, _)| *expires_at <= clock.now()) {
            let submission = Submission::system("deadlines", clock.as_ref());
            match handler.handle(id, &Command::ExpireHold, &submission).await {
                Ok(_) => tracing::info!(%id, %expires_at, "a hold was not paid for in time and is cancelled"),
                Err(error) => {
                    // A full disk, say. The hold stays first in line; the next tick tries again.
                    tracing::warn!(error = &error as &dyn std::error::Error, %id, "could not cancel a hold that has ended");
                    tokio::select! {
                        () = clock.wait(clock.now() + chrono::TimeDelta::seconds(1)) => {}
                        () = shutdown.requested() => return,
                    }
                }
            }
            // The views must have taken it in before the first hold is looked at again.
            let seen = *head.borrow();
            views.caught_up(seen).await;
            continue;
        }
        let due = async {
            match next {
                Some((expires_at, _)) => clock.wait(expires_at).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = due => {}
            changed = head.changed() => if changed.is_err() { return },
            () = shutdown.requested() => return,
        }
    }
}
