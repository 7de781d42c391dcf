//! Every amount of a reservation, and the rule it follows from: those of the day it was booked.

use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use chassis::problem::Problem;
use chrono::{DateTime, TimeDelta, Utc};
use events::event::{Event, ReservationCancelled, VenueChanged};
use events::recorded::Recorded;
use events::values::{CancelledBy, DepositPer, Money, Purpose};
use events::{Position, Query, ReservationId, Tag};
use serde::Serialize;
use utoipa::ToSchema;

use super::bodies;
use super::extract::Id;
use super::history::words::money;
use super::problem::stream_problem;
use super::representation::local;
use super::reservations::not_found;
use crate::app::App;
use crate::domain::{Deposit, Reservation};
use crate::stream;

/// Every amount of a reservation.
#[derive(Serialize, ToSchema)]
pub(super) struct Charges {
    reservation_id: String,
    /// ISO 4217; null when money never came into it.
    #[schema(example = "IDR")]
    currency: Option<String>,
    /// The rules of the house when it was booked; null when none were ever noted before.
    rules: Option<RulesView>,
    /// Oldest first.
    entries: Vec<ChargeView>,
    balance: Balance,
}

/// Which rules of a venue.
#[derive(Serialize, ToSchema)]
struct RulesView {
    #[schema(example = 2)]
    version: u32,
    /// SHA-256 of the venue file.
    digest: Option<String>,
}

/// An amount, and why.
#[derive(Serialize, ToSchema)]
struct ChargeView {
    /// deposit_asked, deposit_paid, deposit_failed, deposit_waived, deposit_kept, refund_ordered, refunded, no_show_fee,
    /// fee_asked, fee_paid or fee_failed.
    #[schema(example = "deposit_asked")]
    kind: &'static str,
    /// Minor units.
    #[schema(example = 30_000_000)]
    amount_minor: i64,
    /// Why, in words.
    #[schema(example = "6 guests, IDR 50000.00 for each: a deposit from 6 guests on")]
    rule: String,
    at: DateTime<Utc>,
    #[schema(example = 3)]
    position: u64,
    event_id: String,
}

/// What the amounts add up to, in minor units.
#[derive(Debug, Default, Serialize, ToSchema)]
struct Balance {
    asked_minor: i64,
    paid_minor: i64,
    /// Ordered to go back, and not yet said to have gone.
    to_return_minor: i64,
    returned_minor: i64,
    /// Paid, and neither returned nor to be.
    kept_minor: i64,
    /// Of the fee for not coming, what neither the deposit nor the guest has paid yet.
    owed_minor: i64,
}

/// Every amount explained
///
/// What was asked for, paid, kept and returned, each with the rule it follows from. The rules are those of the day of
/// booking. A fee for not coming is taken from the deposit, of which the rest goes back; what the deposit does not cover
/// the guest is asked for.
#[utoipa::path(get, path = "/api/reservations/{reservation_id}/charges", tag = "reservations",
    params(("reservation_id" = String, Path)),
    responses((status = 200, body = Charges), (status = 422, body = bodies::InvalidRequest, content_type = "application/problem+json"),
        (status = 404, body = bodies::Problem, content_type = "application/problem+json")))]
pub(super) async fn charges(State(app): State<App>, Id(id): Id) -> Result<Response, Problem> {
    let account = app.account(id).await?;
    let reservation = account.reservation.as_ref().ok_or_else(|| not_found(id, None))?;
    let rules = app.rules_of(reservation).await?;
    let money = reservation.deposit.amount().or(account.fee);
    let currency = money.map(|money| money.currency.to_string());
    let Account { entries, balance, .. } = account;
    let charges = Charges { reservation_id: id.to_string(), currency, rules, entries, balance };
    Ok(axum::Json(charges).into_response())
}

impl App {
    /// Every amount of the reservation `id`.
    async fn account(&self, id: ReservationId) -> Result<Account, Problem> {
        let mut account = Account::new(id);
        let query = Query::any_tag([Tag::reservation(id)]);
        let read = stream::each(self.store.as_ref(), &query, Position::START, |recorded, event| {
            account.add(recorded, &event);
        });
        read.await.map_err(|error| stream_problem(&error))?;
        Ok(account)
    }

    /// The rules that counted when `reservation` was booked.
    async fn rules_of(&self, reservation: &Reservation) -> Result<Option<RulesView>, Problem> {
        let query = Query::any_tag([Tag::rules(&reservation.booking.venue_id)]);
        let mut rules = None;
        let read = stream::each(self.store.as_ref(), &query, Position::START, |recorded, event| {
            if let (true, Event::VenueChanged(VenueChanged { version, digest, .. })) =
                (recorded.id.position < reservation.created.position, event)
            {
                rules = Some(RulesView { version, digest });
            }
        });
        read.await.map_err(|error| stream_problem(&error))?;
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
        stream::fold(&mut self.reservation, self.id, event, stream::stamp(recorded));
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
                // What goes back without an order was kept until then.
                let ordered = minor.min(balance.to_return_minor);
                balance.to_return_minor -= ordered;
                balance.kept_minor -= minor - ordered;
                balance.returned_minor += minor;
            }
            "no_show_fee" => balance.owed_minor = (minor - balance.kept_minor).max(0),
            _ => {}
        }
    }

    /// The amounts of `event`, which happened to the reservation as it was `before`.
    fn explain(&mut self, before: &Reservation, event: &Event) -> Vec<(&'static str, Money, String)> {
        let (policy, size) = (&before.booking.policy, before.party_size());
        let each = |per, amount: &Money| match per {
            DepositPer::Guest => format!("{size} guests, {} for each", money(amount)),
            DepositPer::Party => format!("{} for the party", money(amount)),
        };
        match event {
            Event::PaymentRequested(asked) if asked.purpose == Purpose::NoShowFee => {
                vec![("fee_asked", asked.amount, "What the deposit does not cover of the fee".to_owned())]
            }
            Event::PaymentRequested(asked) => {
                let rule = policy.deposit.map_or_else(
                    || "A deposit was asked for".to_owned(),
                    |rule| {
                        let from = rule.from_party_size;
                        format!("{}: a deposit from {from} guests on", each(rule.per, &rule.amount))
                    },
                );
                vec![("deposit_asked", asked.amount, rule)]
            }
            Event::ReservationConfirmed(confirmed) if confirmed.deposit_waived => {
                let due = before.deposit.amount();
                due.map(|due| ("deposit_waived", due, "Staff did without it".to_owned()))
                    .into_iter()
                    .collect()
            }
            Event::PaymentFailed(failed) => {
                let account = before.account(failed.payment_id);
                let entry = |(account, purpose): (&Deposit, Purpose)| {
                    let kind = if purpose.is_deposit() { "deposit_failed" } else { "fee_failed" };
                    Some((kind, account.amount()?, failed.reason_code.clone()))
                };
                account.and_then(entry).into_iter().collect()
            }
            Event::PaymentCompleted(paid) => {
                let is_fee = matches!(before.account(paid.payment_id), Some((_, Purpose::NoShowFee)));
                let kind = if is_fee { "fee_paid" } else { "deposit_paid" };
                let by = format!("By {} ({})", paid.channel, paid.provider_reference);
                let late = paid.refund.map(|refund| {
                    ("refund_ordered", refund.amount, "It came when the table was no longer held".to_owned())
                });
                std::iter::once((kind, paid.amount, by)).chain(late).collect()
            }
            Event::PaymentRefunded(refunded) => {
                vec![(
                    "refunded",
                    refunded.amount,
                    format!("By the provider ({})", refunded.provider_reference),
                )]
            }
            Event::ReservationCancelled(cancelled) => self.cancelled(before, cancelled),
            Event::ReservationNoShow(no_show) => {
                let rest = "What the fee leaves of the deposit".to_owned();
                let back = no_show.refund.map(|refund| ("refund_ordered", refund.amount, rest));
                let fee = policy.no_show_fee.map(|fee| {
                    let rule = format!("{}: the party never came", each(fee.per, &fee.amount));
                    ("no_show_fee", fee.due(size), rule)
                });
                self.fee = fee.as_ref().map(|(_, amount, _)| *amount);
                let back_minor = back.as_ref().map_or(0, |(_, amount, _)| amount.amount_minor);
                let kept = self.kept(before, back_minor, "The party never came".to_owned());
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
                vec![(
                    "refund_ordered",
                    refund.amount,
                    "Cancelled by the house: everything goes back".to_owned(),
                )]
            }
            (None, _) => {
                let rule = format!("Cancelled by the guest too late: free until {until}");
                self.kept(before, 0, rule).into_iter().collect()
            }
        }
    }

    /// What the house keeps of a deposit that was paid, when `back_minor` of it go back.
    fn kept(
        &self,
        before: &Reservation,
        back_minor: i64,
        rule: String,
    ) -> Option<(&'static str, Money, String)> {
        let Deposit::Paid(paid) = &before.deposit else { return None };
        let amount_minor = self.balance.kept_minor - back_minor;
        (amount_minor > 0).then_some(("deposit_kept", Money { amount_minor, ..paid.amount }, rule))
    }
}
