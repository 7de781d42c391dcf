//! A deposit that is requested anew: by another channel, or after a payment that was refused.

use chrono::TimeDelta;
use events::event::*;
use events::values::*;
use events::{Event, PaymentId};
use reservation::domain::reservation::{PaymentOutcome, PaymentResult};
use reservation::domain::{Command, Refusal};
use serde_json::json;

use crate::app::TestApp;
use crate::rules::*;

fn renew(channel: Option<&str>) -> Command {
    Command::RenewDeposit { channel: channel.map(str::to_owned) }
}

fn failed() -> Event {
    PaymentFailed { payment_id: PAYMENT, reason_code: "refused".into() }.into()
}

/// The request of [`held`] again.
fn renewed(channel: Option<&str>) -> Event {
    let [_, Event::PaymentRequested(before)] = held() else { unreachable!() };
    let (payment_id, channel) = (PAYMENT.renewed(), channel.map(str::to_owned));
    PaymentRequested { payment_id, channel, replaces: Some(PAYMENT), ..before }.into()
}

fn pays(payment_id: PaymentId) -> Command {
    let (channel, provider_reference) = ("qris".into(), "sim_1".into());
    let outcome = PaymentOutcome::Completed { amount: idr(30_000_000), channel, provider_reference };
    Command::RecordPayment(PaymentResult { payment_id, outcome })
}

#[test]
fn a_guest_pays_by_another_channel_or_tries_again_in_the_same_time() {
    given(held()).when(renew(Some("card"))).then([renewed(Some("card"))]);
    // That is what the guest has.
    given(held()).when(renew(None)).nothing_happens();
    let by_card = || [held().to_vec(), vec![renewed(Some("card"))]].concat();
    given(by_card()).when(renew(Some("card"))).nothing_happens();
    given(by_card()).when(renew(None)).nothing_happens();
    let refused = || [held().to_vec(), vec![failed()]].concat();
    given(refused()).when(renew(None)).then([renewed(None)]);
    given(refused()).when(renew(Some("card"))).then([renewed(Some("card"))]);
}

#[test]
fn only_a_deposit_that_can_be_paid_is_requested_anew() {
    let Event::PaymentRequested(requested) = renewed(None) else { unreachable!() };
    let refused = |events: Vec<Event>, why| {
        given(events).when(renew(Some("card"))).refused(why);
    };
    given(held()).at(requested.expires_at).when(renew(Some("card"))).refused(Refusal::NoDepositDue);
    refused(vec![created()], Refusal::NoDepositDue);
    refused([held().to_vec(), vec![paid(), confirmed()]].concat(), Refusal::NoDepositDue);
    refused([held().to_vec(), vec![cancelled(Initiator::Guest, None)]].concat(), Refusal::Cancelled);
}

/// `payment_id` is paid, with what follows from it.
fn completed(payment_id: PaymentId, is_refunded: bool, closes: Option<PaymentId>) -> Event {
    let Event::PaymentCompleted(completed) = paid() else { unreachable!() };
    let refund = is_refunded.then_some(Refund { payment_id, amount: idr(30_000_000) });
    PaymentCompleted { payment_id, refund, closes, ..completed }.into()
}

#[test]
fn the_payment_that_is_paid_first_counts_and_the_other_one_goes_back() {
    let (first, second) = (PAYMENT, PAYMENT.renewed());
    let events = || [held().to_vec(), vec![renewed(Some("card"))]].concat();
    let by_first = || vec![completed(first, false, Some(second)), confirmed()];
    given(events()).when(pays(first)).then(by_first());
    given([events(), by_first()].concat()).when(pays(second)).then([completed(second, true, None)]);
    given([events(), by_first()].concat()).when(pays(first)).nothing_happens();
    let by_second = || vec![completed(second, false, None), confirmed()];
    given(events()).when(pays(second)).then(by_second());
    given([events(), by_second()].concat()).when(pays(first)).then([completed(first, true, None)]);
    // What was paid by the first one is what a cancellation returns.
    let refund = Some(Refund { payment_id: first, amount: idr(30_000_000) });
    given([events(), by_first()].concat())
        .when(cancel(Initiator::Guest))
        .then([cancelled(Initiator::Guest, refund)]);
    // After the hold neither counts.
    let over = || [events(), vec![cancelled(Initiator::System, None)]].concat();
    for payment in [first, second] {
        given(over()).when(pays(payment)).then([completed(payment, true, None)]);
    }
    // Of three payments the last one is closed by the first one.
    let third = |replaces| {
        let Event::PaymentRequested(second) = renewed(Some("card")) else { unreachable!() };
        let payment_id = second.payment_id.renewed();
        Event::from(PaymentRequested { payment_id, replaces: Some(replaces), ..second })
    };
    let three = || [events(), vec![third(second)]].concat();
    for payment in [first, second] {
        given(three())
            .when(pays(payment))
            .then([completed(payment, false, Some(second.renewed())), confirmed()]);
    }
}

/// The first payment is paid, goes back with a cancellation, and the cancellation is undone: the deposit is due once more.
#[test]
fn a_payment_that_is_requested_once_more_has_an_id_of_its_own() {
    let undo = crate::undo::undo(UndoneChange::Cancellation);
    for payments in 1..=3 {
        let mut reservation = given(held());
        let mut ids = vec![PAYMENT];
        for n in 1..payments {
            let channel = if n % 2 == 1 { "card" } else { "qris" };
            let [Event::PaymentRequested(next)] = &reservation.decided(renew(Some(channel)))[..] else {
                panic!("another payment")
            };
            ids.push(next.payment_id);
        }
        reservation.decided(pays(PAYMENT));
        reservation.decided(cancel(Initiator::Guest));
        let Some(Event::PaymentRequested(again)) = reservation.decided(undo.clone()).pop() else {
            panic!("the deposit is due again")
        };
        assert!(!ids.contains(&again.payment_id), "{again:?} is one of {ids:?}");
        let paid = reservation.decided(pays(again.payment_id));
        assert_eq!(paid, [completed(again.payment_id, false, None), confirmed()], "{payments} payments");
    }
}

#[test]
fn a_failure_of_a_replaced_payment_changes_nothing() {
    let events = || [held().to_vec(), vec![renewed(Some("card")), failed()]].concat();
    given(events()).when(renew(None)).nothing_happens();
    let Event::PaymentRequested(requested) = renewed(None) else { unreachable!() };
    given(events()).at(requested.expires_at).when(Command::Expire(None)).then([unpaid_hold_ended()]);
}

#[tokio::test]
async fn the_guest_of_a_booking_chooses_another_channel() {
    let app = TestApp::start().await;
    let id = app.book(json!({"party_size": 6, "payment_channel": "qris"})).await;
    let before = app.get(&format!("/api/reservations/{id}")).await.json();
    let renew = async |channel: &str| {
        app.guest_command(&id, "deposit/renew", json!({"payment_channel": channel})).await
    };
    let unknown = renew("shells").await;
    assert_eq!(unknown.problem(), (422, "invalid_request".into()));
    assert_eq!(unknown.faults(), ["body.payment_channel:value_error"]);
    let after = renew("card").await.json();
    let (first, second) = (&before["payment"], &after["payment"]);
    assert_eq!((&first["channel"], &second["channel"]), (&json!("qris"), &json!("card")), "{after}");
    assert_ne!(first["payment_id"], second["payment_id"]);
    assert_ne!(after["deposit"]["pay_link"], json!(null), "the guest gets the link to pay it");
    assert_eq!(before["deposit"]["expires_at"], after["deposit"]["expires_at"]);
    // One deposit, however often it is requested.
    let charges = app.get(&format!("/api/reservations/{id}/charges")).await.json();
    let kinds: Vec<_> = charges["entries"].as_array().unwrap().iter().map(|entry| &entry["kind"]).collect();
    assert_eq!(kinds, ["deposit_asked"]);
    assert_eq!(charges["balance"]["asked_minor"], 30_000_000);
    let history = app.get(&format!("/api/reservations/{id}/history")).await.json();
    let last = history["entries"].as_array().unwrap().last().unwrap();
    assert_eq!(last["note"], "The deposit of IDR 300000.00 is requested anew via card");
    for n in 0..19 {
        let again = renew(if n % 2 == 0 { "qris" } else { "card" }).await;
        assert_eq!(again.status, 200, "{}", again.text());
    }
    assert_eq!(renew("card").await.problem(), (409, "too_many_changes".into()));
    app.clock.advance(TimeDelta::minutes(15));
    crate::holds::becomes(&app, &id, "CANCELLED").await;
}
