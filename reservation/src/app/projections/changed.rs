//! The reservations that changed since the search index took them.

use std::mem;

use events::ReservationId;
use parking_lot::Mutex;

use super::Projections;

/// The reservations that changed, with repetitions; `None` until [`Projections::note_changes`]. Nothing grows in a
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
    pub fn take_changed(&self) -> TakenChanges<'_> {
        let mut left = self.changed.0.lock().as_mut().map(mem::take).unwrap_or_default();
        left.sort_unstable();
        left.dedup();
        TakenChanges { changed: &self.changed, left }
    }
}

/// Reservations that changed. Those that are left when this is dropped are taken again, for example because the request that
/// took them ended.
#[must_use = "what is left is taken again"]
#[derive(Debug)]
pub struct TakenChanges<'a> {
    changed: &'a ChangedReservations,
    left: Vec<ReservationId>,
}

impl TakenChanges<'_> {
    /// The first `max` that are left.
    #[must_use]
    pub fn first(&self, max: usize) -> &[ReservationId] {
        &self.left[..max.min(self.left.len())]
    }

    /// Removes the first `count`, which are done.
    pub fn done(&mut self, count: usize) {
        self.left.drain(..count.min(self.left.len()));
    }
}

impl Drop for TakenChanges<'_> {
    fn drop(&mut self) {
        self.changed.add(self.left.drain(..));
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn changes_that_were_taken_and_not_done_are_taken_again() {
        let projections = Projections::default();
        let ids = |range: std::ops::Range<u128>| {
            range.map(|n| ReservationId(Uuid::from_u128(n))).collect::<Vec<_>>()
        };
        // Nothing is noted before it is asked for.
        projections.changed.add(ids(0..3).into_iter());
        assert!(projections.take_changed().first(9).is_empty());
        assert!(projections.note_changes().is_empty());
        projections.changed.add(ids(0..3).into_iter().chain(ids(1..2)));
        let mut taken = projections.take_changed();
        assert_eq!(taken.first(9), ids(0..3));
        taken.done(1);
        projections.changed.add(ids(7..8).into_iter());
        drop(taken);
        let mut taken = projections.take_changed();
        assert_eq!(taken.first(9), [ids(1..3), ids(7..8)].concat());
        taken.done(3);
        drop(taken);
        assert!(projections.take_changed().first(9).is_empty());
    }
}
