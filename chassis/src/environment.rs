//! The environment of a service: time, timers, tasks, ids and randomness.
//!
//! Nothing else in the services reads the clock, sets a timer, starts a background task, makes an id or
//! draws a random number. A test or a simulation therefore controls all of them by passing another
//! [`Environment`].

use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use chrono::{DateTime, SubsecRound as _, TimeDelta, Utc};
use futures::future::BoxFuture;
use parking_lot::Mutex;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use uuid::Uuid;

/// The source of time, timers, tasks, ids and randomness.
pub trait Environment: Send + Sync + 'static {
    /// The current time with the precision that events keep: one microsecond.
    fn now(&self) -> DateTime<Utc>;

    /// The time since a moment that does not change, which never goes back: for limits and durations, not for dates.
    fn elapsed(&self) -> Duration;

    /// A new UUID v7: ordered by time. It reveals when it was made, so it is never a secret.
    fn new_id(&self) -> Uuid;

    /// A new UUID v4: 122 random bits, which cannot be guessed.
    fn random_id(&self) -> Uuid;

    /// 32 random bytes, which cannot be guessed: a secret.
    fn random_bytes(&self) -> [u8; 32];

    /// A random number from 0 up to and including `max`, for jitter. Not for secrets.
    fn random_up_to(&self, max: u64) -> u64;

    /// Waits until `until`, or returns earlier: callers check the time again. Returning early lets a
    /// waiting task notice that the clock was set.
    fn wait_until(&self, until: DateTime<Utc>) -> BoxFuture<'_, ()>;

    /// Waits for `duration` of elapsed time, regardless of what the clock shows.
    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()>;

    /// Starts a background task.
    fn spawn(&self, task: BoxFuture<'static, ()>) -> JoinHandle<()>;
}

/// A shared environment.
pub type SharedEnvironment = Arc<dyn Environment>;

/// The real environment: the system's clock, tokio's timers and tasks, the system's randomness.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemEnvironment;

/// Maximum time of one wait, so that a clock that was set is noticed within this time.
const WAIT_MAX: Duration = Duration::from_secs(1);

impl Environment for SystemEnvironment {
    #[expect(clippy::disallowed_methods, reason = "the only place that reads the clock")]
    fn now(&self) -> DateTime<Utc> {
        Utc::now().trunc_subsecs(6)
    }

    fn elapsed(&self) -> Duration {
        static BEGAN: LazyLock<Instant> = LazyLock::new(Instant::now);
        BEGAN.elapsed()
    }

    #[expect(clippy::disallowed_methods, reason = "the only place that makes ids")]
    fn new_id(&self) -> Uuid {
        Uuid::now_v7()
    }

    fn random_id(&self) -> Uuid {
        Uuid::new_v4()
    }

    fn random_bytes(&self) -> [u8; 32] {
        let mut bytes = [0; 32];
        if let Err(error) = getrandom::fill(&mut bytes) {
            // A process that has no randomness must not hand out secrets.
            panic!("the system has no random bytes: {error}");
        }
        bytes
    }

    fn random_up_to(&self, max: u64) -> u64 {
        fastrand::u64(0..=max)
    }

    fn wait_until(&self, until: DateTime<Utc>) -> BoxFuture<'_, ()> {
        let left = (until - self.now()).to_std().unwrap_or_default();
        self.sleep(left.min(WAIT_MAX))
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        Box::pin(tokio::time::sleep(duration))
    }

    fn spawn(&self, task: BoxFuture<'static, ()>) -> JoinHandle<()> {
        tokio::spawn(task)
    }
}

/// An environment for tests: its clock stands still until it is moved, and its v7 ids and its jitter are
/// the same in every run. Elapsed time, tasks and random ids are real.
#[derive(Debug, Clone)]
pub struct ManualEnvironment {
    now: watch::Sender<DateTime<Utc>>,
    ids: Arc<Mutex<u128>>,
}

impl ManualEnvironment {
    /// An environment whose clock shows `now`.
    #[must_use]
    pub fn at(now: DateTime<Utc>) -> Self {
        Self { now: watch::Sender::new(now), ids: Arc::default() }
    }

    /// Sets the clock and wakes the tasks that wait for it.
    pub fn set(&self, now: DateTime<Utc>) {
        self.now.send_replace(now);
    }

    /// Moves the clock forward.
    pub fn advance(&self, by: TimeDelta) {
        self.now.send_modify(|now| *now += by);
    }

    fn next_number(&self) -> u128 {
        let mut ids = self.ids.lock();
        *ids += 1;
        *ids
    }
}

impl Environment for ManualEnvironment {
    fn now(&self) -> DateTime<Utc> {
        *self.now.borrow()
    }

    fn elapsed(&self) -> Duration {
        Duration::from_micros(u64::try_from(self.now().timestamp_micros()).unwrap_or_default())
    }

    fn new_id(&self) -> Uuid {
        Uuid::from_u128(0x0193_9f3e_0000_7000_8000_0000_0000_0000 | self.next_number())
    }

    fn random_id(&self) -> Uuid {
        // Real randomness: several environments of one test must not draw the same secret.
        SystemEnvironment.random_id()
    }

    fn random_bytes(&self) -> [u8; 32] {
        SystemEnvironment.random_bytes()
    }

    fn random_up_to(&self, max: u64) -> u64 {
        max / 2
    }

    fn wait_until(&self, until: DateTime<Utc>) -> BoxFuture<'_, ()> {
        let mut now = self.now.subscribe();
        Box::pin(async move {
            // The sender lives as long as this environment is borrowed.
            let _ = now.wait_for(|now| *now >= until).await;
        })
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        SystemEnvironment.sleep(duration)
    }

    fn spawn(&self, task: BoxFuture<'static, ()>) -> JoinHandle<()> {
        SystemEnvironment.spawn(task)
    }
}
