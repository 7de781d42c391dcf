//! An effect outside Meja, as data, with a key that makes it happen once.

mod results;
mod staff_template;
mod template;

use std::fmt;

use chrono::{DateTime, Utc};
use contract::notifier::words::EffectKind;
pub use events::values::Purpose;
use events::values::{Medium, Money};
use events::{EventId, PaymentId, ReservationId, StaffId, WaitlistId};
use serde::{Deserialize, Serialize};

pub use self::results::{NotificationOutcome, NotificationResult, PaymentOutcome, PaymentResult};
pub use self::staff_template::StaffTemplate;
pub use self::template::Template;

/// Identifies an effect. Derived from the event and the kind of effect, so that the same event always has the same
/// keys. It is the idempotency key at the provider, the Message-ID of a mail, and the Idempotency-Key of the
/// reported result.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EffectKey(pub String);

impl EffectKey {
    /// The key of the effect of this `kind` of an event.
    #[must_use]
    pub fn of_event(event: events::EventId, kind: &str) -> Self {
        Self(format!("{}.{kind}", event.uuid))
    }

    /// The key of the effect of this `kind` that follows from the result of `self`.
    #[must_use]
    pub fn then(&self, kind: &str) -> Self {
        Self(format!("{}.{kind}", self.0))
    }
}

impl fmt::Display for EffectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The subject of an effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(untagged)]
pub enum About {
    /// A reservation.
    Reservation {
        /// Its id.
        reservation_id: ReservationId,
    },
    /// A waiting party.
    Waitlist {
        /// Its id.
        waitlist_id: WaitlistId,
    },
}

impl About {
    /// Its path at the reservation service.
    #[must_use]
    pub fn path(&self) -> String {
        match self {
            Self::Reservation { reservation_id } => format!("/api/reservations/{reservation_id}"),
            Self::Waitlist { waitlist_id } => format!("/api/waitlist/{waitlist_id}"),
        }
    }

    /// The reservation, if the subject is one.
    #[must_use]
    pub fn reservation_id(&self) -> Option<ReservationId> {
        match self {
            Self::Reservation { reservation_id } => Some(*reservation_id),
            Self::Waitlist { .. } => None,
        }
    }

    /// The waitlist entry, if the subject is one.
    #[must_use]
    pub fn waitlist_id(&self) -> Option<WaitlistId> {
        match self {
            Self::Reservation { .. } => None,
            Self::Waitlist { waitlist_id } => Some(*waitlist_id),
        }
    }
}

impl From<ReservationId> for About {
    fn from(reservation_id: ReservationId) -> Self {
        Self::Reservation { reservation_id }
    }
}

/// The effect.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Effect {
    /// Request a payment from the guest.
    TakeDeposit(TakeDeposit),
    /// Close the open payments of a reservation.
    ClosePayments {
        /// The reservation.
        reservation_id: ReservationId,
        /// Only this payment; `None` for all that are open.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        payment_id: Option<PaymentId>,
        /// Only if the guest need not pay it any more.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        if_not_owed: bool,
    },
    /// Store the new link to pay for the open payments of a reservation.
    RenewPayLinks {
        /// The reservation.
        reservation_id: ReservationId,
    },
    /// Send the current message again, because the address of the guest was corrected.
    SendAgain {
        /// The reservation.
        reservation_id: ReservationId,
        /// By which media.
        media: Vec<Medium>,
    },
    /// Refund a payment.
    Refund {
        /// The reservation.
        reservation_id: ReservationId,
        /// The payment.
        payment_id: PaymentId,
        /// The amount.
        amount: Money,
    },
    /// Send a message to the guest.
    Message {
        /// The subject.
        #[serde(flatten)]
        about: About,
        /// The template.
        template: Template,
        /// The medium.
        medium: Medium,
        /// The arrival when the message was scheduled. The message is not sent if it has changed.
        start: Option<DateTime<Utc>>,
        /// The URL of the payment page.
        link: Option<String>,
        /// The amount in the message.
        amount: Option<Money>,
    },
    /// Erase the copies of the messages to the guest.
    EraseCopies {
        /// The subject.
        #[serde(flatten)]
        about: About,
    },
    /// Send a message to a member of staff.
    StaffMessage {
        /// The person.
        staff_id: StaffId,
        /// The template.
        template: StaffTemplate,
        /// The number of the link in the message. The message is not sent if there is a later one.
        number: u32,
    },
    /// Report the result of a payment to the reservation service.
    PostPayment {
        /// The reservation.
        reservation_id: ReservationId,
        /// The result.
        result: PaymentResult,
    },
    /// Report the result of a message to the reservation service.
    PostNotification {
        /// The subject.
        #[serde(flatten)]
        about: About,
        /// The result.
        result: NotificationResult,
    },
    /// Send an event to a webhook subscriber.
    #[serde(rename = "tell_hook")]
    SendWebhook(SendWebhook),
    /// Process an event that could not be decoded when it was read. Later events were processed meanwhile.
    React {
        /// The event before it in the feed, needed to read it again.
        after: Option<EventId>,
    },
}

/// A requested payment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TakeDeposit {
    /// The reservation.
    pub reservation_id: ReservationId,
    /// The payment.
    pub payment_id: PaymentId,
    /// The amount.
    pub amount: Money,
    /// The payment channel chosen by the guest, if any.
    pub channel: Option<String>,
    /// The purpose.
    #[serde(default)]
    pub purpose: Purpose,
}

/// An event for a webhook subscriber.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SendWebhook {
    /// The id of the subscription.
    pub hook: String,
    /// The position of the event.
    pub position: u64,
    /// The event before it in the feed, needed to read it for the webhook.
    pub after: Option<EventId>,
    /// The position of the previous event for this subscriber, if it is known.
    pub previous: Option<u64>,
}

/// A queue of effects for the same system outside. A slow system delays only its own lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Lane {
    /// For the payment provider.
    Money,
    /// Mail to guests and to members of staff.
    Mail,
    /// Text messages to guests.
    Sms,
    /// Webhooks to subscribers.
    Webhooks,
    /// Results for the reservation service.
    Results,
}

impl Lane {
    /// All lanes.
    pub const ALL: [Self; 5] = [Self::Money, Self::Mail, Self::Sms, Self::Webhooks, Self::Results];
}

impl Effect {
    /// The subject of the effect, if it has one.
    #[must_use]
    pub fn about(&self) -> Option<About> {
        match self {
            Self::TakeDeposit(TakeDeposit { reservation_id, .. })
            | Self::ClosePayments { reservation_id, .. }
            | Self::RenewPayLinks { reservation_id }
            | Self::SendAgain { reservation_id, .. }
            | Self::Refund { reservation_id, .. }
            | Self::PostPayment { reservation_id, .. } => Some((*reservation_id).into()),
            Self::Message { about, .. }
            | Self::EraseCopies { about }
            | Self::PostNotification { about, .. } => Some(*about),
            Self::StaffMessage { .. } | Self::SendWebhook(_) | Self::React { .. } => None,
        }
    }

    /// The lane of the effect.
    #[must_use]
    pub fn lane(&self) -> Lane {
        match self {
            Self::TakeDeposit(_) | Self::ClosePayments { .. } | Self::Refund { .. } => Lane::Money,
            // After the messages that are not sent yet.
            Self::Message { medium: Medium::Mail, .. }
            | Self::EraseCopies { .. }
            | Self::StaffMessage { .. } => Lane::Mail,
            Self::Message { medium: Medium::Sms, .. } => Lane::Sms,
            Self::SendWebhook(_) => Lane::Webhooks,
            Self::PostPayment { .. }
            | Self::PostNotification { .. }
            | Self::RenewPayLinks { .. }
            | Self::SendAgain { .. }
            | Self::React { .. } => Lane::Results,
        }
    }

    /// The payment that the effect is about. Effects of one payment run in order, and wait for no other payment: a guest chooses
    /// another channel because the system of the first one does not answer.
    #[must_use]
    pub fn payment(&self) -> Option<PaymentId> {
        match self {
            Self::TakeDeposit(TakeDeposit { payment_id, .. }) | Self::Refund { payment_id, .. } => {
                Some(*payment_id)
            }
            Self::ClosePayments { payment_id, .. } => *payment_id,
            _ => None,
        }
    }

    /// Whether the effect needs the reservation service. Refunds do not.
    #[must_use]
    pub fn needs_reservation(&self) -> bool {
        !matches!(
            self,
            Self::Refund { .. } | Self::ClosePayments { if_not_owed: false, .. } | Self::EraseCopies { .. }
        )
    }

    /// Whether the effect moves money, or reports a movement.
    #[must_use]
    pub fn is_about_money(&self) -> bool {
        self.lane() == Lane::Money || matches!(self, Self::PostPayment { .. })
    }

    /// The kind in responses and metrics.
    #[must_use]
    pub fn kind(&self) -> EffectKind {
        match self {
            Self::TakeDeposit(_) => EffectKind::TakeDeposit,
            Self::ClosePayments { .. } => EffectKind::ClosePayments,
            Self::RenewPayLinks { .. } => EffectKind::RenewPayLinks,
            Self::SendAgain { .. } => EffectKind::SendAgain,
            Self::Refund { .. } => EffectKind::Refund,
            Self::Message { .. } => EffectKind::Message,
            Self::EraseCopies { .. } => EffectKind::EraseCopies,
            Self::StaffMessage { .. } => EffectKind::StaffMessage,
            Self::PostPayment { .. } => EffectKind::PostPayment,
            Self::PostNotification { .. } => EffectKind::PostNotification,
            Self::SendWebhook(_) => EffectKind::TellHook,
            Self::React { .. } => EffectKind::React,
        }
    }
}

/// An effect with its key and its earliest time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Planned {
    /// The key.
    pub key: EffectKey,
    /// The effect.
    pub effect: Effect,
    /// The earliest time.
    pub due_at: DateTime<Utc>,
}
