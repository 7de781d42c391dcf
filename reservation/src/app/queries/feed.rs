//! Reading the feed.

use std::time::Duration;

use access::{Caller, Denied};
use events::store::{Page, ReadError};
use events::{EventId, Position, Query, recorded};
use futures::future::{Either, select};

use crate::app::App;

/// Why the feed cannot be read from a cursor.
#[derive(Debug, thiserror::Error)]
pub enum FeedError {
    /// The cursor is not the id of an event in this log.
    #[error("the event {0} is not in this log")]
    UnknownCursor(EventId),
    /// The log could not be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The cursor is in the log, but this instance has not read so far.
    #[error("this instance has not reached position {0} of the log")]
    NotReached(Position),
    /// Too many others wait for events.
    #[error("too many requests and streams wait for events")]
    TooManyWaiting,
    /// The credential ended meanwhile.
    #[error(transparent)]
    Denied(#[from] Denied),
}

/// Maximum time that a consumer waits until this instance has read the event of its cursor.
const FOLLOW_MAX: Duration = Duration::from_secs(5);

impl App {
    /// The position of a cursor, which must be the id of the event at that position.
    ///
    /// # Errors
    /// [`FeedError`].
    pub async fn cursor_position(&self, cursor: Option<EventId>) -> Result<Position, FeedError> {
        let Some(cursor) = cursor else { return Ok(Position::START) };
        if cursor.position == Position::START || cursor.position > self.store.head().await? {
            return Err(FeedError::UnknownCursor(cursor));
        }
        // Another instance may have served the cursor before this one has read the event.
        let mut head = self.store.watch_head();
        let followed = std::pin::pin!(head.wait_for(|head| *head >= cursor.position));
        if let Either::Right(_) = select(followed, self.env.sleep(FOLLOW_MAX)).await {
            return Err(FeedError::NotReached(cursor.position));
        }
        match self.event_id_at(cursor.position).await? {
            Some(id) if id == cursor => Ok(cursor.position),
            _ => Err(FeedError::UnknownCursor(cursor)),
        }
    }

    /// Checks that the credential of `caller` is valid behind `position`: a consumer gets nothing that was recorded after its
    /// credential had ended.
    ///
    /// # Errors
    /// [`Denied::Ended`].
    pub async fn check_credential(&self, caller: &Caller, position: Position) -> Result<(), Denied> {
        self.projections.wait_until(position).await;
        caller.is_valid_at(self.env.now())
    }

    /// The id of the event at `position`.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn event_id_at(&self, position: Position) -> Result<Option<EventId>, ReadError> {
        let before = Position(position.0.saturating_sub(1));
        let page = self.store.read(&Query::all(), before, 1).await?;
        let first = page.first().filter(|event| event.position == position);
        Ok(first.and_then(|event| recorded::id_of(event.json)))
    }

    /// At most `limit` events after `after` that match `query`. If there are none, waits up to `timeout` for
    /// one, but no longer than the credential of `caller` is valid.
    ///
    /// # Errors
    /// [`FeedError`].
    pub async fn events_after(
        &self,
        query: &Query,
        after: Position,
        limit: usize,
        timeout: Duration,
        caller: &Caller,
    ) -> Result<Page, FeedError> {
        // Subscribe before reading, so that an append in between is not missed.
        let mut head = self.store.watch_head();
        let mut deadline = self.env.sleep(timeout);
        let mut from = after;
        loop {
            head.mark_unchanged();
            let page = self.store.read(query, from, limit).await?;
            self.check_credential(caller, page.scanned_to).await?;
            if !page.is_empty() || timeout.is_zero() {
                return Ok(page);
            }
            from = page.scanned_to;
            let _waiting = self.admission.wait(caller).ok_or(FeedError::TooManyWaiting)?;
            let woken = tokio::select! {
                changed = head.wait_for(|head| *head > from) => changed.is_ok(),
                () = &mut deadline => false,
                () = self.shutdown.requested() => false,
                () = caller.ended(self.env.as_ref()) => return Err(Denied::Ended.into()),
            };
            if !woken {
                return Ok(page);
            }
        }
    }
}
