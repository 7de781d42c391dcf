//! Speaks up when a hold or an offer has run out, or a party has not come. The deadlines follow from the log, so they
//! survive a restart, and what was done about one is in the log, so it is done once.
//!
//! While the service is away nobody can check in: whose grace ran out meanwhile has it once more from the start on.

use std::collections::HashMap;
use std::sync::Arc;

use chassis::clock::{Clock, SharedClock};
use chassis::serve::Shutdown;
use chrono::{DateTime, TimeDelta, Utc};
use events::Position;

use crate::domain::Command;
use crate::domain::reservation::Deadline;
use crate::domain::waiting::WaitCommand;
use crate::handle::Handler;
use crate::record::Submission;
use crate::views::{Due, DueKey, Views};

/// Deadlines that are looked at in one go.
const AT_A_TIME: usize = 256;

/// How soon what could not be done is tried again.
const AGAIN_AFTER: TimeDelta = TimeDelta::seconds(1);

/// Does what is due at each deadline, until the service stops.
///
/// The service is there since `started`. `head` is the doorbell of the log: a new deadline may come before the one that
/// is waited for.
pub async fn run(
    handler: Handler,
    views: Arc<Views>,
    clock: SharedClock,
    started: DateTime<Utc>,
    mut head: tokio::sync::watch::Receiver<Position>,
    shutdown: Shutdown,
) {
    // What is due, but not to be looked at before a time.
    let mut put_off: HashMap<DueKey, DateTime<Utc>> = HashMap::new();
    loop {
        let seen = *head.borrow_and_update();
        views.caught_up(seen).await;
        let now = clock.now();
        put_off.retain(|_, at| *at > now);
        let mut after: Option<DueKey> = None;
        loop {
            let due = views.due(now, after, AT_A_TIME);
            for key in &due {
                if put_off.contains_key(key) {
                    continue;
                }
                let later = match late(&views, key.1, started).filter(|at| *at > now) {
                    Some(at) => Some(at),
                    None => expire(&handler, key.1, clock.as_ref()).await.then(|| now + AGAIN_AFTER),
                };
                put_off.extend(later.map(|at| (*key, at)));
            }
            match due.last() {
                Some(last) => after = Some(*last),
                None => break,
            }
        }
        // The views must have taken in what was appended before deadlines are looked at again.
        let appended = *head.borrow();
        views.caught_up(appended).await;
        let due = async {
            match views.next_deadline(now).into_iter().chain(put_off.values().copied()).min() {
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

/// When a party may be taken for one that never came, if that was due while the service was away.
fn late(views: &Views, due: Due, started: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let Due::Reservation(id) = due else { return None };
    let reservation = views.get(id)?;
    match reservation.deadline()? {
        (at, Deadline::NoShow) if at <= started => Some(started + (at - reservation.window().start)),
        (_, Deadline::NoShow | Deadline::Hold) => None,
    }
}

/// Whether it must be tried again.
async fn expire(handler: &Handler, due: Due, clock: &dyn Clock) -> bool {
    let submission = Submission::system("deadlines", clock);
    let done = match due {
        Due::Reservation(id) => {
            let done = handler.handle(id, &Command::Expire, &submission).await;
            done.map(|done| done.reservation.status.word())
        }
        Due::Waiting(id) => {
            let done = handler.wait(id, &WaitCommand::Expire, &submission).await;
            done.map(|done| done.entry.word())
        }
    };
    match done {
        Ok(status) => {
            tracing::info!(?due, status, "a deadline has come");
            false
        }
        Err(error) => {
            // A full disk, say. The others are still looked at, and this one soon again.
            tracing::warn!(error = &error as &dyn std::error::Error, ?due, "could not do what is due");
            true
        }
    }
}
