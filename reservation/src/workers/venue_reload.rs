//! Applies changed venue files: at SIGHUP, and at start those that changed while the service was down.
//!
//! All files are checked before any of them is used; if one has a fault, the venues stay as they are. Changes are
//! recorded in the log together with the bookings that do not comply with the new rules. Those bookings are
//! reported, never changed.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use events::{VenueId, WaitlistId};
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::app::App;
use crate::app::commands::AffectedBooking;
use crate::app::executor::CommandError;
use crate::app::projections::Filter;
use crate::app::request_context::RequestContext;
use crate::app::venues::{Venues, VenuesError};
use crate::domain::venue::Venue;
use crate::domain::waitlist::{WaitlistCommand, WaitlistEntry};
use crate::domain::{Reservation, Status};

/// A venue whose rules changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangedVenue {
    /// The venue.
    pub venue_id: VenueId,
    /// The version of its rules in the log.
    pub version: u32,
    /// Future bookings that do not comply with the new rules, the earliest first.
    pub affected: Vec<AffectedBooking>,
}

/// The result of applying venue files. The new rules are in use in any case.
#[derive(Debug, Default)]
pub struct ReloadReport {
    /// Changes that were recorded in the log.
    pub changes: Vec<ChangedVenue>,
    /// Waiting parties whose offer does not comply with the new rules. They keep waiting.
    pub withdrawn: Vec<(VenueId, WaitlistId)>,
    /// Changes that could not be recorded.
    pub not_recorded: Vec<(VenueId, CommandError)>,
}

/// Receives SIGHUP from now on. A hangup before the application runs is handled once it does.
///
/// # Errors
/// When the signal cannot be received.
pub fn hangups() -> std::io::Result<Signal> {
    signal(SignalKind::hangup())
}

/// Loads the venues in `dir` again at each of `hangups`, until the service stops.
pub async fn run(app: App, dir: PathBuf, mut hangups: Signal) {
    loop {
        tokio::select! {
            _ = hangups.recv() => {}
            () = app.shutdown.requested() => return,
        }
        let dir = dir.clone();
        match tokio::task::spawn_blocking(move || Venues::load(&dir)).await {
            Ok(Ok(venues)) => reload(&app, &venues).await.log(),
            Ok(Err(error)) => log_rejected(&error),
            Err(error) => tracing::error!("could not load the venue files: {error}"),
        }
    }
}

fn log_rejected(error: &VenuesError) {
    let error = error as &dyn std::error::Error;
    tracing::error!(error, "the venue files were not loaded; the rules did not change");
}

impl ReloadReport {
    /// Writes the report to the log of the process.
    pub fn log(self) {
        if self.changes.is_empty() && self.not_recorded.is_empty() {
            tracing::info!("loaded the venue files: no recorded rules changed");
        }
        for ChangedVenue { venue_id, version, affected } in self.changes {
            tracing::info!(%venue_id, version, affected = affected.len(), "recorded the rules of the venue");
            for AffectedBooking { reservation_id, reason, start, size } in affected {
                tracing::warn!(%venue_id, %reservation_id, reason, %start, guests = %size, "a booking does not comply with the new rules: move or cancel it");
            }
        }
        for (venue_id, waitlist_id) in self.withdrawn {
            tracing::warn!(%venue_id, %waitlist_id, "an offer does not comply with the new rules: it was withdrawn, and the party keeps waiting");
        }
        for (venue_id, error) in self.not_recorded {
            let error = &error as &dyn std::error::Error;
            tracing::error!(%venue_id, error, "could not record the changed rules of the venue, which are in use: send SIGHUP again once the log accepts events");
        }
    }
}

/// Uses `venues` from now on, and records the changes.
pub async fn reload(app: &App, venues: &Venues) -> ReloadReport {
    let previous = app.venues.replace(venues);
    record_changes(app, Some(&previous)).await
}

/// Records the changes that were made while the service was down.
pub async fn record_changes_since_last_run(app: &App) -> ReloadReport {
    record_changes(app, None).await
}

async fn record_changes(app: &App, previous: Option<&Venues>) -> ReloadReport {
    let mut ids: BTreeSet<_> = app.venues.ids().into_iter().chain(app.projections.venue_ids()).collect();
    ids.extend(previous.into_iter().flat_map(Venues::ids));
    let mut report = ReloadReport::default();
    for id in ids {
        let old = previous.and_then(|previous| previous.get(Some(&id)));
        let new = app.venues.get(Some(&id));
        if !must_record(app, &id, previous.is_some(), old.as_ref(), new.as_ref()) {
            continue;
        }
        let (now, digest) = (app.env.now(), new.as_ref().map(|venue| venue.digest.as_str()));
        let affected = || affected_bookings(app, &id, old.as_ref(), new.as_ref(), now);
        let context = RequestContext::system("venues", app.env.as_ref());
        match app.executor.record_rules(&id, digest, affected, &context).await {
            Ok(None) => {}
            Ok(Some((version, affected))) => {
                report.changes.push(ChangedVenue { venue_id: id, version, affected });
            }
            Err(error) => report.not_recorded.push((id, error)),
        }
    }
    withdraw_offers(app, &mut report).await;
    report
}

/// Withdraws the offers that do not comply with the rules.
async fn withdraw_offers(app: &App, report: &mut ReloadReport) {
    let complies = |entry: &WaitlistEntry, venue: Option<&Venue>| {
        entry.offer().is_none_or(|offered| venue.is_some_and(|venue| venue.can_keep(offered)))
    };
    app.projections.wait_until(app.store.known_head()).await;
    for waitlist in app.projections.waitlists().0 {
        let venue = app.venues.get(Some(&waitlist.venue_id));
        let (entries, _) = app.projections.waitlist(&waitlist.venue_id);
        for entry in entries.iter().filter(|entry| !complies(entry, venue.as_deref())) {
            let context = RequestContext::system("venues", app.env.as_ref());
            let withdraw = WaitlistCommand::Withdraw;
            match app.executor.change_waitlist_entry(entry.id, &withdraw, &context).await {
                Ok(_) => report.withdrawn.push((waitlist.venue_id.clone(), entry.id)),
                Err(error) => report.not_recorded.push((waitlist.venue_id.clone(), error)),
            }
        }
    }
}

/// Whether the rules of a venue must be recorded if their digest differs from the recorded one. A venue without
/// recorded rules gets its first record when its file changes, or at start when it has bookings.
fn must_record(
    app: &App,
    id: &VenueId,
    is_running: bool,
    old: Option<&Arc<Venue>>,
    new: Option<&Arc<Venue>>,
) -> bool {
    let has_rules = || new.is_none_or(|venue| venue.rules.is_some());
    let has_bookings =
        || !future_bookings(app, id, app.env.now(), |reservation| Some(reservation.id)).is_empty();
    let is_first = match is_running {
        true => old.map(|venue| &venue.digest) != new.map(|venue| &venue.digest),
        false => has_rules() && has_bookings(),
    };
    is_first || app.projections.recorded_rules(id).is_some()
}

fn affected_bookings(
    app: &App,
    id: &VenueId,
    old: Option<&Arc<Venue>>,
    new: Option<&Arc<Venue>>,
    now: DateTime<Utc>,
) -> Vec<AffectedBooking> {
    future_bookings(app, id, now, |reservation| {
        let old = old.map(Arc::as_ref);
        let reason = new.map_or(Some("venue_gone"), |new| reservation.affected_by(new, old));
        let (reservation_id, start) = (reservation.id, reservation.window().start);
        let size = reservation.party_size();
        reason.map(|reason| AffectedBooking { reservation_id, reason, start, size })
    })
}

fn future_bookings<T>(
    app: &App,
    id: &VenueId,
    now: DateTime<Utc>,
    select: impl Fn(&Reservation) -> Option<T>,
) -> Vec<T> {
    let mut selected = Vec::new();
    let filter = Filter { venue_id: Some(id.clone()), from: Some(now), ..Filter::default() };
    app.projections.each(&filter, |reservation| {
        if matches!(reservation.status, Status::Pending | Status::Confirmed) {
            selected.extend(select(reservation));
        }
    });
    selected
}
