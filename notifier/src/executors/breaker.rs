//! Breakers: whoever outside fails again and again is left alone for a while, and nobody else waits for that.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};

/// Failures in a row that open a breaker: a provider of which every third answer is a failure is not down.
const FAILURES_MAX: u32 = 10;
/// The name of the reservation service, whose absence is nobody's fault: it is asked again soon.
pub const RESERVATION: &str = "reservation";
const RESERVATION_OPEN: TimeDelta = TimeDelta::seconds(2);
/// How long it stays open at first; doubled each time the probe fails, too.
const OPEN_MIN: TimeDelta = TimeDelta::seconds(5);
const OPEN_MAX: TimeDelta = TimeDelta::minutes(1);
/// How soon others ask again while one is trying.
const PROBE: TimeDelta = TimeDelta::seconds(5);

/// A breaker for each name of somebody outside.
#[derive(Debug)]
pub struct Breakers {
    all: Mutex<BTreeMap<String, Breaker>>,
    failures_max: u32,
}

/// How it goes with somebody outside.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Breaker {
    /// Failures since the last success.
    pub failures: u32,
    /// Nobody is asked before this.
    pub open_until: Option<DateTime<Utc>>,
    /// What the last failure said.
    pub last_error: Option<String>,
    /// How often the probe has failed.
    reopened: u32,
    /// One is trying whether it works again.
    probing: bool,
}

impl Breaker {
    /// closed, open or half_open.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match (self.open_until, self.probing) {
            (None, _) => "closed",
            (Some(_), false) => "open",
            (Some(_), true) => "half_open",
        }
    }
}

impl Breakers {
    /// All closed. They open before an effect that is tried `attempts_max` times has used up its tries, so that a single
    /// one survives an outage, too.
    #[must_use]
    pub fn new(attempts_max: u32) -> Self {
        let failures_max = FAILURES_MAX.min(attempts_max.saturating_sub(1)).max(1);
        Self { all: Mutex::default(), failures_max }
    }

    fn all(&self) -> MutexGuard<'_, BTreeMap<String, Breaker>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How it goes with each.
    #[must_use]
    pub fn seen(&self) -> BTreeMap<String, Breaker> {
        self.all().clone()
    }

    /// Whether `who` may be asked now.
    ///
    /// # Errors
    /// When it may be asked again.
    pub fn ask(&self, who: &str, now: DateTime<Utc>) -> Result<(), DateTime<Utc>> {
        let mut all = self.all();
        let breaker = all.entry(who.to_owned()).or_default();
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

    /// It has answered, whatever it was.
    pub fn answered(&self, who: &str) {
        let before = self.all().insert(who.to_owned(), Breaker::default());
        if before.is_some_and(|breaker| breaker.open_until.is_some()) {
            tracing::info!(who, "answers again");
        }
    }

    /// It was not asked after all.
    pub fn not_asked(&self, who: &str) {
        if let Some(breaker) = self.all().get_mut(who) {
            breaker.probing = false;
        }
    }

    /// It has failed; tells until when nobody is to ask, if the breaker is open now.
    pub fn failed(&self, who: &str, error: &str, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let mut all = self.all();
        let breaker = all.entry(who.to_owned()).or_default();
        breaker.failures += 1;
        breaker.last_error = Some(error.to_owned());
        if breaker.probing || (breaker.open_until.is_none() && breaker.failures >= self.failures_max) {
            let wait = match who {
                RESERVATION => RESERVATION_OPEN,
                _ => (OPEN_MIN * 2_i32.pow(breaker.reopened.min(10))).min(OPEN_MAX),
            };
            breaker.open_until = Some(now + wait);
            breaker.reopened += 1;
            breaker.probing = false;
            tracing::warn!(who, failures = breaker.failures, error, until = ?breaker.open_until, "is left alone for a while");
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
    fn it_opens_lets_one_try_and_closes() {
        assert_eq!(Breakers::new(8).failures_max, 7);
        let breakers = Breakers::new(99);
        for _ in 1..FAILURES_MAX {
            assert_eq!(breakers.failed("a", "no", at(0)), None);
        }
        assert_eq!(breakers.failed("a", "no", at(0)), Some(at(5)));
        assert_eq!(breakers.ask("a", at(4)), Err(at(5)));
        assert_eq!(breakers.ask("b", at(4)), Ok(()), "each has its own");
        assert_eq!(breakers.ask("a", at(5)), Ok(()));
        assert_eq!(breakers.ask("a", at(5)), Err(at(10)), "one tries");
        assert_eq!(breakers.failed("a", "no", at(6)), Some(at(16)), "longer than before");
        assert_eq!(breakers.ask("a", at(16)), Ok(()));
        breakers.not_asked("a");
        assert_eq!(breakers.ask("a", at(16)), Ok(()));
        breakers.answered("a");
        assert_eq!(breakers.ask("a", at(16)), Ok(()));
        assert_eq!(breakers.seen()["a"].word(), "closed");
    }

    #[test]
    fn failures_that_were_under_way_do_not_prolong_it() {
        let breakers = Breakers::new(99);
        let until: Vec<_> = (0..20).map(|n| breakers.failed("a", "no", at(n))).collect();
        assert_eq!(until[9..], [Some(at(14)); 11]);
        let waits: Vec<_> = (0..8)
            .map(|n| {
                let now = at(1_000 * (n + 1));
                breakers.ask("a", now).unwrap();
                (breakers.failed("a", "no", now).unwrap() - now).num_seconds()
            })
            .collect();
        assert_eq!(waits, [10, 20, 40, 60, 60, 60, 60, 60]);
    }
}
