//! The payments of a reservation: which one an event is about, and which ones no longer count.

use events::PaymentId;
use events::event::{Event, PaymentCompleted, PaymentFailed, PaymentRefunded, PaymentRequested, Refund};
use events::values::Purpose;

use super::{Charge, Reservation};

/// A payment other than the current one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClosedPayment {
    /// What it was for.
    pub purpose: Purpose,
    /// Its state.
    pub charge: Charge,
    /// Whether the guest asked for another payment in its place. It still counts if it is paid first.
    pub is_replaced: bool,
}

impl Reservation {
    /// The state of the payment `payment`, and what it is for.
    #[must_use]
    pub fn account(&self, payment: PaymentId) -> Option<(&Charge, Purpose)> {
        let deposit = (&self.deposit, Purpose::Deposit);
        let fee = self.fee.as_deref().map(|fee| (fee, Purpose::NoShowFee));
        let closed = self.closed_payments.iter().map(|closed| (&closed.charge, closed.purpose));
        let all = std::iter::once(deposit).chain(fee).chain(closed);
        all.into_iter().find(|(account, _)| account.payment_id() == Some(payment))
    }

    /// Whether `payment` was closed: its deposit was requested anew, or its fee was withdrawn.
    #[must_use]
    pub fn is_closed(&self, payment: PaymentId) -> bool {
        self.closed_payments.iter().any(|closed| closed.charge.payment_id() == Some(payment))
    }

    /// The payment that is due in place of `payment`, if the money for `payment` can still pay the deposit.
    pub(super) fn successor(&self, payment: PaymentId) -> Option<PaymentId> {
        let mut closed = self.closed_payments.iter();
        let is_replaced = closed.any(|it| it.is_replaced && it.charge.payment_id() == Some(payment));
        match &self.deposit {
            Charge::Due(due) if is_replaced && !due.is_closed => Some(due.payment_id),
            _ => None,
        }
    }

    fn account_mut(&mut self, payment: PaymentId) -> &mut Charge {
        match &mut self.fee {
            Some(fee) if fee.payment_id() == Some(payment) => fee,
            _ => {
                let mut closed = self.closed_payments.iter_mut().map(|closed| &mut closed.charge);
                closed.find(|closed| closed.payment_id() == Some(payment)).unwrap_or(&mut self.deposit)
            }
        }
    }

    /// Applies an event of a payment.
    pub(super) fn evolve_money(&mut self, event: &Event) {
        let payment = match event {
            Event::PaymentRequested(requested) if requested.purpose == Purpose::NoShowFee => {
                let mut fee = Charge::NotRequired;
                fee.evolve(event);
                self.fee = Some(Box::new(fee));
                return;
            }
            Event::PaymentCompleted(PaymentCompleted { payment_id, closes: Some(_), .. }) => {
                let paid = |closed: &&mut ClosedPayment| closed.charge.payment_id() == Some(*payment_id);
                if let Some(closed) = self.closed_payments.iter_mut().find(paid) {
                    std::mem::swap(&mut closed.charge, &mut self.deposit);
                    closed.is_replaced = false;
                }
                self.deposit.evolve(event);
                return;
            }
            Event::PaymentRequested(PaymentRequested { payment_id, replaces, .. })
                if !matches!(self.deposit, Charge::NotRequired)
                    && self.deposit.payment_id() != Some(*payment_id) =>
            {
                let mut renewed = Charge::NotRequired;
                renewed.evolve(event);
                let charge = std::mem::replace(&mut self.deposit, renewed);
                let is_replaced = replaces.is_some();
                self.closed_payments.push(ClosedPayment { purpose: Purpose::Deposit, charge, is_replaced });
                return;
            }
            Event::PaymentRequested(PaymentRequested { payment_id, .. })
            | Event::PaymentCompleted(PaymentCompleted { payment_id, .. })
            | Event::PaymentFailed(PaymentFailed { payment_id, .. })
            | Event::PaymentRefunded(PaymentRefunded { payment_id, .. }) => payment_id,
            _ => return,
        };
        self.account_mut(*payment).evolve(event);
    }

    /// Remembers a refund that was decided.
    pub(super) fn order_refund(&mut self, refund: Option<Refund>) {
        let Some(Refund { payment_id, amount }) = refund else { return };
        if let Charge::Paid(paid) = self.account_mut(payment_id) {
            paid.decided_refunds_minor.push(amount.amount_minor);
        }
    }

    /// Withdraws the no-show fee. Its payment no longer counts.
    pub(super) fn withdraw_fee(&mut self, refund: Option<Refund>) {
        self.order_refund(refund);
        if let Some(fee) = self.fee.take() {
            let purpose = Purpose::NoShowFee;
            self.closed_payments.push(ClosedPayment { purpose, charge: *fee, is_replaced: false });
        }
    }

    /// The id of the payment of the next no-show fee. A fee that was withdrawn is never requested with the same id again.
    pub(super) fn next_fee_payment(&self) -> PaymentId {
        let fees = self.closed_payments.iter().filter(|closed| closed.purpose == Purpose::NoShowFee);
        let last = fees.filter_map(|closed| closed.charge.payment_id()).next_back();
        last.map_or_else(|| PaymentId::of_fee(self.id), PaymentId::renewed)
    }
}
