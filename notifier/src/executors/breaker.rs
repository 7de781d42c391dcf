//! Circuit breakers: a system that keeps failing gets no requests for a while, and the others do not wait for it.
//!
//! No library is used, because a breaker must open before a single effect has used all its attempts, and the
//! caller supplies the time.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use contract::notifier::words::BreakerState;
use parking_lot::Mutex;

/// Consecutive failures that open a breaker. A provider that fails every third request is not down.
const FAILURES_MAX: u32 = 10;
/// The name of the reservation service. Its breaker opens only briefly, because a restart is normal.
pub const RESERVATION: &str = "reservation";
const RESERVATION_OPEN: TimeDelta = TimeDelta::seconds(2);
/// How long a breaker stays open at first. Doubled each time the probe fails.
const OPEN_MIN: TimeDelta = TimeDelta::seconds(5);
const OPEN_MAX: TimeDelta = TimeDelta::minutes(1);
/// The time until other requests are possible again while a probe is under way.
const PROBE: TimeDelta = TimeDelta::seconds(5);

/// One breaker per system outside.
#[derive(Debug)]
pub struct Breakers {
    all: Mutex<BTreeMap<String, Breaker>>,
    failures_max: u32,
}

/// The breaker of a system outside.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Breaker {
    /// Number of failures since the last success.
    pub failures: u32,
    /// No request is made before this time.
    pub open_until: Option<DateTime<Utc>>,
    /// The last failure.
    pub last_error: Option<String>,
    /// Number of failed probes.
    reopened: u32,
    /// Whether a probe is under way.
    probing: bool,
}

impl Breaker {
    /// The state.
    #[must_use]
    pub fn state(&self) -> BreakerState {
        match (self.open_until, self.probing) {
            (None, _) => BreakerState::Closed,
            (Some(_), false) => BreakerState::Open,
            (Some(_), true) => BreakerState::HalfOpen,
        }
    }
}

impl Breakers {
    /// Closed breakers. They open before an effect has used its `attempts_max` attempts, so that an outage does not
    /// fail it.
    #[must_use]
    pub fn new(attempts_max: u32) -> Self {
        let failures_max = FAILURES_MAX.min(attempts_max.saturating_sub(1)).max(1);
        Self { all: Mutex::default(), failures_max }
    }

    /// The breakers by system.
    #[must_use]
    pub fn seen(&self) -> BTreeMap<String, Breaker> {
        self.all.lock().clone()
    }

    /// Whether a request to `system` is possible now.
    ///
    /// # Errors
    /// The time from which on it is possible.
    pub fn admit(&self, system: &str, now: DateTime<Utc>) -> Result<(), DateTime<Utc>> {
        let mut all = self.all.lock();
        let breaker = all.entry(system.to_owned()).or_default();
        match breaker.open_until {
            None => Ok(()),
            Some(until) if now < until => Err(until),
            Some(_) if breaker.probing => Err(now + PROBE),
            Some(_) => {
                breaker.probing = true;
                Ok(())
            }
        }
    }

    /// Records that `system` responded, whether or not it accepted the request.
    pub fn answered(&self, system: &str) {
        let before = self.all.lock().insert(system.to_owned(), Breaker::default());
        if before.is_some_and(|breaker| breaker.open_until.is_some()) {
            tracing::info!(system, "a system responds again");
        }
    }

    /// Records that no request was made after all.
    pub fn not_tried(&self, system: &str) {
        if let Some(breaker) = self.all.lock().get_mut(system) {
            breaker.probing = false;
        }
    }

    /// Records a failure. Returns until when the breaker is open, if it is.
    pub fn failed(&self, system: &str, error: &str, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let mut all = self.all.lock();
        let breaker = all.entry(system.to_owned()).or_default();
        breaker.failures += 1;
        breaker.last_error = Some(error.to_owned());
        if breaker.probing || (breaker.open_until.is_none() && breaker.failures >= self.failures_max) {
            let wait = match system {
                RESERVATION => RESERVATION_OPEN,
                _ => (OPEN_MIN * 2_i32.pow(breaker.reopened.min(10))).min(OPEN_MAX),
            };
            breaker.open_until = Some(now + wait);
            breaker.reopened += 1;
            breaker.probing = false;
            tracing::warn!(system, failures = breaker.failures, error, until = ?breaker.open_until, "a system keeps failing: no requests for a while");
        }
        breaker.open_until
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(seconds, 0).unwrap()
    }

    #[test]
    fn a_breaker_opens_admits_one_probe_and_closes() {
        assert_eq!(Breakers::new(8).failures_max, 7);
        let breakers = Breakers::new(99);
        for _ in 1..FAILURES_MAX {
            assert_eq!(breakers.failed("a", "no", at(0)), None);
        }
        assert_eq!(breakers.failed("a", "no", at(0)), Some(at(5)));
        assert_eq!(breakers.admit("a", at(4)), Err(at(5)));
        assert_eq!(breakers.admit("b", at(4)), Ok(()), "each system has its own");
        assert_eq!(breakers.admit("a", at(5)), Ok(()));
        assert_eq!(breakers.admit("a", at(5)), Err(at(10)), "one probe at a time");
        assert_eq!(breakers.failed("a", "no", at(6)), Some(at(16)), "longer than before");
        assert_eq!(breakers.admit("a", at(16)), Ok(()));
        breakers.not_tried("a");
        assert_eq!(breakers.admit("a", at(16)), Ok(()));
        breakers.answered("a");
        assert_eq!(breakers.admit("a", at(16)), Ok(()));
        assert_eq!(breakers.seen()["a"].state(), BreakerState::Closed);
    }

    #[test]
    fn requests_under_way_do_not_extend_the_open_time() {
        let breakers = Breakers::new(99);
        let until: Vec<_> = (0..20).map(|n| breakers.failed("a", "no", at(n))).collect();
        assert_eq!(until[9..], [Some(at(14)); 11]);
        let waits: Vec<_> = (0..8)
            .map(|n| {
                let now = at(1_000 * (n + 1));
                breakers.admit("a", now).unwrap();
                (breakers.failed("a", "no", now).unwrap() - now).num_seconds()
            })
            .collect();
        assert_eq!(waits, [10, 20, 40, 60, 60, 60, 60, 60]);
    }
}
