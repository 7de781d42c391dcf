//! Reading reservations back from the log.

use chrono::{DateTime, Utc};
use events::event::{DecodeError, Event};
use events::recorded::Recorded;
use events::store::{EventStore, ReadError};
use events::{Position, Query, ReservationId, Tag, WaitlistId};

use crate::domain::waiting::Entry;
use crate::domain::{Reservation, Stamp};

/// How many events are read at a time.
const PAGE_EVENTS: usize = 1_000;

/// Why a reservation could not be read.
#[derive(Debug, thiserror::Error)]
pub enum StreamError {
    /// The log does not answer.
    #[error("could not read the log")]
    Read(#[from] ReadError),
    /// An event is not JSON of ours.
    #[error("the event at {at} can not be parsed")]
    Parse {
        /// Where.
        at: Position,
        /// What is wrong with it.
        #[source]
        source: serde_json::Error,
    },
    /// An event is not in the catalogue.
    #[error("the event at {at} can not be decoded")]
    Decode {
        /// Where.
        at: Position,
        /// What is wrong with it.
        #[source]
        source: DecodeError,
    },
}

/// Up to when a reservation is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Until {
    /// As it is.
    Now,
    /// As it was when this position had been written.
    Position(Position),
    /// As it was at this time.
    Time(DateTime<Utc>),
}

impl Until {
    /// Whether what happened `at` belongs to it.
    #[must_use]
    pub fn includes(self, at: Stamp) -> bool {
        match self {
            Self::Now => true,
            Self::Position(last) => at.position <= last,
            Self::Time(last) => at.time <= last,
        }
    }
}

/// Visits every event that `query` matches, in order. Returns the position up to which the log was
/// looked at by the first read: nothing that came later may be overlooked by a condition.
///
/// # Errors
/// [`StreamError`] when the log does not answer or holds what this version can not read.
pub async fn each(
    store: &dyn EventStore,
    query: &Query,
    mut after: Position,
    mut visit: impl FnMut(&Recorded<'_>, Event),
) -> Result<Position, StreamError> {
    let mut looked_at = None;
    loop {
        let page = store.read(query, after, PAGE_EVENTS).await?;
        looked_at.get_or_insert(page.scanned_to);
        for stored in page.iter() {
            let at = stored.position;
            let recorded =
                Recorded::parse(stored.json).map_err(|source| StreamError::Parse { at, source })?;
            let event = recorded.event().map_err(|source| StreamError::Decode { at, source })?;
            visit(&recorded, event);
        }
        if page.len() < PAGE_EVENTS {
            return Ok(looked_at.unwrap_or(page.scanned_to));
        }
        after = page.scanned_to;
    }
}

/// The reservation `id` as it was, with the position up to which the log was looked at.
///
/// # Errors
/// [`StreamError`] as for [`each`].
pub async fn load(
    store: &dyn EventStore,
    id: ReservationId,
    until: Until,
) -> Result<(Option<Reservation>, Position), StreamError> {
    let mut reservation: Option<Reservation> = None;
    let query = Query::any_tag([Tag::reservation(id)]);
    let looked_at = each(store, &query, Position::START, |recorded, event| {
        let at = stamp(recorded);
        if until.includes(at) {
            fold(&mut reservation, id, &event, at);
        }
    })
    .await?;
    Ok((reservation, looked_at))
}

/// The party `id` that waits as it was, with the position up to which the log was looked at.
///
/// # Errors
/// [`StreamError`] as for [`each`].
pub async fn load_waiting(
    store: &dyn EventStore,
    id: WaitlistId,
    until: Until,
) -> Result<(Option<Entry>, Position), StreamError> {
    let mut entry: Option<Entry> = None;
    let query = Query::any_tag([Tag::waitlist(id)]);
    let looked_at = each(store, &query, Position::START, |recorded, event| {
        let at = stamp(recorded);
        if until.includes(at) {
            fold_waiting(&mut entry, id, &event, at);
        }
    })
    .await?;
    Ok((entry, looked_at))
}

/// Adds one event to a party that may not wait yet.
pub fn fold_waiting(entry: &mut Option<Entry>, id: WaitlistId, event: &Event, at: Stamp) {
    match (entry.as_mut(), event) {
        (Some(entry), event) => entry.evolve(event),
        (None, Event::WaitlistJoined(joined)) => *entry = Some(Entry::begin(id, joined, at)),
        (None, _) => {}
    }
}

/// Adds one event to a reservation that may not have begun.
pub fn fold(reservation: &mut Option<Reservation>, id: ReservationId, event: &Event, at: Stamp) {
    match (reservation.as_mut(), event) {
        (Some(reservation), event) => reservation.evolve(event, at),
        (None, Event::ReservationCreated(created)) => {
            *reservation = Some(Reservation::begin(id, created, at));
        }
        (None, _) => {}
    }
}

/// Where and when an event stands.
#[must_use]
pub fn stamp(recorded: &Recorded<'_>) -> Stamp {
    Stamp { position: recorded.id.position, time: recorded.time }
}

/// The reservation that an event is about, if it is about one.
#[must_use]
pub fn reservation_of(recorded: &Recorded<'_>) -> Option<ReservationId> {
    recorded.subject_uuid("reservation").map(ReservationId)
}

/// The party that waits that an event is about, if it is about one.
#[must_use]
pub fn waitlist_of(recorded: &Recorded<'_>) -> Option<WaitlistId> {
    recorded.subject_uuid("waitlist").map(WaitlistId)
}
