//! Loads reservations and waitlist entries from the log.

use chrono::{DateTime, Utc};
use contract::fault::{Fault, Faults};
use events::event::{DecodeError, Event};
use events::recorded::Recorded;
use events::store::{EventStore, ReadError};
use events::{KeyId, Position, Query, ReservationId, Tag, WaitlistId};

use crate::domain::waitlist::WaitlistEntry;
use crate::domain::{RecordedAt, Reservation};

/// Number of events read at a time.
const PAGE_EVENTS: usize = 1_000;

/// Why a subject could not be loaded.
#[derive(Debug, thiserror::Error)]
pub enum RepositoryError {
    /// The log could not be read.
    #[error("could not read the log")]
    Read(#[from] ReadError),
    /// An event is not valid JSON.
    #[error("the event at {at} cannot be parsed")]
    Parse {
        /// The position of the event.
        at: Position,
        /// The cause.
        #[source]
        source: serde_json::Error,
    },
    /// An event is not in the catalogue.
    #[error("the event at {at} cannot be decoded")]
    Decode {
        /// The position of the event.
        at: Position,
        /// The cause.
        #[source]
        source: DecodeError,
    },
    /// The rules of a venue are not rules for this version.
    #[error(
        "the rules of a venue recorded at position {at} are not valid for this version: {faults}. Run the version that recorded them, or a later one"
    )]
    Rules {
        /// The position of the event.
        at: Position,
        /// All faults.
        faults: String,
    },
}

/// The time or position as of which a subject is loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AsOf {
    /// The current state.
    Now,
    /// The state after the event at this position.
    Position(Position),
    /// The state at this time.
    Time(DateTime<Utc>),
}

impl RepositoryError {
    /// The rules in the event at `at` have `faults`.
    pub(super) fn rules(at: Position, faults: Faults) -> Self {
        let faults = faults.0.into_iter().map(Fault::into_words).collect::<Vec<_>>().join("; ");
        Self::Rules { at, faults }
    }
}

impl From<contract::values::AsOf> for AsOf {
    fn from(as_of: contract::values::AsOf) -> Self {
        match as_of {
            contract::values::AsOf::Position(position) => Self::Position(position),
            contract::values::AsOf::Time(time) => Self::Time(time),
        }
    }
}

impl AsOf {
    /// Whether an event recorded at `at` is included.
    #[must_use]
    pub fn includes(self, at: RecordedAt) -> bool {
        match self {
            Self::Now => true,
            Self::Position(last) => at.position <= last,
            Self::Time(last) => at.time <= last,
        }
    }
}

/// Visits every event after `after` that `query` matches, in order. Returns the read position: the last
/// position covered by the first read. An append condition that starts there overlooks no later event.
///
/// # Errors
/// [`RepositoryError`] when the log cannot be read, or contains an event that this version cannot decode.
pub async fn each(
    store: &dyn EventStore,
    query: &Query,
    mut after: Position,
    mut visit: impl FnMut(&Recorded<'_>, Event),
) -> Result<Position, RepositoryError> {
    let mut read_position = None;
    loop {
        let page = store.read(query, after, PAGE_EVENTS).await?;
        read_position.get_or_insert(page.scanned_to);
        for stored in page.iter() {
            let at = stored.position;
            let recorded =
                Recorded::parse(stored.json).map_err(|source| RepositoryError::Parse { at, source })?;
            let event = recorded.event().map_err(|source| RepositoryError::Decode { at, source })?;
            visit(&recorded, event);
        }
        if page.len() < PAGE_EVENTS {
            return Ok(read_position.unwrap_or(page.scanned_to));
        }
        after = page.scanned_to;
    }
}

/// Loads the reservation `id`, with the read position.
///
/// # Errors
/// [`RepositoryError`], as for [`each`].
pub async fn load(
    store: &dyn EventStore,
    id: ReservationId,
    as_of: AsOf,
) -> Result<(Option<Reservation>, Position), RepositoryError> {
    let mut reservation: Option<Reservation> = None;
    let query = Query::any_tag([Tag::reservation(id)]);
    let read_position = each(store, &query, Position::START, |recorded, event| {
        let at = recorded_at(recorded);
        if as_of.includes(at) {
            fold(&mut reservation, id, &event, at);
        }
    })
    .await?;
    Ok((reservation, read_position))
}

/// Loads the waitlist entry `id`, with the read position.
///
/// # Errors
/// [`RepositoryError`], as for [`each`].
pub async fn load_waitlist_entry(
    store: &dyn EventStore,
    id: WaitlistId,
    as_of: AsOf,
) -> Result<(Option<WaitlistEntry>, Position), RepositoryError> {
    let mut entry: Option<WaitlistEntry> = None;
    let query = Query::any_tag([Tag::waitlist(id)]);
    let read_position = each(store, &query, Position::START, |recorded, event| {
        let at = recorded_at(recorded);
        if as_of.includes(at) {
            fold_waitlist_entry(&mut entry, id, &event, at);
        }
    })
    .await?;
    Ok((entry, read_position))
}

/// Applies one event to a waitlist entry that may not exist yet.
pub fn fold_waitlist_entry(entry: &mut Option<WaitlistEntry>, id: WaitlistId, event: &Event, at: RecordedAt) {
    match (entry.as_mut(), event) {
        (Some(entry), event) => entry.evolve(event, at.time),
        (None, Event::WaitlistJoined(joined)) => *entry = Some(WaitlistEntry::begin(id, joined, at)),
        (None, _) => {}
    }
}

/// Applies one event to a reservation that may not exist yet.
pub fn fold(reservation: &mut Option<Reservation>, id: ReservationId, event: &Event, at: RecordedAt) {
    match (reservation.as_mut(), event) {
        (Some(reservation), event) => reservation.evolve(event, at),
        (None, Event::ReservationCreated(created)) => {
            *reservation = Some(Reservation::begin(id, created, at));
        }
        (None, _) => {}
    }
}

/// Applies the events of one append, the first of which was recorded at `at`, to `reservation`.
pub fn fold_appended(
    mut reservation: Option<Reservation>,
    id: ReservationId,
    events: &[Event],
    at: Option<RecordedAt>,
) -> Option<Reservation> {
    if let Some(RecordedAt { position, time }) = at {
        for (position, event) in (position.0..).map(Position).zip(events) {
            fold(&mut reservation, id, event, RecordedAt { position, time });
        }
    }
    reservation
}

/// Where and when an event was recorded.
#[must_use]
pub fn recorded_at(recorded: &Recorded<'_>) -> RecordedAt {
    RecordedAt { position: recorded.id.position, time: recorded.time }
}

/// The reservation that an event belongs to, if any.
#[must_use]
pub fn reservation_of(recorded: &Recorded<'_>) -> Option<ReservationId> {
    recorded.subject_uuid("reservation").map(ReservationId)
}

/// The key that an event belongs to, if any.
#[must_use]
pub fn key_of(recorded: &Recorded<'_>) -> Option<KeyId> {
    recorded.subject.strip_prefix("access/")?.parse().ok()
}

/// The waitlist entry that an event belongs to, if any.
#[must_use]
pub fn waitlist_entry_of(recorded: &Recorded<'_>) -> Option<WaitlistId> {
    recorded.subject_uuid("waitlist").map(WaitlistId)
}
