//! A clock that stands still at a time of the past.

use std::time::Duration;

use chassis::environment::{Environment, SharedEnvironment};
use chrono::{DateTime, Utc};
use futures::future::BoxFuture;
use tokio::task::JoinHandle;
use uuid::Uuid;

/// The environment of the present with another time.
pub(super) struct PastEnvironment {
    now: DateTime<Utc>,
    present: SharedEnvironment,
}

impl PastEnvironment {
    pub(super) fn new(now: DateTime<Utc>, present: SharedEnvironment) -> Self {
        Self { now, present }
    }
}

impl Environment for PastEnvironment {
    fn now(&self) -> DateTime<Utc> {
        self.now
    }

    fn elapsed(&self) -> Duration {
        self.present.elapsed()
    }

    fn new_id(&self) -> Uuid {
        self.present.new_id()
    }

    fn random_id(&self) -> Uuid {
        self.present.random_id()
    }

    fn random_bytes(&self) -> [u8; 32] {
        self.present.random_bytes()
    }

    fn random_up_to(&self, max: u64) -> u64 {
        self.present.random_up_to(max)
    }

    fn wait_until(&self, until: DateTime<Utc>) -> BoxFuture<'_, ()> {
        self.present.wait_until(until)
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        self.present.sleep(duration)
    }

    fn spawn(&self, task: BoxFuture<'static, ()>) -> JoinHandle<()> {
        self.present.spawn(task)
    }
}
