//! The append-only log: a small trait whose doc comments are its guarantees.
//!
//! This module holds the parts that all stores share: the trait, [`check_limits`], pages, the stored form of groups
//! ([`groups`]) and backups ([`backup`]). [`memory`] is the reference model, a list under a lock. `log` is the
//! durable store: one writer, one value and one commit per group of events, an index in memory. Its groups are
//! kept by an engine, each with a feature of its name: `sled` keeps them on one disk for one process, `postgres` in a
//! database for any number of processes. Every store passes the suite in `contract`, which is a library
//! with the feature `contract`, so that another crate can run it against its own store.

pub mod backup;
#[cfg(feature = "contract")]
pub mod contract;
#[cfg(feature = "stored")]
mod engine;
#[cfg(feature = "stored")]
mod fatal;
#[cfg_attr(not(feature = "stored"), expect(dead_code, reason = "stores that keep groups use it"))]
mod frame;
pub mod groups;
mod index;
#[cfg(feature = "engines")]
pub mod lease;
#[cfg(feature = "stored")]
pub mod load;
#[cfg(feature = "stored")]
pub mod log;
pub mod memory;
#[cfg(feature = "engines")]
pub mod notes;
#[cfg_attr(not(feature = "stored"), expect(dead_code, reason = "stores that keep groups use it"))]
mod page;
#[cfg(feature = "engines")]
pub mod place;
#[cfg(feature = "stored")]
mod planted;
#[cfg(feature = "postgres")]
pub mod postgres;
#[cfg(feature = "sled")]
pub mod sled;
#[cfg(feature = "stored")]
mod witness;

use std::time::Duration;

use bytes::Bytes;
use futures::future::BoxFuture;
use tokio::sync::watch;

pub use self::index::LOG_EVENTS_MAX;
pub use self::page::{EventBytes, Page};
use crate::ids::{LogId, Position};
pub use crate::query::AppendCondition;
use crate::query::Query;
use crate::recorded::NewEvent;

/// Maximum number of events in one append and in one group.
pub const APPEND_EVENTS_MAX: usize = 64;

/// Maximum size of the events of one append, in bytes. A group must stay far below the size that sled
/// does not sync.
pub const APPEND_BYTES_MAX: usize = 128 * 1024;

/// Maximum size of one stored event, in bytes.
pub const EVENT_BYTES_MAX: usize = 64 * 1024;

/// Maximum size of one confidential payload, in bytes. Those of one append together: [`APPEND_BYTES_MAX`].
pub const CONFIDENTIAL_BYTES_MAX: usize = 16 * 1024;

/// A log of events.
pub trait EventStore: Send + Sync + 'static {
    /// The id of the log.
    fn log_id(&self) -> LogId;

    /// Appends all of `events` at consecutive positions, or none.
    ///
    /// They are durable when `Ok` is returned, together with their confidential payloads. Fails with
    /// [`AppendError::Conflict`] if an event that `condition.fail_if_any` matches exists after
    /// `condition.after`. Check and append are one atomic step.
    /// Dropping the returned future does not cancel an append in progress.
    ///
    /// # Errors
    /// [`AppendError`]; nothing was appended, except that the outcome of [`AppendError::Closed`] is unknown.
    fn append(
        &self,
        events: Vec<NewEvent>,
        condition: AppendCondition,
    ) -> BoxFuture<'_, Result<Appended, AppendError>>;

    /// Events after `after` that `query` matches, ascending, at most `limit`.
    ///
    /// Only durable events are returned. An event is returned only when all earlier events are visible.
    ///
    /// # Errors
    /// [`ReadError`] when the storage fails or returns invalid data.
    fn read<'a>(
        &'a self,
        query: &'a Query,
        after: Position,
        limit: usize,
    ) -> BoxFuture<'a, Result<Page, ReadError>>;

    /// The last durable position known to this process: a wake-up signal. Readers keep their own cursor.
    fn watch_head(&self) -> watch::Receiver<Position>;

    /// The confidential payloads of the events at `positions`, in the same order; `None` for an event that
    /// never had one or whose payload was forgotten.
    ///
    /// # Errors
    /// [`ReadError`] when the storage fails.
    fn confidential(&self, positions: Vec<Position>) -> BoxFuture<'_, Result<Vec<Option<Bytes>>, ReadError>>;

    /// The last durable position of the log, including events that another process appended.
    ///
    /// A copy of the log that has reached this position contains every event that was acknowledged before
    /// the call. The default is correct for a log that one process writes.
    ///
    /// # Errors
    /// [`ReadError`] when the storage fails.
    fn head(&self) -> BoxFuture<'_, Result<Position, ReadError>> {
        Box::pin(std::future::ready(Ok(self.known_head())))
    }

    /// The time in which this process may have missed events of other processes. Zero, the default, for a log that one process
    /// writes.
    fn silence(&self) -> Duration {
        Duration::ZERO
    }

    /// Whether appends are accepted. `true`, the default, also if the next one may find out that they are not.
    fn is_writable(&self) -> bool {
        true
    }

    /// The last durable position known to this process.
    fn known_head(&self) -> Position {
        *self.watch_head().borrow()
    }
}

/// The result of an append.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Appended {
    /// Position of the first appended event.
    pub first: Position,
    /// Position of the last appended event.
    pub last: Position,
}

/// Why nothing was appended.
#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    /// The decision was based on outdated state.
    #[error("the append condition does not hold: the event at position {at} matches it. Decide again")]
    Conflict {
        /// The first event that violates the condition.
        at: Position,
    },
    /// The number of events is outside of the limits of one append.
    #[error("cannot append {events} events at once: 1 to {max} are allowed", max = APPEND_EVENTS_MAX)]
    EventCount {
        /// The number of events.
        events: usize,
    },
    /// A part of the append exceeds its limit.
    #[error("cannot append {event_type}: {part} has {actual} {unit}, but at most {max} are allowed")]
    TooLarge {
        /// What is too large: `the event`, `the confidential payload`, `the append condition` and so on.
        part: &'static str,
        /// The type of the event. For a limit of a whole append, the type of its first event.
        event_type: &'static str,
        /// The actual size, in `unit`.
        actual: usize,
        /// `bytes`, `tags` and so on.
        unit: &'static str,
        /// The limit, in `unit`.
        max: usize,
    },
    /// The queue of waiting appends is full.
    #[error("too many appends are waiting: try again in a moment")]
    Overloaded,
    /// The file system is nearly full; reads still work.
    #[error("the disk has {free_bytes} bytes free, but {reserve_bytes} must stay free: free some space")]
    NoSpace {
        /// Free space in bytes.
        free_bytes: u64,
        /// Required free space in bytes.
        reserve_bytes: u64,
    },
    /// The storage of the log cannot be written at the moment; reads may still work.
    #[error("the log cannot be written at the moment: {reason}. Nothing was appended; try again")]
    Unavailable {
        /// What is wrong, for the operator.
        reason: String,
    },
    /// The log holds the maximum number of events.
    #[error("the log is full: it holds {LOG_EVENTS_MAX} events. Start a new log")]
    Full,
    /// The log is shutting down. Whether the events were appended is not known.
    #[error(
        "the log is closed, and whether the events were appended is unknown. Start the service again, then read the log"
    )]
    Closed,
}

/// Why a read failed.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The storage failed.
    #[error("could not read the log at {at}")]
    Storage {
        /// The requested position.
        at: Position,
        /// The error of the storage.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The storage returned something that is not a valid group of events.
    #[error("the log is damaged at {at}: {what}")]
    Damaged {
        /// The position of the damage.
        at: Position,
        /// What is wrong.
        what: &'static str,
    },
    /// The process is shutting down.
    #[error("the read was interrupted because the log is closing")]
    Interrupted,
}

impl ReadError {
    /// A failure of the storage while reading `at`.
    pub fn storage(at: Position, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Storage { at, source: source.into() }
    }
}

/// Checks the limits that every store enforces before it evaluates a condition.
///
/// `lengths` are the sizes of the stored events, in bytes.
///
/// # Errors
/// [`AppendError::EventCount`] or [`AppendError::TooLarge`].
pub fn check_limits(
    events: &[NewEvent],
    lengths: impl Iterator<Item = usize> + Clone,
    condition: &AppendCondition,
) -> Result<(), AppendError> {
    if events.is_empty() || events.len() > APPEND_EVENTS_MAX {
        return Err(AppendError::EventCount { events: events.len() });
    }
    let tag_bytes = events.iter().flat_map(|event| &event.tags).map(|tag| tag.as_str().len()).sum();
    let payload_bytes = events.iter().filter_map(|event| event.confidential.as_ref()).map(Bytes::len).sum();
    let condition_bytes = frame::condition_bytes(condition).unwrap_or(usize::MAX);
    for (part, bytes, max) in [
        ("the append", lengths.clone().sum(), APPEND_BYTES_MAX),
        ("the list of all confidential payloads", payload_bytes, APPEND_BYTES_MAX),
        ("the list of all tags", tag_bytes, APPEND_BYTES_MAX),
        ("the append condition", condition_bytes, frame::CONDITION_BYTES_MAX),
    ] {
        if bytes > max {
            let event_type = events.first().map_or("", |event| event.event_type);
            return Err(AppendError::TooLarge { part, event_type, actual: bytes, unit: "bytes", max });
        }
    }
    for (event, event_bytes) in events.iter().zip(lengths) {
        let tag_bytes = event.tags.iter().map(|tag| tag.as_str().len()).max().unwrap_or(0);
        let payload_bytes = event.confidential.as_ref().map_or(0, Bytes::len);
        for (part, actual, unit, max) in [
            ("the event", event_bytes, "bytes", EVENT_BYTES_MAX),
            ("the confidential payload", payload_bytes, "bytes", CONFIDENTIAL_BYTES_MAX),
            ("the longest tag", tag_bytes, "bytes", crate::query::Tag::MAX_BYTES),
            ("the event", event.tags.len(), "tags", usize::from(u8::MAX)),
            ("the event", event.forgets.len(), "positions to forget", usize::from(u8::MAX)),
        ] {
            if actual > max {
                return Err(AppendError::TooLarge { part, event_type: event.event_type, actual, unit, max });
            }
        }
    }
    Ok(())
}
