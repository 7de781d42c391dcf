//! Rate limits of messages: per recipient and hour, and per medium and minute. Messages over a limit wait.
//!
//! No library is used, because a failed message must not count for its recipient, and the caller supplies the time.

use std::collections::{HashMap, VecDeque};

use chrono::{DateTime, TimeDelta, Utc};
use parking_lot::Mutex;
use sha2::{Digest as _, Sha256};

use crate::domain::effect::Lane;

const MINUTE: TimeDelta = TimeDelta::minutes(1);
const HOUR: TimeDelta = TimeDelta::hours(1);
/// When more recipients are counted, those without a message in the last hour are removed.
const RECIPIENTS_MAX: usize = 10_000;

/// Maximum numbers of messages; 0 means unlimited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MessageLimits {
    /// Per medium and minute.
    pub per_minute_max: u32,
    /// Per recipient and hour.
    pub recipient_per_hour_max: u32,
}

/// Counts messages. Only in memory: a restart starts from zero.
#[derive(Debug)]
pub struct RateLimiter {
    limits: MessageLimits,
    sent: Mutex<Sent>,
}

#[derive(Debug, Default)]
struct Sent {
    lanes: HashMap<Lane, VecDeque<DateTime<Utc>>>,
    /// By the SHA-256 of the address; the address itself is not stored.
    recipients: HashMap<[u8; 32], VecDeque<DateTime<Utc>>>,
}

/// The permission to send one message. If it is dropped before the message was [sent](Self::sent), the message does
/// not count for its recipient. It still counts for its medium, because the attempt used the provider.
#[derive(Debug)]
#[must_use = "the message does not count for its recipient unless it was sent"]
pub struct Permission<'a> {
    limiter: &'a RateLimiter,
    recipient: [u8; 32],
    at: DateTime<Utc>,
}

impl Permission<'_> {
    /// The message was sent.
    pub fn sent(self) {
        std::mem::forget(self);
    }
}

impl Drop for Permission<'_> {
    fn drop(&mut self) {
        if let Some(times) = self.limiter.sent.lock().recipients.get_mut(&self.recipient)
            && let Some(index) = times.iter().rposition(|at| *at == self.at)
        {
            times.remove(index);
        }
    }
}

impl RateLimiter {
    /// A limiter that has counted nothing.
    #[must_use]
    pub fn new(limits: MessageLimits) -> Self {
        Self { limits, sent: Mutex::default() }
    }

    /// How many messages may be sent by `lane` now.
    ///
    /// # Errors
    /// The time of the next permitted message, if none may be sent now.
    pub fn room(&self, lane: Lane, now: DateTime<Utc>) -> Result<usize, DateTime<Utc>> {
        let max = self.limits.per_minute_max;
        let unused = if max == 0 { usize::MAX } else { max as usize };
        match self.sent.lock().lanes.get_mut(&lane) {
            Some(times) => check(times, max, MINUTE, now).map(|()| unused - times.len().min(unused)),
            None => Ok(unused),
        }
    }

    /// The permission to send a message to `recipient` now.
    ///
    /// # Errors
    /// The time of the next permitted message.
    pub fn admit(
        &self,
        lane: Lane,
        recipient: &str,
        now: DateTime<Utc>,
    ) -> Result<Permission<'_>, DateTime<Utc>> {
        let recipient: [u8; 32] = Sha256::digest(recipient).into();
        let mut sent = self.sent.lock();
        let Sent { lanes, recipients } = &mut *sent;
        if recipients.len() > RECIPIENTS_MAX {
            recipients.retain(|_, times| times.back().is_some_and(|last| now - *last < HOUR));
        }
        let in_lane = lanes.entry(lane).or_default();
        let to_recipient = recipients.entry(recipient).or_default();
        check(in_lane, self.limits.per_minute_max, MINUTE, now)?;
        check(to_recipient, self.limits.recipient_per_hour_max, HOUR, now)?;
        in_lane.push_back(now);
        to_recipient.push_back(now);
        Ok(Permission { limiter: self, recipient, at: now })
    }
}

fn check(
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

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(seconds, 0).unwrap()
    }

    #[test]
    fn messages_over_a_limit_wait_until_the_window_has_moved() {
        let limiter = RateLimiter::new(MessageLimits { per_minute_max: 3, recipient_per_hour_max: 2 });
        let send = |limiter: &RateLimiter, lane, recipient: &str, seconds| {
            limiter.admit(lane, recipient, at(seconds)).map(Permission::sent)
        };
        assert_eq!(send(&limiter, Lane::Mail, "a", 0), Ok(()));
        assert_eq!(send(&limiter, Lane::Mail, "a", 1), Ok(()));
        assert_eq!(send(&limiter, Lane::Mail, "a", 2), Err(at(3_600)), "one recipient");
        assert_eq!(send(&limiter, Lane::Mail, "b", 2), Ok(()));
        assert_eq!(send(&limiter, Lane::Mail, "c", 3), Err(at(60)), "one medium");
        assert_eq!((limiter.room(Lane::Mail, at(3)), limiter.room(Lane::Sms, at(3))), (Err(at(60)), Ok(3)));
        assert_eq!(send(&limiter, Lane::Sms, "c", 3), Ok(()));
        assert_eq!(send(&limiter, Lane::Mail, "c", 60), Ok(()));
        assert_eq!(send(&limiter, Lane::Mail, "a", 3_601), Ok(()));
        let unlimited = RateLimiter::new(MessageLimits { per_minute_max: 0, recipient_per_hour_max: 0 });
        assert!((0..1_000).all(|_| send(&unlimited, Lane::Mail, "a", 0).is_ok()));
    }

    #[test]
    fn a_message_that_was_not_sent_does_not_count_for_its_recipient() {
        let limiter = RateLimiter::new(MessageLimits { per_minute_max: 0, recipient_per_hour_max: 1 });
        for attempt in 0..5 {
            drop(limiter.admit(Lane::Mail, "a", at(attempt)).unwrap());
        }
        limiter.admit(Lane::Mail, "a", at(5)).unwrap().sent();
        assert_eq!(limiter.admit(Lane::Mail, "a", at(6)).err(), Some(at(3_605)));
    }
}
