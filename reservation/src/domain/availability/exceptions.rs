//! Dates on which a venue has other services, or on which a part of it is closed.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{Datelike as _, NaiveDate};
use events::TableId;

use super::service::Service;
use super::table::Table;

/// How a day differs from a day of the week.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SpecialDay {
    /// The services of the day; `None`: those of the day of the week.
    pub services: Option<Vec<Service>>,
    /// The areas that are closed.
    pub closed_areas: Vec<String>,
    /// The tables that are closed.
    pub closed_tables: Vec<TableId>,
}

/// The days that a special day applies to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dates {
    /// One date.
    Date(NaiveDate),
    /// All dates from the first up to and including the last.
    Range(NaiveDate, NaiveDate),
    /// A day of every year: month and day.
    Yearly(u32, u32),
}

/// The special days of a venue. A date takes precedence over a range, and a range takes precedence over a day of every
/// year. One without services of its own leaves the services to the next, and what both close adds up.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Exceptions {
    dates: BTreeMap<NaiveDate, Arc<SpecialDay>>,
    /// By their first date. They do not overlap.
    ranges: BTreeMap<NaiveDate, (NaiveDate, Arc<SpecialDay>)>,
    yearly: BTreeMap<(u32, u32), Arc<SpecialDay>>,
}

impl SpecialDay {
    /// Whether `table` can be used on that day.
    #[must_use]
    pub fn leaves(&self, table: &Table) -> bool {
        !self.closed_areas.contains(&table.area) && !self.closed_tables.contains(&table.id)
    }
}

impl Exceptions {
    /// Adds a special day. Returns whether its days were free: two dates, two ranges or two days of every year may not
    /// overlap.
    pub fn add(&mut self, days: Dates, special: SpecialDay) -> bool {
        let special = Arc::new(special);
        match days {
            Dates::Date(date) => self.dates.insert(date, special).is_none(),
            Dates::Yearly(month, day) => self.yearly.insert((month, day), special).is_none(),
            Dates::Range(first, last) => {
                let before = self.ranges.range(..=last).next_back();
                let is_free = before.is_none_or(|(_, (end, _))| *end < first);
                self.ranges.insert(first, (last, special));
                is_free
            }
        }
    }

    /// How `date` differs from its day of the week, if it does.
    #[must_use]
    pub fn on(&self, date: NaiveDate) -> Option<Arc<SpecialDay>> {
        let mut all = self.all_on(date);
        let first = Arc::clone(all.next()?);
        Some(all.fold(first, |special, other| {
            let mut both = SpecialDay::clone(&special);
            both.services = both.services.or_else(|| other.services.clone());
            both.closed_areas.extend(other.closed_areas.iter().cloned());
            both.closed_tables.extend(other.closed_tables.iter().cloned());
            Arc::new(both)
        }))
    }

    /// The services of `date`, if they differ from those of its day of the week.
    #[must_use]
    pub fn services_on(&self, date: NaiveDate) -> Option<&[Service]> {
        self.all_on(date).find_map(|special| special.services.as_deref())
    }

    /// The special days that apply to `date`, the most specific one first, up to the first one with services of its own.
    fn all_on(&self, date: NaiveDate) -> impl Iterator<Item = &Arc<SpecialDay>> {
        let range = self.ranges.range(..=date).next_back();
        let range = range.and_then(|(_, (last, special))| (date <= *last).then_some(special));
        let yearly = self.yearly.get(&(date.month(), date.day()));
        let mut is_complete = false;
        self.dates
            .get(&date)
            .into_iter()
            .chain(range)
            .chain(yearly)
            .take_while(move |special| !std::mem::replace(&mut is_complete, special.services.is_some()))
    }

    /// The services of all special days.
    pub fn services(&self) -> impl Iterator<Item = &Service> {
        let ranges = self.ranges.values().map(|(_, special)| special);
        let all = self.dates.values().chain(ranges).chain(self.yearly.values());
        all.flat_map(|special| special.services.iter().flatten())
    }

    /// Number of special days: a range and a day of every year count once.
    #[must_use]
    pub fn len(&self) -> usize {
        self.dates.len() + self.ranges.len() + self.yearly.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Dates around which services of different days may meet: of the special days with services of their own each date,
    /// the ends of each range, and each day of every year on all days of the week.
    pub(super) fn dates_to_check(&self) -> Vec<NaiveDate> {
        /// In these years each date falls on each day of the week, 29 February too.
        const YEARS: std::ops::Range<i32> = 2024..2052;
        let has_services = |special: &SpecialDay| special.services.is_some();
        let ranges = self.ranges.iter().filter(|(_, (_, special))| has_services(special));
        let ends = ranges
            .flat_map(|(first, (last, _))| [*first, first.succ_opt().unwrap_or(*last).min(*last), *last]);
        let yearly = self.yearly.iter().filter(|(_, special)| has_services(special));
        let yearly = yearly.flat_map(|((month, day), _)| {
            YEARS.filter_map(|year| NaiveDate::from_ymd_opt(year, *month, *day))
        });
        let dates = self.dates.iter().filter(|(_, special)| has_services(special));
        let mut dates: Vec<_> = dates.map(|(date, _)| *date).chain(ends).chain(yearly).collect();
        dates.sort_unstable();
        dates.dedup();
        dates
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn special(name: &str) -> SpecialDay {
        SpecialDay { closed_areas: vec![name.to_owned()], ..SpecialDay::default() }
    }

    fn date(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    #[test]
    fn what_is_closed_adds_up_and_does_not_open_what_another_day_closes() {
        let closed = SpecialDay { services: Some(vec![]), ..SpecialDay::default() };
        let mut all = Exceptions::default();
        all.add(Dates::Yearly(12, 25), closed);
        all.add(Dates::Range(date("2026-12-20"), date("2026-12-27")), special("terrace"));
        all.add(Dates::Date(date("2026-12-25")), special("garden"));
        let christmas = all.on(date("2026-12-25")).unwrap();
        assert_eq!(
            (&christmas.services, all.services_on(date("2026-12-25"))),
            (&Some(vec![]), Some(&[][..]))
        );
        assert_eq!(christmas.closed_areas, ["garden", "terrace"]);
        assert_eq!(all.services_on(date("2026-12-26")), None);
        // A date with services of its own replaces the others.
        all.add(Dates::Date(date("2026-12-25")), SpecialDay { services: Some(vec![]), ..special("garden") });
        assert_eq!(all.on(date("2026-12-25")).unwrap().closed_areas, ["garden"]);
    }

    #[test]
    fn a_date_takes_precedence_over_a_range_and_a_range_over_a_day_of_every_year() {
        let mut all = Exceptions::default();
        assert!(all.add(Dates::Yearly(12, 25), special("yearly")));
        assert!(all.add(Dates::Range(date("2026-12-24"), date("2027-01-02")), special("range")));
        assert!(all.add(Dates::Date(date("2026-12-31")), special("date")));
        let on = |text: &str| all.on(date(text)).map(|special| special.closed_areas[0].clone());
        for (text, expected) in [
            ("2025-12-25", Some("yearly")),
            ("2026-12-23", None),
            ("2026-12-24", Some("range")),
            ("2026-12-25", Some("range")),
            ("2026-12-31", Some("date")),
            ("2027-01-02", Some("range")),
            ("2027-01-03", None),
            ("2027-12-25", Some("yearly")),
        ] {
            assert_eq!(on(text).as_deref(), expected, "{text}");
        }
        assert_eq!(all.len(), 3);
        assert!(!all.add(Dates::Range(date("2027-01-02"), date("2027-01-05")), special("overlaps")));
        assert!(!all.add(Dates::Range(date("2026-12-01"), date("2026-12-24")), special("overlaps")));
    }
}
