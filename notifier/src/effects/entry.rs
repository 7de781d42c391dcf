//! The entries of the notifier's log: effects and their results, payments, and the cursor in the feed.

use bytes::Bytes;
use chrono::{DateTime, Utc};
use events::recorded::{EventMetadata, NewEvent};
use events::values::{Actor, Money, Purpose};
use events::{EventId, PaymentId, ReservationId, Tag, VenueId};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::domain::effect::{Effect, EffectKey};

/// An entry of the notifier's log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", content = "data")]
pub enum Entry {
    /// An effect was scheduled.
    #[serde(rename = "meja.effect.scheduled.v1")]
    EffectScheduled(Scheduled),
    /// An attempt failed, and another one follows.
    #[serde(rename = "meja.effect.attempt_failed.v1")]
    AttemptFailed(AttemptFailed),
    /// An effect was carried out, or was no longer needed.
    #[serde(rename = "meja.effect.succeeded.v1")]
    EffectSucceeded(Succeeded),
    /// An effect failed permanently: it is a dead letter.
    #[serde(rename = "meja.effect.died.v1")]
    EffectDied(Died),
    /// An operator retries a dead letter.
    #[serde(rename = "meja.effect.retried.v1")]
    EffectRetried(Retried),
    /// An operator discarded a dead letter.
    #[serde(rename = "meja.effect.discarded.v1")]
    EffectDiscarded(Discarded),
    /// A payment was opened.
    #[serde(rename = "meja.payment.opened.v1")]
    PaymentOpened(PaymentOpened),
    /// The provider reported the decision of the guest.
    #[serde(rename = "meja.payment.decided.v1")]
    PaymentDecided(PaymentDecided),
    /// The provider refunded a payment.
    #[serde(rename = "meja.payment.returned.v1")]
    PaymentReturned(PaymentReturned),
    /// The guest got a new link to pay.
    #[serde(rename = "meja.payment.link_renewed.v1")]
    PaymentLinkRenewed(PaymentLinkRenewed),
    /// A webhook subscription was disabled or enabled.
    #[serde(rename = "meja.hook.switched.v1")]
    WebhookSwitched(WebhookSwitched),
    /// All events up to the cursor were processed.
    #[serde(rename = "meja.cursor.moved.v1")]
    CursorMoved(CursorMoved),
    /// A notifier took over from the one before.
    #[serde(rename = "meja.notifier.took_over.v1")]
    TookOver(TookOver),
}

/// An effect was scheduled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scheduled {
    /// The key.
    pub key: EffectKey,
    /// The effect.
    pub effect: Effect,
    /// The earliest time.
    pub due_at: DateTime<Utc>,
    /// The event that caused it.
    pub event_id: Option<String>,
    /// The request that caused it.
    pub correlation_id: String,
    /// The trace of the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<String>,
    /// The venue and the source of the request. Effects are carried out in turn for each of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub turn: Option<Turn>,
}

/// The effects of one venue and one source, such as a client, a key or a member of staff.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Turn {
    /// The venue.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub venue: Option<String>,
    /// The source.
    pub source: String,
}

impl Turn {
    /// The turn of the effects of an event.
    #[must_use]
    pub fn of(cause: EventMetadata) -> Self {
        let Actor { kind, id } = cause.actor;
        let source = cause.client_group.or(id).unwrap_or_else(|| kind.word().to_owned());
        Self { venue: cause.venue_id, source }
    }
}

/// An attempt failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttemptFailed {
    /// The key of the effect.
    pub key: EffectKey,
    /// The reason as text.
    pub error: String,
    /// The time of the next attempt.
    pub next_attempt_at: DateTime<Utc>,
    /// Whether the next attempt needs a new idempotency key, because the provider may repeat a stored failure.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub new_key: bool,
    /// Whether the attempt does not count, because the provider is down as a whole.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub uncounted: bool,
}

/// An effect was carried out, or was no longer needed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Succeeded {
    /// The key of the effect.
    pub key: EffectKey,
    /// `done`, or why nothing had to be done.
    pub outcome: String,
    /// The recipient, masked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recipient: Option<String>,
}

/// An effect failed permanently.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Died {
    /// The key of the effect.
    pub key: EffectKey,
    /// The reason as a stable code.
    pub reason_code: String,
    /// The reason as text.
    pub error: String,
}

/// An operator retries a dead letter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retried {
    /// The key of the effect.
    pub key: EffectKey,
    /// The reason as text, if the operator gave one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// An operator discarded a dead letter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Discarded {
    /// The key of the effect.
    pub key: EffectKey,
    /// The reason as text.
    pub reason: String,
}

/// A payment was opened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaymentOpened {
    /// The payment.
    pub payment_id: PaymentId,
    /// The reservation.
    pub reservation_id: ReservationId,
    /// The amount.
    pub amount: Money,
    /// The payment channel.
    pub channel: String,
    /// The purpose.
    #[serde(default)]
    pub purpose: Purpose,
    /// A payment provider.
    #[serde(default = "simulated")]
    pub provider: String,
    /// The provider's reference. It cannot be guessed, because it suffices to pay.
    pub provider_reference: String,
    /// The URL of the payment page, without the link of the guest.
    pub url: String,
    /// The request that caused it.
    pub correlation_id: String,
    /// SHA-256 of the guest's link to pay, hexadecimal; `None` if an earlier version opened it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link_sha256: Option<String>,
    /// The venue of the reservation; `None` if an earlier version opened it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub venue_id: Option<VenueId>,
}

/// The guest got a new link to pay.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaymentLinkRenewed {
    /// The payment.
    pub payment_id: PaymentId,
    /// SHA-256 of the new link, hexadecimal.
    pub link_sha256: String,
}

/// The provider reported the decision of the guest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaymentDecided {
    /// The payment.
    pub payment_id: PaymentId,
    /// Whether the guest paid.
    pub paid: bool,
    /// The paid amount, if it differs from the requested one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount: Option<Money>,
    /// Whether it was closed because the payment is no longer due.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub closed: bool,
}

/// The provider in entries from before there was a choice.
fn simulated() -> String {
    "simulated".into()
}

/// The provider refunded a payment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaymentReturned {
    /// The payment.
    pub payment_id: PaymentId,
    /// The amount.
    pub amount: Money,
    /// The provider's reference of the refund.
    pub provider_reference: String,
}

/// A webhook subscription was disabled or enabled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WebhookSwitched {
    /// The id of the subscription.
    pub hook: String,
    /// Whether it is enabled.
    pub enabled: bool,
}

/// All events up to the cursor were processed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CursorMoved {
    /// The last processed event.
    pub last_event_id: EventId,
    /// The time of that event.
    pub time: DateTime<Utc>,
}

/// A notifier took over from the one before. Behind this entry, the one before can append nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct TookOver {
    /// The number of the takeover: 1 for the first one of a log. A log without takeovers is in term 0.
    pub term: u64,
}

impl Entry {
    /// Decodes a stored entry: its type and data are members of the envelope.
    ///
    /// # Errors
    /// When the entry is damaged, or was written by a later version.
    pub fn decode(stored: &[u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(stored)
    }

    fn event_type(&self) -> &'static str {
        match self {
            Self::EffectScheduled(_) => "meja.effect.scheduled.v1",
            Self::AttemptFailed(_) => "meja.effect.attempt_failed.v1",
            Self::EffectSucceeded(_) => "meja.effect.succeeded.v1",
            Self::EffectDied(_) => "meja.effect.died.v1",
            Self::EffectRetried(_) => "meja.effect.retried.v1",
            Self::EffectDiscarded(_) => "meja.effect.discarded.v1",
            Self::PaymentOpened(_) => "meja.payment.opened.v1",
            Self::PaymentDecided(_) => "meja.payment.decided.v1",
            Self::PaymentReturned(_) => "meja.payment.returned.v1",
            Self::PaymentLinkRenewed(_) => "meja.payment.link_renewed.v1",
            Self::WebhookSwitched(_) => "meja.hook.switched.v1",
            Self::CursorMoved(_) => "meja.cursor.moved.v1",
            Self::TookOver(_) => "meja.notifier.took_over.v1",
        }
    }

    fn data(&self) -> Result<Vec<u8>, serde_json::Error> {
        match self {
            Self::EffectScheduled(data) => serde_json::to_vec(data),
            Self::AttemptFailed(data) => serde_json::to_vec(data),
            Self::EffectSucceeded(data) => serde_json::to_vec(data),
            Self::EffectDied(data) => serde_json::to_vec(data),
            Self::EffectRetried(data) => serde_json::to_vec(data),
            Self::EffectDiscarded(data) => serde_json::to_vec(data),
            Self::PaymentOpened(data) => serde_json::to_vec(data),
            Self::PaymentDecided(data) => serde_json::to_vec(data),
            Self::PaymentReturned(data) => serde_json::to_vec(data),
            Self::PaymentLinkRenewed(data) => serde_json::to_vec(data),
            Self::WebhookSwitched(data) => serde_json::to_vec(data),
            Self::CursorMoved(data) => serde_json::to_vec(data),
            Self::TookOver(data) => serde_json::to_vec(data),
        }
    }

    /// The subject and the tag of the entry.
    fn about(&self) -> (String, Tag) {
        match self {
            Self::EffectScheduled(Scheduled { key, .. })
            | Self::AttemptFailed(AttemptFailed { key, .. })
            | Self::EffectSucceeded(Succeeded { key, .. })
            | Self::EffectDied(Died { key, .. })
            | Self::EffectDiscarded(Discarded { key, .. })
            | Self::EffectRetried(Retried { key, .. }) => (format!("effect/{key}"), effect_tag(key)),
            Self::PaymentOpened(PaymentOpened { payment_id, .. })
            | Self::PaymentDecided(PaymentDecided { payment_id, .. })
            | Self::PaymentReturned(PaymentReturned { payment_id, .. })
            | Self::PaymentLinkRenewed(PaymentLinkRenewed { payment_id, .. }) => {
                (format!("payment/{payment_id}"), Tag::payment(*payment_id))
            }
            Self::WebhookSwitched(WebhookSwitched { hook, .. }) => (format!("hook/{hook}"), hook_tag(hook)),
            Self::CursorMoved(_) => ("cursor/reservation".into(), cursor_tag()),
            Self::TookOver(TookOver { term }) => {
                (format!("notifier/{term}"), superseded_tag(term.saturating_sub(1)))
            }
        }
    }

    /// The event to append.
    ///
    /// # Errors
    /// Never for the entries of this module; the signature is that of `serde_json`.
    pub fn into_new_event(
        self,
        id: Uuid,
        time: DateTime<Utc>,
        by: &EventMetadata,
    ) -> Result<NewEvent, serde_json::Error> {
        let (subject, tag) = self.about();
        Ok(NewEvent {
            id,
            event_type: self.event_type(),
            subject,
            time,
            tags: vec![tag],
            data: self.data()?,
            confidential: None::<Bytes>,
            forgets: vec![],
            metadata: by.clone(),
        })
    }
}

/// The tag of all entries about an effect.
#[must_use]
pub fn effect_tag(key: &EffectKey) -> Tag {
    Tag::new("effect", key)
}

/// The tag of all entries about a webhook subscription.
#[must_use]
pub fn hook_tag(hook: &str) -> Tag {
    Tag::new("hook", hook)
}

/// The cursor in the feed.
#[must_use]
pub fn cursor_tag() -> Tag {
    Tag::new("cursor", "reservation")
}

/// The end of a term: the tag of the takeover behind it.
#[must_use]
pub fn superseded_tag(term: u64) -> Tag {
    Tag::new("superseded", term)
}
