//! When and how often effects are retried. Pure: the random part of a delay comes from the caller.

use chrono::TimeDelta;

/// How effects are run and retried.
#[derive(Debug, Clone, Copy)]
pub struct RetrySettings {
    /// Maximum number of concurrent effects per lane.
    pub concurrency: usize,
    /// Maximum number of attempts before an effect is a dead letter.
    pub attempts_max: u32,
    /// The delay after the first failed attempt; doubled after each.
    pub backoff: TimeDelta,
    /// The maximum delay between attempts.
    pub backoff_max: TimeDelta,
}

/// The delays between the attempts of a webhook: more than three days in all, as Standard Webhooks recommends.
const WEBHOOK_DELAYS: [TimeDelta; 9] = [
    TimeDelta::seconds(5),
    TimeDelta::minutes(5),
    TimeDelta::minutes(30),
    TimeDelta::hours(2),
    TimeDelta::hours(5),
    TimeDelta::hours(10),
    TimeDelta::hours(14),
    TimeDelta::hours(20),
    TimeDelta::hours(24),
];
/// Maximum number of attempts at a webhook.
pub const WEBHOOK_ATTEMPTS_MAX: u32 = WEBHOOK_DELAYS.len() as u32 + 1;

/// The delay before another attempt at a webhook, without the random part.
#[must_use]
pub fn webhook_delay(attempts: u32) -> TimeDelta {
    WEBHOOK_DELAYS[(attempts as usize).min(WEBHOOK_DELAYS.len() - 1)]
}

/// The delay after this number of failed attempts, without the random part: doubled with each, up to a maximum.
#[must_use]
pub fn backoff(retry_settings: RetrySettings, attempts: u32) -> TimeDelta {
    let doubled = retry_settings.backoff.checked_mul(1 << attempts.min(20));
    doubled.unwrap_or(retry_settings.backoff_max).min(retry_settings.backoff_max)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_webhook_is_tried_for_three_days() {
        let delays = (0..WEBHOOK_DELAYS.len() as u32).map(webhook_delay);
        assert!(delays.sum::<TimeDelta>() > TimeDelta::days(3));
        assert_eq!(webhook_delay(400), WEBHOOK_DELAYS[WEBHOOK_DELAYS.len() - 1]);
    }

    #[test]
    fn delays_double_up_to_their_maximum() {
        let retry_settings = RetrySettings {
            concurrency: 1,
            attempts_max: 8,
            backoff: TimeDelta::seconds(1),
            backoff_max: TimeDelta::seconds(60),
        };
        for (attempts, seconds) in [(0, 1), (1, 2), (5, 32), (6, 60), (400, 60)] {
            assert_eq!(backoff(retry_settings, attempts), TimeDelta::seconds(seconds), "{attempts}");
        }
    }
}
