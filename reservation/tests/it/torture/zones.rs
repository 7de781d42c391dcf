//! Opening hours in every time zone: every offered time can be booked, also around changes of the offset.

use chrono::{Datelike as _, Days, NaiveDate, NaiveTime, Offset as _, TimeDelta, TimeZone as _};
use chrono_tz::{TZ_VARIANTS, Tz};
use events::values::TimeWindow;
use events::{ClosureId, Position};
use proptest::prelude::*;
use reservation::domain::availability::{
    ClosedPart, Closures, Dates, Exceptions, Hours, Service, SpecialDay, Table,
};

fn service(opens: u32, minutes: u32) -> Service {
    let time = |minute: u32| NaiveTime::MIN + TimeDelta::minutes(i64::from(minute % (24 * 60)));
    Service {
        name: "s".into(),
        opens: time(opens),
        closes: time(opens + minutes),
        last_arrival: None,
        areas: vec![],
    }
}

fn hours(zone: Tz, opens: u32, minutes: u32, slot_minutes: u32) -> Hours {
    Hours {
        zone,
        weekly: std::array::from_fn(|_| vec![service(opens, minutes)]),
        exceptions: Exceptions::default(),
        closures: Closures::default(),
        slot_minutes,
    }
}

/// All properties of one date.
fn check(hours: &Hours, date: NaiveDate, stay: u32) -> Result<(), TestCaseError> {
    let slot = TimeDelta::minutes(i64::from(hours.slot_minutes));
    for sitting in hours.on(date) {
        prop_assert!(sitting.opens <= sitting.closes);
        let slots: Vec<_> = sitting.slots().collect();
        for pair in slots.windows(2) {
            prop_assert_eq!(
                pair[1] - pair[0],
                slot,
                "{} {}: a slot is missing or duplicated",
                hours.zone,
                date
            );
        }
        for start in slots {
            let window = TimeWindow::starting(start, stay);
            prop_assert_eq!(window.minutes(), i64::from(stay));
            let taken = hours.sittings(&window).into_iter().next();
            let in_time = window.end <= sitting.closes;
            // A time is offered on this date if and only if it can be booked, and it belongs to this date.
            prop_assert_eq!(
                taken.as_ref().map(|taken| taken.date),
                in_time.then_some(date),
                "{} {} at {}",
                hours.zone,
                date,
                start
            );
            let off = TimeWindow::starting(start + TimeDelta::minutes(1), stay);
            prop_assert_eq!(hours.sittings(&off), vec![], "not the start of a slot");
        }
        // The whole service belongs to its business day, also after midnight.
        let day = hours.business_day(date);
        for at in [sitting.opens, sitting.closes - TimeDelta::microseconds(1)] {
            prop_assert_eq!(hours.date_of(at), date, "{} at {}", hours.zone, at);
            prop_assert!(day.start <= at && at < day.end, "{} at {}: {:?}", hours.zone, at, day);
        }
        let early = TimeWindow::starting(sitting.opens - slot, stay);
        prop_assert!(hours.sittings(&early).iter().all(|other| other.date != date), "before the opening");
    }
    Ok(())
}

/// A closure closes every slot of its business day, after midnight too, and no slot of another day.
fn check_closure(hours: &Hours, date: NaiveDate) -> Result<(), TestCaseError> {
    let mut closed = hours.clone();
    let id = ClosureId(uuid::Uuid::nil());
    let part = ClosedPart { id, since: Position(1), service: None, areas: vec![], tables: vec![] };
    closed.closures.add(part, date, date);
    let table = Table { id: "T1".parse().unwrap(), area: "Sala".into(), seats: 2, min_party: 1, place: None };
    for day in [date - Days::new(1), date, date + Days::new(1)] {
        prop_assert_eq!(closed.business_day(day), hours.business_day(day), "{} {}", hours.zone, day);
        for sitting in hours.on(day) {
            for start in sitting.slots() {
                let at_closed = closed.open_at(start);
                let of_day: Vec<_> = at_closed.iter().filter(|sitting| sitting.date == day).collect();
                prop_assert!(!of_day.is_empty(), "{} at {}", hours.zone, start);
                let is_used = of_day.iter().any(|sitting| sitting.uses(&table));
                prop_assert_eq!(is_used, day != date, "{} at {}", hours.zone, start);
            }
        }
    }
    Ok(())
}

/// Days between 2020 and 2035 on which the offset of `zone` changes.
fn switches(zone: Tz) -> Vec<NaiveDate> {
    let first = NaiveDate::from_ymd_opt(2020, 1, 1).unwrap();
    let offset = |date: &NaiveDate| zone.offset_from_utc_datetime(&date.and_time(NaiveTime::MIN)).fix();
    first
        .iter_days()
        .take_while(|date| *date < NaiveDate::from_ymd_opt(2036, 1, 1).unwrap())
        .filter(|date| offset(date) != offset(&(*date + Days::new(1))))
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: super::cases(2_000, 200_000), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_slot_is_offered_exactly_when_it_can_be_booked(
        zone in 0..TZ_VARIANTS.len(),
        day in 0..5_844_u64,
        opens in 0..96_u32,
        // Not later than the opening of the next day, which can be an hour earlier.
        length in 1..88_u32,
        slot in prop_oneof![Just(15_u32), Just(30), Just(20)],
        stay in 15..240_u32,
        // Which days are special, and how long their service is: not longer than the one of the week.
        special in proptest::option::of((0..3_usize, 0..88_u32)),
    ) {
        let date = NaiveDate::from_ymd_opt(2020, 1, 1).unwrap() + Days::new(day);
        let mut hours = hours(TZ_VARIANTS[zone], opens * 15, length * 15, slot);
        if let Some((days, special)) = special {
            let all = [
                Dates::Date(date),
                Dates::Range(date - Days::new(1), date + Days::new(2)),
                Dates::Yearly(date.month(), date.day()),
            ];
            let shorter = special.min(length);
            let services = (shorter > 0).then(|| service(opens * 15, shorter * 15)).into_iter().collect();
            let is_new = hours.exceptions.add(all[days], SpecialDay { services: Some(services), ..SpecialDay::default() });
            prop_assert!(is_new);
            prop_assert_eq!(hours.on(date).len(), usize::from(shorter > 0));
        }
        check(&hours, date, stay)?;
        check_closure(&hours, date)?;
    }
}

/// The relevant days of every zone: those around each change of the offset, with a service across it.
#[test]
fn slots_are_correct_around_every_clock_change_of_every_zone() {
    // The short part uses every seventh zone, the full campaign all of them.
    let step = if super::cases(1, 100) == 1 { 7 } else { 1 };
    let mut checked = 0;
    for zone in TZ_VARIANTS.into_iter().step_by(step) {
        for date in switches(zone) {
            for opens in [20 * 60, 22 * 60, 30, 2 * 60 + 30] {
                for date in [date - Days::new(1), date, date + Days::new(1)] {
                    check(&hours(zone, opens, 6 * 60, 15), date, 90).unwrap();
                    check_closure(&hours(zone, opens, 6 * 60, 15), date).unwrap();
                    checked += 1;
                }
            }
        }
    }
    assert!(checked > 1_000, "only {checked} days were checked");
}
