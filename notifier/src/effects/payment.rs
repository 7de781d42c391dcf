//! A payment in the effect log.

use std::cmp::Reverse;

use chrono::{DateTime, Utc};
use contract::notifier::words;
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

    /// Its place in a list: the latest first, in microseconds, then by id.
    #[must_use]
    pub fn place(&self) -> (Reverse<i64>, PaymentId) {
        (Reverse(self.opened_at.timestamp_micros()), self.id())
    }

    /// The amount that can still be refunded.
    #[must_use]
    pub fn refundable(&self) -> Option<Money> {
        let left_minor = self.opened.amount.amount_minor - self.refunded_minor;
        let left = Money { amount_minor: left_minor, ..self.opened.amount };
        (self.status == PaymentStatus::Paid && left_minor > 0).then_some(left)
    }

    /// The word for the status, which contains the refunds.
    #[must_use]
    pub fn full_status(&self) -> words::PaymentStatus {
        match self.status {
            PaymentStatus::Pending => words::PaymentStatus::Pending,
            PaymentStatus::Refused => words::PaymentStatus::Refused,
            PaymentStatus::Expired => words::PaymentStatus::Expired,
            PaymentStatus::Paid if self.refunded_minor == 0 => words::PaymentStatus::Paid,
            PaymentStatus::Paid if self.refunded_minor >= self.opened.amount.amount_minor => {
                words::PaymentStatus::Refunded
            }
            PaymentStatus::Paid => words::PaymentStatus::PartlyRefunded,
        }
    }
}
