//! Counts of the requests for a place that were refused and are not in the log yet.
//!
//! Kept in memory for at most [`crate::workers::refusals::INTERVAL`], so a crash loses the counts of that time.

use std::collections::{BTreeMap, HashMap};

use chrono::NaiveDate;
use events::VenueId;
use events::event::RefusedCount;
use parking_lot::Mutex;
use tokio::sync::{Mutex as AsyncMutex, MutexGuard};

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
pub struct PendingRefusals {
    counts: Mutex<Pending>,
    /// Held while counts move from here to the projections, so that a reader finds each of them in one place.
    moving: AsyncMutex<()>,
}

#[derive(Debug, Default)]
struct Pending {
    by_venue: HashMap<VenueId, BTreeMap<Kind, Refused>>,
    count: usize,
}

impl PendingRefusals {
    /// Counts requests of one kind.
    pub fn count(&self, venue: &VenueId, kind: Kind, refused: Refused) {
        let mut pending = self.counts.lock();
        let pending = &mut *pending;
        let known = pending.by_venue.get_mut(venue).and_then(|counts| counts.get_mut(&kind));
        if let Some(known) = known {
            known.add(refused);
        } else if pending.count < PENDING_MAX {
            pending.by_venue.entry(venue.clone()).or_default().insert(kind, refused);
            pending.count += 1;
        }
    }

    /// Waits until no counts are moving, and keeps them where they are until the guard is dropped.
    pub async fn hold(&self) -> MutexGuard<'_, ()> {
        self.moving.lock().await
    }

    /// The counts of a venue.
    #[must_use]
    pub fn of(&self, venue: &VenueId) -> Vec<(Kind, Refused)> {
        let pending = self.counts.lock();
        let counts = pending.by_venue.get(venue).into_iter().flatten();
        counts.map(|(kind, refused)| (kind.clone(), *refused)).collect()
    }

    /// All counts, ready for events of at most [`COUNTS_MAX`] counts each. They stay until they are removed.
    #[must_use]
    pub fn all(&self) -> Vec<(VenueId, Vec<RefusedCount>)> {
        let pending = self.counts.lock();
        let count = |((date, reason_code, walk_in), refused): (&Kind, &Refused)| RefusedCount {
            date: *date,
            reason_code: reason_code.clone(),
            walk_in: *walk_in,
            requests: refused.requests,
            guests: refused.guests,
        };
        let mut events = Vec::new();
        for (venue, counts) in &pending.by_venue {
            let counts: Vec<_> = counts.iter().map(count).collect();
            events.extend(counts.chunks(COUNTS_MAX).map(|chunk| (venue.clone(), chunk.to_vec())));
        }
        events
    }

    /// Removes counts that were recorded. What was counted meanwhile stays.
    pub fn remove(&self, venue: &VenueId, recorded: &[RefusedCount]) {
        let mut pending = self.counts.lock();
        let pending = &mut *pending;
        let Some(counts) = pending.by_venue.get_mut(venue) else { return };
        for count in recorded {
            let kind = (count.date, count.reason_code.clone(), count.walk_in);
            let Some(known) = counts.get_mut(&kind) else { continue };
            known.requests = known.requests.saturating_sub(count.requests);
            known.guests = known.guests.saturating_sub(count.guests);
            if known.requests == 0 {
                counts.remove(&kind);
                pending.count -= 1;
            }
        }
        if counts.is_empty() {
            pending.by_venue.remove(venue);
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
    fn counts_of_one_kind_are_added_and_what_is_counted_meanwhile_stays() {
        let (refusals, venue) = (PendingRefusals::default(), "dago".parse::<VenueId>().unwrap());
        for guests in [2, 4] {
            refusals.count(&venue, kind(0, "no_table"), Refused { requests: 1, guests });
        }
        refusals.count(&venue, kind(0, "pacing"), Refused { requests: 1, guests: 3 });
        assert_eq!(refusals.of(&venue)[0], (kind(0, "no_table"), Refused { requests: 2, guests: 6 }));
        let all = refusals.all();
        let [(of, counts)] = &all[..] else { panic!("{all:?}") };
        assert_eq!((of, counts.len()), (&venue, 2));
        refusals.count(&venue, kind(0, "pacing"), Refused { requests: 1, guests: 5 });
        refusals.remove(&venue, counts);
        assert_eq!(refusals.of(&venue), [(kind(0, "pacing"), Refused { requests: 1, guests: 5 })]);
        refusals.remove(&venue, &refusals.all()[0].1);
        assert!(refusals.all().is_empty());
    }

    #[test]
    fn the_memory_and_an_event_have_a_limit() {
        let (refusals, venue) = (PendingRefusals::default(), "dago".parse::<VenueId>().unwrap());
        for day in 0..PENDING_MAX as u64 + 10 {
            refusals.count(&venue, kind(day, "closed"), Refused { requests: 1, guests: 2 });
        }
        let all = refusals.all();
        assert!(all.iter().all(|(_, counts)| counts.len() <= COUNTS_MAX));
        assert_eq!(all.iter().map(|(_, counts)| counts.len()).sum::<usize>(), PENDING_MAX);
        all.iter().for_each(|(venue, counts)| refusals.remove(venue, counts));
        refusals.count(&venue, kind(0, "closed"), Refused { requests: 1, guests: 2 });
        assert_eq!(refusals.of(&venue).len(), 1);
    }
}
