//! The event from which a reader of the read models continues in the feed.

use events::store::{EventBytes, EventStore};
use events::{EventId, Position, Query, recorded};
use parking_lot::RwLock;

use super::Projections;
use crate::app::repository::RepositoryError;

/// The id of the last event that was applied.
#[derive(Debug, Default)]
pub(super) struct Cursor(RwLock<Option<EventId>>);

impl Cursor {
    pub(super) fn move_to(&self, event: Option<EventBytes<'_>>) {
        if let Some(id) = event.and_then(|event| recorded::id_of(event.json)) {
            *self.0.write() = Some(id);
        }
    }

    /// Looks up the event at `position`, unless it is known. After a start it is not, because only positions are kept while
    /// the log is read.
    pub(super) async fn find(
        &self,
        store: &dyn EventStore,
        position: Position,
    ) -> Result<(), RepositoryError> {
        let is_known = self.0.read().is_some_and(|id| id.position == position);
        if is_known || position == Position::START {
            return Ok(());
        }
        let page = store.read(&Query::all(), Position(position.0 - 1), 1).await?;
        self.move_to(page.first());
        Ok(())
    }
}

impl Projections {
    /// The id of an event up to which everything has been applied; `None` for an empty log.
    ///
    /// Take it *before* reading: then a consumer that continues behind it misses nothing, and gets an event again at most if
    /// it was applied meanwhile.
    #[must_use]
    pub fn cursor(&self) -> Option<EventId> {
        *self.cursor.0.read()
    }
}
