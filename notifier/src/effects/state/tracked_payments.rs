//! All payments, and the ways to find them.

use std::collections::{BTreeSet, HashMap};

use chrono::{DateTime, Utc};
use events::{PaymentId, Position, ReservationId};

use crate::effects::entry::{PaymentDecided, PaymentLinkRenewed, PaymentOpened, PaymentReturned};
use crate::effects::payment::{Payment, PaymentStatus};

/// The payments. Each has the position of its last entry, after which nothing may have changed it.
#[derive(Default)]
pub(in crate::effects) struct Payments {
    all: HashMap<PaymentId, (Payment, Position)>,
    by_reference: HashMap<String, PaymentId>,
    by_reservation: HashMap<ReservationId, Vec<PaymentId>>,
    /// Payments without a decision.
    pending: BTreeSet<PaymentId>,
}

impl Payments {
    /// A payment by its id.
    pub(in crate::effects) fn get(&self, id: PaymentId) -> Option<&(Payment, Position)> {
        self.all.get(&id)
    }

    /// A payment by the provider's reference.
    pub(in crate::effects) fn by_reference(&self, reference: &str) -> Option<&(Payment, Position)> {
        self.all.get(self.by_reference.get(reference)?)
    }

    /// The payments of a reservation.
    pub(in crate::effects) fn of_reservation(&self, id: ReservationId) -> impl Iterator<Item = &Payment> {
        let ids = self.by_reservation.get(&id).into_iter().flatten();
        ids.filter_map(|id| self.all.get(id)).map(|(payment, _)| payment)
    }

    /// The payments without a decision.
    pub(in crate::effects) fn pending(&self) -> impl Iterator<Item = &Payment> {
        self.pending.iter().filter_map(|id| self.all.get(id)).map(|(payment, _)| payment)
    }

    /// All payments, in no order.
    pub(in crate::effects) fn iter(&self) -> impl Iterator<Item = &Payment> {
        self.all.values().map(|(payment, _)| payment)
    }

    /// A payment was opened.
    pub(super) fn opened(&mut self, opened: &PaymentOpened, at: Position, time: DateTime<Utc>) {
        self.by_reference.insert(opened.provider_reference.clone(), opened.payment_id);
        self.by_reservation.entry(opened.reservation_id).or_default().push(opened.payment_id);
        self.pending.insert(opened.payment_id);
        let (opened, status) = (opened.clone(), PaymentStatus::Pending);
        let payment = Payment { opened, opened_at: time, status, refunded_minor: 0 };
        self.all.insert(payment.id(), (payment, at));
    }

    /// The provider reported the decision of the guest.
    pub(super) fn decided(&mut self, decided: &PaymentDecided, at: Position) {
        self.pending.remove(&decided.payment_id);
        let Some((payment, since)) = self.all.get_mut(&decided.payment_id) else { return };
        payment.status = match (decided.paid, decided.closed) {
            (true, _) => PaymentStatus::Paid,
            (false, false) => PaymentStatus::Refused,
            (false, true) => PaymentStatus::Expired,
        };
        if let Some(amount) = decided.amount {
            payment.opened.amount = amount;
        }
        *since = at;
    }

    /// The guest got a new link to pay.
    pub(super) fn link_renewed(&mut self, renewed: &PaymentLinkRenewed, at: Position) {
        let Some((payment, since)) = self.all.get_mut(&renewed.payment_id) else { return };
        payment.opened.link_sha256 = Some(renewed.link_sha256.clone());
        *since = at;
    }

    /// The provider refunded a payment.
    pub(super) fn returned(&mut self, returned: &PaymentReturned, at: Position) {
        let Some((payment, since)) = self.all.get_mut(&returned.payment_id) else { return };
        payment.refunded_minor += returned.amount.amount_minor;
        *since = at;
    }
}
