//! Which readings of personal data were recorded: one for each session, and for each booking or party on the waitlist.

use std::collections::HashSet;
use std::hash::{BuildHasher as _, RandomState};
use std::mem;

use access::Caller;
use chrono::{DateTime, Utc};
use parking_lot::Mutex;
use uuid::Uuid;

/// Maximum number of readings that are remembered, in each of two generations. One that is forgotten is recorded again.
const READINGS_MAX: usize = 1 << 16;

/// The readings that were recorded.
#[derive(Debug, Default)]
pub struct Readings {
    hasher: RandomState,
    generations: Mutex<[HashSet<u64>; 2]>,
}

impl Readings {
    fn key(&self, caller: &Caller, id: Uuid, now: DateTime<Utc>) -> u64 {
        let session = caller.person().map(|person| person.session_id);
        let date = session.is_none().then(|| now.date_naive());
        self.hasher.hash_one((caller.name(), session, date, id))
    }

    /// Forgets a reading that was not recorded, so that the next one is.
    pub(super) fn forget(&self, caller: &Caller, id: Uuid, now: DateTime<Utc>) {
        let reading = self.key(caller, id, now);
        for readings in &mut *self.generations.lock() {
            readings.remove(&reading);
        }
    }

    /// Whether `caller` reads the data of `id` for the first time: in its session, or without one on this day.
    pub(super) fn is_first(&self, caller: &Caller, id: Uuid, now: DateTime<Utc>) -> bool {
        let reading = self.key(caller, id, now);
        let [current, previous] = &mut *self.generations.lock();
        if previous.contains(&reading) || !current.insert(reading) {
            return false;
        }
        if current.len() >= READINGS_MAX {
            *previous = mem::take(current);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reading_is_the_first_one_once_a_day_and_the_memory_has_a_limit() {
        let (readings, caller) = (Readings::default(), Caller::system("test"));
        let now: DateTime<Utc> = "2026-12-01T09:00:00Z".parse().unwrap();
        let id = |n: usize| Uuid::from_u128(n as u128);
        assert!(readings.is_first(&caller, id(0), now) && !readings.is_first(&caller, id(0), now));
        assert!(readings.is_first(&caller, id(0), now + chrono::TimeDelta::days(1)));
        for n in 1..3 * READINGS_MAX {
            readings.is_first(&caller, id(n), now);
        }
        let kept: usize = readings.generations.lock().iter().map(HashSet::len).sum();
        assert!(kept <= 2 * READINGS_MAX, "{kept}");
    }
}
