//! The reservations that changed since the search index took them.

use std::mem;

use events::ReservationId;
use parking_lot::Mutex;

use super::Projections;

/// The reservations that changed, in the order of the log; `None` until [`Projections::note_changes`]. Nothing grows in a
/// process without a search index.
#[derive(Debug, Default)]
pub(super) struct ChangedReservations(Mutex<Option<Vec<ReservationId>>>);

impl ChangedReservations {
    pub(super) fn add(&self, ids: impl Iterator<Item = ReservationId>) {
        if let Some(changed) = self.0.lock().as_mut() {
            changed.extend(ids);
        }
    }
}

impl Projections {
    /// From now on, notes which reservations change. Returns all that exist, the one that starts last first.
    #[must_use]
    pub fn note_changes(&self) -> Vec<ReservationId> {
        self.changed.0.lock().get_or_insert_default();
        let mut keys: Vec<_> = self.selected(None).iter().flat_map(|venue| venue.read().keys()).collect();
        keys.sort_unstable();
        keys.into_iter().rev().map(|(_, id)| id).collect()
    }

    /// Takes the reservations that changed since the last call, each once.
    #[must_use]
    pub fn take_changed(&self) -> Vec<ReservationId> {
        let mut changed = self.changed.0.lock().as_mut().map(mem::take).unwrap_or_default();
        changed.sort_unstable();
        changed.dedup();
        changed
    }

    /// Gives back reservations that were taken and must be taken again.
    pub fn give_back_changed(&self, ids: &[ReservationId]) {
        self.changed.add(ids.iter().copied());
    }
}
