//! What became of a payment, as far as the notifier knows.

use chrono::{DateTime, Utc};
use events::values::Money;
use events::{PaymentId, ReservationId};

use crate::effects::entry::PaymentOpened;

/// A payment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payment {
    /// How it was opened.
    pub opened: PaymentOpened,
    /// When.
    pub opened_at: DateTime<Utc>,
    /// How far it is.
    pub status: PaymentStatus,
    /// What went back so far, in minor units.
    pub refunded_minor: i64,
}

/// How far a payment is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PaymentStatus {
    /// The guest can pay.
    Pending,
    /// The guest paid.
    Paid,
    /// The guest refused.
    Refused,
    /// Nobody paid it while it could be paid.
    Expired,
}

impl Payment {
    /// Which payment.
    #[must_use]
    pub fn id(&self) -> PaymentId {
        self.opened.payment_id
    }

    /// For which reservation.
    #[must_use]
    pub fn reservation_id(&self) -> ReservationId {
        self.opened.reservation_id
    }

    /// What could still go back.
    #[must_use]
    pub fn refundable(&self) -> Option<Money> {
        let left_minor = self.opened.amount.amount_minor - self.refunded_minor;
        let left = Money { amount_minor: left_minor, ..self.opened.amount };
        (self.status == PaymentStatus::Paid && left_minor > 0).then_some(left)
    }

    /// Every word there is.
    pub const WORDS: [&str; 6] = ["pending", "paid", "refused", "expired", "partly_refunded", "refunded"];

    /// The word that stands in answers.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self.status {
            PaymentStatus::Pending => "pending",
            PaymentStatus::Refused => "refused",
            PaymentStatus::Expired => "expired",
            PaymentStatus::Paid if self.refunded_minor == 0 => "paid",
            PaymentStatus::Paid if self.refunded_minor >= self.opened.amount.amount_minor => "refunded",
            PaymentStatus::Paid => "partly_refunded",
        }
    }
}
