//! Fills the search index from the projections and the log.

use events::{Position, ReservationId, VenueId};

use super::App;
use super::confidential::Contact;
use super::repository::RepositoryError;
use super::search::{Searchable, Visit};

/// Number of visits that are added at a time. A search waits for one step of the first filling at most.
pub const VISITS_PER_STEP: usize = 500;

impl App {
    /// Adds visits as they are now: those that existed before changes were noted. Later changes are added by
    /// [`Self::index_changes`].
    ///
    /// # Errors
    /// [`RepositoryError`] when the log cannot be read.
    pub async fn index_visits(&self, ids: &[ReservationId]) -> Result<(), RepositoryError> {
        let _adding = self.search_index.adding.lock().await;
        self.index(ids).await
    }

    /// Adds what changed since the last call. Returns the number of reservations that did.
    ///
    /// # Errors
    /// [`RepositoryError`] when the log cannot be read. Nothing is lost then, nor if the future is dropped.
    pub async fn index_changes(&self) -> Result<usize, RepositoryError> {
        let _adding = self.search_index.adding.lock().await;
        let (mut changed, mut count) = (self.projections.take_changed(), 0);
        loop {
            let ids = changed.first(VISITS_PER_STEP);
            if ids.is_empty() {
                return Ok(count);
            }
            self.index(ids).await?;
            let done = ids.len();
            changed.done(done);
            count += done;
        }
    }

    async fn index(&self, ids: &[ReservationId]) -> Result<(), RepositoryError> {
        let visit = |id: &ReservationId| {
            self.projections.look(*id, |found| (found.booking.venue_id.clone(), Visit::of(found)))
        };
        let changed = self.search_index.update(ids.iter().filter_map(visit).collect());
        let positions: Vec<Position> = changed.iter().filter_map(|(_, visit)| visit.contact_at).collect();
        let mut contacts = self.store.confidential(positions).await?.into_iter();
        let with_keys = |(venue, visit): (VenueId, Visit)| {
            let payload = visit.contact_at.and_then(|_| contacts.next().flatten());
            // A walk-in without a name has no contact. One that was corrected meanwhile is among the next changes.
            let contact = payload.and_then(|payload| serde_json::from_slice::<Contact>(&payload).ok());
            let keys = self.search_index.keys_of(&Searchable::new(visit.id, &visit.tables, contact.as_ref()));
            (venue, (visit, keys))
        };
        self.search_index.add(changed.into_iter().map(with_keys).collect());
        Ok(())
    }
}
