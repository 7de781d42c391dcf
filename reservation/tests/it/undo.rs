//! Undoing the last change of the status: past events, a command, the new events.

use chrono::TimeDelta;
use events::event::*;
use events::values::*;
use events::{AssignmentId, Event, PaymentId};
use reservation::domain::reservation::{PaymentOutcome, PaymentResult, TableChoice, Undo};
use reservation::domain::{Command, Refusal};
use uuid::Uuid;

use crate::money::{deposit_paid, fee_asked, with_fee};
use crate::rules::*;

pub fn undo(change: UndoneChange) -> Command {
    let reason_code = "wrong_booking".into();
    Command::Undo(Undo { change, reason_code, table: None, allow_duplicate: false })
}

fn undo_at(change: UndoneChange, table: &str, capacity: u8) -> Command {
    let Command::Undo(undone) = undo(change) else { unreachable!() };
    let (assignment_id, table_id) = (AssignmentId(Uuid::from_u128(4)), table.parse().unwrap());
    let table = Some(TableChoice { assignment_id, table_id, capacity, area: "Dalam".into() });
    Command::Undo(Undo { table, ..undone })
}

fn undone(undone: UndoneChange, status: RestoredStatus) -> ReservationUndone {
    ReservationUndone {
        undone,
        status,
        window: window(),
        reason_code: "wrong_booking".into(),
        withdrawn_fee: None,
        refund: None,
    }
}

/// Past events that ended a confirmed visit at table T3.
fn ended(ending: Event, cause: ReleaseCause) -> Vec<Event> {
    [ready(), vec![ending, released("T3", cause)]].concat()
}

fn gone() -> Vec<Event> {
    let left = [ReservationCheckedIn::default().into(), ReservationCompleted::default().into()];
    [ready(), left.to_vec(), vec![released("T3", ReleaseCause::Completed)]].concat()
}

#[test]
fn a_check_in_is_undone_and_the_party_keeps_its_table() {
    use UndoneChange::CheckIn;
    let seated = [ready(), vec![ReservationCheckedIn::default().into()]].concat();
    given(seated).when(undo(CheckIn)).then([undone(CheckIn, RestoredStatus::Confirmed).into()]);
    // A party that came early had the table from then on.
    let early = TimeWindow { start: window().start - TimeDelta::minutes(20), ..window() };
    let moved = || vec![released("T3", ReleaseCause::Moved), assigned("T3", early)];
    let seated = [ready(), moved(), vec![ReservationCheckedIn::default().into()]].concat();
    let Event::TableReleased(of_visit) = released("T3", ReleaseCause::Moved) else { unreachable!() };
    let of_early = TableReleased { window: early, ..of_visit };
    given(seated).when(undo(CheckIn)).then([
        undone(CheckIn, RestoredStatus::Confirmed).into(),
        of_early.into(),
        assigned("T3", window()),
    ]);
}

#[test]
fn a_completion_is_undone_at_the_same_table_unless_it_is_taken() {
    use UndoneChange::Completion;
    let seated_again = undone(Completion, RestoredStatus::CheckedIn);
    given(gone())
        .at(window().end)
        .when(undo(Completion))
        .then([seated_again.clone().into(), assigned("T3", window())]);
    given(gone())
        .somebody_else_has("T3", window())
        .when(undo(Completion))
        .refused(Refusal::TableTaken("T3".parse().unwrap()));
    // The next party is due at the table, at which this one sits longer than it wanted.
    given(gone())
        .somebody_else_has("T3", later())
        .at(later().start + TimeDelta::minutes(1))
        .when(undo(Completion))
        .refused(Refusal::TableTaken("T3".parse().unwrap()));
    let Event::TableAssigned(at_t4) = assigned("T4", window()) else { unreachable!() };
    let at_t4 = TableAssigned { assignment_id: AssignmentId(Uuid::from_u128(4)), ..at_t4 };
    given(gone())
        .somebody_else_has("T3", window())
        .when(undo_at(Completion, "T4", 6))
        .then([seated_again.into(), at_t4.into()]);
    given(gone())
        .when(undo_at(Completion, "T4", 2))
        .refused(Refusal::TableTooSmall { seats: 2, party_size: party(4) });
}

#[test]
fn a_no_show_is_undone_without_a_time_limit_and_is_not_recorded_again_by_itself() {
    use UndoneChange::NoShow;
    let never_came = || {
        let mut created = created_for(4);
        created.policy.no_show_grace_minutes = Some(30);
        let ended = [ReservationNoShow::default().into(), released("T3", ReleaseCause::NoShow)];
        [vec![created.into(), assigned("T3", window()), confirmed()], ended.to_vec()].concat()
    };
    let came = || vec![undone(NoShow, RestoredStatus::Confirmed).into(), assigned("T3", window())];
    let late = window().start + TimeDelta::minutes(31);
    given(never_came()).at(late).when(undo(NoShow)).then(came());
    given(never_came()).at(window().end + TimeDelta::days(30)).when(undo(NoShow)).then(came());
    given(never_came()).and_at(late, came()).when(Command::Expire(None)).nothing_happens();
    given(never_came()).and_at(late, came()).when(undo(NoShow)).nothing_happens();
    // A no-show by mistake before the grace period has passed leaves it as it was.
    let early = window().start + TimeDelta::minutes(1);
    given(never_came())
        .and_at(early, came())
        .at(late)
        .when(Command::Expire(None))
        .then([ReservationNoShow::default().into(), released("T3", ReleaseCause::NoShow)]);
}

#[test]
fn the_fee_of_an_undone_no_show_is_withdrawn_and_goes_back_if_it_was_paid() {
    use UndoneChange::NoShow;
    let no_show =
        Event::from(ReservationNoShow { fee: Some(idr(31_000_000)), ..ReservationNoShow::default() });
    let events =
        || [with_fee(31_000_000, deposit_paid()), vec![no_show.clone(), fee_asked(1_000_000).into()]];
    let withdrawn = ReservationUndone {
        withdrawn_fee: Some(WithdrawnFee { payment_id: PaymentId::of_fee(ID), amount: idr(1_000_000) }),
        ..undone(NoShow, RestoredStatus::Confirmed)
    };
    given(events().concat()).when(undo(NoShow)).then([withdrawn.clone().into()]);
    let of_fee = PaymentId::of_fee(ID);
    let pay_fee = Command::RecordPayment(PaymentResult {
        payment_id: of_fee,
        outcome: PaymentOutcome::Completed {
            amount: idr(1_000_000),
            channel: "qris".into(),
            provider_reference: "sim_2".into(),
        },
    });
    let fee_paid = |refund| PaymentCompleted {
        payment_id: of_fee,
        amount: idr(1_000_000),
        channel: "qris".into(),
        provider_reference: "sim_2".into(),
        refund,
        closes: None,
    };
    let back = Some(Refund { payment_id: of_fee, amount: idr(1_000_000) });
    // Paid before the undo: it goes back with the undo.
    let paid = [events().concat(), vec![fee_paid(None).into()]].concat();
    given(paid).when(undo(NoShow)).then([ReservationUndone { refund: back, ..withdrawn.clone() }.into()]);
    // Paid afterwards: it goes back when it arrives.
    let undone = [events().concat(), vec![withdrawn.into()]].concat();
    given(undone.clone()).when(pay_fee).then([fee_paid(back).into()]);
    // A second no-show requests its fee with another payment.
    let second = PaymentRequested {
        payment_id: of_fee.renewed(),
        expires_at: window().end + reservation::domain::reservation::FEE_PAYMENT_PERIOD,
        ..fee_asked(1_000_000)
    };
    given(undone).at(window().end).when(Command::NoShow).then([no_show, second.into()]);
}

#[test]
fn an_undone_cancellation_keeps_what_was_paid_and_requests_what_went_back() {
    use UndoneChange::Cancellation;
    let freed = || released("T3", ReleaseCause::Cancelled);
    let again = |status| vec![undone(Cancellation, status).into(), assigned("T3", window())];
    // Without a deposit.
    given(ended(cancelled(Initiator::Guest, None), ReleaseCause::Cancelled))
        .when(undo(Cancellation))
        .then(again(RestoredStatus::Confirmed));
    let pending = vec![created(), assigned("T3", window()), cancelled(Initiator::Staff, None), freed()];
    given(pending).when(undo(Cancellation)).then(again(RestoredStatus::Pending));
    // With a deposit that the restaurant kept.
    let paid_for = || [held().to_vec(), vec![paid(), confirmed(), assigned("T3", window())]].concat();
    let kept = [paid_for(), vec![cancelled(Initiator::Guest, None), freed()]].concat();
    given(kept).when(undo(Cancellation)).then(again(RestoredStatus::Confirmed));
    // With a deposit that goes back: it is due again, by another payment and with another deadline.
    let refund = Some(Refund { payment_id: PAYMENT, amount: idr(30_000_000) });
    let returned = || [paid_for(), vec![cancelled(Initiator::Staff, refund), freed()]].concat();
    let at = now() + TimeDelta::days(1);
    let due = Event::from(PaymentRequested {
        payment_id: PAYMENT.renewed(),
        amount: idr(30_000_000),
        channel: None,
        expires_at: at + TimeDelta::hours(24),
        purpose: Purpose::Deposit,
        replaces: None,
    });
    let due_again = [again(RestoredStatus::Pending), vec![due.clone()]].concat();
    given(returned()).at(at).when(undo(Cancellation)).then(due_again.clone());
    // The visit is within 24 hours: it is due until then, and at least for as long as a new booking is held.
    for (minutes_before, expires_at) in [(60, window().start), (5, window().start + TimeDelta::minutes(10))] {
        let Event::PaymentRequested(requested) = due.clone() else { unreachable!() };
        let due = PaymentRequested { expires_at, ..requested };
        let expected = [again(RestoredStatus::Pending), vec![due.into()]].concat();
        let soon = window().start - TimeDelta::minutes(minutes_before);
        given(returned()).at(soon).when(undo(Cancellation)).then(expected);
    }
    // The refund of the first payment is reported later, and does not count for the second one.
    let refunded =
        PaymentRefunded { payment_id: PAYMENT, amount: idr(30_000_000), provider_reference: "simr_1".into() };
    let unpaid = [returned(), due_again, vec![refunded.into()]].concat();
    given(unpaid.clone())
        .when(Command::Confirm { waive_deposit: false })
        .refused(Refusal::DepositDue(idr(30_000_000)));
    given(unpaid)
        .at(at + TimeDelta::hours(24))
        .when(Command::Expire(None))
        .then([unpaid_hold_ended(), freed()]);
    // With a deposit that was not paid yet.
    let unpaid = [held().to_vec(), vec![cancelled(Initiator::Guest, None)]].concat();
    given(unpaid)
        .at(at)
        .when(undo(Cancellation))
        .then([undone(Cancellation, RestoredStatus::Pending).into(), due]);
}

#[test]
fn a_cancellation_is_not_undone_if_its_table_is_taken_or_its_hold_had_expired() {
    use UndoneChange::Cancellation;
    given(ended(cancelled(Initiator::Staff, None), ReleaseCause::Cancelled))
        .somebody_else_has("T3", window())
        .when(undo(Cancellation))
        .refused(Refusal::TableTaken("T3".parse().unwrap()));
    let expired = [held().to_vec(), vec![cancelled(Initiator::System, None)]].concat();
    given(expired).when(undo(Cancellation)).refused(Refusal::Cancelled);
}

#[test]
fn only_the_named_change_is_undone() {
    use UndoneChange::{Cancellation, CheckIn, Completion, NoShow};
    let seated_again = [gone(), vec![undone(Completion, RestoredStatus::CheckedIn).into()]].concat();
    given(seated_again.clone()).when(undo(Completion)).nothing_happens();
    given(gone()).when(undo(CheckIn)).refused(Refusal::NothingToUndo(CheckIn));
    given(ready()).when(undo(NoShow)).nothing_happens();
    given([created()]).when(undo(NoShow)).refused(Refusal::NothingToUndo(NoShow));
    given(seated_again).when(undo(Cancellation)).refused(Refusal::NothingToUndo(Cancellation));
}

#[test]
fn a_deposit_of_which_an_operator_returned_a_part_is_due_again_completely() {
    use UndoneChange::Cancellation;
    let refund = Some(Refund { payment_id: PAYMENT, amount: idr(30_000_000) });
    let back = |minor| -> Event {
        PaymentRefunded { payment_id: PAYMENT, amount: idr(minor), provider_reference: "r".into() }.into()
    };
    let ended = [cancelled(Initiator::Staff, refund), back(10_000_000), back(20_000_000)];
    let events = [held().to_vec(), vec![paid(), confirmed()], ended.to_vec()].concat();
    let due = PaymentRequested {
        payment_id: PAYMENT.renewed(),
        amount: idr(30_000_000),
        channel: None,
        expires_at: now() + TimeDelta::hours(24),
        purpose: Purpose::Deposit,
        replaces: None,
    };
    given(events)
        .when(undo(Cancellation))
        .then([undone(Cancellation, RestoredStatus::Pending).into(), due.into()]);
}

#[test]
fn a_visit_that_is_over_is_reinstated_without_a_deposit() {
    use UndoneChange::Cancellation;
    let refund = Some(Refund { payment_id: PAYMENT, amount: idr(30_000_000) });
    let events = [held().to_vec(), vec![paid(), confirmed(), cancelled(Initiator::Staff, refund)]].concat();
    given(events).at(window().end).when(undo(Cancellation)).then([undone(
        Cancellation,
        RestoredStatus::Confirmed,
    )
    .into()]);
}

#[test]
fn a_reservation_that_was_called_off_and_is_possible_again_is_not_marked() {
    use UndoneChange::Cancellation;
    let marked = ReservationAffected { reason: Some("closed".into()), rules_version: 2, closure_id: None };
    let cancelled = cancelled(Initiator::Staff, None);
    let events = [held().to_vec(), vec![marked.into(), cancelled]].concat();
    let due = PaymentRequested {
        payment_id: PAYMENT.renewed(),
        amount: idr(30_000_000),
        channel: None,
        expires_at: now() + TimeDelta::hours(24),
        purpose: Purpose::Deposit,
        replaces: None,
    };
    let again = vec![undone(Cancellation, RestoredStatus::Pending).into(), due.into()];
    given(events.clone()).when(undo(Cancellation)).then(again.clone());
    // The hold expires as usual.
    let ended = given([events, again].concat()).at(now() + TimeDelta::hours(24)).when(Command::Expire(None));
    ended.then([unpaid_hold_ended()]);
}

#[test]
fn a_reservation_whose_contact_was_erased_stays_cancelled() {
    use UndoneChange::Cancellation;
    let erased = ContactErased { reason_code: "guest_request".into() };
    given([created(), cancelled(Initiator::Guest, None), erased.into()])
        .when(undo(Cancellation))
        .refused(Refusal::ContactErased);
}
