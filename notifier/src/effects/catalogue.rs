//! Describes entries for the `log` commands and for the trail of an effect.

use events::store::EventBytes;
use events::values::ConfidentialDigest;

use super::entry::{Entry, Retried};

/// Describes entries for `notifier log …`.
pub struct Entries;

impl log_tools::EventCatalogue for Entries {
    fn describe(&self, stored: EventBytes<'_>) -> Result<String, String> {
        let entry = Entry::decode(stored.json).map_err(|error| error.to_string())?;
        Ok(match entry {
            Entry::EffectScheduled(e) => format!("{} scheduled for {}", e.key, e.due_at),
            Entry::AttemptFailed(e) => {
                format!("attempt failed: {}; next attempt at {}", e.error, e.next_attempt_at)
            }
            Entry::EffectSucceeded(e) => e.outcome,
            Entry::EffectDied(e) => format!("failed permanently: {} ({})", e.error, e.reason_code),
            Entry::EffectRetried(Retried { reason: Some(reason), .. }) => {
                format!("retried by an operator: {reason}")
            }
            Entry::EffectRetried(Retried { reason: None, .. }) => "retried by an operator".into(),
            Entry::EffectDiscarded(e) => format!("discarded by an operator: {}", e.reason),
            Entry::PaymentOpened(e) => {
                format!("{} requested by {}", e.amount.plain(), e.channel)
            }
            Entry::PaymentDecided(e) if e.closed => "closed: the payment is no longer due".into(),
            Entry::PaymentDecided(e) => if e.paid { "paid" } else { "refused" }.into(),
            Entry::PaymentReturned(e) => format!("{} refunded", e.amount.plain()),
            Entry::PaymentLinkRenewed(_) => "the guest got a new link to pay".into(),
            Entry::WebhookSwitched(e) => if e.enabled { "enabled" } else { "disabled" }.into(),
            Entry::CursorMoved(e) => format!("the feed was processed up to {}", e.last_event_id.position),
            Entry::TookOver(e) => format!("takeover {} by another notifier", e.term),
        })
    }

    fn confidential_digest(&self, _: EventBytes<'_>) -> Option<ConfidentialDigest> {
        // The notifier stores no personal data.
        None
    }
}
