//! Erases the personal data of visits that ended longer ago than the rules of their venue keep it.

use std::time::Duration;

use chrono::TimeDelta;
use events::VenueId;

use crate::app::App;
use crate::app::request_context::RequestContext;

/// Interval between checks.
const INTERVAL: Duration = Duration::from_secs(3_600);
/// Number of visits that are looked at under one lock.
const VISITS_PER_STEP: usize = 1_000;
/// The reason code of the erasure.
const RETENTION: &str = "retention";

/// Runs until the service stops.
pub async fn run(app: App) {
    loop {
        erase_all(&app).await;
        tokio::select! {
            () = app.env.sleep(INTERVAL) => {}
            () = app.shutdown.requested() => return,
        }
    }
}

/// Erases what is due at all venues. What cannot be erased now is tried again by the next call.
pub async fn erase_all(app: &App) {
    for venue in app.projections.venue_ids() {
        let rules = app.venues.get(Some(&venue));
        if let Some(days) = rules.and_then(|rules| rules.retention_days) {
            erase_at(app, &venue, TimeDelta::days(i64::from(days))).await;
        }
    }
}

async fn erase_at(app: &App, venue: &VenueId, kept_for: TimeDelta) {
    let (before, context) = (app.env.now() - kept_for, RequestContext::system("retention", app.env.as_ref()));
    let (mut after, mut erased) = (None, 0);
    while let Some((held, last)) = app.projections.held_before(venue, before, after, VISITS_PER_STEP) {
        if app.shutdown.is_requested() {
            return;
        }
        match app.erase_visits(&held, RETENTION, &context).await {
            Ok(()) => erased += held.len(),
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(error, %venue, "some personal data was not erased; it will be tried again");
            }
        }
        after = Some(last);
    }
    if erased > 0 {
        tracing::info!(%venue, visits = erased, "personal data was erased, because its time was over");
    }
}
