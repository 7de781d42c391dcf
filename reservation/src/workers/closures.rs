//! Cancels the bookings under closures, once a person has ordered it.
//!
//! What is left to do follows from the log: the closures of which the bookings are to be cancelled, and the bookings under
//! them that are not cancelled. So it goes on after a crash, and a booking is cancelled once.

use std::collections::HashMap;

use chrono::{Days, TimeDelta};
use events::{ClosureId, VenueId};
use futures::StreamExt as _;

use crate::app::App;
use crate::app::affected::bookings_under;
use crate::app::projections::ClosureState;
use crate::app::request_context::RequestContext;

/// Time until failed cancellations are tried again.
const RETRY_AFTER: TimeDelta = TimeDelta::seconds(1);

/// Number of bookings that are cancelled at the same time: the commit of one carries others.
const CONCURRENCY: usize = 16;

/// Cancels bookings until the service stops.
pub async fn run(app: App) {
    let mut head = app.store.watch_head();
    // With the number of marks: another booking can fall under a closure, for example when a check-in is undone, and is marked.
    let mut done: HashMap<ClosureId, u32> = HashMap::new();
    loop {
        let position = *head.borrow_and_update();
        app.projections.wait_until(position).await;
        let cancelling = app.projections.cancelling();
        done.retain(|id, _| cancelling.iter().any(|state| state.closure.id == *id));
        let mut must_retry = false;
        for ClosureState { venue_id, closure, marked, .. } in cancelling {
            let is_over = closure.request.to + Days::new(2) < app.env.now().date_naive();
            if is_over || done.get(&closure.id) == Some(&marked) {
                continue;
            }
            match cancel_all(&app, &venue_id, closure.id).await {
                true => drop(done.insert(closure.id, marked)),
                false => must_retry = true,
            }
        }
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

/// Cancels every booking under a closure. Returns whether none is left.
async fn cancel_all(app: &App, venue_id: &VenueId, id: ClosureId) -> bool {
    // Without rules there is nothing to compare with. A venue that has rules again marks its bookings again.
    let Some(venue) = app.venues.get(Some(venue_id)) else { return true };
    let under = bookings_under(&app.projections, id, &venue, app.env.now());
    if under.is_empty() {
        return true;
    }
    tracing::info!(%venue_id, %id, bookings = under.len(), "cancelling the bookings under a closure");
    let cancel = |booking| async move {
        let context = RequestContext::system("closures", app.env.as_ref());
        let cancelled = app.executor.cancel_under_closure(booking, id, &context).await;
        cancelled.inspect_err(|error| {
            let error = error as &dyn std::error::Error;
            tracing::warn!(error, %venue_id, %booking, "could not cancel a booking under a closure; trying again");
        })
    };
    let under = futures::stream::iter(under).take_until(app.shutdown.requested());
    let results: Vec<_> = under.map(cancel).buffer_unordered(CONCURRENCY).collect().await;
    let failed = results.iter().filter(|result| result.is_err()).count();
    tracing::info!(%venue_id, %id, cancelled = results.len() - failed, failed, "cancelled bookings under a closure");
    failed == 0
}
