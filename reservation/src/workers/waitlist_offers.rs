//! Offers free tables to the waiting parties, in the order in which they joined.
//!
//! A new booking waits for these offers, at most one second (see [`crate::app::commands`]), so that it does not
//! overtake a waiting party. Offers are recorded in the log: they survive a restart, and no table is offered
//! twice.

use std::collections::{HashMap, HashSet};

use chrono::TimeDelta;
use events::{Position, VenueId};

use crate::app::App;
use crate::app::executor::CommandError;
use crate::app::projections::WaitlistStatus;
use crate::app::request_context::RequestContext;

/// Time until a failed offer is tried again.
const RETRY_AFTER: TimeDelta = TimeDelta::seconds(1);

/// Offers free tables until the service stops.
pub async fn run(app: App) {
    let mut head = app.store.watch_head();
    // Up to which position the tables of each venue were offered.
    let mut offered: HashMap<VenueId, Position> = HashMap::new();
    loop {
        let position = *head.borrow_and_update();
        app.projections.wait_until(position).await;
        let (waitlists, position) = app.projections.waitlists();
        offered.retain(|venue, _| waitlists.iter().any(|waitlist| waitlist.venue_id == *venue));
        let mut pending = HashSet::new();
        for WaitlistStatus { venue_id: venue, freed_at } in waitlists {
            if offered.get(&venue).is_some_and(|last| *last >= freed_at) {
                continue;
            }
            match offer_all(&app, &venue).await {
                Ok(()) => drop(offered.insert(venue, freed_at)),
                Err(error) => {
                    let error = &error as &dyn std::error::Error;
                    tracing::warn!(error, %venue, "could not offer free tables to the waitlist; trying again");
                    pending.insert(venue);
                }
            }
        }
        let must_retry = !pending.is_empty();
        app.executor.waitlist_progress.set(position, pending);
        let retry = async {
            match must_retry {
                true => app.env.wait_until(app.env.now() + RETRY_AFTER).await,
                false => std::future::pending().await,
            }
        };
        tokio::select! {
            () = retry => {}
            changed = head.changed() => if changed.is_err() { return },
            () = app.shutdown.requested() => return,
        }
    }
}

/// Makes offers until no free table fits a waiting party.
async fn offer_all(app: &App, venue: &VenueId) -> Result<(), CommandError> {
    loop {
        let context = RequestContext::system("waitlist", app.env.as_ref());
        match app.executor.offer_tables(venue, &context).await? {
            Some(id) => tracing::info!(%venue, %id, "offered free tables to a waiting party"),
            None => return Ok(()),
        }
    }
}
