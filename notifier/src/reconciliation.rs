//! Money and bookings held against each other: the providers' own books, the notifier's journal and the log of the
//! reservation service. Whatever they do not agree on is a difference; there is none when all is well.

mod books;

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use events::values::Currency;
use events::{PaymentId, ReservationId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub use self::books::{BooksError, gather};
use crate::effects::payment::{Payment, PaymentStatus};
use crate::ports::payment::{LedgerEntry, ProviderStatus};

/// What all three say, by payment.
#[derive(Debug, Default)]
pub struct Books {
    /// The providers' books, with the name of each provider.
    pub ledger: Vec<(String, LedgerEntry)>,
    /// The notifier's journal.
    pub journal: Vec<Payment>,
    /// The log of the reservation service.
    pub log: BTreeMap<PaymentId, Booked>,
    /// Reservations for which something is on its way.
    pub in_motion: BTreeSet<ReservationId>,
}

/// What the log of the reservation service says of a payment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Booked {
    /// What it is for.
    pub reservation_id: ReservationId,
    /// The currency, if an amount was ever said.
    pub currency: Option<Currency>,
    /// The first word about it.
    pub since: DateTime<Utc>,
    /// What came.
    pub paid_minor: i64,
    /// What is ordered to go back and has not gone.
    pub to_return_minor: i64,
    /// What went back.
    pub returned_minor: i64,
}

/// What does not agree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The provider has more than one payment for what was asked for once.
    ChargedTwice,
    /// The provider has money that no booking knows of.
    MoneyWithoutTable,
    /// A booking counts on money that the provider does not have.
    TableWithoutMoney,
    /// Both have a payment, of different amounts.
    AmountDiffers,
    /// Provider and booking do not agree on what went back.
    RefundDiffers,
    /// Money is to go back and has not gone.
    RefundOutstanding,
    /// The notifier's journal says otherwise than the provider, which agrees with the booking.
    JournalDiffers,
}

/// Something that does not agree. Amounts are in minor units.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Difference {
    /// What does not agree.
    pub kind: Kind,
    /// Our own reference.
    pub payment_id: String,
    /// What the money is for; null if nobody knows.
    pub reservation_id: Option<String>,
    /// Who has, or should have, the money.
    pub provider: Option<String>,
    /// The provider's name for the payment.
    pub provider_reference: Option<String>,
    /// ISO 4217.
    pub currency: Option<String>,
    /// What the provider took.
    pub provider_paid_minor: i64,
    /// What the provider gave back.
    pub provider_returned_minor: i64,
    /// What the notifier thinks came.
    pub journal_paid_minor: i64,
    /// What the notifier thinks went back.
    pub journal_returned_minor: i64,
    /// What the booking thinks came.
    pub log_paid_minor: i64,
    /// What the booking thinks went back.
    pub log_returned_minor: i64,
    /// What the booking wants to go back and has not gone.
    pub log_to_return_minor: i64,
    /// Whether something is on its way for this reservation, so that it may agree soon.
    pub in_motion: bool,
    /// The first word about the payment.
    pub since: DateTime<Utc>,
    /// How long ago that was.
    pub age_seconds: i64,
}

/// The three sides of one payment.
struct Sides<'a> {
    id: PaymentId,
    ledger: Vec<&'a (String, LedgerEntry)>,
    journal: Option<&'a Payment>,
    log: Option<&'a Booked>,
}

/// Money that came and money that went back.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Flow {
    paid: i64,
    returned: i64,
}

/// What `books` do not agree on, the oldest first.
#[must_use]
pub fn differences(books: &Books, now: DateTime<Utc>) -> Vec<Difference> {
    let mut sides = BTreeMap::<PaymentId, Sides<'_>>::new();
    let empty = |id| Sides { id, ledger: vec![], journal: None, log: None };
    for entry in &books.ledger {
        // What is not ours has no reference of ours: the account may be used for other things, too.
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
    /// A second charge that has gone back whole is settled, and counts no more.
    fn provider(&self) -> Flow {
        let flows = self.ledger.iter().map(|(_, entry)| match entry.standing {
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

    fn kind(&self) -> Option<Kind> {
        let (provider, journal, log) = (self.provider(), self.journal(), self.log());
        let taken = self.ledger.iter().filter(|(_, entry)| {
            matches!(entry.standing, ProviderStatus::Paid(amount) if entry.refunded_minor < amount.amount_minor)
        });
        let to_return = self.log.map_or(0, |booked| booked.to_return_minor);
        // What came and went back again, unknown to the booking, is settled.
        let settled = log.paid == 0 && provider.paid == provider.returned;
        let kinds = [
            (Kind::ChargedTwice, taken.count() > 1),
            (Kind::MoneyWithoutTable, provider.paid > 0 && log.paid == 0 && !settled),
            (Kind::TableWithoutMoney, provider.paid == 0 && log.paid > 0),
            (Kind::AmountDiffers, provider.paid != log.paid && !settled),
            (Kind::RefundDiffers, provider.returned != log.returned && !settled),
            (Kind::RefundOutstanding, to_return > 0),
            (Kind::JournalDiffers, journal != provider),
        ];
        kinds.into_iter().find(|(_, is_so)| *is_so).map(|(kind, _)| kind)
    }

    fn judge(&self, books: &Books, now: DateTime<Utc>) -> Option<Difference> {
        let kind = self.kind()?;
        let (provider, journal, log) = (self.provider(), self.journal(), self.log());
        let entry = self.ledger.first();
        let reservation_id =
            self.log.map(|booked| booked.reservation_id).or(self.journal.map(Payment::reservation_id));
        let paid = entry.and_then(|(_, entry)| match entry.standing {
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
            payment_id: self.id.to_string(),
            reservation_id: reservation_id.map(|id| id.to_string()),
            provider: entry.map(|(name, _)| name.clone()).or(opened.map(|opened| opened.provider.clone())),
            provider_reference: entry
                .map(|(_, entry)| entry.reference.clone())
                .or(opened.map(|opened| opened.provider_reference.clone())),
            currency: currency.map(|currency| currency.to_string()),
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

/// The answer of a reconciliation.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Report {
    /// When it was made.
    pub checked_at: DateTime<Utc>,
    /// Payments opened before this were not looked at.
    pub since: DateTime<Utc>,
    /// Payments that the providers have.
    #[schema(example = 3)]
    pub provider_payments: usize,
    /// Payments in the notifier's journal.
    #[schema(example = 3)]
    pub journal_payments: usize,
    /// Payments in the log of the reservation service.
    #[schema(example = 3)]
    pub log_payments: usize,
    /// What does not agree, the oldest first.
    pub differences: Vec<Difference>,
}

impl Report {
    /// The differences as RFC 4180 has it, with a header.
    #[must_use]
    pub fn csv(&self) -> String {
        let mut csv = COLUMNS.join(",") + "\r\n";
        for difference in &self.differences {
            let Ok(serde_json::Value::Object(fields)) = serde_json::to_value(difference) else { continue };
            let row: Vec<_> = COLUMNS.iter().map(|column| cell(fields.get(*column))).collect();
            csv.push_str(&row.join(","));
            csv.push_str("\r\n");
        }
        csv
    }
}

/// The members of a [`Difference`], in the order of the file.
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

fn cell(value: Option<&serde_json::Value>) -> String {
    let text = match value {
        None | Some(serde_json::Value::Null) => String::new(),
        Some(serde_json::Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    };
    if text.contains([',', '"', '\r', '\n']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text }
}
