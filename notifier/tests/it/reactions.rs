//! Every event has exactly the expected effects.

use chrono::TimeDelta;
use contract::reservation::words::ChargeStatus;
use events::event::*;
use events::imports::{Imported, ImportedStatus};
use events::values::*;
use events::{Event, PaymentId};
use notifier::domain::effect::{About, Effect, Planned};
use notifier::domain::reaction::{NotificationPolicy, react};
use notifier::domain::visit::Reservation;

use crate::support::*;

fn policy() -> NotificationPolicy {
    NotificationPolicy {
        remind_before: vec![TimeDelta::hours(24), TimeDelta::hours(2)],
        sms: true,
        keeps_copies: false,
    }
}

fn window() -> TimeWindow {
    TimeWindow::starting("2026-12-24T12:30:00Z".parse().unwrap(), 90)
}

fn refund() -> Refund {
    Refund { payment_id: PAYMENT, amount: idr(30_000_000) }
}

fn planned(event: &Event, policy: &NotificationPolicy) -> Vec<Planned> {
    react(event_id(7), now(), RESERVATION.into(), event, policy)
}

/// Kinds of the effects of `event`, from their keys.
fn kinds(event: impl Into<Event>) -> Vec<String> {
    let event = event.into();
    let planned = planned(&event, &policy());
    assert_eq!(planned, self::planned(&event, &policy()), "the same event always has the same effects");
    planned
        .into_iter()
        .map(|p| {
            assert_eq!(p.effect.about(), Some(RESERVATION.into()));
            let reminder = format!("{RESERVATION}.mail-reminder-");
            let of_event = format!("{}.", event_id(7).uuid);
            match p.key.0.strip_prefix(&reminder) {
                Some(rest) => {
                    let (start, before) = rest.split_once('-').unwrap();
                    assert!(start.parse::<i64>().is_ok(), "one for each start: {start}");
                    format!("mail-reminder-{before}")
                }
                None => p.key.0.strip_prefix(&of_event).unwrap().to_owned(),
            }
        })
        .collect()
}

fn created(deposit_required: bool) -> ReservationCreated {
    ReservationCreated {
        venue_id: "bandung-dago".parse().unwrap(),
        customer_id: "c".parse().unwrap(),
        party_size: PartySize::try_from(6).unwrap(),
        window: window(),
        timezone: "Asia/Jakarta".into(),
        locale: Locale::Id,
        policy: Policy {
            deposit_required,
            deposit: None,
            auto_cancel_minutes: 15,
            free_cancellation_minutes: 0,
            auto_confirm: false,
            no_show_grace_minutes: None,
            no_show_fee: None,
            refund_on_shrink: false,
        },
        area: None,
        payment_channel: None,
        contact_digest: ConfidentialDigest::of(b""),
        walk_in: false,
        source: None,
        imported: None,
        contact_proof: None,
    }
}

fn cancelled(refund: Option<Refund>) -> ReservationCancelled {
    ReservationCancelled {
        cancelled_by: Initiator::Guest,
        reason_code: "r".into(),
        description_digest: None,
        refund,
        closure_id: None,
    }
}

fn resized() -> PartySizeChanged {
    let party = |guests: i64| PartySize::try_from(guests).unwrap();
    let (from, to) = (party(8), party(6));
    PartySizeChanged { from, to, area: None, window: None, refund: None, waives_deposit: false }
}

fn completed(refund: Option<Refund>) -> PaymentCompleted {
    PaymentCompleted {
        payment_id: PAYMENT,
        amount: idr(1),
        channel: "qris".into(),
        provider_reference: "x".into(),
        refund,
        closes: None,
    }
}

#[test]
fn a_booking_is_acknowledged_or_its_deposit_requested() {
    assert_eq!(kinds(created(false)), ["mail-received"]);
    assert!(kinds(created(true)).is_empty());
    // A walk-in gets no message, and a booking that is confirmed immediately gets only the confirmation.
    assert!(kinds(ReservationCreated { walk_in: true, ..created(false) }).is_empty());
    let at_once = Policy { auto_confirm: true, ..created(false).policy };
    assert!(kinds(ReservationCreated { policy: at_once, ..created(false) }).is_empty());
    let requested = PaymentRequested {
        payment_id: PAYMENT,
        amount: idr(1),
        channel: None,
        expires_at: now(),
        purpose: Purpose::Deposit,
        replaces: None,
    };
    assert_eq!(kinds(requested.clone()), ["take-deposit"]);
    let replaced = PaymentId(uuid::Uuid::from_u128(77));
    let anew = PaymentRequested { replaces: Some(replaced), ..requested.clone() };
    assert_eq!(kinds(anew.clone()), ["take-deposit", "close-replaced"]);
    let paid_first = PaymentCompleted { closes: Some(replaced), ..completed(None) };
    assert_eq!(kinds(paid_first), ["close-successor"]);
    let closes =
        Effect::ClosePayments { reservation_id: RESERVATION, payment_id: Some(replaced), if_not_owed: true };
    assert_eq!(planned(&anew.into(), &policy())[1].effect, closes);
    let fee = PaymentRequested { purpose: Purpose::NoShowFee, expires_at: window().start, ..requested };
    assert_eq!(kinds(fee.clone()), ["take-deposit", "close-fee"]);
    assert_eq!(planned(&fee.into(), &policy())[1].due_at, window().start);
}

#[test]
fn a_guest_who_is_asked_gets_a_mail_and_a_text_message() {
    let asked = |question| GuestAsked { question };
    assert_eq!(kinds(asked(GuestQuestion::StillComing)), ["mail-still_coming", "sms-still_coming"]);
    assert!(kinds(GuestAnswered { answer: GuestAnswer::Coming, late_minutes: None }).is_empty());
}

#[test]
fn a_confirmation_is_sent_and_a_reminder_scheduled() {
    let confirmed = || ReservationConfirmed { window: window(), deposit_waived: false };
    assert_eq!(
        kinds(confirmed()),
        ["mail-confirmed", "sms-confirmed", "mail-reminder-1440m", "mail-reminder-120m"]
    );
    let reminder = planned(&confirmed().into(), &policy()).pop().unwrap();
    assert_eq!(reminder.due_at, window().start - TimeDelta::hours(2));
    let Effect::Message { start, .. } = reminder.effect else { panic!("{reminder:?}") };
    assert_eq!(start, Some(window().start));
    // A booking for today gets no reminder, and some venues send no text messages.
    let soon = ReservationConfirmed {
        window: TimeWindow::starting(now() + TimeDelta::hours(24), 90),
        deposit_waived: false,
    };
    assert_eq!(kinds(soon), ["mail-confirmed", "sms-confirmed", "mail-reminder-120m"]);
    assert_eq!(planned(&confirmed().into(), &NotificationPolicy { sms: false, ..policy() }).len(), 3);
    assert_eq!(
        planned(&confirmed().into(), &NotificationPolicy { remind_before: vec![], ..policy() }).len(),
        2
    );
    // A payment that is no longer due is closed.
    let waived = ReservationConfirmed { deposit_waived: true, ..confirmed() };
    assert_eq!(kinds(waived).last().unwrap(), "close-payments");
}

#[test]
fn a_refund_is_ordered_when_the_event_demands_it() {
    assert_eq!(kinds(cancelled(None)), ["mail-cancelled", "sms-cancelled", "close-payments"]);
    assert_eq!(
        kinds(cancelled(Some(refund()))),
        ["mail-cancelled", "sms-cancelled", "refund", "close-payments"]
    );
    assert!(kinds(completed(None)).is_empty());
    let everything = Refund { amount: idr(1), ..refund() };
    assert_eq!(kinds(completed(Some(everything))), ["mail-paid_late", "refund"]);
    // The party became smaller before it paid.
    assert_eq!(kinds(completed(Some(refund()))), ["refund"]);
    let smaller = |refund| PartySizeChanged { refund, ..resized() };
    assert_eq!(kinds(smaller(Some(refund()))), ["mail-resized", "refund"]);
    assert_eq!(kinds(smaller(None)), ["mail-resized"]);
    let reseated = PartySizeChanged { to: resized().from, ..resized() };
    assert!(kinds(reseated).is_empty(), "the guest is told only of a new size");
    assert_eq!(
        kinds(ReservationNoShow { fee: Some(idr(1)), refund: Some(refund()), stand_silence: None }),
        ["refund"]
    );
    let refunded = PaymentRefunded { payment_id: PAYMENT, amount: idr(1), provider_reference: "x".into() };
    assert_eq!(kinds(refunded), ["mail-refunded"]);
}

#[test]
fn a_new_time_is_announced_and_its_reminder_rescheduled() {
    let moved = ReservationRescheduled {
        from: window(),
        to: TimeWindow::starting(window().end, 90),
        area: None,
        moved_by: None,
        timezone: None,
    };
    assert_eq!(kinds(moved), ["mail-rescheduled", "mail-reminder-1440m", "mail-reminder-120m"]);
}

#[test]
fn events_caused_by_the_notifier_have_no_effects() {
    let (notification_id, template, medium) = ("n".to_owned(), "confirmed".to_owned(), Medium::Mail);
    assert!(
        kinds(NotificationSent {
            notification_id: notification_id.clone(),
            template: template.clone(),
            medium
        })
        .is_empty()
    );
    assert!(
        kinds(NotificationFailed { notification_id, template, medium, reason_code: "x".into() }).is_empty()
    );
    assert!(kinds(PaymentFailed { payment_id: PAYMENT, reason_code: "x".into() }).is_empty());
    assert!(kinds(ReservationCheckedIn::default()).is_empty());
    assert!(kinds(ReservationCompleted::default()).is_empty());
    assert!(kinds(ReservationNoShow::default()).is_empty());
    assert!(kinds(ContactErased { reason_code: "x".into() }).is_empty());
}

#[test]
fn a_waiting_guest_is_notified_of_an_offer_and_of_its_end() {
    let about = About::Waitlist { waitlist_id: events::WaitlistId(RESERVATION.0) };
    let table_id: events::TableId = "T1".parse().unwrap();
    let offered = WaitlistOffered { table_id, tables: vec![], window: window(), expires_at: window().start };
    let planned = react(event_id(7), now(), about, &offered.into(), &policy());
    let kinds: Vec<_> = planned.iter().map(|p| p.key.0.split_once('.').unwrap().1).collect();
    assert_eq!(kinds, ["mail-offer", "sms-offer"]);
    assert!(planned.iter().all(|p| p.effect.about() == Some(about)));
    let left = WaitlistLeft { reason_code: "gave_up".into() };
    assert_eq!(react(event_id(7), now(), about, &left.into(), &policy()), []);
    let expired = WaitlistLeft { reason_code: "offer_expired".into() };
    let over = react(event_id(7), now(), about, &expired.into(), &policy());
    assert_eq!(over[0].key.0.split_once('.').unwrap().1, "mail-offer_over");
    assert_eq!(over.len(), 1);
    // The stored form: a message about a reservation is encoded as before.
    let kept = serde_json::to_value(&planned[0].effect).unwrap();
    assert_eq!((&kept["kind"], &kept["waitlist_id"]), (&"message".into(), &RESERVATION.to_string().into()));
    let old = serde_json::json!({"kind": "message", "reservation_id": RESERVATION, "template": "received", "medium": "mail",
        "start": null, "link": null, "amount": null});
    let read: Effect = serde_json::from_value(old.clone()).unwrap();
    assert_eq!((read.about(), serde_json::to_value(&read).unwrap()), (Some(RESERVATION.into()), old));
}

#[test]
fn an_undo_tells_the_guest_what_no_longer_applies() {
    let undone = |undone, status| ReservationUndone {
        undone,
        status,
        window: window(),
        reason_code: "wrong_booking".into(),
        withdrawn_fee: None,
        refund: None,
    };
    assert!(kinds(undone(UndoneChange::CheckIn, RestoredStatus::Confirmed)).is_empty());
    assert!(kinds(undone(UndoneChange::Completion, RestoredStatus::CheckedIn)).is_empty());
    let no_show = undone(UndoneChange::NoShow, RestoredStatus::Confirmed);
    assert!(kinds(no_show.clone()).is_empty(), "no fee was requested");
    let unpaid = ReservationUndone {
        withdrawn_fee: Some(WithdrawnFee { payment_id: PAYMENT, amount: idr(5) }),
        ..no_show
    };
    assert_eq!(kinds(unpaid.clone()), ["close-fee", "mail-fee_withdrawn"]);
    // No other payment of the reservation is closed, now or at the deadline of the fee.
    let closes =
        Effect::ClosePayments { reservation_id: RESERVATION, payment_id: Some(PAYMENT), if_not_owed: false };
    assert_eq!(planned(&unpaid.clone().into(), &policy())[0].effect, closes);
    let requested = PaymentRequested {
        payment_id: PAYMENT,
        amount: idr(5),
        channel: None,
        expires_at: now() + TimeDelta::days(14),
        purpose: Purpose::NoShowFee,
        replaces: None,
    };
    assert_eq!(planned(&requested.into(), &policy()).last().unwrap().effect, closes);
    let paid = ReservationUndone { refund: Some(refund()), ..unpaid };
    assert_eq!(kinds(paid), ["close-fee", "mail-fee_withdrawn", "refund"]);
    let reinstated = ["mail-reinstated", "sms-reinstated"];
    assert_eq!(kinds(undone(UndoneChange::Cancellation, RestoredStatus::Pending)), reinstated);
    let confirmed = kinds(undone(UndoneChange::Cancellation, RestoredStatus::Confirmed));
    assert_eq!(confirmed, [&reinstated[..], &["mail-reminder-1440m", "mail-reminder-120m"]].concat());
}

#[test]
fn a_corrected_address_gets_the_current_message_again() {
    let corrected = |changed: &[Detail]| DetailsChanged {
        changed: changed.to_vec(),
        tags: vec![],
        contact_digest: ConfidentialDigest::of(b""),
    };
    assert!(kinds(corrected(&[Detail::Name, Detail::StaffNotes])).is_empty());
    for (changed, media) in [
        (vec![Detail::Email], vec![Medium::Mail]),
        (vec![Detail::Phone, Detail::Email], vec![Medium::Mail, Medium::Sms]),
    ] {
        let event = Event::from(corrected(&changed));
        assert_eq!(kinds(event.clone()), ["send-again"]);
        let Effect::SendAgain { media: planned, .. } = &self::planned(&event, &policy())[0].effect else {
            panic!("{event:?}");
        };
        assert_eq!(*planned, media);
    }
}

#[test]
fn a_payment_that_was_requested_anew_is_not_owed() {
    let mut view = reservation_view("PENDING");
    let renewed = PAYMENT.renewed();
    (view.deposit.status, view.deposit.payment_id) = (ChargeStatus::Due, Some(renewed));
    let reservation = Reservation::from(view);
    assert!(reservation.owes_payment(Purpose::Deposit, renewed));
    assert!(!reservation.owes_payment(Purpose::Deposit, PAYMENT));
}

#[test]
fn the_guest_of_an_imported_booking_gets_reminders_and_no_confirmation() {
    for (status, reminds) in [
        (ImportedStatus::Confirmed, true),
        (ImportedStatus::Cancelled, false),
        (ImportedStatus::NoShow, false),
    ] {
        let imported = Some(Box::new(Imported { status, booked_at: None }));
        let planned = kinds(ReservationCreated { imported, ..created(false) });
        assert_eq!(planned.len(), if reminds { 2 } else { 0 }, "{planned:?}");
        assert!(planned.iter().all(|kind| kind.starts_with("mail-reminder-")), "{planned:?}");
    }
}

#[test]
fn copies_of_mails_are_erased_with_the_contact() {
    let policy = NotificationPolicy { keeps_copies: true, ..policy() };
    let about = About::Waitlist { waitlist_id: events::WaitlistId(RESERVATION.0) };
    let kinds = |about: About, event: Event| {
        let planned = react(event_id(7), now(), about, &event, &policy);
        planned
            .iter()
            .map(|p| (p.key.0.split_once('.').unwrap().1.to_owned(), p.due_at - now()))
            .collect::<Vec<_>>()
    };
    let at_once = [("erase-copies".to_owned(), TimeDelta::zero())];
    let left = |reason: &str| Event::from(WaitlistLeft { reason_code: reason.into() });
    assert_eq!(kinds(RESERVATION.into(), ContactErased { reason_code: "x".into() }.into()), at_once);
    assert_eq!(kinds(about, left("gave_up")), at_once);
    assert_eq!(kinds(about, WaitlistAccepted { reservation_id: RESERVATION }.into()), at_once);
    let over = kinds(about, left("offer_expired"));
    assert_eq!(over[1], ("erase-copies".to_owned(), TimeDelta::days(1)));
}

#[test]
fn nothing_but_the_request_to_prove_it_goes_to_an_unproved_contact() {
    let asked = ContactProofRequested { method: ProofMethod::Link, number: 1, expires_at: now() };
    assert_eq!(kinds(asked), ["mail-prove_contact"]);
    assert!(kinds(ContactProved { method: ProofMethod::Link }).is_empty());
    let booked = ReservationCreated { contact_proof: Some(ProofMethod::Link), ..created(false) };
    assert!(kinds(booked).is_empty());
    let too_late = ReservationCancelled { reason_code: "contact_unproved".into(), ..cancelled(None) };
    assert!(kinds(too_late).is_empty());
}
