//! Offers what becomes free to those who wait, in the order in which they joined.
//!
//! Whoever books at a house where somebody waits does so behind this: what becomes free is offered first, unless that
//! can not be done within a second. Offers are in the log, so they survive a restart, and nothing is offered twice.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use chassis::clock::SharedClock;
use chassis::serve::Shutdown;
use chrono::TimeDelta;
use events::{Position, VenueId};

use crate::handle::Handler;
use crate::record::Submission;
use crate::views::Views;

/// How soon what could not be offered is tried again.
const AGAIN_AFTER: TimeDelta = TimeDelta::seconds(1);

/// Makes offers until the service stops. `head` is the doorbell of the log.
pub async fn run(
    handler: Handler,
    views: Arc<Views>,
    clock: SharedClock,
    mut head: tokio::sync::watch::Receiver<Position>,
    shutdown: Shutdown,
) {
    // Where each line was looked at last.
    let mut looked: HashMap<VenueId, Position> = HashMap::new();
    loop {
        let seen = *head.borrow_and_update();
        views.caught_up(seen).await;
        let (lines, position) = views.lines();
        let mut behind = HashSet::new();
        looked.retain(|venue, _| lines.iter().any(|(there, _)| there == venue));
        for (venue, freed_at) in lines {
            if looked.get(&venue).is_some_and(|last| *last >= freed_at) {
                continue;
            }
            match offer_all(&handler, &venue, &clock).await {
                Ok(()) => drop(looked.insert(venue, freed_at)),
                Err(error) => {
                    tracing::warn!(error = &error as &dyn std::error::Error, %venue, "could not offer what is free; trying again");
                    behind.insert(venue);
                }
            }
        }
        let again = !behind.is_empty();
        handler.has_offered(position, behind);
        let again = async {
            match again {
                true => clock.wait(clock.now() + AGAIN_AFTER).await,
                false => std::future::pending().await,
            }
        };
        tokio::select! {
            () = again => {}
            changed = head.changed() => if changed.is_err() { return },
            () = shutdown.requested() => return,
        }
    }
}

/// Until nothing that is free fits anyone.
async fn offer_all(
    handler: &Handler,
    venue: &VenueId,
    clock: &SharedClock,
) -> Result<(), crate::handle::HandleError> {
    loop {
        let submission = Submission::system("waitlist", clock.as_ref());
        match handler.offer(venue, &submission).await? {
            Some(id) => tracing::info!(%venue, %id, "offered what is free"),
            None => return Ok(()),
        }
    }
}
