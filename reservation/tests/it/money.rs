//! Business rules about money, as given / when / then: past events, a command, the new events.

use chrono::TimeDelta;
use events::event::*;
use events::values::*;
use events::{Event, PaymentId};
use reservation::domain::reservation::{FEE_PAYMENT_PERIOD, PaymentOutcome, PaymentResult};
use reservation::domain::{Command, Refusal};

use crate::rules::*;

fn refunded(amount_minor: i64) -> Command {
    let outcome = PaymentOutcome::Refunded { amount: idr(amount_minor), provider_reference: "simr_1".into() };
    Command::RecordPayment(PaymentResult { payment_id: PAYMENT, outcome })
}

fn failed() -> Command {
    let outcome = PaymentOutcome::Failed { reason_code: "refused".into() };
    Command::RecordPayment(PaymentResult { payment_id: PAYMENT, outcome })
}

#[test]
fn a_payment_confirms_once() {
    given(held()).when(pay(30_000_000)).then([paid(), confirmed()]);
    given([held().to_vec(), vec![paid(), confirmed()]].concat()).when(pay(30_000_000)).nothing_happens();
    given([held().to_vec(), vec![paid(), confirmed()]].concat()).when(failed()).nothing_happens();
}

#[test]
fn a_payment_must_equal_the_requested_amount() {
    given(held()).when(pay(1)).refused(Refusal::AmountMismatch { asked: idr(30_000_000), came: idr(1) });
    given([created()]).when(pay(1)).refused(Refusal::UnknownPayment);
    given(held()).when(refunded(1)).refused(Refusal::UnknownPayment);
}

#[test]
fn a_payment_that_fails_leaves_the_hold() {
    given(held())
        .when(failed())
        .then([PaymentFailed { payment_id: PAYMENT, reason_code: "refused".into() }.into()]);
}

#[test]
fn a_payment_for_a_cancelled_hold_is_refunded() {
    let events = [held().to_vec(), vec![cancelled(Initiator::System, None)]].concat();
    let refund = Some(Refund { payment_id: PAYMENT, amount: idr(30_000_000) });
    let Event::PaymentCompleted(too_late) = paid() else { unreachable!() };
    given(events).when(pay(30_000_000)).then([PaymentCompleted { refund, ..too_late }.into()]);
}

#[test]
fn a_refund_never_exceeds_the_paid_amount() {
    let events = [held().to_vec(), vec![paid(), confirmed()]].concat();
    let part =
        PaymentRefunded { payment_id: PAYMENT, amount: idr(10_000_000), provider_reference: "simr_1".into() };
    given(events.clone()).when(refunded(10_000_000)).then([part.clone().into()]);
    let events = [events, vec![part.into()]].concat();
    given(events)
        .when(refunded(20_000_001))
        .refused(Refusal::RefundExceedsPayment { left_minor: 20_000_000, asked_minor: 20_000_001 });
}

#[test]
fn cancelling_frees_the_table_and_returns_the_deposit_in_time() {
    let refund = Some(Refund { payment_id: PAYMENT, amount: idr(30_000_000) });
    let events = || [held().to_vec(), vec![paid(), confirmed(), assigned("D4", window())]].concat();
    let free = || released("D4", ReleaseCause::Cancelled);
    let limit = window().start - TimeDelta::minutes(1_440);
    given(events())
        .at(limit)
        .when(cancel(Initiator::Guest))
        .then([cancelled(Initiator::Guest, refund), free()]);
    let too_late = limit + TimeDelta::microseconds(1);
    given(events())
        .at(too_late)
        .when(cancel(Initiator::Guest))
        .then([cancelled(Initiator::Guest, None), free()]);
    given(events())
        .at(too_late)
        .when(cancel(Initiator::Staff))
        .then([cancelled(Initiator::Staff, refund), free()]);
    given([created(), cancelled(Initiator::Guest, None)]).when(cancel(Initiator::Guest)).nothing_happens();
    given([created(), cancelled(Initiator::Guest, None)])
        .when(Command::CheckIn(None))
        .refused(Refusal::Cancelled);
}

/// A party of six at a venue with a no-show fee of `fee_minor`, whose deposit is in the state `deposit`.
pub fn with_fee(fee_minor: i64, deposit: impl IntoIterator<Item = Event>) -> Vec<Event> {
    let mut created = created_for(6);
    created.policy.no_show_fee = Some(NoShowFee { per: DepositPer::Party, amount: idr(fee_minor) });
    std::iter::once(created.into()).chain(deposit).chain([confirmed()]).collect()
}

pub fn deposit_paid() -> [Event; 2] {
    let [_, requested] = held();
    [requested, paid()]
}

pub fn fee_asked(amount_minor: i64) -> PaymentRequested {
    PaymentRequested {
        payment_id: PaymentId::of_fee(ID),
        amount: idr(amount_minor),
        channel: None,
        expires_at: window().start + FEE_PAYMENT_PERIOD,
        purpose: Purpose::NoShowFee,
        replaces: None,
    }
}

#[test]
fn the_fee_is_taken_from_the_deposit_and_the_difference_is_refunded_or_requested() {
    let never_came = |events| given(events).at(window().start).when(Command::NoShow);
    let no_show = |fee, back: Option<i64>| {
        let refund = back.map(|minor| Refund { payment_id: PAYMENT, amount: idr(minor) });
        Event::from(ReservationNoShow { fee: Some(idr(fee)), refund, stand_silence: None })
    };
    never_came(with_fee(20_000_000, deposit_paid())).then([no_show(20_000_000, Some(10_000_000))]);
    never_came(with_fee(30_000_000, deposit_paid())).then([no_show(30_000_000, None)]);
    never_came(with_fee(31_000_000, deposit_paid()))
        .then([no_show(31_000_000, None), fee_asked(1_000_000).into()]);
    never_came(with_fee(5, [])).then([no_show(5, None), fee_asked(5).into()]);
    // The amount refunded before can no longer be refunded.
    let amount = idr(29_000_000);
    let returned = PaymentRefunded { payment_id: PAYMENT, amount, provider_reference: "r".into() };
    let left = deposit_paid().into_iter().chain([returned.into()]);
    never_came(with_fee(4_000_000, left)).then([no_show(4_000_000, None), fee_asked(3_000_000).into()]);
}

#[test]
fn a_fee_is_paid_and_returned_beside_the_deposit() {
    let asked: [Event; 2] = [
        ReservationNoShow { fee: Some(idr(31_000_000)), ..ReservationNoShow::default() }.into(),
        fee_asked(1_000_000).into(),
    ];
    let events = || [with_fee(31_000_000, deposit_paid()), asked.to_vec()].concat();
    let result =
        |outcome| Command::RecordPayment(PaymentResult { payment_id: PaymentId::of_fee(ID), outcome });
    let pay_fee = |minor| {
        let (channel, provider_reference) = ("qris".into(), "sim_2".into());
        result(PaymentOutcome::Completed { amount: idr(minor), channel, provider_reference })
    };
    let fee_paid = Event::from(PaymentCompleted {
        payment_id: PaymentId::of_fee(ID),
        amount: idr(1_000_000),
        channel: "qris".into(),
        provider_reference: "sim_2".into(),
        refund: None,
        closes: None,
    });
    given(events()).when(pay_fee(1_000_000)).then([fee_paid.clone()]);
    let mismatch = Refusal::AmountMismatch { asked: idr(1_000_000), came: idr(2) };
    given(events()).when(pay_fee(2)).refused(mismatch);
    let with_paid_fee = || [events(), vec![fee_paid.clone()]].concat();
    given(with_paid_fee()).when(pay_fee(1_000_000)).nothing_happens();
    let back = PaymentOutcome::Refunded { amount: idr(1_000_000), provider_reference: "r".into() };
    let gone_back = PaymentRefunded {
        payment_id: PaymentId::of_fee(ID),
        amount: idr(1_000_000),
        provider_reference: "r".into(),
    };
    given(with_paid_fee()).when(result(back)).then([gone_back.into()]);
    // The deposit is a separate account.
    given(with_paid_fee())
        .when(refunded(30_000_001))
        .refused(Refusal::RefundExceedsPayment { left_minor: 30_000_000, asked_minor: 30_000_001 });
    given(with_paid_fee()).when(Command::NoShow).nothing_happens();
}
