//! Every amount of a reservation, with the rule it follows from: the policy snapshot of the booking.

use chrono::{DateTime, TimeDelta, Utc};
use events::event::{Event, ReservationCancelled, VenueChanged};
use events::recorded::Recorded;
use events::values::{CancelledBy, DepositPer, Money, Purpose};
use events::{Position, Query, ReservationId, Tag};
use serde::Serialize;
use utoipa::ToSchema;

use super::{QueryError, local};
use crate::app::App;
use crate::app::repository;
use crate::domain::{Charge, Reservation};

/// The amounts of a reservation.
#[derive(Serialize, ToSchema)]
pub struct Charges {
    reservation_id: String,
    /// ISO 4217; null if no money was ever involved.
    #[schema(example = "IDR")]
    currency: Option<String>,
    /// The rules of the venue at the time of booking; null if none had been recorded.
    rules: Option<RulesView>,
    /// Oldest first.
    entries: Vec<ChargeView>,
    balance: Balance,
}

/// A version of a venue's rules.
#[derive(Serialize, ToSchema)]
struct RulesView {
    #[schema(example = 2)]
    version: u32,
    /// SHA-256 of the venue file.
    digest: Option<String>,
}

/// An amount and its reason.
#[derive(Serialize, ToSchema)]
struct ChargeView {
    /// deposit_asked, deposit_paid, deposit_failed, deposit_waived, deposit_kept, refund_ordered, refunded, no_show_fee,
    /// fee_asked, fee_paid or fee_failed.
    #[schema(example = "deposit_asked")]
    kind: &'static str,
    /// Minor units.
    #[schema(example = 30_000_000)]
    amount_minor: i64,
    /// The rule in words.
    #[schema(example = "6 guests, IDR 50000.00 for each: a deposit from 6 guests on")]
    rule: String,
    at: DateTime<Utc>,
    #[schema(example = 3)]
    position: u64,
    event_id: String,
}

/// The totals, in minor units.
#[derive(Debug, Default, Serialize, ToSchema)]
struct Balance {
    asked_minor: i64,
    paid_minor: i64,
    /// Ordered to be refunded, and not yet reported as refunded.
    to_return_minor: i64,
    returned_minor: i64,
    /// Paid, and neither refunded nor to be refunded.
    kept_minor: i64,
    /// The part of the no-show fee that is still unpaid.
    owed_minor: i64,
}

impl App {
    /// The amounts of the reservation `id`.
    ///
    /// # Errors
    /// [`QueryError::UnknownReservation`] or [`QueryError::Read`].
    pub async fn charges(&self, id: ReservationId) -> Result<Charges, QueryError> {
        let mut account = Account::new(id);
        let query = Query::any_tag([Tag::reservation(id)]);
        repository::each(self.store.as_ref(), &query, Position::START, |recorded, event| {
            account.add(recorded, &event);
        })
        .await?;
        let Account { reservation, fee, entries, balance, .. } = account;
        let reservation = reservation.ok_or(QueryError::UnknownReservation(id))?;
        let rules = self.rules_at_booking(&reservation).await?;
        let currency = reservation.deposit.amount().or(fee).map(|money| money.currency.to_string());
        Ok(Charges { reservation_id: id.to_string(), currency, rules, entries, balance })
    }

    /// The rules of the venue that were recorded when `reservation` was booked.
    async fn rules_at_booking(&self, reservation: &Reservation) -> Result<Option<RulesView>, QueryError> {
        let query = Query::any_tag([Tag::rules(&reservation.booking.venue_id)]);
        let mut rules = None;
        repository::each(self.store.as_ref(), &query, Position::START, |recorded, event| {
            if let (true, Event::VenueChanged(VenueChanged { version, digest, .. })) =
                (recorded.id.position < reservation.created.position, event)
            {
                rules = Some(RulesView { version, digest });
            }
        })
        .await?;
        Ok(rules)
    }
}

/// The amounts so far.
struct Account {
    id: ReservationId,
    reservation: Option<Reservation>,
    fee: Option<Money>,
    entries: Vec<ChargeView>,
    balance: Balance,
}

impl Account {
    fn new(id: ReservationId) -> Self {
        Self { id, reservation: None, fee: None, entries: Vec::new(), balance: Balance::default() }
    }

    fn add(&mut self, recorded: &Recorded<'_>, event: &Event) {
        if let Some(before) = self.reservation.take() {
            for (kind, amount, rule) in self.explain(&before, event) {
                self.count(kind, amount.amount_minor);
                self.entries.push(ChargeView {
                    kind,
                    amount_minor: amount.amount_minor,
                    rule,
                    at: recorded.time,
                    position: recorded.id.position.0,
                    event_id: recorded.id.to_string(),
                });
            }
            self.reservation = Some(before);
        }
        repository::fold(&mut self.reservation, self.id, event, repository::recorded_at(recorded));
    }

    fn count(&mut self, kind: &str, minor: i64) {
        let balance = &mut self.balance;
        match kind {
            "deposit_asked" => balance.asked_minor += minor,
            "fee_asked" => balance.asked_minor += minor,
            "deposit_paid" | "fee_paid" => {
                balance.paid_minor += minor;
                balance.kept_minor += minor;
                if kind == "fee_paid" {
                    balance.owed_minor = (balance.owed_minor - minor).max(0);
                }
            }
            "refund_ordered" => {
                balance.to_return_minor += minor;
                balance.kept_minor -= minor;
            }
            "refunded" => {
                // A refund without an order reduces what was kept.
                let ordered = minor.min(balance.to_return_minor);
                balance.to_return_minor -= ordered;
                balance.kept_minor -= minor - ordered;
                balance.returned_minor += minor;
            }
            "no_show_fee" => balance.owed_minor = (minor - balance.kept_minor).max(0),
            _ => {}
        }
    }

    /// The amounts of `event`, which was applied to the reservation in the state `before`.
    fn explain(&mut self, before: &Reservation, event: &Event) -> Vec<(&'static str, Money, String)> {
        let (policy, size) = (&before.booking.policy, before.party_size());
        let each = |per, amount: &Money| match per {
            DepositPer::Guest => format!("{size} guests, {} for each", amount.plain()),
            DepositPer::Party => format!("{} for the party", amount.plain()),
        };
        match event {
            Event::PaymentRequested(asked) if asked.purpose == Purpose::NoShowFee => {
                vec![(
                    "fee_asked",
                    asked.amount,
                    "The part of the fee that the deposit does not cover".to_owned(),
                )]
            }
            Event::PaymentRequested(asked) => {
                let rule = policy.deposit.map_or_else(
                    || "A deposit was requested".to_owned(),
                    |rule| {
                        let from = rule.from_party_size;
                        format!("{}: a deposit from {from} guests on", each(rule.per, &rule.amount))
                    },
                );
                vec![("deposit_asked", asked.amount, rule)]
            }
            Event::ReservationConfirmed(confirmed) if confirmed.deposit_waived => {
                let due = before.deposit.amount();
                due.map(|due| ("deposit_waived", due, "Waived by staff".to_owned())).into_iter().collect()
            }
            Event::PaymentFailed(failed) => {
                let account = before.account(failed.payment_id);
                let entry = |(account, purpose): (&Charge, Purpose)| {
                    let kind = if purpose.is_deposit() { "deposit_failed" } else { "fee_failed" };
                    Some((kind, account.amount()?, failed.reason_code.clone()))
                };
                account.and_then(entry).into_iter().collect()
            }
            Event::PaymentCompleted(paid) => {
                let is_fee = matches!(before.account(paid.payment_id), Some((_, Purpose::NoShowFee)));
                let kind = if is_fee { "fee_paid" } else { "deposit_paid" };
                let by = format!("Paid via {} ({})", paid.channel, paid.provider_reference);
                let late = paid.refund.map(|refund| {
                    ("refund_ordered", refund.amount, "Paid when nothing was due any more".to_owned())
                });
                std::iter::once((kind, paid.amount, by)).chain(late).collect()
            }
            Event::PaymentRefunded(refunded) => {
                vec![(
                    "refunded",
                    refunded.amount,
                    format!("Refunded by the provider ({})", refunded.provider_reference),
                )]
            }
            Event::ReservationCancelled(cancelled) => self.cancelled(before, cancelled),
            Event::ReservationNoShow(no_show) => {
                let rest = "The part of the deposit that exceeds the fee".to_owned();
                let back = no_show.refund.map(|refund| ("refund_ordered", refund.amount, rest));
                let fee = policy.no_show_fee.map(|fee| {
                    let rule = format!("{}: the party never arrived", each(fee.per, &fee.amount));
                    ("no_show_fee", fee.due(size), rule)
                });
                self.fee = fee.as_ref().map(|(_, amount, _)| *amount);
                let back_minor = back.as_ref().map_or(0, |(_, amount, _)| amount.amount_minor);
                let kept = self.kept(before, back_minor, "The party never arrived".to_owned());
                back.into_iter().chain(kept).chain(fee).collect()
            }
            _ => vec![],
        }
    }

    fn cancelled(
        &self,
        before: &Reservation,
        cancelled: &ReservationCancelled,
    ) -> Vec<(&'static str, Money, String)> {
        let minutes = before.booking.policy.free_cancellation_minutes;
        let free_until = before.window().start - TimeDelta::minutes(i64::from(minutes));
        let until = local(free_until, &before.booking.timezone);
        match (&cancelled.refund, cancelled.cancelled_by) {
            (Some(refund), CancelledBy::Guest) => {
                vec![(
                    "refund_ordered",
                    refund.amount,
                    format!("Cancelled by the guest in time: free until {until}"),
                )]
            }
            (Some(refund), CancelledBy::Staff | CancelledBy::System) => {
                vec![("refund_ordered", refund.amount, "Cancelled by the restaurant: full refund".to_owned())]
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
    ) -> Option<(&'static str, Money, String)> {
        let Charge::Paid(paid) = &before.deposit else { return None };
        let amount_minor = self.balance.kept_minor - back_minor;
        (amount_minor > 0).then_some(("deposit_kept", Money { amount_minor, ..paid.amount }, rule))
    }
}
