//! The choice of tables, compared with a brute-force search over every set of tables.

use std::collections::BTreeSet;

use chrono::{DateTime, NaiveDate, NaiveTime, TimeDelta, Utc};
use events::event::TableAssigned;
use events::values::{PartySize, TimeWindow};
use events::{AssignmentId, ReservationId, TableId};
use proptest::prelude::*;
use reservation::domain::availability::{
    BookingRules, Closures, Dates, Exceptions, Holder, Hours, Occupancy, Pacing, SeatingRequest, Seatings,
    Service, SpecialDay, TABLES_PER_PARTY_MAX, Table, Unavailable,
};
use uuid::Uuid;

/// Tables, their assignments, and a request.
#[derive(Debug, Clone)]
struct Case {
    /// Seats, smallest party, area.
    tables: Vec<(u8, u8, u8)>,
    pairs: Vec<(usize, usize)>,
    /// A table, and the time it is taken, in quarters of an hour.
    taken: Vec<(usize, i64, i64)>,
    walk_in_share_percent: u8,
    /// The opening and the length of each service in quarters of an hour, and its area if it has only one.
    services: Vec<(i64, i64, Option<u8>)>,
    closed_area: Option<u8>,
    closed_tables: Vec<usize>,
    guests: u8,
    area: Option<u8>,
    start: i64,
    length: i64,
}

fn case() -> impl Strategy<Value = Case> {
    (1..=8_usize).prop_flat_map(|n| {
        (
            proptest::collection::vec((1..9_u8, 1..4_u8, 0..2_u8), n),
            proptest::collection::vec((0..n, 0..n), 0..10),
            proptest::collection::vec((0..n, 0..40_i64, 1..12_i64), 0..14),
            prop_oneof![2 => Just(0_u8), 1 => 0..=60_u8],
            proptest::collection::vec((0..30_i64, 10..40_i64, one_area()), 0..4),
            (one_area(), proptest::collection::vec(0..n, 0..2)),
            1..20_u8,
            one_area(),
            (0..40_i64, 1..12_i64),
        )
            .prop_map(
                |(tables, pairs, taken, share, services, closed, guests, area, (start, length))| Case {
                    tables: tables
                        .into_iter()
                        .map(|(seats, min, area)| (seats, min.min(seats), area))
                        .collect(),
                    pairs,
                    taken,
                    walk_in_share_percent: share,
                    services,
                    closed_area: closed.0,
                    closed_tables: closed.1,
                    guests,
                    area,
                    start,
                    length,
                },
            )
    })
}

fn one_area() -> impl Strategy<Value = Option<u8>> {
    prop_oneof![3 => Just(None), 1 => (0..2_u8).prop_map(Some)]
}

fn area(n: u8) -> String {
    format!("area-{n}")
}

fn id(n: usize) -> TableId {
    format!("t{n}").parse().unwrap()
}

fn window(start: i64, length: i64) -> TimeWindow {
    let begin: DateTime<Utc> = "2026-12-24T00:00:00Z".parse().unwrap();
    let at = |quarters| begin + TimeDelta::minutes(15 * quarters);
    TimeWindow { start: at(start), end: at(start + length) }
}

/// The tables that are really taken: no table is taken twice.
fn bookings(case: &Case) -> Vec<(usize, i64, i64)> {
    let mut kept: Vec<(usize, i64, i64)> = Vec::new();
    for (table, start, length) in case.taken.iter().copied() {
        let free = kept.iter().all(|(t, s, l)| *t != table || start >= s + l || *s >= start + length);
        if free {
            kept.push((table, start, length));
        }
    }
    kept
}

fn house(case: &Case) -> BookingRules {
    let table = |(n, (seats, min_party, a)): (usize, &(u8, u8, u8))| Table {
        id: id(n),
        area: area(*a),
        seats: *seats,
        min_party: *min_party,
        place: None,
    };
    let tables: Vec<_> = case.tables.iter().enumerate().map(table).collect();
    let pairs: BTreeSet<_> =
        case.pairs.iter().filter(|(a, b)| a != b).map(|(a, b)| (id(*a), id(*b))).collect();
    let time = |quarter: i64| NaiveTime::MIN + TimeDelta::minutes(15 * quarter);
    let service = |(opens, length, only): &(i64, i64, Option<u8>)| Service {
        name: "s".into(),
        opens: time(*opens),
        closes: time(opens + length),
        last_arrival: None,
        areas: only.iter().map(|only| area(*only)).collect(),
    };
    let special = SpecialDay {
        services: Some(case.services.iter().map(service).collect()),
        closed_areas: case.closed_area.iter().map(|closed| area(*closed)).collect(),
        closed_tables: case.closed_tables.iter().map(|closed| id(*closed)).collect(),
    };
    let mut exceptions = Exceptions::default();
    exceptions.add(Dates::Date(NaiveDate::from_ymd_opt(2026, 12, 24).unwrap()), special);
    let closures = Closures::default();
    let hours =
        Hours { zone: chrono_tz::UTC, weekly: Default::default(), exceptions, closures, slot_minutes: 15 };
    BookingRules {
        hours,
        turn_times: Vec::new(),
        pacing: Pacing::default(),
        earliest_days: 90,
        latest_minutes: 0,
        walk_in_share_percent: case.walk_in_share_percent,
        unproven_share_percent: 30,
        seatings: Seatings::of(&tables, &pairs).unwrap(),
        tables,
    }
}

fn occupancy(case: &Case) -> Occupancy {
    let mut occupancy = Occupancy::default();
    for (n, (table, start, length)) in (1..).zip(bookings(case)) {
        let assigned = TableAssigned {
            assignment_id: AssignmentId(Uuid::from_u128(n)),
            table_id: id(table),
            capacity: 1,
            area: String::new(),
            window: window(start, length),
        };
        occupancy.evolve(Holder::Booking(ReservationId(Uuid::from_u128(n))), &assigned.into());
    }
    occupancy
}

/// The best set of tables as positions, found by trying all sets; and whether any set has enough seats.
fn by_force(case: &Case) -> (Option<Vec<usize>>, bool) {
    let n = case.tables.len();
    let taken = bookings(case);
    let (from, to) = (case.start, case.start + case.length);
    let is_free = |t: usize| taken.iter().all(|(table, s, l)| *table != t || *s >= to || from >= s + l);
    let busiest = (from..to)
        .map(|quarter| taken.iter().filter(|(_, s, l)| (*s..s + l).contains(&quarter)).count())
        .max()
        .unwrap_or(0);
    let kept = n * usize::from(case.walk_in_share_percent) / 100;
    let beside = |a: usize, b: usize| case.pairs.contains(&(a, b)) || case.pairs.contains(&(b, a));
    let hangs_together = |set: &[usize]| {
        let mut reached = vec![set[0]];
        while let Some(next) =
            set.iter().find(|t| !reached.contains(t) && reached.iter().any(|r| beside(**t, *r)))
        {
            reached.push(*next);
        }
        reached.len() == set.len()
    };
    let guests = u32::from(case.guests);
    let is_there = |set: &[usize]| set.iter().all(|t| case.area.is_none_or(|area| case.tables[*t].2 == area));
    let possible: Vec<Vec<usize>> = (1..1_u32 << n)
        .map(|bits| (0..n).filter(|t| bits & (1 << t) != 0).collect::<Vec<_>>())
        .filter(|set| set.len() <= TABLES_PER_PARTY_MAX && is_there(set) && hangs_together(set))
        .collect();
    // A service that contains the stay must have all tables. Outside the services every table can be used.
    let services: Vec<_> = case.services.iter().filter(|(o, l, _)| *o <= from && to <= o + l).collect();
    let has = |only: &Option<u8>, t: usize| {
        let area = case.tables[t].2;
        only.is_none_or(|only| only == area)
            && case.closed_area != Some(area)
            && !case.closed_tables.contains(&t)
    };
    let is_used = |set: &[usize]| {
        services.is_empty() || services.iter().any(|(.., only)| set.iter().all(|t| has(only, *t)))
    };
    let seats = |set: &[usize]| set.iter().map(|t| u32::from(case.tables[*t].0)).sum::<u32>();
    let least = |set: &[usize]| set.iter().map(|t| u32::from(case.tables[*t].1)).sum::<u32>();
    let best = possible
        .iter()
        .filter(|set| (least(set)..=seats(set)).contains(&guests))
        .filter(|set| is_used(set) && set.iter().all(|t| is_free(*t)) && busiest + set.len() + kept <= n)
        .min_by_key(|set| (set.len() > 1, seats(set), set.len(), (*set).clone()));
    (best.cloned(), possible.iter().any(|set| seats(set) >= guests))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: super::cases(1_000, 100_000), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn table_choice_equals_brute_force(case in case()) {
        let (house, occupancy) = (house(&case), occupancy(&case));
        let size = PartySize::try_from(i64::from(case.guests)).unwrap();
        let area = case.area.map(area);
        let wish =
            SeatingRequest::new(window(case.start, case.length), size, area.as_deref());
        let (best, has_seats) = by_force(&case);
        match house.tables_for(&occupancy, &wish) {
            Ok(seating) => {
                let tables: Vec<_> = seating.tables.iter().map(|table| table.id.clone()).collect();
                prop_assert_eq!(Some(tables), best.map(|set| set.into_iter().map(id).collect::<Vec<_>>()));
            }
            Err(why) => {
                prop_assert_eq!(best, None);
                let expected = if has_seats { Unavailable::NoTable } else { Unavailable::PartyTooLarge };
                prop_assert_eq!(why, expected);
            }
        }
    }
}
