//! Locks that serialise decisions about the same evening of a venue.
//!
//! The append condition alone prevents double booking. The locks only avoid wasted work: a thousand
//! requests for the same evening are decided one after the other instead of conflicting repeatedly.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use events::VenueId;
use events::values::TimeWindow;
use tokio::sync::{Mutex, MutexGuard};

/// Number of locks. Evenings that share a lock by chance wait for each other, which costs only time.
const LOCKS: usize = 64;

/// The locks of all evenings.
#[derive(Debug)]
pub(super) struct EveningLocks([Mutex<()>; LOCKS]);

/// The locks of an evening, held until dropped.
pub(super) type EveningGuard<'a> = Vec<MutexGuard<'a, ()>>;

impl Default for EveningLocks {
    fn default() -> Self {
        Self(std::array::from_fn(|_| Mutex::new(())))
    }
}

impl EveningLocks {
    /// Locks the dates of `window` at `venue`.
    pub(super) async fn lock(&self, venue: &VenueId, window: &TimeWindow) -> EveningGuard<'_> {
        let index = |date: chrono::NaiveDate| {
            let mut hasher = DefaultHasher::new();
            (venue, date).hash(&mut hasher);
            usize::try_from(hasher.finish() % LOCKS as u64).unwrap_or_default()
        };
        let mut indexes: Vec<_> = window.utc_dates().map(index).collect();
        // Acquire locks in a fixed order to avoid deadlock.
        indexes.sort_unstable();
        indexes.dedup();
        let mut guards = Vec::with_capacity(indexes.len());
        for index in indexes {
            if let Some(lock) = self.0.get(index) {
                guards.push(lock.lock().await);
            }
        }
        guards
    }
}
