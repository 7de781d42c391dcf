//! Reconciliation: every kind of difference is found, and settled payments are not reported.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use contract::notifier::words::DifferenceKind;
use events::{PaymentId, ReservationId};
use notifier::domain::effect::Purpose;
use notifier::effects::entry::PaymentOpened;
use notifier::effects::payment::{Payment, PaymentStatus};
use notifier::ports::payment::{LedgerEntry, ProviderStatus};
use notifier::reconciliation::{self, Booked, Books, differences};
use uuid::Uuid;

use crate::support::*;

/// A payment in the records of one side: the paid and the refunded amount.
type Flow = (i64, i64);

fn ledger(reference: &str, flow: Option<Flow>) -> Vec<(String, LedgerEntry)> {
    let entry = |(paid, refunded_minor)| LedgerEntry {
        reference: reference.into(),
        payment_id: Some(PAYMENT),
        at: now(),
        status: if paid == 0 { ProviderStatus::Closed } else { ProviderStatus::Paid(idr(paid)) },
        refunded_minor,
    };
    flow.map(|flow| ("stripe".to_owned(), entry(flow))).into_iter().collect()
}

fn journal((paid, refunded_minor): Flow) -> Vec<Payment> {
    let opened = PaymentOpened {
        payment_id: PAYMENT,
        reservation_id: RESERVATION,
        amount: idr(if paid == 0 { 100 } else { paid }),
        channel: "card".into(),
        purpose: Purpose::Deposit,
        provider: "stripe".into(),
        provider_reference: "pi_1".into(),
        url: "http://x".into(),
        correlation_id: "r".into(),
        link_sha256: None,
        venue_id: None,
    };
    let status = if paid == 0 { PaymentStatus::Expired } else { PaymentStatus::Paid };
    vec![Payment { opened, opened_at: now(), status, refunded_minor }]
}

fn log((paid_minor, returned_minor): Flow, to_return_minor: i64) -> BTreeMap<PaymentId, Booked> {
    let (reservation_id, currency, since) = (RESERVATION, Some(idr(1).currency), now());
    let booked = Booked { reservation_id, currency, since, paid_minor, to_return_minor, returned_minor };
    BTreeMap::from([(PAYMENT, booked)])
}

fn kinds(books: &Books) -> Vec<DifferenceKind> {
    differences(books, later()).into_iter().map(|difference| difference.kind).collect()
}

fn later() -> DateTime<Utc> {
    now() + TimeDelta::hours(2)
}

#[test]
fn every_kind_of_difference_is_found_and_nothing_else() {
    for (provider, own, booked, to_return, expected) in [
        // No difference: paid, never paid, partly refunded, refunded.
        (Some((100, 0)), (100, 0), (100, 0), 0, None),
        (Some((0, 0)), (0, 0), (0, 0), 0, None),
        (Some((100, 40)), (100, 40), (100, 40), 0, None),
        (Some((100, 100)), (100, 100), (100, 100), 0, None),
        // The booking never had the payment, and it was refunded.
        (Some((100, 100)), (100, 100), (0, 0), 0, None),
        (Some((100, 0)), (100, 0), (0, 0), 0, Some(DifferenceKind::MoneyWithoutTable)),
        (None, (0, 0), (100, 0), 0, Some(DifferenceKind::TableWithoutMoney)),
        (Some((0, 0)), (100, 0), (100, 0), 0, Some(DifferenceKind::TableWithoutMoney)),
        (Some((90, 0)), (90, 0), (100, 0), 0, Some(DifferenceKind::AmountDiffers)),
        (Some((100, 40)), (100, 0), (100, 0), 0, Some(DifferenceKind::RefundDiffers)),
        (Some((100, 0)), (100, 100), (100, 100), 0, Some(DifferenceKind::RefundDiffers)),
        (Some((100, 0)), (100, 0), (100, 0), 100, Some(DifferenceKind::RefundOutstanding)),
        (Some((100, 50)), (100, 50), (100, 50), 50, Some(DifferenceKind::RefundOutstanding)),
        (Some((100, 0)), (0, 0), (100, 0), 0, Some(DifferenceKind::JournalDiffers)),
    ] {
        let books = Books {
            ledger: ledger("pi_1", provider),
            journal: journal(own),
            log: log(booked, to_return),
            ..Books::default()
        };
        let expected: Vec<_> = expected.into_iter().collect();
        assert_eq!(kinds(&books), expected, "{provider:?} {own:?} {booked:?} {to_return}");
    }
}

#[test]
fn a_second_charge_counts_until_it_has_gone_back() {
    let books = |second: Flow| Books {
        ledger: [ledger("pi_1", Some((100, 0))), ledger("pi_2", Some(second))].concat(),
        journal: journal((100, 0)),
        log: log((100, 0), 0),
        ..Books::default()
    };
    assert_eq!(kinds(&books((100, 0))), [DifferenceKind::ChargedTwice]);
    assert_eq!(kinds(&books((0, 0))), []);
    assert_eq!(kinds(&books((100, 100))), []);
}

#[test]
fn a_difference_has_an_age_and_says_whether_an_effect_is_pending() {
    let mut books = Books {
        ledger: ledger("pi,1\"", Some((100, 0))),
        in_motion: [RESERVATION].into(),
        ..Books::default()
    };
    books.journal = journal((100, 0));
    let found = differences(&books, later());
    assert_eq!((found[0].age_seconds, found[0].in_motion), (7_200, true));
    books.in_motion = [ReservationId(Uuid::from_u128(77))].into();
    assert!(!differences(&books, later())[0].in_motion);
    let text = String::from_utf8(reconciliation::csv(&found).unwrap()).unwrap();
    let lines: Vec<_> = text.split("\r\n").collect();
    assert_eq!((lines.len(), lines[2]), (3, ""));
    assert!(
        lines[1].starts_with(&format!(
            "money_without_table,{PAYMENT},{RESERVATION},stripe,\"pi,1\"\"\",IDR,100,0,"
        )),
        "{text}"
    );
    // The header names the columns in order. It is written even if there are no differences.
    let mut by_name = csv::Writer::from_writer(Vec::new());
    by_name.serialize(&found[0]).unwrap();
    let by_name = String::from_utf8(by_name.into_inner().unwrap()).unwrap();
    assert_eq!(by_name.lines().next(), Some(lines[0]));
    let empty = reconciliation::csv(&[]).unwrap();
    assert_eq!(String::from_utf8(empty).unwrap(), format!("{}\r\n", lines[0]));
    // A payment without our reference belongs to another use of the account.
    let mut foreign = ledger("pi_9", Some((100, 0)));
    foreign[0].1.payment_id = None;
    assert_eq!(kinds(&Books { ledger: foreign, ..Books::default() }), []);
}
