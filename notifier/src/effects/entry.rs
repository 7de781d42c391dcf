//! What the notifier writes down: effects and what became of them, payments, how far it has read.

use bytes::Bytes;
use chrono::{DateTime, Utc};
use events::recorded::{EventMetadata, NewEvent};
use events::store::EventBytes;
use events::values::{ConfidentialDigest, Money, Purpose};
use events::{EventId, PaymentId, ReservationId, Tag};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::domain::effect::{Effect, EffectKey};

/// One thing that the notifier has written down.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", content = "data")]
pub enum Entry {
    /// Something is to be done.
    #[serde(rename = "meja.effect.scheduled.v1")]
    EffectScheduled(Scheduled),
    /// A try failed; there will be another one.
    #[serde(rename = "meja.effect.attempt_failed.v1")]
    AttemptFailed(AttemptFailed),
    /// It is done, or there was nothing to do any more.
    #[serde(rename = "meja.effect.succeeded.v1")]
    EffectSucceeded(Succeeded),
    /// It can not be done: a dead letter.
    #[serde(rename = "meja.effect.died.v1")]
    EffectDied(Died),
    /// Somebody wants it to be tried again.
    #[serde(rename = "meja.effect.retried.v1")]
    EffectRetried(Retried),
    /// Somebody decided that it is not to be done.
    #[serde(rename = "meja.effect.discarded.v1")]
    EffectDiscarded(Discarded),
    /// A guest can pay.
    #[serde(rename = "meja.payment.opened.v1")]
    PaymentOpened(PaymentOpened),
    /// The provider says whether the guest paid.
    #[serde(rename = "meja.payment.decided.v1")]
    PaymentDecided(PaymentDecided),
    /// The provider gave money back.
    #[serde(rename = "meja.payment.returned.v1")]
    PaymentReturned(PaymentReturned),
    /// A system of the restaurant is told nothing any more, or again.
    #[serde(rename = "meja.hook.switched.v1")]
    WebhookSwitched(WebhookSwitched),
    /// Everything up to here was reacted to.
    #[serde(rename = "meja.cursor.moved.v1")]
    CursorMoved(CursorMoved),
}

/// Something is to be done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scheduled {
    /// Its key.
    pub key: EffectKey,
    /// What.
    pub effect: Effect,
    /// Not before this.
    pub due_at: DateTime<Utc>,
    /// The event at whose end it stands.
    pub event_id: Option<String>,
    /// The request at whose end it stands.
    pub correlation_id: String,
    /// The trace it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<String>,
}

/// A try failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttemptFailed {
    /// Of which effect.
    pub key: EffectKey,
    /// Why, in words.
    pub error: String,
    /// When the next one is.
    pub next_attempt_at: DateTime<Utc>,
    /// Whether the next one needs another idempotency key, because the other side may have kept its failure.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub new_key: bool,
    /// Whether it does not count against the number of tries: the whole provider is down.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub uncounted: bool,
}

/// It is done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Succeeded {
    /// Which effect.
    pub key: EffectKey,
    /// `done`, or why there was nothing to do any more.
    pub outcome: String,
    /// Whom it reached, masked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recipient: Option<String>,
}

/// It can not be done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Died {
    /// Which effect.
    pub key: EffectKey,
    /// Why, as a stable code.
    pub reason_code: String,
    /// Why, in words.
    pub error: String,
}

/// Somebody wants it to be tried again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retried {
    /// Which effect.
    pub key: EffectKey,
}

/// Somebody decided that it is not to be done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Discarded {
    /// Which effect.
    pub key: EffectKey,
    /// Why, in words.
    pub reason: String,
}

/// A guest can pay.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaymentOpened {
    /// Which payment.
    pub payment_id: PaymentId,
    /// For which reservation.
    pub reservation_id: ReservationId,
    /// How much.
    pub amount: Money,
    /// By which channel.
    pub channel: String,
    /// What it is asked for.
    #[serde(default)]
    pub purpose: Purpose,
    /// Who takes the money.
    #[serde(default = "simulated")]
    pub provider: String,
    /// The provider's name for it. Not to be guessed: who has it can pay.
    pub provider_reference: String,
    /// Where to pay.
    pub url: String,
    /// The request at whose end it stands.
    pub correlation_id: String,
}

/// The provider says whether the guest paid.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaymentDecided {
    /// Which payment.
    pub payment_id: PaymentId,
    /// Whether the guest paid.
    pub paid: bool,
    /// How much came, where that is not what was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount: Option<Money>,
    /// Whether it was closed because nobody was to pay any more.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub closed: bool,
}

/// Who took the money before there was a choice.
fn simulated() -> String {
    "simulated".into()
}

/// The provider gave money back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaymentReturned {
    /// Which payment.
    pub payment_id: PaymentId,
    /// How much of it.
    pub amount: Money,
    /// The provider's name for the refund.
    pub provider_reference: String,
}

/// A system of the restaurant is told nothing any more, or again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WebhookSwitched {
    /// Which one, by its id in the settings.
    pub hook: String,
    /// Whether it is told.
    pub enabled: bool,
}

/// Everything up to here was reacted to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CursorMoved {
    /// The last event that was reacted to.
    pub last_event_id: EventId,
    /// When that happened.
    pub time: DateTime<Utc>,
}

impl Entry {
    /// Reads stored bytes back: type and data stand side by side in the envelope.
    ///
    /// # Errors
    /// What `serde_json` found when a later version wrote it, or when it is damaged.
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
            Self::WebhookSwitched(_) => "meja.hook.switched.v1",
            Self::CursorMoved(_) => "meja.cursor.moved.v1",
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
            Self::WebhookSwitched(data) => serde_json::to_vec(data),
            Self::CursorMoved(data) => serde_json::to_vec(data),
        }
    }

    /// What the entry is about, as subject and tag.
    fn about(&self) -> (String, Tag) {
        match self {
            Self::EffectScheduled(Scheduled { key, .. })
            | Self::AttemptFailed(AttemptFailed { key, .. })
            | Self::EffectSucceeded(Succeeded { key, .. })
            | Self::EffectDied(Died { key, .. })
            | Self::EffectDiscarded(Discarded { key, .. })
            | Self::EffectRetried(Retried { key }) => (format!("effect/{key}"), effect_tag(key)),
            Self::PaymentOpened(PaymentOpened { payment_id, .. })
            | Self::PaymentDecided(PaymentDecided { payment_id, .. })
            | Self::PaymentReturned(PaymentReturned { payment_id, .. }) => {
                (format!("payment/{payment_id}"), Tag::payment(*payment_id))
            }
            Self::WebhookSwitched(WebhookSwitched { hook, .. }) => (format!("hook/{hook}"), hook_tag(hook)),
            Self::CursorMoved(_) => ("cursor/reservation".into(), cursor_tag()),
        }
    }

    /// Makes a log entry of it.
    ///
    /// # Errors
    /// Never for the entries of this module; the signature is `serde_json`'s.
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

/// What the notifier knows of its entries, for `notifier log …`.
pub struct Entries;

impl log_tools::EventCatalogue for Entries {
    fn describe(&self, stored: EventBytes<'_>) -> Result<String, String> {
        let entry = Entry::decode(stored.json).map_err(|error| error.to_string())?;
        Ok(match entry {
            Entry::EffectScheduled(e) => format!("{} is due at {}", e.key, e.due_at),
            Entry::AttemptFailed(e) => format!("a try failed: {}; again at {}", e.error, e.next_attempt_at),
            Entry::EffectSucceeded(e) => e.outcome,
            Entry::EffectDied(e) => format!("given up: {} ({})", e.error, e.reason_code),
            Entry::EffectRetried(_) => "to be tried again".into(),
            Entry::EffectDiscarded(e) => format!("discarded by hand: {}", e.reason),
            Entry::PaymentOpened(e) => {
                format!("{} {} asked for by {}", e.amount.currency, e.amount.amount_minor, e.channel)
            }
            Entry::PaymentDecided(e) if e.closed => "closed: nobody is to pay any more".into(),
            Entry::PaymentDecided(e) => if e.paid { "paid" } else { "refused" }.into(),
            Entry::PaymentReturned(e) => format!("{} {} went back", e.amount.currency, e.amount.amount_minor),
            Entry::WebhookSwitched(e) => {
                if e.enabled { "told again" } else { "told nothing any more" }.into()
            }
            Entry::CursorMoved(e) => format!("the feed was followed up to {}", e.last_event_id.position),
        })
    }

    fn confidential_digest(&self, _: EventBytes<'_>) -> Option<ConfidentialDigest> {
        // The notifier keeps nothing personal.
        None
    }
}

/// Everything about one effect.
#[must_use]
pub fn effect_tag(key: &EffectKey) -> Tag {
    Tag::new("effect", key)
}

/// Everything about one system of the restaurant.
#[must_use]
pub fn hook_tag(hook: &str) -> Tag {
    Tag::new("hook", hook)
}

/// How far the feed was read.
#[must_use]
pub fn cursor_tag() -> Tag {
    Tag::new("cursor", "reservation")
}
