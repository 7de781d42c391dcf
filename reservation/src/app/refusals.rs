//! Counts of the requests for a place that were refused and are not in the log yet.
//!
//! Kept in memory for at most [`crate::workers::refusals::INTERVAL`], so a crash loses the counts of that time.

use std::collections::{BTreeMap, HashMap};

use chrono::NaiveDate;
use events::VenueId;
use events::event::RefusedCount;
use parking_lot::Mutex;

/// Maximum number of counts in one event.
pub const COUNTS_MAX: usize = 200;
/// Maximum number of counts that wait for their event. Requests that would need one more are not counted.
const PENDING_MAX: usize = 20_000;

/// What a count is about: the business day, the reason, and whether the parties were at the door.
pub type Kind = (NaiveDate, String, bool);

/// Refused requests, and their guests.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Refused {
    /// The number of requests.
    pub requests: u32,
    /// The sum of their guests.
    pub guests: u32,
}

impl Refused {
    /// Adds `other`.
    pub fn add(&mut self, other: Self) {
        self.requests = self.requests.saturating_add(other.requests);
        self.guests = self.guests.saturating_add(other.guests);
    }
}

impl From<&RefusedCount> for Refused {
    fn from(count: &RefusedCount) -> Self {
        Self { requests: count.requests, guests: count.guests }
    }
}

/// The counts that wait for their event.
#[derive(Debug, Default)]
pub struct Refusals(Mutex<Pending>);

#[derive(Debug, Default)]
struct Pending {
    by_venue: HashMap<VenueId, BTreeMap<Kind, Refused>>,
    count: usize,
}

impl Refusals {
    /// Counts requests of one kind.
    pub fn count(&self, venue: &VenueId, kind: Kind, refused: Refused) {
        let mut pending = self.0.lock();
        let pending = &mut *pending;
        let counts = match pending.by_venue.get_mut(venue) {
            Some(counts) => counts,
            None => pending.by_venue.entry(venue.clone()).or_default(),
        };
        match counts.get_mut(&kind) {
            Some(known) => known.add(refused),
            None if pending.count < PENDING_MAX => {
                counts.insert(kind, refused);
                pending.count += 1;
            }
            None => {}
        }
    }

    /// The counts of a venue.
    #[must_use]
    pub fn of(&self, venue: &VenueId) -> Vec<(Kind, Refused)> {
        let pending = self.0.lock();
        let counts = pending.by_venue.get(venue).into_iter().flatten();
        counts.map(|(kind, refused)| (kind.clone(), *refused)).collect()
    }

    /// Takes all counts, ready for events of at most [`COUNTS_MAX`] counts each.
    pub fn take(&self) -> Vec<(VenueId, Vec<RefusedCount>)> {
        let Pending { by_venue, .. } = std::mem::take(&mut *self.0.lock());
        let mut events = Vec::new();
        for (venue, counts) in by_venue {
            let count = |((date, reason_code, walk_in), refused): (Kind, Refused)| {
                let Refused { requests, guests } = refused;
                RefusedCount { date, reason_code, walk_in, requests, guests }
            };
            let counts: Vec<_> = counts.into_iter().map(count).collect();
            events.extend(counts.chunks(COUNTS_MAX).map(|chunk| (venue.clone(), chunk.to_vec())));
        }
        events
    }

    /// Puts back counts whose event was not recorded.
    pub fn put_back(&self, venue: &VenueId, counts: &[RefusedCount]) {
        for count in counts {
            let kind = (count.date, count.reason_code.clone(), count.walk_in);
            self.count(venue, kind, count.into());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(day: u64, reason: &str) -> Kind {
        let first: NaiveDate = "2026-12-01".parse().unwrap();
        (first + chrono::Days::new(day), reason.into(), false)
    }

    #[test]
    fn counts_of_one_kind_are_added_and_taken_once() {
        let (refusals, venue) = (Refusals::default(), "dago".parse::<VenueId>().unwrap());
        for guests in [2, 4] {
            refusals.count(&venue, kind(0, "no_table"), Refused { requests: 1, guests });
        }
        refusals.count(&venue, kind(0, "pacing"), Refused { requests: 1, guests: 3 });
        assert_eq!(refusals.of(&venue)[0], (kind(0, "no_table"), Refused { requests: 2, guests: 6 }));
        let taken = refusals.take();
        let [(of, counts)] = &taken[..] else { panic!("{taken:?}") };
        assert_eq!((of, counts.len(), refusals.take().len()), (&venue, 2, 0));
        // A failed event is counted by the next one.
        refusals.put_back(&venue, counts);
        assert_eq!(refusals.take(), taken);
    }

    #[test]
    fn the_memory_and_an_event_have_a_limit() {
        let (refusals, venue) = (Refusals::default(), "dago".parse::<VenueId>().unwrap());
        for day in 0..PENDING_MAX as u64 + 10 {
            refusals.count(&venue, kind(day, "closed"), Refused { requests: 1, guests: 2 });
        }
        let taken = refusals.take();
        assert!(taken.iter().all(|(_, counts)| counts.len() <= COUNTS_MAX));
        assert_eq!(taken.iter().map(|(_, counts)| counts.len()).sum::<usize>(), PENDING_MAX);
    }
}
