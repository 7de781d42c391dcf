//! Answers that change rarely.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::RwLock;
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::Trouble;

/// How long an answer is used.
const FRESH: Duration = Duration::from_secs(5);
/// How long it is used while there is no other.
const STALE_MAX: Duration = Duration::from_secs(3_600);

/// The last answer.
#[derive(Debug)]
pub(super) struct Cached<T> {
    last: RwLock<Option<(Instant, Arc<T>)>>,
    /// How often the service did not answer, and why the last time.
    failed: RwLock<(u64, Option<Trouble>)>,
    /// Held by the request that asks for another answer.
    asking: Mutex<()>,
}

impl<T> Default for Cached<T> {
    fn default() -> Self {
        Self { last: RwLock::new(None), failed: RwLock::new((0, None)), asking: Mutex::new(()) }
    }
}

impl<T> Cached<T> {
    /// The last answer, or that of `read` if it is old. While one request refreshes the answer, all others get the old one. If there is
    /// none they wait, and share what comes of it.
    pub(super) async fn get(
        &self,
        read: impl Future<Output = Result<T, Trouble>>,
    ) -> Result<Arc<T>, Trouble> {
        let usable = |max: Duration| {
            let last = self.last.read();
            last.as_ref().filter(|(at, _)| at.elapsed() < max).map(|(_, value)| Arc::clone(value))
        };
        let failures = self.failed.read().0;
        if let Some(value) = usable(FRESH) {
            return Ok(value);
        }
        let _asking = match (self.asking.try_lock(), usable(STALE_MAX)) {
            (Ok(asking), _) => asking,
            (Err(_), Some(value)) => return Ok(value),
            (Err(_), None) => self.asking.lock().await,
        };
        if let Some(value) = usable(FRESH) {
            return Ok(value);
        }
        if let (count, Some(trouble)) = self.failed.read().clone()
            && count != failures
        {
            return usable(STALE_MAX).ok_or(trouble);
        }
        match read.await {
            Ok(value) => {
                let value = Arc::new(value);
                *self.last.write() = Some((Instant::now(), Arc::clone(&value)));
                Ok(value)
            }
            Err(trouble) => {
                let mut failed = self.failed.write();
                *failed = (failed.0 + 1, Some(trouble.clone()));
                drop(failed);
                usable(STALE_MAX).ok_or(trouble)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures::future::join_all;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn many_guests_ask_once_and_an_old_answer_is_better_than_none() {
        let (cached, asked) = (Cached::default(), AtomicUsize::new(0));
        let ask = |answer: Result<usize, Trouble>| {
            cached.get(async {
                asked.fetch_add(1, Ordering::Relaxed);
                tokio::time::sleep(Duration::from_secs(1)).await;
                answer
            })
        };
        let all = join_all((0..100).map(|_| ask(Err(Trouble::Unanswered)))).await;
        assert!(all.iter().all(Result::is_err), "there is no answer at all");
        let all = join_all((0..100).map(|_| ask(Ok(7)))).await;
        assert!(all.iter().all(|answer| answer.as_ref().is_ok_and(|value| **value == 7)));
        assert_eq!(asked.load(Ordering::Relaxed), 2, "one failure for all, and one answer for all");
        tokio::time::advance(FRESH).await;
        // One waits for the service, the others do not.
        let (first, other) = tokio::join!(ask(Err(Trouble::Unanswered)), async {
            let begun = Instant::now();
            (ask(Ok(9)).await, begun.elapsed())
        });
        assert_eq!((*first.unwrap(), *other.0.unwrap(), other.1), (7, 7, Duration::ZERO));
        tokio::time::advance(STALE_MAX).await;
        assert!(ask(Err(Trouble::Unanswered)).await.is_err());
    }
}
