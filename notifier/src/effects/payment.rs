//! A payment in the effect log.

use chrono::{DateTime, Utc};
use events::values::Money;
use events::{PaymentId, ReservationId};

use crate::effects::entry::PaymentOpened;

/// A payment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payment {
    /// The entry that opened it.
    pub opened: PaymentOpened,
    /// When it was opened.
    pub opened_at: DateTime<Utc>,
    /// The status.
    pub status: PaymentStatus,
    /// The refunded amount, in minor units.
    pub refunded_minor: i64,
}

/// The status of a payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PaymentStatus {
    /// The guest can pay it.
    Pending,
    /// The guest paid.
    Paid,
    /// The guest refused.
    Refused,
    /// It expired unpaid.
    Expired,
}

impl Payment {
    /// The payment.
    #[must_use]
    pub fn id(&self) -> PaymentId {
        self.opened.payment_id
    }

    /// The reservation.
    #[must_use]
    pub fn reservation_id(&self) -> ReservationId {
        self.opened.reservation_id
    }

    /// The amount that can still be refunded.
    #[must_use]
    pub fn refundable(&self) -> Option<Money> {
        let left_minor = self.opened.amount.amount_minor - self.refunded_minor;
        let left = Money { amount_minor: left_minor, ..self.opened.amount };
        (self.status == PaymentStatus::Paid && left_minor > 0).then_some(left)
    }

    /// All values of [`Self::word`].
    pub const WORDS: [&str; 6] = ["pending", "paid", "refused", "expired", "partly_refunded", "refunded"];

    /// The status as used in responses.
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
