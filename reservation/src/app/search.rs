//! Finds visits by words: a name, a phone number, an e-mail address, a table, or a code, each by its beginning.
//!
//! The index is kept in memory, outside the way of commits, and contains no personal data: only hashes of beginnings of
//! words, with a key that is drawn at random at each start and never stored. It leads to candidates. Whether a candidate
//! matches is decided by its contact in the log, so that a contact that was erased is never found, and a collision of two
//! hashes never shows another visit. [`words`] defines a match; the index may return other visits too, but
//! never leaves out a match.

mod index;
mod postings;
mod words;

use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::atomic::{AtomicBool, Ordering};

use chrono::{DateTime, Utc};
use events::VenueId;
use parking_lot::RwLock;
use tokio::sync::Mutex;

use self::index::{Changed, Upkeep, VenueIndex};
pub(super) use self::index::{Rank, Visit};
use self::words::Kind;
pub use self::words::{Known, SearchQuery, Searchable};
use super::projections::Filter;
use crate::domain::{Reservation, Status};

/// The search index.
#[derive(Debug, Default)]
pub struct SearchIndex {
    hasher: RandomState,
    venues: RwLock<HashMap<VenueId, VenueIndex>>,
    /// Held while visits are added, so that an older state of a visit never replaces a newer one.
    pub(super) adding: Mutex<()>,
    /// Held while runs of keys are replaced, which must be those that were merged.
    tidying: parking_lot::Mutex<()>,
    /// Whether the visits that existed at the start were added.
    is_complete: AtomicBool,
}

impl SearchIndex {
    /// Whether every visit is in the index. After a start it is filled in the background, last visits first.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.is_complete.load(Ordering::Relaxed)
    }

    /// Says that the visits that existed at the start were added.
    pub fn set_complete(&self) {
        self.is_complete.store(true, Ordering::Relaxed);
    }

    /// At most `limit` candidates after `after`, in the order of results. `known_at` says how much of a number or an address the
    /// caller must know at a venue.
    pub(in crate::app) fn candidates(
        &self,
        query: &SearchQuery,
        filter: &Filter,
        now: DateTime<Utc>,
        after: Option<Rank>,
        limit: usize,
        known_at: impl Fn(&VenueId) -> Known,
    ) -> Vec<Rank> {
        let hash =
            |keys: Vec<(Kind, String)>| keys.iter().map(|(kind, text)| self.hash(*kind, text)).collect();
        let groups = |known| query.keys(known).into_iter().map(hash).collect::<Vec<Vec<u32>>>();
        let (beginning, whole) = (groups(Known::Beginning), groups(Known::Whole));
        let venues = self.venues.read();
        let selected = venues.iter().filter(|(id, _)| {
            filter.venues.contain(id) && filter.venue_id.as_ref().is_none_or(|venue| venue == *id)
        });
        let found = selected.flat_map(|(id, index)| {
            let groups = if known_at(id) == Known::Beginning { &beginning } else { &whole };
            index.find(groups, now, after, limit)
        });
        let mut found: Vec<_> = found.collect();
        found.sort_unstable();
        found.truncate(limit);
        found
    }

    #[expect(clippy::cast_possible_truncation, reason = "half of the hash is enough to find candidates")]
    fn hash(&self, kind: Kind, text: &str) -> u32 {
        self.hasher.hash_one((kind, text)) as u32
    }

    pub(super) fn keys_of(&self, searchable: &Searchable) -> Vec<u32> {
        let mut keys = Vec::new();
        searchable.each_key(|kind, text| keys.push(self.hash(kind, text)));
        keys.sort_unstable();
        keys.dedup();
        keys
    }

    /// Updates the visits whose keys did not change. Returns the others.
    pub(super) fn update(&self, visits: Vec<(VenueId, Visit)>) -> Vec<(VenueId, Visit)> {
        let mut venues = self.venues.write();
        let needs_keys = |(venue, visit): &(VenueId, Visit)| {
            venues.get_mut(venue).is_none_or(|index| !index.update(visit))
        };
        visits.into_iter().filter(needs_keys).collect()
    }

    pub(super) fn add(&self, changed: Vec<(VenueId, Changed)>) {
        let mut by_venue = HashMap::<_, Vec<_>>::new();
        for (venue, changed) in changed {
            by_venue.entry(venue).or_default().push(changed);
        }
        let mut venues = self.venues.write();
        for (venue, changed) in by_venue {
            venues.entry(venue).or_default().add(changed);
        }
    }

    /// Merges runs of keys; with `purges`, also removes the keys of visits that were replaced.
    pub fn tidy(&self, purges: bool) {
        let _tidying = self.tidying.lock();
        let ids: Vec<_> = self.venues.read().keys().cloned().collect();
        for id in ids {
            while let Some(upkeep) = self.next_upkeep(&id, purges) {
                // Without a lock: searches and changes go on.
                let merged = upkeep.run();
                if let Some(index) = self.venues.write().get_mut(&id) {
                    index.finish(&upkeep, merged);
                }
            }
        }
    }

    fn next_upkeep(&self, venue: &VenueId, purges: bool) -> Option<Upkeep> {
        let venues = self.venues.read();
        let index = venues.get(venue)?;
        let purge = if purges { index.next_purge() } else { None };
        purge.or_else(|| index.next_merge())
    }

    /// Number of pairs of a key and a visit.
    #[must_use]
    pub fn pairs(&self) -> usize {
        self.venues.read().values().map(VenueIndex::pairs).sum()
    }
}

impl Visit {
    pub(super) fn of(reservation: &Reservation) -> Self {
        let is_active = matches!(reservation.status, Status::Pending | Status::Confirmed | Status::CheckedIn);
        Self {
            id: reservation.id,
            start: reservation.window().start,
            end: reservation.window().end,
            is_active,
            contact_at: (!reservation.contact_erased).then_some(reservation.contact_at),
            tables: reservation.visited_tables().cloned().collect(),
        }
    }
}
