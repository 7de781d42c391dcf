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

/// The special days of a venue. A date takes precedence over a range, and a range over a day of every year.
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
    pub fn on(&self, date: NaiveDate) -> Option<&Arc<SpecialDay>> {
        let in_range = || {
            let (_, (last, special)) = self.ranges.range(..=date).next_back()?;
            (date <= *last).then_some(special)
        };
        self.dates.get(&date).or_else(in_range).or_else(|| self.yearly.get(&(date.month(), date.day())))
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

    /// Dates around which services of different days may meet: each date, the ends of each range, and each day of every
    /// year on all days of the week.
    pub(super) fn dates_to_check(&self) -> Vec<NaiveDate> {
        /// In these years each date falls on each day of the week, 29 February too.
        const YEARS: std::ops::Range<i32> = 2024..2052;
        let ends = self
            .ranges
            .iter()
            .flat_map(|(first, (last, _))| [*first, first.succ_opt().unwrap_or(*last).min(*last), *last]);
        let yearly = self
            .yearly
            .keys()
            .flat_map(|(month, day)| YEARS.filter_map(|year| NaiveDate::from_ymd_opt(year, *month, *day)));
        let mut dates: Vec<_> = self.dates.keys().copied().chain(ends).chain(yearly).collect();
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
    fn a_date_takes_precedence_over_a_range_and_a_range_over_a_day_of_every_year() {
        let mut all = Exceptions::default();
        assert!(all.add(Dates::Yearly(12, 25), special("yearly")));
        assert!(all.add(Dates::Range(date("2026-12-24"), date("2027-01-02")), special("range")));
        assert!(all.add(Dates::Date(date("2026-12-31")), special("date")));
        let on = |text: &str| all.on(date(text)).map(|special| special.closed_areas[0].as_str());
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
            assert_eq!(on(text), expected, "{text}");
        }
        assert_eq!(all.len(), 3);
        assert!(!all.add(Dates::Range(date("2027-01-02"), date("2027-01-05")), special("overlaps")));
        assert!(!all.add(Dates::Range(date("2026-12-01"), date("2026-12-24")), special("overlaps")));
    }
}
