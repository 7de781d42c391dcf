//! What a committer needs of a database, so that a simulation can take its place.

use std::error::Error;

use bytes::Bytes;
use uuid::Uuid;

use super::super::engine::{NewGroup, Tail};
use crate::ids::Position;

/// Connects to a database that can be written.
pub(super) trait Connect: Send + 'static {
    type Session: Session;

    /// A new session.
    fn connect(
        &self,
    ) -> impl Future<Output = Result<Self::Session, <Self::Session as Session>::Error>> + Send;
}

/// A connection to a database that can be written.
pub(super) trait Session: Send + Sync + 'static {
    type Error: Error + Send + Sync + 'static;

    /// Whether the database refused the statement, so that it had no effect and will have none.
    fn is_refused(error: &Self::Error) -> bool;

    /// Appends the group behind its tail; `false` if the tail is not the last group.
    fn append(&self, group: &NewGroup) -> impl Future<Output = Result<bool, Self::Error>> + Send;

    /// The hash of the group at `first`.
    fn hash_at(&self, first: Position) -> impl Future<Output = Result<Option<Vec<u8>>, Self::Error>> + Send;

    /// The groups behind `tail`.
    fn newer(&self, tail: &Tail) -> impl Future<Output = Result<Newer, Self::Error>> + Send;

    /// Commits a row of its own. Everything that was visible before is then as durable as the commits of the database:
    /// a row can be visible without its standby after a restart, or after an administrator has ended its process.
    fn confirm(&self, instance: Uuid) -> impl Future<Output = Result<(), Self::Error>> + Send;

    /// Whether the log was not moved to another place.
    fn is_in_use(&self) -> impl Future<Output = Result<bool, Self::Error>> + Send;

    /// Whether the server warned since the last confirmation, for example that a commit did not wait for its standby.
    fn has_warned(&self) -> bool;

    /// Wakes the other processes. Does not wait, and nothing depends on it.
    fn announce(&self, last: Position);

    /// The last position that any process has announced.
    fn last_announced(&self) -> Position;

    /// Waits until another process announces a position after `known`; `false` if the connection was lost.
    fn announced(&mut self, known: Position) -> impl Future<Output = bool> + Send;
}

/// The result of reading what follows the tail.
pub(super) enum Newer {
    /// The next groups.
    Groups(Vec<(Position, Bytes)>),
    /// The log no longer ends as it did.
    TailIsGone,
}
