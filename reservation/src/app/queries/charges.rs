//! Every amount of a reservation, with the rule it follows from: the policy snapshot of the booking.

use access::Caller;
use contract::reservation::charges::{Balance, ChargeView, Charges, RulesView};
use contract::reservation::words::ChargeKind;
use events::event::{
    Event, PaymentCompleted, PaymentRequested, ReservationCancelled, ReservationNoShow, ReservationUndone,
    UndoneChange, VenueChanged,
};
use events::recorded::Recorded;
use events::values::{Currency, DepositPer, Initiator, Money, PartySize, Purpose};
use events::{Position, Query, ReservationId, Tag};

use super::{QueryError, local};
use crate::app::App;
use crate::app::repository::AsOf;
use crate::app::{repository, venues};
use crate::domain::{Charge, Reservation};

impl App {
    /// The amounts of the reservation `id`.
    ///
    /// # Errors
    /// [`QueryError::UnknownReservation`] or [`QueryError::Read`].
    pub async fn charges(&self, id: ReservationId, caller: &Caller) -> Result<Charges, QueryError> {
        self.require(id, caller).await?;
        self.charges_of(id).await?.ok_or(QueryError::UnknownReservation(id))
    }

    /// The amounts of the reservation `id` as of some time, for a caller who may read it now; `None` if it did not exist then.
    ///
    /// # Errors
    /// [`QueryError::UnknownReservation`] or [`QueryError::Read`].
    pub async fn charges_as_of(
        &self,
        id: ReservationId,
        as_of: AsOf,
        caller: &Caller,
    ) -> Result<Option<Charges>, QueryError> {
        self.require(id, caller).await?;
        self.before(as_of).await?.charges_of(id).await
    }

    async fn charges_of(&self, id: ReservationId) -> Result<Option<Charges>, QueryError> {
        let mut account = Account::new(id);
        let query = Query::any_tag([Tag::reservation(id)]);
        repository::each(self.store.as_ref(), &query, Position::START, |recorded, event| {
            account.add(recorded, &event);
        })
        .await?;
        let Account { reservation, currency, entries, balance, .. } = account;
        let Some(reservation) = reservation else { return Ok(None) };
        let rules = self.rules_at_booking(&reservation).await?;
        Ok(Some(Charges { reservation_id: id, currency, rules, entries, balance }))
    }

    /// The rules of the venue that were recorded when `reservation` was booked.
    async fn rules_at_booking(&self, reservation: &Reservation) -> Result<Option<RulesView>, QueryError> {
        let query = Query::any_tag([Tag::rules(&reservation.booking.venue_id)]);
        let (mut last, mut document) = (None, None);
        repository::each(self.store.as_ref(), &query, Position::START, |recorded, event| {
            if recorded.id.position >= reservation.created.position {
                return;
            }
            match event {
                Event::VenueChanged(VenueChanged { version, digest, .. }) => {
                    (last, document) = (Some(RulesView { version, digest }), None);
                }
                Event::VenueRulesChanged(changed) => {
                    last = Some(RulesView { version: changed.version, digest: None });
                    document = changed.document;
                }
                _ => {}
            }
        })
        .await?;
        let digest = document.as_ref().map(venues::digest);
        Ok(last.map(|last| RulesView { digest: digest.or(last.digest), ..last }))
    }
}

/// The amounts so far.
struct Account {
    id: ReservationId,
    reservation: Option<Reservation>,
    fee: Option<Money>,
    currency: Option<Currency>,
    entries: Vec<ChargeView>,
    balance: Balance,
}

impl Account {
    fn new(id: ReservationId) -> Self {
        Self {
            id,
            reservation: None,
            fee: None,
            currency: None,
            entries: Vec::new(),
            balance: Balance::default(),
        }
    }

    fn add(&mut self, recorded: &Recorded<'_>, event: &Event) {
        if let Some(before) = self.reservation.take() {
            let owed_minor = self.balance.owed_minor;
            for (kind, amount, rule) in self.explain(&before, event) {
                self.currency.get_or_insert(amount.currency);
                self.count(kind, amount.amount_minor);
                self.entries.push(ChargeView {
                    kind,
                    amount_minor: amount.amount_minor,
                    rule,
                    at: recorded.time,
                    position: recorded.id.position.0,
                    event_id: recorded.id,
                });
            }
            // Money for a fee that was withdrawn pays no later fee.
            if matches!(event, Event::PaymentCompleted(paid) if before.is_closed(paid.payment_id)) {
                self.balance.owed_minor = owed_minor;
            }
            self.reservation = Some(before);
        }
        repository::fold(&mut self.reservation, self.id, event, repository::recorded_at(recorded));
    }

    fn count(&mut self, kind: ChargeKind, minor: i64) {
        let balance = &mut self.balance;
        match kind {
            ChargeKind::DepositAsked => balance.asked_minor += minor,
            ChargeKind::FeeAsked => balance.asked_minor += minor,
            ChargeKind::DepositPaid | ChargeKind::FeePaid => {
                balance.paid_minor += minor;
                balance.kept_minor += minor;
                if kind == ChargeKind::FeePaid {
                    balance.owed_minor = (balance.owed_minor - minor).max(0);
                }
            }
            ChargeKind::RefundOrdered => {
                balance.to_return_minor += minor;
                balance.kept_minor -= minor;
            }
            ChargeKind::Refunded => {
                // A refund without an order reduces what was kept.
                let ordered = minor.min(balance.to_return_minor);
                balance.to_return_minor -= ordered;
                balance.kept_minor -= minor - ordered;
                balance.returned_minor += minor;
            }
            ChargeKind::FeeWithdrawn => balance.owed_minor = 0,
            ChargeKind::NoShowFee => balance.owed_minor = (minor - balance.kept_minor).max(0),
            _ => {}
        }
    }

    /// The amounts of `event`, which was applied to the reservation in the state `before`.
    fn explain(&mut self, before: &Reservation, event: &Event) -> Vec<(ChargeKind, Money, String)> {
        let (policy, size) = (&before.booking.policy, before.party_size());
        match event {
            Event::PartySizeChanged(changed) => {
                let rule = format!("The part of the deposit that a party of {} does not owe", changed.to);
                let back = changed.refund.map(|refund| (ChargeKind::RefundOrdered, refund.amount));
                let waived = before.deposit.amount().filter(|_| changed.waives_deposit);
                let waived = waived.map(|amount| (ChargeKind::DepositWaived, amount));
                back.into_iter().chain(waived).map(|(kind, amount)| (kind, amount, rule.clone())).collect()
            }
            Event::PaymentRequested(asked) if asked.purpose == Purpose::NoShowFee => {
                vec![(
                    ChargeKind::FeeAsked,
                    asked.amount,
                    "The part of the fee that the deposit does not cover".to_owned(),
                )]
            }
            // Another payment of the same amount.
            Event::PaymentRequested(PaymentRequested { replaces: Some(_), .. }) => vec![],
            Event::PaymentRequested(asked) => {
                // The payment of the request before was closed.
                if let Some(closed) = before.deposit.amount() {
                    self.balance.asked_minor -= closed.amount_minor;
                }
                let rule = policy.deposit.map_or_else(
                    || "A deposit was requested".to_owned(),
                    |rule| {
                        let from = rule.from_party_size;
                        format!("{}: a deposit from {from} guests on", each(size, rule.per, rule.amount))
                    },
                );
                vec![(ChargeKind::DepositAsked, asked.amount, rule)]
            }
            Event::ReservationConfirmed(confirmed) if confirmed.deposit_waived => {
                let due = before.deposit.amount();
                due.map(|due| (ChargeKind::DepositWaived, due, "Waived by staff".to_owned()))
                    .into_iter()
                    .collect()
            }
            // A payment that was closed does not fail.
            Event::PaymentFailed(failed) if before.is_closed(failed.payment_id) => vec![],
            Event::PaymentFailed(failed) => {
                let account = before.account(failed.payment_id);
                let entry = |(account, purpose): (&Charge, Purpose)| {
                    let kind =
                        if purpose.is_deposit() { ChargeKind::DepositFailed } else { ChargeKind::FeeFailed };
                    Some((kind, account.amount()?, failed.reason_code.clone()))
                };
                account.and_then(entry).into_iter().collect()
            }
            Event::PaymentCompleted(paid) => received(before, paid),
            Event::PaymentRefunded(refunded) => {
                vec![(
                    ChargeKind::Refunded,
                    refunded.amount,
                    format!("Refunded by the provider ({})", refunded.provider_reference),
                )]
            }
            Event::ReservationCancelled(cancelled) => self.cancelled(before, cancelled),
            Event::ReservationNoShow(no_show) => self.never_arrived(before, no_show),
            Event::ReservationUndone(undone) => self.undone(undone),
            _ => vec![],
        }
    }

    fn never_arrived(
        &mut self,
        before: &Reservation,
        no_show: &ReservationNoShow,
    ) -> Vec<(ChargeKind, Money, String)> {
        let (policy, size) = (&before.booking.policy, before.party_size());
        let rest = "The part of the deposit that exceeds the fee".to_owned();
        let back = no_show.refund.map(|refund| (ChargeKind::RefundOrdered, refund.amount, rest));
        let fee = policy.no_show_fee.map(|fee| {
            let rule = format!("{}: the party never arrived", each(size, fee.per, fee.amount));
            (ChargeKind::NoShowFee, fee.due(size), rule)
        });
        self.fee = fee.as_ref().map(|(_, amount, _)| *amount);
        let back_minor = back.as_ref().map_or(0, |(_, amount, _)| amount.amount_minor);
        let kept = self.kept(before, back_minor, "The party never arrived".to_owned());
        back.into_iter().chain(kept).chain(fee).collect()
    }

    /// A no-show that was undone has no fee. The other changes of the status that can be undone have no amounts.
    fn undone(&mut self, undone: &ReservationUndone) -> Vec<(ChargeKind, Money, String)> {
        let rule = || "The no-show was undone".to_owned();
        let fee = self.fee.take_if(|_| undone.undone == UndoneChange::NoShow);
        self.balance.asked_minor -= undone.withdrawn_fee.map_or(0, |fee| fee.amount.amount_minor);
        let fee = fee.map(|fee| (ChargeKind::FeeWithdrawn, fee, rule()));
        let back = undone.refund.map(|refund| (ChargeKind::RefundOrdered, refund.amount, rule()));
        fee.into_iter().chain(back).collect()
    }

    fn cancelled(
        &self,
        before: &Reservation,
        cancelled: &ReservationCancelled,
    ) -> Vec<(ChargeKind, Money, String)> {
        let until = local(before.free_until, &before.booking.timezone);
        match (&cancelled.refund, cancelled.cancelled_by) {
            (Some(refund), Initiator::Guest) if before.is_called_off() => {
                let rule = "Cancelled by the guest because the restaurant is closed at that time".to_owned();
                vec![(ChargeKind::RefundOrdered, refund.amount, rule)]
            }
            (Some(refund), Initiator::Guest) => {
                vec![(
                    ChargeKind::RefundOrdered,
                    refund.amount,
                    format!("Cancelled by the guest in time: free until {until}"),
                )]
            }
            (Some(refund), Initiator::Staff | Initiator::System) => {
                vec![(
                    ChargeKind::RefundOrdered,
                    refund.amount,
                    "Cancelled by the restaurant: full refund".to_owned(),
                )]
            }
            (None, _) => {
                let rule = format!("Cancelled by the guest too late: free until {until}");
                self.kept(before, 0, rule).into_iter().collect()
            }
        }
    }

    /// The amount of a paid deposit that the restaurant keeps if `back_minor` of it is refunded.
    fn kept(
        &self,
        before: &Reservation,
        back_minor: i64,
        rule: String,
    ) -> Option<(ChargeKind, Money, String)> {
        let Charge::Paid(paid) = &before.deposit else { return None };
        let amount_minor = self.balance.kept_minor - back_minor;
        (amount_minor > 0).then_some((ChargeKind::DepositKept, Money { amount_minor, ..paid.amount }, rule))
    }
}

/// The amount of a rule in words.
fn each(size: PartySize, per: DepositPer, amount: Money) -> String {
    match per {
        DepositPer::Guest => format!("{size} guests, {} for each", amount.plain()),
        DepositPer::Party => format!("{} for the party", amount.plain()),
    }
}

/// The amounts of a payment that was made.
fn received(before: &Reservation, paid: &PaymentCompleted) -> Vec<(ChargeKind, Money, String)> {
    let is_fee = matches!(before.account(paid.payment_id), Some((_, Purpose::NoShowFee)));
    let kind = if is_fee { ChargeKind::FeePaid } else { ChargeKind::DepositPaid };
    let by = format!("Paid via {} ({})", paid.channel, paid.provider_reference);
    let late = paid.refund.map(|refund| {
        let rule = match () {
            () if before.is_called_off() => "The restaurant is closed at that time",
            () if refund.amount != paid.amount => "The part that the smaller party does not owe",
            () => "Paid when nothing was due any more",
        };
        (ChargeKind::RefundOrdered, refund.amount, rule.to_owned())
    });
    std::iter::once((kind, paid.amount, by)).chain(late).collect()
}
