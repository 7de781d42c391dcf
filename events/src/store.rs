//! The append-only log: one small trait whose doc comments are its guarantees.
//!
//! [`memory`] is the model, a list under a lock. [`sled`] is the real thing: one writer thread,
//! one value and one sync for each group of events, an index in memory. Both pass one contract
//! suite (`tests/it/contract.rs`).

pub mod archive;
mod frame;
mod index;
pub mod memory;
mod page;
pub mod sled;
mod witness;

use bytes::Bytes;
use futures::future::BoxFuture;
use tokio::sync::watch;

pub use self::index::LOG_EVENTS_MAX;
pub use self::page::{Page, Stored};
use crate::ids::{LogId, Position};
pub use crate::query::AppendCondition;
use crate::query::Query;
use crate::recorded::NewEvent;

/// The most events in one append, and in one group.
pub const APPEND_EVENTS_MAX: usize = 64;

/// All events of one append together, in bytes: a group must stay far below what sled would not sync.
pub const APPEND_BYTES_MAX: usize = 128 * 1024;

/// The largest event as it stands in the log, in bytes.
pub const EVENT_BYTES_MAX: usize = 64 * 1024;

/// The largest private part, in bytes. Those of one append together: [`APPEND_BYTES_MAX`].
pub const PRIVATE_BYTES_MAX: usize = 16 * 1024;

/// A log of events.
pub trait EventStore: Send + Sync + 'static {
    /// Which log this is.
    fn log_id(&self) -> LogId;

    /// Appends all of `events` at consecutive positions, or none.
    ///
    /// They are durable when `Ok` is returned, together with their private parts. Fails with
    /// [`AppendError::Conflict`] if an event that `condition.fail_if_any` matches lies after
    /// `condition.after`; checking and appending are one step that nothing comes between.
    /// A caller that goes away does not undo an append that is under way.
    ///
    /// # Errors
    /// [`AppendError`]; nothing was appended then.
    fn append(
        &self,
        events: Vec<NewEvent>,
        condition: AppendCondition,
    ) -> BoxFuture<'_, Result<Appended, AppendError>>;

    /// Events that `query` matches after `after`, ascending, at most `limit`.
    ///
    /// Only durable events are ever shown, and never one before all earlier ones can be.
    ///
    /// # Errors
    /// [`ReadError`] when the storage does not answer or answers nonsense.
    fn read<'a>(
        &'a self,
        query: &'a Query,
        after: Position,
        limit: usize,
    ) -> BoxFuture<'a, Result<Page, ReadError>>;

    /// The last durable position: a doorbell, not a pipe. Readers keep their own cursor.
    fn watch_head(&self) -> watch::Receiver<Position>;

    /// The private part kept beside the event at `position`; `None` if it never had one or if it
    /// was forgotten.
    ///
    /// # Errors
    /// [`ReadError`] when the storage does not answer.
    fn private(&self, position: Position) -> BoxFuture<'_, Result<Option<Bytes>, ReadError>>;

    /// The last durable position.
    fn head(&self) -> Position {
        *self.watch_head().borrow()
    }
}

/// Where an append went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Appended {
    /// Position of the first event of the append.
    pub first: Position,
    /// Position of the last one.
    pub last: Position,
}

/// Why nothing was appended.
#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    /// The decision was made on what is no longer true.
    #[error("the append condition does not hold: an event it excludes stands at {at}")]
    Conflict {
        /// The first event that the condition excludes.
        at: Position,
    },
    /// One append must fit one group.
    #[error("an append of {events} events is not possible: 1 to {max} at once", max = APPEND_EVENTS_MAX)]
    EventCount {
        /// How many there were.
        events: usize,
    },
    /// An event or a private part is over its limit.
    #[error("the {part} of a {event_type} has {bytes} bytes: at most {max} are possible")]
    TooLarge {
        /// `event`, `private part`, `condition` and so on.
        part: &'static str,
        /// Of which event.
        event_type: &'static str,
        /// Its size.
        bytes: usize,
        /// The limit.
        max: usize,
    },
    /// More appends wait than the queue holds.
    #[error("too many appends are waiting: try again in a moment")]
    Overloaded,
    /// The file system is nearly full; reads go on.
    #[error("the disk has {free_bytes} bytes left, {reserve_bytes} are kept in reserve: free some space")]
    NoSpace {
        /// What is left.
        free_bytes: u64,
        /// What must be left.
        reserve_bytes: u64,
    },
    /// Positions are used up.
    #[error("the log is full: it holds {LOG_EVENTS_MAX} events. Begin a new one")]
    Full,
    /// The log is shutting down. Whether the events were appended is not known.
    #[error("the log is closed")]
    Closed,
}

/// Why nothing could be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The storage failed.
    #[error("could not read the log at {at}")]
    Storage {
        /// Where.
        at: Position,
        /// What the storage said.
        #[source]
        source: ::sled::Error,
    },
    /// The storage answered with something that is not a group of events.
    #[error("the log is damaged at {at}: {what}")]
    Damaged {
        /// Where.
        at: Position,
        /// What is wrong with it.
        what: &'static str,
    },
    /// The reader was interrupted by the shutdown.
    #[error("the read was interrupted: the log is closing")]
    Interrupted,
}

/// Checks what every store refuses before it looks at any condition.
///
/// `lengths` are the sizes of the events as they would stand in the log, in bytes.
fn check_limits(
    events: &[NewEvent],
    lengths: impl Iterator<Item = usize> + Clone,
    condition: &AppendCondition,
) -> Result<(), AppendError> {
    if events.is_empty() || events.len() > APPEND_EVENTS_MAX {
        return Err(AppendError::EventCount { events: events.len() });
    }
    let tag_bytes = events.iter().flat_map(|event| &event.tags).map(|tag| tag.as_str().len()).sum();
    let private_bytes = events.iter().filter_map(|event| event.private.as_ref()).map(Bytes::len).sum();
    let condition_bytes = frame::condition_bytes(condition).unwrap_or(usize::MAX);
    for (part, bytes, max) in [
        ("append that begins", lengths.clone().sum(), APPEND_BYTES_MAX),
        ("private parts of an append that begins", private_bytes, APPEND_BYTES_MAX),
        ("tags of an append that begins", tag_bytes, APPEND_BYTES_MAX),
        ("condition", condition_bytes, frame::CONDITION_BYTES_MAX),
    ] {
        if bytes > max {
            let event_type = events.first().map_or("", |event| event.event_type);
            return Err(AppendError::TooLarge { part, event_type, bytes, max });
        }
    }
    for (event, event_bytes) in events.iter().zip(lengths) {
        let tag_bytes = event.tags.iter().map(|tag| tag.as_str().len()).max().unwrap_or(0);
        let private_bytes = event.private.as_ref().map_or(0, Bytes::len);
        for (part, bytes, max) in [
            ("event", event_bytes, EVENT_BYTES_MAX),
            ("private part", private_bytes, PRIVATE_BYTES_MAX),
            ("longest tag", tag_bytes, crate::query::Tag::MAX_BYTES),
            ("list of tags", event.tags.len(), usize::from(u8::MAX)),
            ("list of what to forget", event.forgets.len(), usize::from(u8::MAX)),
        ] {
            if bytes > max {
                return Err(AppendError::TooLarge { part, event_type: event.event_type, bytes, max });
            }
        }
    }
    Ok(())
}
