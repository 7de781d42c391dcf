//! Requesting a deposit again: of a visit that is possible again, by another channel, or after a payment that was refused.

use chrono::{DateTime, TimeDelta, Utc};
use events::PaymentId;
use events::event::{Event, PaymentRequested};
use events::values::{Money, Purpose};

use super::{Charge, Reservation, Status};
use crate::domain::refusal::Refusal;

/// How long a guest has to pay a deposit that is requested again, because staff changed something; at most until the visit.
const DEPOSIT_AGAIN_PERIOD: TimeDelta = TimeDelta::hours(24);

impl Reservation {
    /// Requests the deposit again for a called-off visit that is possible again. Its first payment was closed, and money
    /// that still arrived for it went back.
    pub(super) fn renewed_deposit(&self, now: DateTime<Utc>) -> Option<Event> {
        (self.status == Status::Pending && self.is_called_off()).then(|| self.deposit_again(now)).flatten()
    }

    /// Requests the deposit again for a party under a closure that gets a table after all.
    pub(super) fn deposit_once_placed(&self, now: DateTime<Utc>) -> Option<Event> {
        (self.status == Status::Pending && self.is_under_closure()).then(|| self.deposit_again(now)).flatten()
    }

    /// Requests the deposit again, unless it is paid or waived, or was never required.
    pub(super) fn deposit_again(&self, now: DateTime<Utc>) -> Option<Event> {
        let mut channel = self.booking.payment_channel.as_ref();
        let (closed, amount) = match &self.deposit {
            Charge::Due(due) => {
                channel = due.channel.as_ref();
                (due.payment_id, due.amount)
            }
            Charge::Paid(paid) if paid.left_minor() == 0 => {
                let owed_minor = self.deposit_owed_minor(self.party_size(), paid.amount.amount_minor);
                (paid.payment_id, Money { amount_minor: owed_minor, ..paid.amount })
            }
            Charge::NotRequired | Charge::Waived(_) | Charge::Paid(_) => return None,
        };
        if amount.amount_minor == 0 {
            return None;
        }
        let hold = TimeDelta::minutes(i64::from(self.booking.policy.auto_cancel_minutes));
        // The guest did not ask for this, and may sleep.
        let by_then = (now + DEPOSIT_AGAIN_PERIOD).min(self.window().start);
        let requested = PaymentRequested {
            payment_id: self.unused_after(closed),
            amount,
            channel: channel.cloned(),
            expires_at: by_then.max(now + hold),
            purpose: Purpose::Deposit,
            // The payment before was closed when the visit was called off, or went back after a cancellation.
            replaces: None,
        };
        Some(requested.into())
    }

    /// The id of the next payment after `payment`. Each is used once: the provider has closed those before.
    fn unused_after(&self, payment: PaymentId) -> PaymentId {
        let mut next = payment.renewed();
        while self.account(next).is_some() {
            next = next.renewed();
        }
        next
    }

    /// Requests a deposit that is due by another channel, or again after a payment that was refused. The time to pay it stays, so
    /// that no table is held longer this way.
    pub(super) fn decide_renewed_deposit(
        &self,
        channel: Option<&String>,
        now: DateTime<Utc>,
    ) -> Result<Vec<Event>, Refusal> {
        let due = match (&self.status, &self.deposit) {
            (Status::Pending, Charge::Due(due)) if !due.is_closed && now < due.expires_at => due,
            (Status::Pending | Status::Confirmed, _) => return Err(Refusal::NoDepositDue),
            (other, _) => return Err(other.refusal(Refusal::NoDepositDue)),
        };
        let channel = channel.or(due.channel.as_ref());
        if due.failure.is_none() && channel == due.channel.as_ref() {
            return Ok(vec![]);
        }
        let requested = PaymentRequested {
            payment_id: self.unused_after(due.payment_id),
            amount: due.amount,
            channel: channel.cloned(),
            expires_at: due.expires_at,
            purpose: Purpose::Deposit,
            replaces: Some(due.payment_id),
        };
        Ok(vec![requested.into()])
    }
}
