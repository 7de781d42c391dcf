//! The state machine: every reachable state and every command, compared with a table written
//! by hand, and with the invariants.

use chrono::{DateTime, TimeDelta, Utc};
use contract::reservation::words::ReservationStatus;
use events::event::UndoneChange;
use events::values::Initiator;
use events::{Event, Position};
use proptest::prelude::*;
use reservation::app::words;
use reservation::domain::availability::{Holder, Occupancy, SeatingContext, Unavailable};
use reservation::domain::reservation::Undo;
use reservation::domain::{Charge, Command, RecordedAt, Refusal, Reservation, Status};

use crate::rules::*;
use crate::undo::undo;

/// The table of the design: the status after a command, or `None` if it is refused.
fn expected(command: &Command, status: &Status) -> Option<&'static str> {
    let column = ["PENDING", "CONFIRMED", "CHECKED_IN", "COMPLETED", "CANCELLED", "NO_SHOW"];
    let row: [Option<&'static str>; 6] = match command {
        Command::Confirm { .. } => [Some("CONFIRMED"), Some("CONFIRMED"), None, None, None, None],
        Command::AssignTable(_) => [Some("PENDING"), Some("CONFIRMED"), Some("CHECKED_IN"), None, None, None],
        Command::Reschedule { .. } | Command::ChangePartySize { .. } => {
            [Some("PENDING"), Some("CONFIRMED"), None, None, None, None]
        }
        Command::CheckIn(None) => [None, Some("CHECKED_IN"), Some("CHECKED_IN"), None, None, None],
        Command::Complete(None) => [None, None, Some("COMPLETED"), Some("COMPLETED"), None, None],
        Command::NoShow => [None, Some("NO_SHOW"), None, None, None, Some("NO_SHOW")],
        Command::Cancel { .. } => [Some("CANCELLED"), Some("CANCELLED"), None, None, Some("CANCELLED"), None],
        Command::Undo(Undo { change: UndoneChange::CheckIn, .. }) => {
            [None, Some("CONFIRMED"), Some("CONFIRMED"), None, None, None]
        }
        Command::Undo(Undo { change: UndoneChange::Completion, .. }) => {
            [None, None, Some("CHECKED_IN"), Some("CHECKED_IN"), None, None]
        }
        Command::Undo(Undo { change: UndoneChange::NoShow, .. }) => {
            [None, Some("CONFIRMED"), None, None, None, Some("CONFIRMED")]
        }
        Command::Undo(Undo { change: UndoneChange::Cancellation, .. }) => {
            let before = match status {
                Status::Cancelled { was_confirmed: true, .. } => "CONFIRMED",
                _ => "PENDING",
            };
            [Some("PENDING"), Some("CONFIRMED"), None, None, Some(before), None]
        }
        Command::Ask => [None, Some("CONFIRMED"), None, None, None, None],
        _ => return None,
    };
    row[column.iter().position(|c| *c == words::status(status).word()).unwrap()]
}

fn commands() -> Vec<Command> {
    vec![
        Command::Confirm { waive_deposit: true },
        choose("T3", 6),
        choose("T9", 12),
        reschedule(later(), Initiator::Guest),
        resize(3),
        Command::CheckIn(None),
        Command::Complete(None),
        Command::Ask,
        Command::NoShow,
        cancel(Initiator::Guest),
        cancel(Initiator::Staff),
    ]
    .into_iter()
    .chain(UndoneChange::ALL.map(undo))
    .collect()
}

fn apply(reservation: &mut Reservation, events: &[Event], position: &mut u64, time: DateTime<Utc>) {
    for event in events {
        *position += 1;
        reservation.evolve(event, RecordedAt { position: Position(*position), time });
    }
}

fn start(guests: i64) -> Reservation {
    let mut reservation = None;
    for (position, event) in (1..).map(Position).zip(booked(guests)) {
        reservation::app::repository::fold(
            &mut reservation,
            ID,
            &event,
            RecordedAt { position, time: now() },
        );
    }
    reservation.unwrap()
}

/// All states up to five commands after a new booking.
fn reachable() -> Vec<Reservation> {
    let mut all = vec![start(4), start(6)];
    let mut edge = all.clone();
    for _ in 0..5 {
        let mut next = Vec::new();
        for reservation in &edge {
            for command in commands() {
                // After the start, so that a no-show is possible.
                let Ok(events) = reservation.decide(
                    &command,
                    &SeatingContext::managed_by_hand(&Occupancy::default()),
                    later().end,
                ) else {
                    continue;
                };
                let mut after = reservation.clone();
                apply(&mut after, &events, &mut 100, later().end);
                if !all.contains(&after) {
                    all.push(after.clone());
                    next.push(after);
                }
            }
        }
        edge = next;
    }
    all
}

#[test]
fn every_command_in_every_state_follows_the_state_table() {
    let states = reachable();
    for word in ReservationStatus::ALL {
        let is_reached = states.iter().any(|reservation| words::status(&reservation.status) == *word);
        assert!(is_reached, "{word} is never reached");
    }
    for reservation in &states {
        for command in commands() {
            let decided = reservation.decide(
                &command,
                &SeatingContext::managed_by_hand(&Occupancy::default()),
                later().end,
            );
            let leads_to = decided.as_ref().ok().map(|events| {
                let mut after = reservation.clone();
                apply(&mut after, events, &mut 100, later().end);
                words::status(&after.status).word()
            });
            assert_eq!(
                leads_to,
                expected(&command, &reservation.status),
                "{command:?} in {:?}: {decided:?}",
                reservation.status
            );
        }
    }
}

#[test]
fn no_decided_event_is_ignored() {
    for reservation in reachable() {
        for command in commands() {
            for event in reservation
                .decide(&command, &SeatingContext::managed_by_hand(&Occupancy::default()), later().end)
                .unwrap_or_default()
            {
                let mut after = reservation.clone();
                apply(&mut after, std::slice::from_ref(&event), &mut 100, later().end);
                assert_ne!(after, reservation, "{event:?} changed nothing");
            }
        }
    }
}

fn any_command() -> impl Strategy<Value = Command> {
    let mut all = commands();
    all.extend([Command::Confirm { waive_deposit: false }, Command::Expire(None), pay(30_000_000), pay(5)]);
    all.extend([None, Some("card".to_owned())].map(|channel| Command::RenewDeposit { channel }));
    proptest::sample::select(all)
}

proptest! {
    /// The invariants hold for every sequence of commands.
    #[test]
    fn invariants_hold_on_every_path(
        guests in prop_oneof![Just(4_i64), Just(6)],
        steps in proptest::collection::vec((any_command(), 0..60_i64), 0..40),
    ) {
        let mut reservation = start(guests);
        let (mut time, mut position) = (now(), 2);
        for (command, minutes) in steps {
            time += TimeDelta::minutes(minutes * 20);
            let before = reservation.clone();
            match reservation.decide(&command, &SeatingContext::managed_by_hand(&Occupancy::default()), time) {
                Ok(events) => {
                    apply(&mut reservation, &events, &mut position, time);
                    prop_assert_eq!(reservation.version, before.version + events.len() as u64);
                    let again = reservation.decide(&command, &SeatingContext::managed_by_hand(&Occupancy::default()), time);
                    let settled = matches!(command, Command::RecordPayment(_)) || again.as_ref().is_ok_and(Vec::is_empty);
                    prop_assert!(settled, "{:?} is not idempotent: {:?}", command, again);
                }
                Err(refusal) => prop_assert!(!refusal.code().is_empty()),
            }
            check(&reservation, time)?;
        }
    }
}

fn check(reservation: &Reservation, now: chrono::DateTime<Utc>) -> Result<(), TestCaseError> {
    let ended = matches!(reservation.status, Status::Completed | Status::Cancelled { .. } | Status::NoShow);
    prop_assert!(!ended || reservation.tables.is_empty(), "an ended reservation has no table");
    prop_assert!(reservation.tables.len() <= 1);
    for table in &reservation.tables {
        prop_assert_eq!(table.window, reservation.window(), "the table is taken for the time of the visit");
        prop_assert!(table.capacity >= reservation.party_size().get());
    }
    if let Charge::Due(_) = reservation.deposit {
        prop_assert!(
            !matches!(reservation.status, Status::Confirmed | Status::CheckedIn | Status::Completed),
            "a reservation with an unpaid deposit is not confirmed"
        );
    }
    if let Charge::Paid(paid) = &reservation.deposit {
        prop_assert!(paid.refunded_minor <= paid.amount.amount_minor);
    }
    prop_assert_eq!(
        reservation
            .decide(&Command::Expire(None), &SeatingContext::managed_by_hand(&Occupancy::default()), now)
            .map(|e| e.is_empty())
            .ok(),
        Some(reservation.hold_expires_at().is_none_or(|at| now < at))
    );
    Ok(())
}

#[test]
fn every_refusal_has_its_own_code() {
    let table = || "T1".parse().unwrap();
    let all = [
        Refusal::Cancelled,
        Refusal::Completed,
        Refusal::NoShow,
        Refusal::CheckedIn,
        Refusal::NothingToUndo(UndoneChange::CheckIn),
        Refusal::NotConfirmed,
        Refusal::NotCheckedIn,
        Refusal::DepositDue(idr(1)),
        Refusal::NoDepositDue,
        Refusal::NotStarted,
        Refusal::TableTaken(table()),
        Refusal::TableTooSmall { seats: 2, party_size: party(4) },
        Refusal::NextParty {
            table: table(),
            by: Holder::Booking(ID),
            start: "2026-12-24T19:30:00+07:00".parse().unwrap(),
        },
        Refusal::VisitTooLong,
        Refusal::EndTooEarly,
        Refusal::TableGone(table()),
        Refusal::NothingToSwap(ID),
        Refusal::ContactErased,
        Refusal::ContactUnproved,
        Refusal::ManagedByHand,
        Refusal::Unavailable(Unavailable::Closed),
        Refusal::Unavailable(Unavailable::TooSoon),
        Refusal::Unavailable(Unavailable::TooLate),
        Refusal::Unavailable(Unavailable::PartyTooLarge),
        Refusal::Unavailable(Unavailable::Pacing),
        Refusal::Unavailable(Unavailable::NoTable),
        Refusal::DepositChanges { party_size: party(6), due: idr(1) },
        Refusal::UnprovenShare,
        Refusal::TooManyUnproven,
        Refusal::NoProofAsked,
        Refusal::ProofReplaced,
        Refusal::UnknownPayment,
        Refusal::AmountMismatch { asked: idr(1), came: idr(2) },
        Refusal::RefundExceedsPayment { left_minor: 1, asked_minor: 2 },
    ];
    let words: std::collections::BTreeSet<_> = all.iter().map(Refusal::code).collect();
    assert_eq!(words.len(), all.len());
    assert!(
        all.iter().all(|refusal| refusal.to_string().ends_with('.')),
        "every message is a sentence and names the remedy"
    );
}
