//! Longer visits, exchanged tables and imported bookings: past events, a decision, the new events.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use events::event::*;
use events::imports::{Imported, ImportedStatus};
use events::values::*;
use events::{AssignmentId, Event, Position, ReservationId, TableId};
use reservation::app::repository;
use reservation::domain::availability::{Holder, Occupancy, Overrule, SeatingContext};
use reservation::domain::reservation::{Extension, Swap, booking, swap};
use reservation::domain::{Command, RecordedAt, Refusal, Reservation, Status};
use uuid::Uuid;

use crate::rules::*;
use crate::undo::undo;

const OTHER: ReservationId = ReservationId(Uuid::from_u128(99));

fn folded(id: ReservationId, events: impl IntoIterator<Item = Event>) -> Reservation {
    let mut reservation = None;
    for (position, event) in (1..).map(Position).zip(events) {
        repository::fold(&mut reservation, id, &event, RecordedAt { position, time: now() });
    }
    reservation.unwrap()
}

fn at_the_table() -> Vec<Event> {
    [ready(), vec![ReservationCheckedIn::default().into()]].concat()
}

/// The visit of a party at T3 ends `minutes` later than booked. With `other`, another party has T3 then.
fn extended(
    events: Vec<Event>,
    minutes: i64,
    other: Option<TimeWindow>,
    anyway: bool,
) -> Result<Extension, Refusal> {
    let mut occupancy = Occupancy::default();
    if let Some(window) = other {
        occupancy.evolve(Holder::Booking(OTHER), &assigned("T3", window));
    }
    let overrule = anyway.then(|| Overrule { reason_code: "birthday".into() });
    let end = window().end + TimeDelta::minutes(minutes);
    let context = SeatingContext::managed_by_hand(&occupancy);
    folded(ID, events).decide_end(end, overrule.as_ref(), &context, now())
}

#[test]
fn a_visit_ends_later_or_earlier_with_its_tables() {
    for minutes in [30, -30] {
        let to = TimeWindow { end: window().end + TimeDelta::minutes(minutes), ..window() };
        let expected = Extension {
            given: vec![VisitEndChanged { from: window(), to }.into(), released("T3", ReleaseCause::Moved)],
            displaced: BTreeMap::new(),
            taken: vec![assigned("T3", to)],
        };
        assert_eq!(extended(at_the_table(), minutes, None, false), Ok(expected));
    }
    assert_eq!(extended(at_the_table(), 0, None, false), Ok(Extension::default()));
}

#[test]
fn the_end_of_a_visit_that_has_not_begun_or_that_is_impossible_is_refused() {
    assert_eq!(extended(ready(), 30, None, false), Err(Refusal::NotCheckedIn));
    assert_eq!(extended(at_the_table(), -600, None, false), Err(Refusal::EndTooEarly));
    assert_eq!(extended(at_the_table(), 900, None, false), Err(Refusal::VisitTooLong));
}

#[test]
fn the_next_party_keeps_its_table_unless_staff_overrule_it() {
    let next = TimeWindow::starting(window().end, 90);
    let due = Refusal::NextParty {
        table: "T3".parse().unwrap(),
        by: Holder::Booking(OTHER),
        start: next.start.with_timezone(&chrono_tz::Asia::Jakarta).fixed_offset(),
    };
    assert_eq!(extended(at_the_table(), 30, Some(next), false), Err(due));
    let extended = extended(at_the_table(), 30, Some(next), true).unwrap();
    let overruled = RulesOverruled { rules: vec![OverruledRule::NextParty], reason_code: "birthday".into() };
    assert_eq!(extended.given.first(), Some(&overruled.into()));
    let table: TableId = "T3".parse().unwrap();
    assert_eq!(extended.displaced, BTreeMap::from([(Holder::Booking(OTHER), vec![table])]));
}

/// Two parties, at these tables with these seats, exchange them.
fn swapped(tables: [(&str, u8); 2], occupancy: &Occupancy) -> Result<Swap, Refusal> {
    let party = |id, (table, capacity): (&str, u8)| {
        let Event::TableAssigned(at) = assigned(table, window()) else { unreachable!() };
        folded(id, [created(), TableAssigned { capacity, ..at }.into(), confirmed()])
    };
    let parties = [party(ID, tables[0]), party(OTHER, tables[1])];
    let ids = [[AssignmentId(Uuid::from_u128(11))], [AssignmentId(Uuid::from_u128(12))]];
    let context = SeatingContext::managed_by_hand(occupancy);
    swap([&parties[0], &parties[1]], [&ids[0], &ids[1]], &context, now())
}

#[test]
fn two_parties_give_their_tables_before_either_takes_one() {
    let swap = swapped([("T3", 6), ("T4", 4)], &Occupancy::default()).unwrap();
    let tables = |events: &[Event]| {
        let table = |event: &Event| match event {
            Event::TableReleased(released) => format!("-{}", released.table_id),
            Event::TableAssigned(assigned) => format!("+{} {}", assigned.table_id, assigned.capacity),
            other => panic!("{other:?}"),
        };
        events.iter().map(table).collect::<Vec<_>>()
    };
    assert_eq!(swap.given.map(|events| tables(&events)), [["-T3"], ["-T4"]]);
    assert_eq!(swap.taken.map(|events| tables(&events)), [["+T4 4"], ["+T3 6"]]);
}

#[test]
fn a_swap_is_refused_if_a_table_is_too_small_taken_or_the_same() {
    let free = Occupancy::default();
    let too_small = Refusal::TableTooSmall { seats: 2, party_size: party(4) };
    assert_eq!(swapped([("T3", 6), ("T1", 2)], &free), Err(too_small));
    let mut taken = Occupancy::default();
    let third = ReservationId(Uuid::from_u128(77));
    taken.evolve(Holder::Booking(third), &assigned("T4", window()));
    assert_eq!(swapped([("T3", 6), ("T4", 4)], &taken), Err(Refusal::TableTaken("T4".parse().unwrap())));
    // One after the other at one table.
    assert_eq!(swapped([("T3", 6), ("T3", 6)], &free), Err(Refusal::NothingToSwap(ID)));
}

fn imported(status: ImportedStatus) -> ReservationCreated {
    let imported = Some(Box::new(Imported { status, booked_at: None }));
    ReservationCreated { imported, source: Some("import".into()), ..created_for(4) }
}

#[test]
fn an_imported_booking_begins_with_its_status_and_nothing_is_undone_that_happened_elsewhere() {
    let occupancy = Occupancy::default();
    let context = SeatingContext::managed_by_hand(&occupancy);
    for status in ImportedStatus::ALL {
        let events = booking::import(imported(status), &[], &context);
        assert_eq!(events, [imported(status).into()]);
        let reservation = folded(ID, events.clone());
        let (expected, change) = match status {
            ImportedStatus::Confirmed => {
                assert_eq!(reservation.status, Status::Confirmed);
                given(events).when(undo(UndoneChange::NoShow)).nothing_happens();
                continue;
            }
            ImportedStatus::Completed => (Status::Completed, UndoneChange::Completion),
            ImportedStatus::NoShow => (Status::NoShow, UndoneChange::NoShow),
            ImportedStatus::Cancelled => {
                assert!(matches!(reservation.status, Status::Cancelled { by: Initiator::System, .. }));
                given(events)
                    .when(undo(UndoneChange::Cancellation))
                    .refused(Refusal::NothingToUndo(UndoneChange::Cancellation));
                continue;
            }
        };
        assert_eq!(reservation.status, expected);
        given(events).when(undo(change)).refused(Refusal::NothingToUndo(change));
    }
    // Expected parties arrive like any other.
    given([imported(ImportedStatus::Confirmed).into()])
        .at(window().start)
        .when(Command::CheckIn(None))
        .then([ReservationCheckedIn::default().into()]);
}
