//! One decision at a time about one evening.
//!
//! What keeps a table from being given twice is the condition of the append. This only spares decisions that
//! would meet in it: a thousand guests who want the same evening are served one after the other, not all over
//! again and again.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use events::VenueId;
use events::values::TimeWindow;
use tokio::sync::{Mutex, MutexGuard};

/// Evenings that share a queue by chance wait for each other, which costs time and nothing else.
const QUEUES: usize = 64;

/// The queues of all evenings.
#[derive(Debug)]
pub struct Queues([Mutex<()>; QUEUES]);

/// A place at the head of the queues of an evening, until it is dropped.
pub type Turn<'a> = Vec<MutexGuard<'a, ()>>;

impl Default for Queues {
    fn default() -> Self {
        Self(std::array::from_fn(|_| Mutex::new(())))
    }
}

impl Queues {
    /// Waits for its turn to decide about `window` at `venue`.
    pub async fn turn(&self, venue: &VenueId, window: &TimeWindow) -> Turn<'_> {
        let queue = |date: chrono::NaiveDate| {
            let mut hasher = DefaultHasher::new();
            (venue, date).hash(&mut hasher);
            usize::try_from(hasher.finish() % QUEUES as u64).unwrap_or_default()
        };
        let mut queues: Vec<_> = window.utc_dates().map(queue).collect();
        // Always in one order, so that nobody waits for who waits for them.
        queues.sort_unstable();
        queues.dedup();
        let mut turn = Vec::with_capacity(queues.len());
        for queue in queues {
            if let Some(queue) = self.0.get(queue) {
                turn.push(queue.lock().await);
            }
        }
        turn
    }
}
