//! The search index of one venue.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};

use chrono::{DateTime, Utc};
use events::{Position, ReservationId, TableId};

use super::postings::{Merge, Postings, Run, Slot};

/// Number of replaced visits after which their keys are purged, at least; and more than a quarter of all visits.
const REPLACED_MIN: usize = 1_000;

/// A visit in the index, without its keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::app) struct Visit {
    /// The reservation.
    pub id: ReservationId,
    /// The start.
    pub start: DateTime<Utc>,
    /// The end.
    pub end: DateTime<Utc>,
    /// Whether the party is expected or present.
    pub is_active: bool,
    /// The position of the contact; `None` if it was erased.
    pub contact_at: Option<Position>,
    /// The tables.
    pub tables: Box<[TableId]>,
}

/// The order of results: next visits first, then the others from the last to the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::app) struct Rank {
    is_past: bool,
    /// Seconds after the epoch, negative for visits that are past.
    order: i64,
    id: ReservationId,
}

/// A visit and a hash of its keys.
#[derive(Debug)]
struct Indexed {
    visit: Visit,
    keys: u64,
}

/// The visits of one venue with their keys.
#[derive(Debug, Default)]
pub(super) struct VenueIndex {
    visits: Vec<Option<Indexed>>,
    slots: HashMap<ReservationId, Slot>,
    hasher: RandomState,
    postings: Postings,
    /// Slots of replaced visits, whose keys are still in the postings.
    replaced: Vec<Slot>,
    /// Number of the first `replaced` up to the last one whose contact was erased or corrected.
    erased: usize,
    /// Slots without keys.
    free: Vec<Slot>,
}

/// A piece of work on the postings that is done without a lock.
pub(super) struct Upkeep {
    merge: Merge,
    /// The replaced visits, sorted, whose keys it removes; empty if only runs are merged.
    purged: Vec<Slot>,
}

/// Changed visits with their keys.
pub(super) type Changed = (Visit, Vec<u32>);

impl Visit {
    fn rank(&self, now: DateTime<Utc>) -> Rank {
        let is_past = !self.is_active || self.end <= now;
        let start = self.start.timestamp();
        Rank { is_past, order: if is_past { -start } else { start }, id: self.id }
    }

    /// Whether the visit has the keys of `other`.
    fn has_keys_of(&self, other: &Self) -> bool {
        self.contact_at == other.contact_at && self.tables == other.tables
    }
}

impl VenueIndex {
    /// Updates a visit whose keys did not change. Returns false if its keys are needed.
    pub(super) fn update(&mut self, visit: &Visit) -> bool {
        match self.indexed(visit.id) {
            Some(known) if known.visit.has_keys_of(visit) => {
                known.visit.clone_from(visit);
                true
            }
            _ => false,
        }
    }

    fn indexed(&mut self, id: ReservationId) -> Option<&mut Indexed> {
        let slot = *self.slots.get(&id)?;
        self.visits.get_mut(slot as usize)?.as_mut()
    }

    /// Adds visits, or replaces their keys.
    pub(super) fn add(&mut self, changed: Vec<Changed>) {
        let mut added = Vec::with_capacity(changed.len());
        for (visit, keys) in changed {
            let hash = self.hasher.hash_one(&keys);
            // A correction of other details.
            if let Some(known) = self.indexed(visit.id).filter(|known| known.keys == hash) {
                known.visit = visit;
                continue;
            }
            if let Some(slot) = self.slots.remove(&visit.id)
                && let Some(before) = self.visits[slot as usize].take()
            {
                self.replaced.push(slot);
                if before.visit.contact_at != visit.contact_at {
                    self.erased = self.replaced.len();
                }
            }
            let slot = self.free.pop().or_else(|| {
                self.visits.push(None);
                Slot::try_from(self.visits.len() - 1).ok()
            });
            let Some(slot) = slot else { continue };
            self.slots.insert(visit.id, slot);
            self.visits[slot as usize] = Some(Indexed { visit, keys: hash });
            added.push((slot, keys));
        }
        self.postings.add(added);
    }

    /// At most `limit` visits after `after` that have a key of each group, in their order.
    pub(super) fn find(
        &self,
        groups: &[Vec<u32>],
        now: DateTime<Utc>,
        after: Option<Rank>,
        limit: usize,
    ) -> Vec<Rank> {
        let mut found: Option<Vec<u64>> = None;
        for keys in groups {
            let mut with_key = vec![0_u64; self.visits.len().div_ceil(64)];
            for key in keys {
                self.postings.each(*key, |slot| with_key[slot as usize / 64] |= 1 << (slot % 64));
            }
            if let Some(before) = &found {
                with_key.iter_mut().zip(before).for_each(|(word, before)| *word &= before);
            }
            found = Some(with_key);
        }
        let slots =
            found.iter().flatten().zip((0..).step_by(64)).flat_map(|(word, first)| bits(*word, first));
        let visits = slots.filter_map(|slot| self.visits.get(slot)?.as_ref());
        let ranks = visits
            .map(|indexed| indexed.visit.rank(now))
            .filter(|rank| after.is_none_or(|after| *rank > after));
        let mut ranks: Vec<_> = ranks.collect();
        if ranks.len() > limit {
            ranks.select_nth_unstable(limit);
            ranks.truncate(limit);
        }
        ranks.sort_unstable();
        ranks
    }

    /// The runs to merge next, if there are any.
    pub(super) fn next_merge(&self) -> Option<Upkeep> {
        self.postings.next_merge().map(|merge| Upkeep { merge, purged: Vec::new() })
    }

    /// Removes the keys of replaced visits, if a contact was erased or corrected, or if they are many.
    pub(super) fn next_purge(&self) -> Option<Upkeep> {
        let too_many = self.replaced.len() >= REPLACED_MIN && self.replaced.len() > self.visits.len() / 4;
        (self.erased > 0 || too_many).then(|| {
            let mut purged = self.replaced.clone();
            purged.sort_unstable();
            Upkeep { merge: self.postings.all(), purged }
        })
    }

    /// Puts the result of `upkeep` in place.
    pub(super) fn finish(&mut self, upkeep: &Upkeep, merged: Run) {
        self.postings.replace(&upkeep.merge, merged);
        // Visits that were replaced meanwhile come after those that were purged.
        self.replaced.drain(..upkeep.purged.len());
        self.erased = self.erased.saturating_sub(upkeep.purged.len());
        self.free.extend(&upkeep.purged);
    }

    /// Number of pairs of keys and visits.
    pub(super) fn pairs(&self) -> usize {
        self.postings.len()
    }
}

impl Upkeep {
    /// Does the work.
    pub(super) fn run(&self) -> Run {
        self.merge.merged(|slot| self.purged.binary_search(&slot).is_ok())
    }
}

impl Rank {
    /// The reservation.
    pub(in crate::app) fn id(&self) -> ReservationId {
        self.id
    }
}

/// The places of the bits that are set in a word whose first bit has the place `first`.
fn bits(mut word: u64, first: usize) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let place = (word != 0).then(|| word.trailing_zeros() as usize)?;
        word &= word - 1;
        Some(first + place)
    })
}
