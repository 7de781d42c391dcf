//! The interface between a log of groups and the place where the groups are kept.
//!
//! A log and its writer are the same for every engine: they check limits and conditions, assign positions,
//! extend the hash chain and keep the index. An engine keeps the groups, and decides which group follows the
//! last one.

use std::fmt::Debug;
use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::time::Instant;

use super::frame::{ChainHash, ConfidentialPayloads};
use super::{AppendError, ReadError};
use crate::ids::Position;

/// The positions of a stored group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) first: Position,
    pub(super) last: Position,
}

/// The last group of a log, which the next one must follow. Both positions are zero in an empty log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tail {
    pub(super) span: Span,
    /// The hash of the chain at its last event.
    pub(super) hash: ChainHash,
}

/// A group that is about to be appended.
#[derive(Debug)]
pub(super) struct NewGroup {
    /// The group that it follows.
    pub(super) behind: Tail,
    pub(super) span: Span,
    /// The hash of the chain at its last event.
    pub(super) hash: ChainHash,
    /// Its stored form.
    pub(super) value: Vec<u8>,
    /// The confidential payloads of its events.
    pub(super) confidential: ConfidentialPayloads,
    /// The events whose confidential payloads it forgets, each with the first position of its group.
    pub(super) forgets: Vec<Forgotten>,
}

/// An event whose confidential payload is forgotten.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Forgotten {
    pub(super) position: Position,
    /// The first position of the group of the event.
    pub(super) group: Position,
}

/// The outcome of a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Commit {
    /// The group is durable.
    Durable,
    /// Another process appended a group first. Nothing of this group was or will be stored.
    Behind,
}

/// Why an engine accepts no group now. Nothing of the group was or will be stored, except after
/// [`Refusal::Closed`].
#[derive(Debug, Clone)]
#[cfg_attr(not(feature = "sled"), expect(dead_code, reason = "engines refuse groups"))]
pub(super) enum Refusal {
    /// The file system is nearly full.
    NoSpace { free_bytes: u64, reserve_bytes: u64 },
    /// The engine cannot be written at the moment.
    Unavailable { reason: String },
    /// The log is closing, and the outcome of the group is unknown.
    Closed,
}

impl From<&Refusal> for AppendError {
    fn from(refusal: &Refusal) -> Self {
        match refusal {
            Refusal::NoSpace { free_bytes, reserve_bytes } => {
                Self::NoSpace { free_bytes: *free_bytes, reserve_bytes: *reserve_bytes }
            }
            Refusal::Unavailable { reason } => Self::Unavailable { reason: reason.clone() },
            Refusal::Closed => Self::Closed,
        }
    }
}

/// How long callers wait for an engine that cannot be written, before they are refused at once. A lost connection is
/// usually back sooner.
const GRACE: Duration = Duration::from_secs(1);

/// Whether the engine can be written at the moment, as its writer has found. Shared with the callers, who are refused at
/// once instead of waiting behind a commit whose outcome is being found out.
#[derive(Debug, Default)]
pub(super) struct Availability {
    outage: Mutex<Option<Outage>>,
    /// When this process last knew the whole log; `None` for an engine whose only writer is this process.
    heard: Mutex<Option<Instant>>,
}

#[derive(Debug)]
struct Outage {
    since: Instant,
    reason: String,
}

impl Availability {
    /// The engine cannot be written for `reason`. Returns whether it could before.
    #[cfg_attr(not(feature = "postgres"), expect(dead_code, reason = "sled ends the process instead"))]
    pub(super) fn lose(&self, reason: String) -> bool {
        let mut outage = self.outage.lock();
        let since = outage.as_ref().map(|outage| outage.since);
        *outage = Some(Outage { since: since.unwrap_or_else(Instant::now), reason });
        since.is_none()
    }

    /// The engine can be written. Returns whether it could not before.
    #[cfg_attr(not(feature = "postgres"), expect(dead_code, reason = "sled ends the process instead"))]
    pub(super) fn regain(&self) -> bool {
        self.outage.lock().take().is_some()
    }

    /// At `asked`, the log held nothing that this process does not know.
    #[cfg_attr(not(feature = "postgres"), expect(dead_code, reason = "sled has one writer"))]
    pub(super) fn heard(&self, asked: Instant) {
        *self.heard.lock() = Some(asked);
    }

    /// The time since this process last knew the whole log.
    pub(super) fn silence(&self) -> Duration {
        self.heard.lock().map_or(Duration::ZERO, |heard| heard.elapsed())
    }

    /// # Errors
    /// [`Refusal::Unavailable`] when the engine could not be written for longer than [`GRACE`].
    pub(super) fn check(&self) -> Result<(), Refusal> {
        match &*self.outage.lock() {
            Some(Outage { since, reason }) if since.elapsed() > GRACE => {
                Err(Refusal::Unavailable { reason: reason.clone() })
            }
            Some(_) | None => Ok(()),
        }
    }
}

/// The side of an engine that reads groups, for any number of readers.
///
/// Calls may block. Readers on async threads call an engine only where blocking is allowed.
pub(super) trait Engine: Debug + Send + Sync + 'static {
    /// The stored group that starts at `first`.
    fn value(&self, first: Position) -> Result<Option<Bytes>, ReadError>;

    /// The stored confidential payloads of each group; empty bytes for a group without payloads.
    fn payload_values(&self, groups: &[Span]) -> Result<Vec<Bytes>, ReadError>;

    /// Whether only this process appends to the log. The writer then knows the head.
    fn has_one_writer(&self) -> bool;

    /// The last durable position of the log, including groups that another process appended.
    fn head(&self) -> Result<Position, ReadError>;
}

/// The side of an engine that appends groups. The writer of the log owns it.
pub(super) trait Committer: Send + 'static {
    /// Called before the conditions of a group are checked.
    fn begin(&mut self) -> Result<(), Refusal>;

    /// Stores `group` behind `group.behind`, or nothing.
    ///
    /// The outcome is known when this returns: after a failure the engine finds out what became of the group.
    fn commit(&mut self, group: &NewGroup) -> impl Future<Output = Result<Commit, Refusal>> + Send;

    /// Called when the log ends at `head` with `hash`, before readers see it.
    fn moved(&mut self, _head: Position, _hash: &ChainHash) {}

    /// Called when no group is in progress any more.
    fn end(&mut self);

    /// A condition could not be checked because the log could not be read.
    fn unreadable(&mut self, error: ReadError) -> Refusal;

    /// Waits until another process may have appended a group. Never returns if no other process can.
    fn changed(&mut self) -> impl Future<Output = ()> + Send {
        std::future::pending()
    }

    /// The next stored groups behind `tail`, ascending, as many as fit into one batch; none at the end.
    fn newer(
        &mut self,
        _tail: &Tail,
    ) -> impl Future<Output = Result<Vec<(Position, Bytes)>, Refusal>> + Send {
        std::future::ready(Ok(Vec::new()))
    }
}
