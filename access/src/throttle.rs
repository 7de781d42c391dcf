//! Delays that grow with failed attempts.
//!
//! An attempt counts as a failure when it begins, so that attempts at the same time do not get around the delay. A
//! success takes all of them back.

use std::collections::HashMap;
use std::hash::Hash;

use chrono::{DateTime, TimeDelta, Utc};
use parking_lot::Mutex;

/// How many attempts are free of a delay.
pub const FREE_ATTEMPTS: u32 = 5;
/// The longest delay, in seconds.
pub const DELAY_SECONDS_MAX: i64 = 900;
/// After how many hours without an attempt the earlier ones no longer count.
pub const FORGOTTEN_HOURS: i64 = 24;

/// From this number of counters on, those that no longer count are dropped.
const KEPT_COUNTERS: usize = 100_000;

/// The attempts at one secret.
#[derive(Debug, Clone, Copy, Default)]
struct Attempts {
    failed: u32,
    last: DateTime<Utc>,
}

impl Attempts {
    /// When the next attempt is admitted.
    fn next_at(&self) -> DateTime<Utc> {
        self.last + delay(self.failed)
    }
}

/// The delay after this number of failed attempts: none, then 1, 2, 4, … seconds.
fn delay(failed: u32) -> TimeDelta {
    let Some(beyond) = failed.checked_sub(FREE_ATTEMPTS) else { return TimeDelta::zero() };
    let seconds = 1_i64.checked_shl(beyond).unwrap_or(DELAY_SECONDS_MAX);
    TimeDelta::seconds(seconds.clamp(1, DELAY_SECONDS_MAX))
}

/// How many attempts an attacker has within `duration`, if each is made as soon as it is admitted. The arithmetic in the
/// documentation is this function.
#[must_use]
pub fn attempts_within(duration: TimeDelta) -> u32 {
    let (mut passed, mut attempts) = (TimeDelta::zero(), 0);
    while passed <= duration {
        attempts += 1;
        passed += delay(attempts);
    }
    attempts
}

/// The attempts at many secrets. A caller uses a bounded number of keys.
#[derive(Debug)]
pub struct Throttle<K>(Mutex<HashMap<K, Attempts>>);

impl<K> Default for Throttle<K> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Eq + Hash> Throttle<K> {
    /// Begins an attempt at `key`, which counts as failed until [`Self::succeeded`].
    ///
    /// # Errors
    /// The time of the next attempt, if this one comes too early. It does not count then.
    pub fn attempt(&self, key: K, now: DateTime<Utc>) -> Result<(), DateTime<Utc>> {
        let mut all = self.0.lock();
        let is_forgotten = |attempts: &Attempts| now - attempts.last >= TimeDelta::hours(FORGOTTEN_HOURS);
        if all.len() >= KEPT_COUNTERS {
            all.retain(|_, attempts| !is_forgotten(attempts));
        }
        let attempts = all.entry(key).or_default();
        if is_forgotten(attempts) {
            *attempts = Attempts::default();
        }
        if now < attempts.next_at() {
            return Err(attempts.next_at());
        }
        *attempts = Attempts { failed: attempts.failed.saturating_add(1), last: now };
        Ok(())
    }

    /// Takes back an attempt at `key` that could not be made.
    pub fn withdraw(&self, key: &K) {
        if let Some(attempts) = self.0.lock().get_mut(key) {
            attempts.failed = attempts.failed.saturating_sub(1);
        }
    }

    /// Takes back the failed attempts at `key`.
    pub fn succeeded(&self, key: &K) {
        self.0.lock().remove(key);
    }
}

/// A maximum number of attempts in a day, however they are distributed.
#[derive(Debug)]
pub struct DailyBudget<K>(Mutex<HashMap<K, (u32, DateTime<Utc>)>>);

impl<K> Default for DailyBudget<K> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Eq + Hash> DailyBudget<K> {
    /// Spends one of `max` attempts at `key`. A day begins with the first attempt in it.
    ///
    /// # Errors
    /// The time of the next attempt, if all are spent.
    pub fn spend(&self, key: K, max: u32, now: DateTime<Utc>) -> Result<(), DateTime<Utc>> {
        let mut all = self.0.lock();
        let (spent, since) = all.entry(key).or_insert((0, now));
        if now - *since >= TimeDelta::hours(FORGOTTEN_HOURS) {
            (*spent, *since) = (0, now);
        }
        if *spent >= max {
            return Err(*since + TimeDelta::hours(FORGOTTEN_HOURS));
        }
        *spent += 1;
        Ok(())
    }

    /// Takes one attempt at `key` back.
    pub fn refund(&self, key: &K) {
        if let Some((spent, _)) = self.0.lock().get_mut(key) {
            *spent = spent.saturating_sub(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap()
    }

    #[test]
    fn delays_grow_and_end_with_a_success() {
        let throttle = Throttle::default();
        for _ in 0..FREE_ATTEMPTS {
            assert_eq!(throttle.attempt("sari", at(0)), Ok(()));
        }
        assert_eq!(throttle.attempt("sari", at(0)), Err(at(1)));
        assert_eq!(throttle.attempt("other", at(0)), Ok(()));
        // An attempt that came too early does not count.
        assert_eq!(throttle.attempt("sari", at(1)), Ok(()));
        assert_eq!(throttle.attempt("sari", at(1)), Err(at(3)));
        throttle.withdraw(&"sari");
        assert_eq!(throttle.attempt("sari", at(1)), Err(at(2)));
        throttle.succeeded(&"sari");
        assert_eq!(throttle.attempt("sari", at(1)), Ok(()));
    }

    #[test]
    fn an_attacker_gets_as_many_attempts_as_the_arithmetic_says() {
        let throttle = Throttle::default();
        let (hour, day) = (3_600, 86_400);
        let admitted =
            |until: i64| (0..=until).filter(|second| throttle.attempt("sari", at(*second)).is_ok()).count();
        // Every second for a day, and five at once in the beginning.
        (1..FREE_ATTEMPTS).for_each(|_| throttle.attempt("sari", at(0)).unwrap());
        let in_a_day = admitted(day) + FREE_ATTEMPTS as usize - 1;
        assert_eq!(in_a_day, attempts_within(TimeDelta::seconds(day)) as usize);
        assert_eq!(
            (attempts_within(TimeDelta::seconds(hour)), attempts_within(TimeDelta::seconds(day))),
            (17, 110)
        );
    }

    #[test]
    fn a_budget_is_spent_once_a_day() {
        let budget = DailyBudget::default();
        (0..3).for_each(|n| budget.spend("sari", 3, at(n)).unwrap());
        assert_eq!(budget.spend("sari", 3, at(9)), Err(at(86_400)));
        budget.refund(&"sari");
        assert_eq!(budget.spend("sari", 3, at(9)), Ok(()));
        assert_eq!(budget.spend("sari", 3, at(86_400)), Ok(()));
    }

    #[test]
    fn after_a_day_without_attempts_the_earlier_ones_do_not_count() {
        let throttle = Throttle::default();
        (0..FREE_ATTEMPTS).for_each(|_| throttle.attempt("sari", at(0)).unwrap());
        let next_day = FORGOTTEN_HOURS * 3_600;
        for _ in 0..FREE_ATTEMPTS {
            assert_eq!(throttle.attempt("sari", at(next_day)), Ok(()));
        }
        assert!(throttle.attempt("sari", at(next_day)).is_err());
    }
}
