//! Speaks up when a hold has run out, or a party has not come. The deadlines follow from the log, so they survive
//! a restart, and what was done about one is in the log, so it is done once.

use std::sync::Arc;

use chassis::clock::SharedClock;
use chassis::serve::Shutdown;
use chrono::TimeDelta;
use events::Position;

use crate::domain::Command;
use crate::handle::Handler;
use crate::record::Submission;
use crate::views::Views;

/// Deadlines that are dealt with before the clock is looked at again.
const AT_A_TIME: usize = 256;

/// Does what is due at each deadline, until the service stops.
///
/// `head` is the doorbell of the log: a new deadline may come before the one that is waited for.
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
        let now = clock.now();
        let mut failed = false;
        for id in views.due(now, AT_A_TIME) {
            let submission = Submission::system("deadlines", clock.as_ref());
            match handler.handle(id, &Command::Expire, &submission).await {
                Ok(done) => {
                    tracing::info!(%id, status = done.reservation.status.word(), "a deadline has come");
                }
                Err(error) => {
                    // A full disk, say. The others are still looked at, and this one at the next tick.
                    tracing::warn!(error = &error as &dyn std::error::Error, %id, "could not do what is due");
                    failed = true;
                }
            }
        }
        // The views must have taken in what was appended before deadlines are looked at again.
        let appended = *head.borrow();
        views.caught_up(appended).await;
        let next = if failed { Some(now + TimeDelta::seconds(1)) } else { views.next_deadline() };
        let due = async {
            match next {
                Some(at) => clock.wait(at).await,
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
