//! Other rules for the venues, without a stop: at SIGHUP, and those that came while the service did not run.
//!
//! New files are looked at as a whole before any of them counts; with a fault the house goes on as it was. What
//! changes is noted in the log, with the bookings that the new rules would strand: they are told, never touched.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use chassis::serve::Shutdown;
use chrono::{DateTime, Utc};
use events::{VenueId, WaitlistId};
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::app::App;
use crate::domain::venue::Venue;
use crate::domain::waiting::{Entry, WaitCommand};
use crate::domain::{Reservation, Status};
use crate::handle::{HandleError, Stranded};
use crate::record::Submission;
use crate::venues::{Venues, VenuesError};
use crate::views::{Filter, Line};

/// What changed at a venue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changed {
    /// Which one.
    pub venue_id: VenueId,
    /// The version of its rules, as noted in the log.
    pub version: u32,
    /// Bookings to come that do not fit them, with the reason, the earliest first.
    pub stranded: Vec<Stranded>,
}

/// What came of new rules: all of them count.
#[derive(Debug, Default)]
pub struct Reloaded {
    /// What changed, and is noted in the log.
    pub changes: Vec<Changed>,
    /// Whose offers could not be kept: they wait on.
    pub withdrawn: Vec<(VenueId, WaitlistId)>,
    /// What changed, but could not be noted.
    pub not_noted: Vec<(VenueId, HandleError)>,
}

/// SIGHUP. From here on it ends nobody; it is dealt with once there is someone to deal with it.
///
/// # Errors
/// When the signal can not be listened to.
pub fn hangups() -> std::io::Result<Signal> {
    signal(SignalKind::hangup())
}

/// Reads the venues of `dir` anew at every one of `hangups`, until the service stops.
pub async fn follow(app: App, dir: PathBuf, mut hangups: Signal, shutdown: Shutdown) {
    loop {
        tokio::select! {
            _ = hangups.recv() => {}
            () = shutdown.requested() => return,
        }
        let dir = dir.clone();
        match tokio::task::spawn_blocking(move || Venues::load(&dir)).await {
            Ok(Ok(venues)) => reload(&app, &venues).await.tell(),
            Ok(Err(error)) => not_taken(&error),
            Err(error) => tracing::error!("the venue files could not be read: {error}"),
        }
    }
}

fn not_taken(error: &VenuesError) {
    let cause = std::error::Error::source(error).map(|cause| format!(": {cause}")).unwrap_or_default();
    tracing::error!("the venue files were not taken, and the rules are as they were: {error}{cause}");
}

impl Reloaded {
    /// Tells whoever reads the logs.
    pub fn tell(self) {
        if self.changes.is_empty() && self.not_noted.is_empty() {
            tracing::info!("the venue files were read: no rules have changed since they were noted last");
        }
        for Changed { venue_id, version, stranded } in self.changes {
            tracing::info!(%venue_id, version, stranded = stranded.len(), "the venue has other rules");
            for Stranded { reservation_id, reason, start, size } in stranded {
                tracing::warn!(%venue_id, %reservation_id, reason, %start, guests = %size, "a booking does not fit the new rules: move or cancel it by hand");
            }
        }
        for (venue_id, waitlist_id) in self.withdrawn {
            tracing::warn!(%venue_id, %waitlist_id, "what was offered can not be kept by the new rules: the party waits on");
        }
        for (venue_id, error) in self.not_noted {
            tracing::error!(%venue_id, error = &error as &dyn std::error::Error, "the venue has other rules, which could not be noted in the log: send SIGHUP again once it takes events");
        }
    }
}

/// Lets `venues` count from now on, and notes what changed.
pub async fn reload(app: &App, venues: &Venues) -> Reloaded {
    let before = app.venues.replace(venues);
    note(app, Some(&before)).await
}

/// Notes what changed while the service did not run.
pub async fn note_since_last_run(app: &App) -> Reloaded {
    note(app, None).await
}

async fn note(app: &App, before: Option<&Venues>) -> Reloaded {
    let mut ids: BTreeSet<_> = app.venues.ids().into_iter().chain(app.views.venues()).collect();
    ids.extend(before.into_iter().flat_map(Venues::ids));
    let mut reloaded = Reloaded::default();
    for id in ids {
        let (old, new) = (before.and_then(|before| before.get(Some(&id))), app.venues.get(Some(&id)));
        if !is_news(app, &id, before.is_some(), old.as_ref(), new.as_ref()) {
            continue;
        }
        let (now, digest) = (app.clock.now(), new.as_ref().map(|venue| venue.digest.as_str()));
        let strands = || stranded(app, &id, old.as_ref(), new.as_ref(), now);
        let submission = Submission::system("venues", app.clock.as_ref());
        match app.handler.note_rules(&id, digest, strands, &submission).await {
            Ok(None) => {}
            Ok(Some((version, stranded))) => {
                reloaded.changes.push(Changed { venue_id: id, version, stranded });
            }
            Err(error) => reloaded.not_noted.push((id, error)),
        }
    }
    withdraw(app, &mut reloaded).await;
    reloaded
}

/// Takes back what is offered to those who wait and can not be kept by these rules: they wait on.
async fn withdraw(app: &App, reloaded: &mut Reloaded) {
    let keeps = |entry: &Entry, rules: Option<&Venue>| {
        entry.offer().is_none_or(|offered| rules.is_some_and(|rules| rules.keeps(offered)))
    };
    app.views.caught_up(app.store.head()).await;
    for (venue, _) in app.views.lines().0 {
        let rules = app.venues.get(Some(&venue));
        let lost = |line: &Line| {
            let lost = line.entries().filter(|entry| !keeps(entry, rules.as_deref()));
            lost.map(|entry| entry.id).collect::<Vec<_>>()
        };
        for id in app.views.with_line(&venue, |_, line| lost(line)).0 {
            let submission = Submission::system("venues", app.clock.as_ref());
            match app.handler.wait(id, &WaitCommand::Withdraw, &submission).await {
                Ok(_) => reloaded.withdrawn.push((venue.clone(), id)),
                Err(error) => reloaded.not_noted.push((venue.clone(), error)),
            }
        }
    }
}

/// Whether the rules of a venue are to be noted, if they are not those that were noted last. Where nothing was ever
/// noted, a change is; or at start what those are held against who have booked already.
fn is_news(
    app: &App,
    id: &VenueId,
    running: bool,
    old: Option<&Arc<Venue>>,
    new: Option<&Arc<Venue>>,
) -> bool {
    let promises = || new.is_none_or(|venue| venue.house.is_some());
    let booked = || !to_come(app, id, app.clock.now(), |reservation| Some(reservation.id)).is_empty();
    let first = match running {
        true => old.map(|venue| &venue.digest) != new.map(|venue| &venue.digest),
        false => promises() && booked(),
    };
    first || app.views.noted_rules(id).is_some()
}

fn stranded(
    app: &App,
    id: &VenueId,
    old: Option<&Arc<Venue>>,
    new: Option<&Arc<Venue>>,
    now: DateTime<Utc>,
) -> Vec<Stranded> {
    to_come(app, id, now, |reservation| {
        let reason = new.map_or(Some("venue_gone"), |new| new.strands(reservation, old.map(Arc::as_ref)));
        let (reservation_id, start, size) =
            (reservation.id, reservation.window().start, reservation.party_size());
        reason.map(|reason| Stranded { reservation_id, reason, start, size })
    })
}

fn to_come<T>(
    app: &App,
    id: &VenueId,
    now: DateTime<Utc>,
    pick: impl Fn(&Reservation) -> Option<T>,
) -> Vec<T> {
    let mut found = Vec::new();
    let to_come = Filter { venue_id: Some(id.clone()), from: Some(now), ..Filter::default() };
    app.views.each(&to_come, |reservation| {
        if matches!(reservation.status, Status::Pending | Status::Confirmed) {
            found.extend(pick(reservation));
        }
    });
    found
}
