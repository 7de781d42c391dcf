//! Limits of requests per client.

use std::hash::{BuildHasher as _, Hash, RandomState};
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use axum::http::header::RETRY_AFTER;
use axum::http::{HeaderName, HeaderValue, StatusCode};
use governor::clock::Clock;
use governor::middleware::NoOpMiddleware;
use governor::state::keyed::DashMapStateStore;
use governor::{Quota, RateLimiter};

use crate::environment::SharedEnvironment;
use crate::problem::Problem;

/// Maximum number of counters of one limit. Clients share a counter if their keyed hashes are equal, so that the memory of
/// a limit is bounded: about 16 MiB.
const COUNTERS_MAX: u64 = 1 << 18;

/// A limit of requests for each client: `count` in `window`, all of them at once or spread over it. One more is possible
/// every `window / count`.
pub struct Rate {
    /// Its name in headers, problems and metrics.
    name: &'static str,
    count: NonZeroU32,
    window: Duration,
    hasher: RandomState,
    limiter: RateLimiter<u64, DashMapStateStore<u64>, EnvironmentClock, NoOpMiddleware<Duration>>,
    clock: EnvironmentClock,
}

impl std::fmt::Debug for Rate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {} in {} s", self.name, self.count, self.window.as_secs())
    }
}

/// The limit of a client is exceeded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the limit {name} of {count} in {} s is exceeded", window.as_secs())]
pub struct Exceeded {
    /// The name of the limit.
    pub name: &'static str,
    /// The number of requests that are admitted in `window`.
    pub count: u32,
    /// The time to which the limit applies.
    pub window: Duration,
    /// The time until the next request is admitted.
    pub wait: Duration,
}

impl Rate {
    /// A limit of `count` in `window`.
    #[must_use]
    pub fn new(name: &'static str, count: NonZeroU32, window: Duration, env: SharedEnvironment) -> Arc<Self> {
        let clock = EnvironmentClock(env);
        // At least a nanosecond, which is never zero.
        let period = (window / count.get()).max(Duration::from_nanos(1));
        let quota = Quota::with_period(period).unwrap_or(Quota::per_second(count)).allow_burst(count);
        let limiter = RateLimiter::new(quota, DashMapStateStore::default(), clock.clone());
        Arc::new(Self { name, count, window, hasher: RandomState::new(), limiter, clock })
    }

    /// Counts a request of `client`.
    ///
    /// # Errors
    /// [`Exceeded`]; the request is not counted then.
    pub fn check(&self, client: impl Hash) -> Result<(), Exceeded> {
        let counter = self.hasher.hash_one(client) % COUNTERS_MAX;
        self.limiter.check_key(&counter).map_err(|until| {
            metrics::counter!("meja_limited_total", "limit" => self.name).increment(1);
            let wait = until.wait_time_from(self.clock.now());
            Exceeded { name: self.name, count: self.count.get(), window: self.window, wait }
        })
    }
}

/// 429 with the fields of draft-ietf-httpapi-ratelimit-headers-10.
impl From<Exceeded> for Problem {
    fn from(exceeded: Exceeded) -> Self {
        let Exceeded { name, count, window, wait } = exceeded;
        let seconds = wait.as_secs() + 1;
        let detail = format!(
            "The limit {name} is {count} in {} s, and it is used up. Try again in {seconds} s.",
            window.as_secs()
        );
        let value = |text: String| HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static(""));
        Self::new(StatusCode::TOO_MANY_REQUESTS, "rate_limited", detail)
            .header(RETRY_AFTER, HeaderValue::from(seconds))
            .header(
                HeaderName::from_static("ratelimit-policy"),
                value(format!("\"{name}\";q={count};w={}", window.as_secs())),
            )
            .header(HeaderName::from_static("ratelimit"), value(format!("\"{name}\";r=0;t={seconds}")))
    }
}

/// The clock of an environment: the time since it began.
#[derive(Clone)]
struct EnvironmentClock(SharedEnvironment);

impl Clock for EnvironmentClock {
    type Instant = Duration;

    fn now(&self) -> Duration {
        self.0.elapsed()
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;
    use crate::environment::ManualEnvironment;

    #[test]
    fn a_client_gets_its_share_and_another_one_its_own() {
        let env = ManualEnvironment::at("2026-12-01T09:00:00Z".parse().unwrap());
        let count = NonZeroU32::new(20).unwrap();
        let rate = Rate::new("bookings", count, Duration::from_secs(3_600), Arc::new(env.clone()));
        let admitted = |client: u32| (0..100).filter(|_| rate.check(client).is_ok()).count();
        assert_eq!((admitted(1), admitted(2)), (20, 20));
        let exceeded = rate.check(1).unwrap_err();
        assert_eq!((exceeded.count, exceeded.wait), (20, Duration::from_secs(180)));
        env.advance(TimeDelta::seconds(180));
        assert_eq!((admitted(1), admitted(2)), (1, 1));
        env.advance(TimeDelta::hours(2));
        assert_eq!(admitted(1), 20);
    }
}
