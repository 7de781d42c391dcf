//! Other rules for the venues, without a stop: at SIGHUP, and those that came while the service did not run.
//!
//! New files are looked at as a whole before any of them counts; with a fault the house goes on as it was. What
//! changes is noted in the log, with the bookings that the new rules would strand: they are told, never touched.

use std::path::PathBuf;
use std::sync::Arc;

use chassis::serve::Shutdown;
use chrono::{DateTime, Utc};
use events::event::VenueChanged;
use events::{ReservationId, VenueId};

use crate::app::App;
use crate::domain::Status;
use crate::domain::venue::Venue;
use crate::handle::HandleError;
use crate::record::Submission;
use crate::venues::{Venues, VenuesError};
use crate::views::Filter;

/// Stranded bookings that an event names.
const STRANDED_NAMED_MAX: usize = 100;

/// Why the venues are as they were.
#[derive(Debug, thiserror::Error)]
pub enum ReloadError {
    /// The files can not be used.
    #[error(transparent)]
    Files(#[from] VenuesError),
    /// The new rules count, but that could not be noted.
    #[error("the new rules count, but could not be noted in the log")]
    Note(#[source] HandleError),
}

/// What changed at a venue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changed {
    /// Which one.
    pub venue_id: VenueId,
    /// The version of its rules, as noted in the log.
    pub version: u32,
    /// Bookings to come that do not fit them, with the reason, the earliest first.
    pub stranded: Vec<(ReservationId, &'static str)>,
}

/// Reads the venues of `dir` anew at every SIGHUP, until the service stops.
///
/// # Errors
/// When the signal can not be listened to.
pub fn on_hangup(app: App, dir: PathBuf, shutdown: Shutdown) -> std::io::Result<()> {
    let mut hangup = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::hangup())?;
    tokio::spawn(async move {
        loop {
            tokio::select! {
                _ = hangup.recv() => {}
                () = shutdown.requested() => return,
            }
            match Venues::load(&dir).map_err(ReloadError::from) {
                Ok(venues) => tell(reload(&app, &venues).await),
                Err(error) => tell(Err(error)),
            }
        }
    });
    Ok(())
}

fn tell(reloaded: Result<Vec<Changed>, ReloadError>) {
    let changes = match reloaded {
        Ok(changes) => changes,
        Err(error) => {
            tracing::error!("the venue files were not taken, and the rules are as they were: {error}");
            return;
        }
    };
    if changes.is_empty() {
        tracing::info!("the venue files were read again: nothing has changed");
    }
    for Changed { venue_id, version, stranded } in changes {
        tracing::info!(%venue_id, version, stranded = stranded.len(), "the venue has other rules");
        for (reservation_id, reason) in stranded {
            tracing::warn!(%venue_id, %reservation_id, reason, "a booking does not fit the new rules: move or cancel it by hand");
        }
    }
}

/// Lets `venues` count from now on, and notes what changed.
///
/// # Errors
/// [`ReloadError::Note`]; the new rules count all the same.
pub async fn reload(app: &App, venues: &Venues) -> Result<Vec<Changed>, ReloadError> {
    let before = app.venues.replace(venues);
    let mut ids = before.ids();
    ids.extend(venues.ids().into_iter().filter(|id| !ids.contains(id)).collect::<Vec<_>>());
    let mut changes = Vec::new();
    for id in ids {
        let (old, new) = (before.get(Some(&id)), venues.get(Some(&id)));
        if old.as_ref().map(|venue| &venue.digest) != new.as_ref().map(|venue| &venue.digest) {
            changes.extend(note(app, &id, old.as_ref(), new.as_ref()).await?);
        }
    }
    Ok(changes)
}

/// Notes what changed since it was last noted. A venue of which nothing was ever noted has its first rules.
///
/// # Errors
/// [`ReloadError::Note`].
pub async fn note_since_last_run(app: &App) -> Result<(), ReloadError> {
    for id in app.venues.ids() {
        let venue = app.venues.get(Some(&id));
        if app.handler.has_rules(&id).await.map_err(ReloadError::Note)? {
            tell(Ok(note(app, &id, None, venue.as_ref()).await?.into_iter().collect()));
        }
    }
    Ok(())
}

async fn note(
    app: &App,
    id: &VenueId,
    old: Option<&Arc<Venue>>,
    new: Option<&Arc<Venue>>,
) -> Result<Option<Changed>, ReloadError> {
    app.views.caught_up(app.store.head()).await;
    let stranded = stranded(app, id, old, new, app.clock.now());
    let change = VenueChanged {
        venue_id: id.clone(),
        version: 0,
        digest: new.map(|venue| venue.digest.clone()),
        stranded: stranded.iter().take(STRANDED_NAMED_MAX).map(|(id, _)| *id).collect(),
        stranded_count: u32::try_from(stranded.len()).unwrap_or(u32::MAX),
    };
    let submission = Submission::system("venues", app.clock.as_ref());
    let version = app.handler.note_rules(&change, &submission).await.map_err(ReloadError::Note)?;
    Ok(version.map(|version| Changed { venue_id: id.clone(), version, stranded }))
}

fn stranded(
    app: &App,
    id: &VenueId,
    old: Option<&Arc<Venue>>,
    new: Option<&Arc<Venue>>,
    now: DateTime<Utc>,
) -> Vec<(ReservationId, &'static str)> {
    let mut found = Vec::new();
    let to_come = Filter { venue_id: Some(id.clone()), from: Some(now), ..Filter::default() };
    app.views.each(&to_come, |reservation| {
        if matches!(reservation.status, Status::Pending | Status::Confirmed) {
            let reason = new.map_or(Some("venue_gone"), |new| new.strands(reservation, old.map(Arc::as_ref)));
            found.extend(reason.map(|reason| (reservation.id, reason)));
        }
    });
    found
}
