//! The only place that reads the clock and makes ids.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, SubsecRound as _, Utc};
use futures::future::BoxFuture;
use tokio::sync::watch;
use uuid::Uuid;

/// Where time and ids come from.
pub trait Clock: Send + Sync + 'static {
    /// Now, to the microsecond: what events keep.
    fn now(&self) -> DateTime<Utc>;

    /// A new id, v7: ordered by time. Shows its time, so it is never a secret.
    fn new_id(&self) -> Uuid;

    /// Returns when it is `until`, or somewhat earlier: whoever waits looks at the clock again.
    /// That way a clock that is set while someone waits is noticed.
    fn wait(&self, until: DateTime<Utc>) -> BoxFuture<'_, ()>;
}

/// A clock that is shared.
pub type SharedClock = Arc<dyn Clock>;

/// The system's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

/// The longest nap before the clock is looked at again.
const NAP_MAX: Duration = Duration::from_secs(1);

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the clock")]
    fn now(&self) -> DateTime<Utc> {
        Utc::now().trunc_subsecs(6)
    }

    #[expect(clippy::disallowed_methods, reason = "this is the one place that makes ids")]
    fn new_id(&self) -> Uuid {
        Uuid::now_v7()
    }

    fn wait(&self, until: DateTime<Utc>) -> BoxFuture<'_, ()> {
        let left = (until - self.now()).to_std().unwrap_or_default();
        Box::pin(tokio::time::sleep(left.min(NAP_MAX)))
    }
}

/// A clock that stands still until it is moved by hand.
#[derive(Debug, Clone)]
pub struct ManualClock {
    now: watch::Sender<DateTime<Utc>>,
    ids: Arc<Mutex<u128>>,
}

impl ManualClock {
    /// A clock that shows `now`.
    #[must_use]
    pub fn at(now: DateTime<Utc>) -> Self {
        Self { now: watch::Sender::new(now), ids: Arc::default() }
    }

    /// Moves the clock and wakes whoever waits for it.
    pub fn set(&self, now: DateTime<Utc>) {
        self.now.send_replace(now);
    }

    /// Moves the clock forward.
    pub fn advance(&self, by: chrono::TimeDelta) {
        self.now.send_modify(|now| *now += by);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> DateTime<Utc> {
        *self.now.borrow()
    }

    fn new_id(&self) -> Uuid {
        let mut ids = self.ids.lock().unwrap_or_else(PoisonError::into_inner);
        *ids += 1;
        Uuid::from_u128(0x0193_9f3e_0000_7000_8000_0000_0000_0000 | *ids)
    }

    fn wait(&self, until: DateTime<Utc>) -> BoxFuture<'_, ()> {
        let mut now = self.now.subscribe();
        Box::pin(async move {
            // The sender lives as long as this clock is borrowed.
            let _ = now.wait_for(|now| *now >= until).await;
        })
    }
}
