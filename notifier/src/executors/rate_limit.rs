//! How many messages go out: to one recipient in an hour, and by each medium in a minute. What is over waits.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};
use sha2::{Digest as _, Sha256};

use crate::domain::effect::Lane;

const MINUTE: TimeDelta = TimeDelta::minutes(1);
const HOUR: TimeDelta = TimeDelta::hours(1);
/// Recipients after which those of more than an hour ago are forgotten.
const RECIPIENTS_MAX: usize = 10_000;

/// How many messages may go out; 0 is any number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MessageLimits {
    /// By one medium in a minute.
    pub per_minute_max: u32,
    /// To one recipient in an hour.
    pub recipient_per_hour_max: u32,
}

/// Counts messages. In memory only: a restart begins anew.
#[derive(Debug)]
pub struct RateLimiter {
    limits: MessageLimits,
    sent: Mutex<Sent>,
}

#[derive(Debug, Default)]
struct Sent {
    lanes: HashMap<Lane, VecDeque<DateTime<Utc>>>,
    /// By a hash of the address, which is not kept.
    recipients: HashMap<[u8; 32], VecDeque<DateTime<Utc>>>,
}

impl RateLimiter {
    /// Nothing was sent yet.
    #[must_use]
    pub fn new(limits: MessageLimits) -> Self {
        Self { limits, sent: Mutex::default() }
    }

    fn sent(&self) -> MutexGuard<'_, Sent> {
        self.sent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many may go out by `lane` now.
    ///
    /// # Errors
    /// When one may.
    pub fn room(&self, lane: Lane, now: DateTime<Utc>) -> Result<usize, DateTime<Utc>> {
        let max = self.limits.per_minute_max;
        let any = if max == 0 { usize::MAX } else { max as usize };
        match self.sent().lanes.get_mut(&lane) {
            Some(times) => room(times, max, MINUTE, now).map(|()| any - times.len().min(any)),
            None => Ok(any),
        }
    }

    /// Counts a message to `recipient` that goes out now, if it may.
    ///
    /// # Errors
    /// When it may.
    pub fn admit(&self, lane: Lane, recipient: &str, now: DateTime<Utc>) -> Result<(), DateTime<Utc>> {
        let mut sent = self.sent();
        let Sent { lanes, recipients } = &mut *sent;
        if recipients.len() > RECIPIENTS_MAX {
            recipients.retain(|_, times| times.back().is_some_and(|last| now - *last < HOUR));
        }
        let in_lane = lanes.entry(lane).or_default();
        let to_recipient = recipients.entry(Sha256::digest(recipient).into()).or_default();
        room(in_lane, self.limits.per_minute_max, MINUTE, now)?;
        room(to_recipient, self.limits.recipient_per_hour_max, HOUR, now)?;
        in_lane.push_back(now);
        to_recipient.push_back(now);
        Ok(())
    }
}

fn room(
    times: &mut VecDeque<DateTime<Utc>>,
    max: u32,
    window: TimeDelta,
    now: DateTime<Utc>,
) -> Result<(), DateTime<Utc>> {
    while times.front().is_some_and(|first| now - *first >= window) {
        times.pop_front();
    }
    match times.front() {
        Some(first) if max > 0 && times.len() >= max as usize => Err(*first + window),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_over_waits_for_the_window_to_move_on() {
        let rate_limiter = RateLimiter::new(MessageLimits { per_minute_max: 3, recipient_per_hour_max: 2 });
        let at = |seconds: i64| DateTime::from_timestamp(seconds, 0).unwrap();
        assert_eq!(rate_limiter.admit(Lane::Mail, "a", at(0)), Ok(()));
        assert_eq!(rate_limiter.admit(Lane::Mail, "a", at(1)), Ok(()));
        assert_eq!(rate_limiter.admit(Lane::Mail, "a", at(2)), Err(at(3_600)), "one recipient");
        assert_eq!(rate_limiter.admit(Lane::Mail, "b", at(2)), Ok(()));
        assert_eq!(rate_limiter.admit(Lane::Mail, "c", at(3)), Err(at(60)), "one medium");
        assert_eq!(
            (rate_limiter.room(Lane::Mail, at(3)), rate_limiter.room(Lane::Sms, at(3))),
            (Err(at(60)), Ok(3))
        );
        assert_eq!(rate_limiter.admit(Lane::Sms, "c", at(3)), Ok(()));
        assert_eq!(rate_limiter.admit(Lane::Mail, "c", at(60)), Ok(()));
        assert_eq!(rate_limiter.admit(Lane::Mail, "a", at(3_601)), Ok(()));
        let open = RateLimiter::new(MessageLimits { per_minute_max: 0, recipient_per_hour_max: 0 });
        assert!((0..1_000).all(|_| open.admit(Lane::Mail, "a", at(0)).is_ok()));
    }
}
