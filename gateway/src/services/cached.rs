//! Answers that change rarely.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::RwLock;
use tokio::time::Instant;

use super::Trouble;

/// How long an answer is used.
const FRESH: Duration = Duration::from_secs(5);
/// How long it is used while there is no other.
const STALE_MAX: Duration = Duration::from_secs(3_600);

/// The last answer.
#[derive(Debug)]
pub(super) struct Cached<T>(RwLock<Option<(Instant, Arc<T>)>>);

impl<T> Default for Cached<T> {
    fn default() -> Self {
        Self(RwLock::new(None))
    }
}

impl<T> Cached<T> {
    /// The last answer, or that of `read` if it is old. An old one is better than none.
    pub(super) async fn get(
        &self,
        read: impl Future<Output = Result<T, Trouble>>,
    ) -> Result<Arc<T>, Trouble> {
        let last = self.0.read().clone().map(|(at, value)| (at.elapsed(), value));
        if let Some((age, value)) = &last
            && *age < FRESH
        {
            return Ok(Arc::clone(value));
        }
        match read.await {
            Ok(value) => {
                let value = Arc::new(value);
                *self.0.write() = Some((Instant::now(), Arc::clone(&value)));
                Ok(value)
            }
            Err(trouble) => match last {
                Some((age, value)) if age < STALE_MAX => Ok(value),
                _ => Err(trouble),
            },
        }
    }
}
