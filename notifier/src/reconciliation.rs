//! Reconciliation: compares the records of the providers, the effect log, and the log of the reservation service.

mod books;

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use contract::notifier::reconciliation::Difference;
use contract::notifier::words::DifferenceKind;
use events::values::Currency;
use events::{PaymentId, ReservationId};

pub use self::books::{BooksError, gather};
use crate::effects::payment::{Payment, PaymentStatus};
use crate::ports::payment::{LedgerEntry, ProviderStatus};

/// The three records, by payment.
#[derive(Debug, Default)]
pub struct Books {
    /// The records of the providers, with the name of each provider.
    pub ledger: Vec<(String, LedgerEntry)>,
    /// The effect log.
    pub journal: Vec<Payment>,
    /// The log of the reservation service.
    pub log: BTreeMap<PaymentId, Booked>,
    /// Reservations with effects under way.
    pub in_motion: BTreeSet<ReservationId>,
}

/// A payment in the log of the reservation service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Booked {
    /// The reservation.
    pub reservation_id: ReservationId,
    /// The currency, if an amount is known.
    pub currency: Option<Currency>,
    /// The time of its first event.
    pub since: DateTime<Utc>,
    /// The paid amount, in minor units.
    pub paid_minor: i64,
    /// The amount that must be refunded and was not, in minor units.
    pub to_return_minor: i64,
    /// The refunded amount, in minor units.
    pub returned_minor: i64,
}

/// The three records of one payment.
struct Sides<'a> {
    id: PaymentId,
    ledger: Vec<&'a (String, LedgerEntry)>,
    journal: Option<&'a Payment>,
    log: Option<&'a Booked>,
}

/// A paid and a refunded amount.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Flow {
    paid: i64,
    returned: i64,
}

/// The differences in `books`, the oldest first.
#[must_use]
pub fn differences(books: &Books, now: DateTime<Utc>) -> Vec<Difference> {
    let mut sides = BTreeMap::<PaymentId, Sides<'_>>::new();
    let empty = |id| Sides { id, ledger: vec![], journal: None, log: None };
    for entry in &books.ledger {
        // Payments without our reference belong to another use of the account.
        if let Some(id) = entry.1.payment_id {
            sides.entry(id).or_insert_with(|| empty(id)).ledger.push(entry);
        }
    }
    for payment in &books.journal {
        sides.entry(payment.id()).or_insert_with(|| empty(payment.id())).journal = Some(payment);
    }
    for (id, booked) in &books.log {
        sides.entry(*id).or_insert_with(|| empty(*id)).log = Some(booked);
    }
    let mut found: Vec<_> = sides.values().filter_map(|sides| sides.judge(books, now)).collect();
    found.sort_by(|a, b| a.since.cmp(&b.since).then_with(|| a.payment_id.cmp(&b.payment_id)));
    found
}

impl Sides<'_> {
    /// A second payment that was refunded completely is settled, and does not count.
    fn provider(&self) -> Flow {
        let flows = self.ledger.iter().map(|(_, entry)| match entry.status {
            ProviderStatus::Paid(amount) => {
                Flow { paid: amount.amount_minor, returned: entry.refunded_minor }
            }
            ProviderStatus::Open | ProviderStatus::Refused | ProviderStatus::Closed => {
                Flow { paid: 0, returned: entry.refunded_minor }
            }
        });
        let is_settled = |flow: &Flow| flow.paid > 0 && flow.paid == flow.returned;
        let (settled, rest): (Vec<_>, Vec<_>) = flows.partition(is_settled);
        let counted = if rest.iter().any(|flow| flow.paid > 0) { rest } else { [rest, settled].concat() };
        let sum = |of: fn(&Flow) -> i64| counted.iter().map(of).sum();
        Flow { paid: sum(|flow| flow.paid), returned: sum(|flow| flow.returned) }
    }

    fn journal(&self) -> Flow {
        let paid = self.journal.filter(|payment| payment.status == PaymentStatus::Paid);
        Flow {
            paid: paid.map_or(0, |payment| payment.opened.amount.amount_minor),
            returned: self.journal.map_or(0, |payment| payment.refunded_minor),
        }
    }

    fn log(&self) -> Flow {
        Flow {
            paid: self.log.map_or(0, |booked| booked.paid_minor),
            returned: self.log.map_or(0, |booked| booked.returned_minor),
        }
    }

    fn kind(&self) -> Option<DifferenceKind> {
        let (provider, journal, log) = (self.provider(), self.journal(), self.log());
        let taken = self.ledger.iter().filter(|(_, entry)| {
            matches!(entry.status, ProviderStatus::Paid(amount) if entry.refunded_minor < amount.amount_minor)
        });
        let to_return = self.log.map_or(0, |booked| booked.to_return_minor);
        // A payment that is unknown to the booking and was refunded completely is settled.
        let settled = log.paid == 0 && provider.paid == provider.returned;
        let kinds = [
            (DifferenceKind::ChargedTwice, taken.count() > 1),
            (DifferenceKind::MoneyWithoutTable, provider.paid > 0 && log.paid == 0 && !settled),
            (DifferenceKind::TableWithoutMoney, provider.paid == 0 && log.paid > 0),
            (DifferenceKind::AmountDiffers, provider.paid != log.paid && !settled),
            (DifferenceKind::RefundDiffers, provider.returned != log.returned && !settled),
            (DifferenceKind::RefundOutstanding, to_return > 0),
            (DifferenceKind::JournalDiffers, journal != provider),
        ];
        kinds.into_iter().find(|(_, is_so)| *is_so).map(|(kind, _)| kind)
    }

    fn judge(&self, books: &Books, now: DateTime<Utc>) -> Option<Difference> {
        let kind = self.kind()?;
        let (provider, journal, log) = (self.provider(), self.journal(), self.log());
        let entry = self.ledger.first();
        let reservation_id =
            self.log.map(|booked| booked.reservation_id).or(self.journal.map(Payment::reservation_id));
        let paid = entry.and_then(|(_, entry)| match entry.status {
            ProviderStatus::Paid(amount) => Some(amount.currency),
            _ => None,
        });
        let currency = paid
            .or(self.journal.map(|payment| payment.opened.amount.currency))
            .or(self.log.and_then(|booked| booked.currency));
        let said = [
            entry.map(|(_, entry)| entry.at),
            self.journal.map(|payment| payment.opened_at),
            self.log.map(|booked| booked.since),
        ];
        let since = said.into_iter().flatten().min().unwrap_or(now);
        let opened = self.journal.map(|payment| &payment.opened);
        Some(Difference {
            kind,
            payment_id: self.id,
            reservation_id,
            provider: entry.map(|(name, _)| name.clone()).or(opened.map(|opened| opened.provider.clone())),
            provider_reference: entry
                .map(|(_, entry)| entry.reference.clone())
                .or(opened.map(|opened| opened.provider_reference.clone())),
            currency,
            provider_paid_minor: provider.paid,
            provider_returned_minor: provider.returned,
            journal_paid_minor: journal.paid,
            journal_returned_minor: journal.returned,
            log_paid_minor: log.paid,
            log_returned_minor: log.returned,
            log_to_return_minor: self.log.map_or(0, |booked| booked.to_return_minor),
            in_motion: reservation_id.is_some_and(|id| books.in_motion.contains(&id)),
            since,
            age_seconds: (now - since).num_seconds(),
        })
    }
}

/// `differences` as CSV with a header, RFC 4180.
///
/// # Errors
/// When a row cannot be encoded.
pub fn csv(differences: &[Difference]) -> Result<Vec<u8>, csv::Error> {
    let mut writer = csv::WriterBuilder::new()
        .terminator(csv::Terminator::CRLF)
        .has_headers(false)
        .from_writer(Vec::new());
    writer.write_record(COLUMNS)?;
    for difference in differences {
        writer.serialize(difference)?;
    }
    writer.into_inner().map_err(|error| error.into_error().into())
}

/// The columns: the members of a [`Difference`]. Written in any case, also without a difference.
const COLUMNS: [&str; 16] = [
    "kind",
    "payment_id",
    "reservation_id",
    "provider",
    "provider_reference",
    "currency",
    "provider_paid_minor",
    "provider_returned_minor",
    "journal_paid_minor",
    "journal_returned_minor",
    "log_paid_minor",
    "log_returned_minor",
    "log_to_return_minor",
    "in_motion",
    "since",
    "age_seconds",
];
