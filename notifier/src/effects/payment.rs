//! A payment in the effect log.

use std::cmp::Reverse;

use chrono::{DateTime, Utc};
use contract::notifier::words;
use contract::reservation::view::ContactView;
use events::values::Money;
use events::{PaymentId, ReservationId};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

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

/// The link to pay `payment_id` among those of a guest.
pub(crate) fn pay_link_in(contact: &ContactView, payment_id: PaymentId) -> Option<&str> {
    let link = contact.pay_links.iter().find(|link| link.payment_id == payment_id)?;
    Some(&link.token)
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

    /// Whether a guest can pay it.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.status == PaymentStatus::Pending
    }

    /// Whether `link` opens its page. Compares in constant time. A payment of an earlier version has no link.
    #[must_use]
    pub fn is_opened_by(&self, link: Option<&str>) -> bool {
        match (&self.opened.link_sha256, link) {
            (None, link) => link.is_none(),
            (Some(hash), Some(link)) => bool::from(hash.as_bytes().ct_eq(link_sha256(link).as_bytes())),
            (Some(_), None) => false,
        }
    }

    /// The URL of its page with the guest's link to pay. It is never stored, so that only the guest has it.
    #[must_use]
    pub fn url_for(&self, contact: &ContactView) -> String {
        match pay_link_in(contact, self.id()).filter(|_| self.opened.link_sha256.is_some()) {
            Some(link) => format!("{}/{link}", self.opened.url),
            None => self.opened.url.clone(),
        }
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

/// The hash of a link, hexadecimal.
#[must_use]
pub fn link_sha256(link: &str) -> String {
    hex::encode(Sha256::digest(link))
}
