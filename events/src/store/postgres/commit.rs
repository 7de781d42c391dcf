//! Appends groups to the database, and finds out what became of a group whose answer was lost.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::watch;
use uuid::Uuid;

use super::super::ReadError;
use super::super::engine::{Availability, Commit, Committer, NewGroup, Refusal, Tail};
use super::super::fatal::fatal;
use super::super::frame::ChainHash;
use super::super::planted::{Fault, is_planted};
use super::recorder::Recorder;
use super::server::in_full;
use super::session::{Connect, Newer, Session};
use crate::ids::Position;

/// How often the log is read without a notification.
const POLL: Duration = Duration::from_millis(500);

/// Pause between two attempts to connect.
const RECONNECT: Duration = Duration::from_millis(200);

/// The log in the database is not the one that this process has read.
#[derive(Debug, thiserror::Error)]
#[error(
    "the database no longer holds the group at position {0} as this process has read it: an older copy of the database was put in place, or another log"
)]
struct PutBack(Position);

/// The log is no longer in use.
#[derive(Debug, thiserror::Error)]
#[error("the log was moved to another place: start the service with that place")]
struct Moved;

/// The writer's side of the database.
pub(super) struct PostgresCommitter<C: Connect> {
    database: C,
    /// Identifies this process in the table of instances.
    instance: Uuid,
    connection: Option<C::Session>,
    /// Whether everything that was read is followed by a commit of this process on the present connection.
    is_confirmed: bool,
    /// Everything up to this position was read or appended here, or was announced and turned out not to be new.
    known: Position,
    closed: watch::Receiver<bool>,
    availability: Arc<Availability>,
    /// Keeps the head witness, if there is a directory for it.
    recorder: Option<Recorder>,
}

impl<C: Connect> Committer for PostgresCommitter<C> {
    fn begin(&mut self) -> Result<(), Refusal> {
        // Appends that waited already. The next attempt to follow finds out when the database is back.
        self.availability.check()
    }

    async fn commit(&mut self, group: &NewGroup) -> Result<Commit, Refusal> {
        // Whether the group may be stored, or may still come to be stored by an attempt whose answer was lost.
        let mut may_be_stored = false;
        loop {
            match self.attempt(group, &mut may_be_stored).await {
                Ok(commit) => {
                    self.succeeded();
                    return Ok(commit);
                }
                Err(error) => {
                    self.failed(&error);
                    if !may_be_stored {
                        return Err(Refusal::Unavailable { reason: in_full(&error) });
                    }
                }
            }
            // The position is decided as soon as any group stands there, so the same group is tried until then.
            if self.is_closed_after(RECONNECT).await {
                return Err(Refusal::Closed);
            }
        }
    }

    fn moved(&mut self, head: Position, hash: &ChainHash) {
        if let Some(recorder) = &mut self.recorder {
            recorder.record(head, hash);
        }
    }

    fn end(&mut self) {}

    fn unreadable(&mut self, error: ReadError) -> Refusal {
        match error {
            ReadError::Storage { .. } => Refusal::Unavailable { reason: error.to_string() },
            ReadError::Interrupted => Refusal::Closed,
            ReadError::Damaged { .. } => fatal("check an append condition", &error),
        }
    }

    async fn changed(&mut self) {
        let Some(connection) = &mut self.connection else {
            return tokio::time::sleep(RECONNECT).await;
        };
        match tokio::time::timeout(POLL, connection.announced(self.known)).await {
            Ok(true) | Err(_) => {}
            Ok(false) => self.connection = None,
        }
    }

    async fn newer(&mut self, tail: &Tail) -> Result<Vec<(Position, Bytes)>, Refusal> {
        match self.try_newer(tail).await {
            Ok(Newer::Groups(groups)) => {
                self.succeeded();
                Ok(groups)
            }
            Ok(Newer::TailIsGone) => fatal("follow the log", &PutBack(tail.span.first)),
            Err(error) => {
                self.failed(&error);
                Err(Refusal::Unavailable { reason: in_full(&error) })
            }
        }
    }
}

/// Why a statement of the session failed.
type Failure<C> = <<C as Connect>::Session as Session>::Error;

impl<C: Connect> PostgresCommitter<C> {
    /// A committer that connects when it is needed. `known` is the last position that was read.
    pub(super) fn new(
        database: C,
        known: Position,
        closed: watch::Receiver<bool>,
        availability: Arc<Availability>,
        recorder: Option<Recorder>,
    ) -> Self {
        let instance = Uuid::new_v4();
        Self {
            database,
            instance,
            connection: None,
            is_confirmed: false,
            known,
            closed,
            availability,
            recorder,
        }
    }

    async fn connection(&mut self) -> Result<&C::Session, Failure<C>> {
        match &mut self.connection {
            Some(connection) => Ok(connection),
            none => {
                let connection = none.insert(self.database.connect().await?);
                self.is_confirmed = false;
                Ok(connection)
            }
        }
    }

    /// Tries to append the group once.
    async fn attempt(&mut self, group: &NewGroup, may_be_stored: &mut bool) -> Result<Commit, Failure<C>> {
        let instance = self.instance;
        let connection = self.connection().await?;
        let is_appended = connection.append(group).await.inspect_err(|error| {
            *may_be_stored |= !C::Session::is_refused(error);
        })?;
        let is_found = !is_appended
            && *may_be_stored
            && !is_planted(Fault::RetryWithoutLooking)
            && connection.hash_at(group.span.first).await?.is_some_and(|hash| hash == group.hash);
        if !is_appended && !is_found {
            if !connection.is_in_use().await? {
                fatal("append to the log", &Moved);
            }
            return Ok(Commit::Behind);
        }
        *may_be_stored = true;
        // Found instead of appended, or appended with a warning: visible, but perhaps not on the standby.
        if is_found || connection.has_warned() {
            connection.confirm(instance).await?;
        }
        connection.announce(group.span.last);
        self.is_confirmed = true;
        self.known = group.span.last;
        Ok(Commit::Durable)
    }

    async fn try_newer(&mut self, tail: &Tail) -> Result<Newer, Failure<C>> {
        let instance = self.instance;
        let is_confirmed = self.connection.is_some() && self.is_confirmed;
        let connection = self.connection().await?;
        let announced = connection.last_announced();
        let newer = connection.newer(tail).await?;
        if !is_confirmed || connection.has_warned() {
            connection.confirm(instance).await?;
            self.is_confirmed = true;
        }
        if matches!(&newer, Newer::Groups(groups) if groups.is_empty()) {
            self.known = tail.span.last.max(announced);
        }
        Ok(newer)
    }

    fn succeeded(&mut self) {
        if self.availability.regain() {
            tracing::info!("the log can be written again");
        }
    }

    /// Gives the connection up: the next one may lead to another server.
    fn failed(&mut self, error: &Failure<C>) {
        self.connection = None;
        if self.availability.lose(in_full(error)) {
            let error = error as &dyn std::error::Error;
            tracing::error!(error, "the log cannot be written until its database is back");
        }
    }

    /// Waits; `true` if the log is being closed.
    async fn is_closed_after(&mut self, pause: Duration) -> bool {
        let closed = self.closed.wait_for(|is_closed| *is_closed);
        tokio::time::timeout(pause, closed).await.is_ok()
    }
}
