//! Something to be done outside, as data, with a key that makes it happen once.

use std::fmt;

use chrono::{DateTime, Utc};
pub use events::values::Purpose;
use events::values::{Medium, Money};
use events::{EventId, PaymentId, ReservationId, WaitlistId};
use serde::{Deserialize, Serialize};

/// Names an effect: derived from the event and the kind of effect, so that the same event always
/// gives the same key. It is the provider's idempotency key, the mail's Message-ID and the
/// Idempotency-Key of the result that is posted back.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EffectKey(pub String);

impl EffectKey {
    /// The key of the effect of this `kind` that follows from an event.
    #[must_use]
    pub fn of_event(event: events::EventId, kind: &str) -> Self {
        Self(format!("{}.{kind}", event.uuid))
    }

    /// The key of the effect of this `kind` that follows from what became of `self`.
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

/// What a message is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(untagged)]
pub enum About {
    /// A reservation.
    Reservation {
        /// Which one.
        reservation_id: ReservationId,
    },
    /// A party that waits.
    Waitlist {
        /// Which one.
        waitlist_id: WaitlistId,
    },
}

impl About {
    /// Where it stands at the reservation service.
    #[must_use]
    pub fn path(&self) -> String {
        match self {
            Self::Reservation { reservation_id } => format!("/api/reservations/{reservation_id}"),
            Self::Waitlist { waitlist_id } => format!("/api/waitlist/{waitlist_id}"),
        }
    }

    /// The reservation, if it is one.
    #[must_use]
    pub fn reservation_id(&self) -> Option<ReservationId> {
        match self {
            Self::Reservation { reservation_id } => Some(*reservation_id),
            Self::Waitlist { .. } => None,
        }
    }

    /// The party that waits, if it is one.
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

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Effect {
    /// Ask the guest for money.
    TakeDeposit(TakeDeposit),
    /// Let nobody pay any more for what is called off.
    ClosePayments {
        /// For which reservation.
        reservation_id: ReservationId,
    },
    /// Give money back.
    Refund {
        /// For which reservation.
        reservation_id: ReservationId,
        /// Which payment.
        payment_id: PaymentId,
        /// How much of it.
        amount: Money,
    },
    /// Tell the guest something.
    Message {
        /// About what.
        #[serde(flatten)]
        about: About,
        /// What to say.
        template: Template,
        /// How.
        medium: Medium,
        /// When the party comes, as far as the message knows: it is not sent if that has changed.
        start: Option<DateTime<Utc>>,
        /// Where to pay.
        link: Option<String>,
        /// The amount the message is about.
        amount: Option<Money>,
    },
    /// Tell the reservation service what became of a payment.
    PostPayment {
        /// Of which reservation.
        reservation_id: ReservationId,
        /// What became of it.
        result: PaymentResult,
    },
    /// Tell the reservation service what became of a message.
    PostNotification {
        /// About what.
        #[serde(flatten)]
        about: About,
        /// What became of it.
        result: NotificationResult,
    },
    /// Tell a system of the restaurant.
    #[serde(rename = "tell_hook")]
    SendWebhook(SendWebhook),
    /// React to an event that could not be read when it came: it was parked, and later ones were gone on with.
    React {
        /// The event before it in the feed, from which on it is fetched again.
        after: Option<EventId>,
    },
}

/// Money that a guest is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TakeDeposit {
    /// For which reservation.
    pub reservation_id: ReservationId,
    /// Which payment.
    pub payment_id: PaymentId,
    /// How much.
    pub amount: Money,
    /// How the guest wants to pay, if they said so.
    pub channel: Option<String>,
    /// What it is asked for.
    #[serde(default)]
    pub purpose: Purpose,
}

/// An event that a system of the restaurant is told of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SendWebhook {
    /// Which system, by the id in the settings.
    pub hook: String,
    /// Its place in the feed.
    pub position: u64,
    /// The event before it in the feed, from which on it is fetched when it is told.
    pub after: Option<EventId>,
    /// The place of the one before it that this system was told of, if that is known.
    pub previous: Option<u64>,
}

/// Effects that go to the same place outside: one that does not answer holds up its own lane only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Lane {
    /// To the payment provider.
    Money,
    /// To guests, by mail.
    Mail,
    /// To guests, by text message.
    Sms,
    /// To systems of the restaurant.
    Webhooks,
    /// To the reservation service.
    Results,
}

impl Lane {
    /// Every lane.
    pub const ALL: [Self; 5] = [Self::Money, Self::Mail, Self::Sms, Self::Webhooks, Self::Results];
}

/// What a message says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Template {
    /// We have your request.
    Received,
    /// Please pay a deposit.
    DepositDue,
    /// We expect you.
    Confirmed,
    /// We expect you at another time.
    Rescheduled,
    /// It is called off.
    Cancelled,
    /// Your money is on its way back.
    Refunded,
    /// See you soon.
    Reminder,
    /// Something has become free for you.
    Offer,
    /// Please pay the fee for not having come.
    FeeDue,
    /// Your payment came too late and goes back.
    PaidLate,
}

impl Template {
    /// Every template.
    pub const ALL: [Self; 10] = [
        Self::Received,
        Self::DepositDue,
        Self::Confirmed,
        Self::Rescheduled,
        Self::Cancelled,
        Self::Refunded,
        Self::Reminder,
        Self::Offer,
        Self::FeeDue,
        Self::PaidLate,
    ];

    /// Its name in files, events and answers.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Received => "received",
            Self::DepositDue => "deposit_due",
            Self::Confirmed => "confirmed",
            Self::Rescheduled => "rescheduled",
            Self::Cancelled => "cancelled",
            Self::Refunded => "refunded",
            Self::Reminder => "reminder",
            Self::Offer => "offer",
            Self::FeeDue => "fee_due",
            Self::PaidLate => "paid_late",
        }
    }
}

/// What became of a payment, as it is posted back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaymentResult {
    /// Which payment.
    pub payment_id: PaymentId,
    /// What became of it.
    #[serde(flatten)]
    pub outcome: PaymentOutcome,
}

/// What became of a payment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum PaymentOutcome {
    /// The money came.
    Completed {
        /// How much.
        #[serde(flatten)]
        amount: Money,
        /// By which channel.
        channel: String,
        /// The provider's name for it.
        provider_reference: String,
    },
    /// It did not.
    Failed {
        /// Why, as a stable code.
        reason_code: String,
    },
    /// Some or all of it went back.
    Refunded {
        /// How much.
        #[serde(flatten)]
        amount: Money,
        /// The provider's name for the refund.
        provider_reference: String,
    },
}

/// What became of a message, as it is posted back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotificationResult {
    /// The key of the message.
    pub notification_id: EffectKey,
    /// What it says.
    pub template: Template,
    /// How it went.
    pub medium: Medium,
    /// What became of it.
    #[serde(flatten)]
    pub outcome: NotificationOutcome,
}

/// What became of a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum NotificationOutcome {
    /// It went out.
    Sent,
    /// It could not go out.
    Failed {
        /// Why, as a stable code.
        reason_code: String,
    },
}

impl Effect {
    /// What it is about.
    #[must_use]
    pub fn about(&self) -> Option<About> {
        match self {
            Self::TakeDeposit(TakeDeposit { reservation_id, .. })
            | Self::ClosePayments { reservation_id }
            | Self::Refund { reservation_id, .. }
            | Self::PostPayment { reservation_id, .. } => Some((*reservation_id).into()),
            Self::Message { about, .. } | Self::PostNotification { about, .. } => Some(*about),
            Self::SendWebhook(_) | Self::React { .. } => None,
        }
    }

    /// Which effects it may keep waiting.
    #[must_use]
    pub fn lane(&self) -> Lane {
        match self {
            Self::TakeDeposit(_) | Self::ClosePayments { .. } | Self::Refund { .. } => Lane::Money,
            Self::Message { medium: Medium::Mail, .. } => Lane::Mail,
            Self::Message { medium: Medium::Sms, .. } => Lane::Sms,
            Self::SendWebhook(_) => Lane::Webhooks,
            Self::PostPayment { .. } | Self::PostNotification { .. } | Self::React { .. } => Lane::Results,
        }
    }

    /// Whether the reservation service is asked for it. Money goes back without.
    #[must_use]
    pub fn needs_reservation(&self) -> bool {
        !matches!(self, Self::Refund { .. } | Self::ClosePayments { .. })
    }

    /// Whether money moves, or is told to have moved.
    #[must_use]
    pub fn is_about_money(&self) -> bool {
        self.lane() == Lane::Money || matches!(self, Self::PostPayment { .. })
    }

    /// Its kind, as it stands in answers and metrics.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::TakeDeposit(_) => "take_deposit",
            Self::ClosePayments { .. } => "close_payments",
            Self::Refund { .. } => "refund",
            Self::Message { .. } => "message",
            Self::PostPayment { .. } => "post_payment",
            Self::PostNotification { .. } => "post_notification",
            Self::SendWebhook(_) => "tell_hook",
            Self::React { .. } => "react",
        }
    }
}

/// An effect with its key, and from when on it may be execution.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Planned {
    /// Its key.
    pub key: EffectKey,
    /// What is to be done.
    pub effect: Effect,
    /// Not before this.
    pub due_at: DateTime<Utc>,
}
