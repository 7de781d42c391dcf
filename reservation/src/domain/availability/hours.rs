//! Opening hours, and the times at which a party may arrive.
//!
//! Hours are local times and are resolved day by day, because a day may have 23 or 25 hours. From the
//! opening on, the slot grid counts elapsed minutes: no slot is missing or doubled when the clocks change,
//! and a stay is never shortened or extended.

use std::collections::HashSet;
use std::sync::Arc;

use chrono::{DateTime, Datelike as _, Days, NaiveDate, NaiveTime, TimeDelta, Utc, Weekday};
use chrono_tz::Tz;
use events::values::TimeWindow;

use super::closures::{ClosedPart, Closures};
use super::exceptions::{Exceptions, SpecialDay};
use super::local_time::resolve;
use super::service::{DAY_MINUTES, Service};
use super::table::Table;

/// The opening hours of a venue.
#[derive(Debug, Clone, PartialEq)]
pub struct Hours {
    /// The time zone of the venue.
    pub zone: Tz,
    /// Services by the day on which they open, Monday first.
    pub weekly: [Vec<Service>; 7],
    /// Days with other services or with none, or on which a part of the venue is closed.
    pub exceptions: Exceptions,
    /// The closures in force.
    pub closures: Closures,
    /// Minutes between two arrival times.
    pub slot_minutes: u32,
}

/// Number of overlaps after which no more are looked for.
const OVERLAPS_MAX: usize = 100;

/// A service on a date, as instants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sitting {
    /// The date the service belongs to.
    pub date: NaiveDate,
    /// The name shown to people.
    pub name: String,
    /// The first arrival time.
    pub opens: DateTime<Utc>,
    /// The closing.
    pub closes: DateTime<Utc>,
    last_arrival: Option<DateTime<Utc>>,
    slot: TimeDelta,
    areas: Vec<String>,
    special: Option<Arc<SpecialDay>>,
    pub(super) closures: Vec<Arc<ClosedPart>>,
}

/// Two services that overlap.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{first} and {second} overlap on {on}")]
pub struct Overlap {
    /// The service that opens first.
    pub first: String,
    /// The other service.
    pub second: String,
    /// A date, or "every" and a day of the week.
    pub on: String,
}

impl Sitting {
    fn of(service: &Service, date: NaiveDate, zone: Tz, slot: TimeDelta) -> Self {
        let (opens, closes, last_arrival) = service.minutes();
        let midnight = date.and_time(NaiveTime::MIN);
        let at = |minutes| resolve(zone, midnight + TimeDelta::minutes(minutes));
        Self {
            date,
            name: service.name.clone(),
            opens: at(opens),
            closes: at(closes),
            last_arrival: last_arrival.map(at),
            slot,
            areas: service.areas.clone(),
            special: None,
            closures: Vec::new(),
        }
    }

    /// Every arrival time of the slot grid, from the opening to the closing.
    pub fn slots(&self) -> impl Iterator<Item = DateTime<Utc>> + use<> {
        let (slot, closes) = (self.slot, self.closes);
        std::iter::successors(Some(self.opens), move |at| Some(*at + slot)).take_while(move |at| *at < closes)
    }

    /// Whether the service uses `table` on that day.
    #[must_use]
    pub fn uses(&self, table: &Table) -> bool {
        self.serves(table) && !self.closures.iter().any(|part| part.closes(&table.id, &table.area))
    }

    /// Whether the service uses `table` on that day if nothing is closed.
    pub(in crate::domain) fn serves(&self, table: &Table) -> bool {
        (self.areas.is_empty() || self.areas.contains(&table.area))
            && self.special.as_ref().is_none_or(|special| special.leaves(table))
    }

    /// Whether a party may book `window`: it arrives on the slot grid, in time, and leaves in time.
    #[must_use]
    pub fn takes(&self, window: &TimeWindow) -> bool {
        let since = window.start - self.opens;
        since.num_milliseconds() % self.slot.num_milliseconds() == 0 && self.is_open_for(window)
    }

    /// Whether a stay for `window` is within the service, on or off the slot grid.
    #[must_use]
    pub fn is_open_for(&self, window: &TimeWindow) -> bool {
        let in_time = match self.last_arrival {
            Some(last) => window.start <= last && window.start < self.closes,
            None => window.end <= self.closes,
        };
        self.opens <= window.start && in_time
    }
}

impl Hours {
    /// The services that open on `date`, in order.
    #[must_use]
    pub fn on(&self, date: NaiveDate) -> Vec<Sitting> {
        let slot = TimeDelta::minutes(i64::from(self.slot_minutes));
        let special = self.exceptions.on(date);
        let sitting = |service: &Service| Sitting {
            special: special.clone(),
            closures: self.closures.of(date, &service.name),
            ..Sitting::of(service, date, self.zone, slot)
        };
        self.services(date).iter().map(sitting).collect()
    }

    fn services(&self, date: NaiveDate) -> &[Service] {
        self.exceptions.services_on(date).unwrap_or_else(|| self.of_weekday(date))
    }

    /// Whether a service opens on `date`, or one of the previous day continues into it.
    #[must_use]
    pub fn is_open_on(&self, date: NaiveDate) -> bool {
        // A service that closes at midnight does not continue into the next day.
        let past_midnight = |s: &Service| s.closes <= s.opens && s.closes != NaiveTime::MIN;
        let goes_on = |before: NaiveDate| self.services(before).iter().any(past_midnight);
        !self.services(date).is_empty() || date.pred_opt().is_some_and(goes_on)
    }

    /// The services in which a party may book `window`: several, if they use different areas.
    #[must_use]
    pub fn sittings(&self, window: &TimeWindow) -> Vec<Sitting> {
        self.around(window.start).filter(|sitting| sitting.takes(window)).collect()
    }

    /// The services that contain a stay for `window`, on or off the slot grid.
    #[must_use]
    pub fn open_for(&self, window: &TimeWindow) -> Vec<Sitting> {
        self.around(window.start).filter(|sitting| sitting.is_open_for(window)).collect()
    }

    /// The services that are open at `at`.
    #[must_use]
    pub fn open_at(&self, at: DateTime<Utc>) -> Vec<Sitting> {
        self.around(at).filter(|sitting| sitting.opens <= at && at < sitting.closes).collect()
    }

    /// The date that an instant belongs to: the date of the service that is open then, which may have opened on
    /// the previous day.
    #[must_use]
    pub fn date_of(&self, at: DateTime<Utc>) -> NaiveDate {
        let under_way = self.around(at).find(|sitting| sitting.opens <= at && at < sitting.closes);
        under_way.map_or_else(|| at.with_timezone(&self.zone).date_naive(), |sitting| sitting.date)
    }

    /// The instants that belong to the business day `date`, see [`Self::date_of`]: from midnight, or the later closing of
    /// the previous evening, until midnight, or the later closing of this evening.
    #[must_use]
    pub fn business_day(&self, date: NaiveDate) -> TimeWindow {
        let begin = |date: NaiveDate| {
            let midnight = resolve(self.zone, date.and_time(NaiveTime::MIN));
            let evening = date.pred_opt().map(|before| self.on(before)).unwrap_or_default();
            evening.iter().map(|sitting| sitting.closes).fold(midnight, DateTime::max)
        };
        let next = date.checked_add_days(Days::new(1)).unwrap_or(date);
        TimeWindow { start: begin(date), end: begin(next) }
    }

    /// The services of that day and of the previous day, which may continue after midnight.
    fn around(&self, at: DateTime<Utc>) -> impl Iterator<Item = Sitting> {
        let today = at.with_timezone(&self.zone).date_naive();
        let days = [today.checked_sub_days(Days::new(1)), Some(today)];
        days.into_iter().flatten().flat_map(|date| self.on(date))
    }

    /// The services that are open at some time within `window`, in order.
    #[must_use]
    pub fn within(&self, window: &TimeWindow) -> Vec<Sitting> {
        let date = |at: DateTime<Utc>| at.with_timezone(&self.zone).date_naive();
        let (first, last) = (date(window.start), date(window.end));
        let first = first.checked_sub_days(Days::new(1)).unwrap_or(first);
        let dates = first.iter_days().take_while(|date| *date <= last);
        dates
            .flat_map(|date| self.on(date))
            .filter(|sitting| sitting.closes > window.start && sitting.opens < window.end)
            .collect()
    }

    /// The names of all services, with repetitions.
    #[must_use]
    pub fn service_names(&self) -> Vec<&str> {
        let all = self.weekly.iter().flatten().chain(self.exceptions.services());
        all.map(|service| service.name.as_str()).collect()
    }

    /// The first date from `date` on with a service, within two weeks.
    #[must_use]
    pub fn next_open(&self, date: NaiveDate) -> Option<NaiveDate> {
        date.iter_days().take(14).find(|date| !self.services(*date).is_empty())
    }

    /// The overlapping services, including those across midnight and on dates with other hours. At most
    /// [`OVERLAPS_MAX`] and those of one more day, because a document can have millions.
    #[must_use]
    pub fn overlaps(&self) -> Vec<Overlap> {
        // Check a week without exceptions, then each exception with its neighbours.
        let monday = NaiveDate::from_isoywd_opt(2024, 1, Weekday::Mon).unwrap_or_default();
        let mut found = Vec::new();
        for date in monday.iter_days().take(7) {
            let next = date + Days::new(1);
            let (today, tomorrow) = (self.of_weekday(date), self.of_weekday(next));
            found.extend(overlaps(&format!("every {}", date.weekday()), today, tomorrow));
        }
        // A day of every year is checked in several years.
        let mut seen = HashSet::new();
        for date in self.exceptions.dates_to_check() {
            if found.len() >= OVERLAPS_MAX {
                break;
            }
            let (before, after) = (date - Days::new(1), date + Days::new(1));
            let of_day = [
                overlaps(&before.to_string(), self.services(before), self.services(date)),
                overlaps(&date.to_string(), self.services(date), self.services(after)),
            ];
            let is_new = |overlap: &Overlap| seen.insert((overlap.first.clone(), overlap.second.clone()));
            found.extend(of_day.into_iter().flatten().filter(is_new));
        }
        found
    }

    fn of_weekday(&self, date: NaiveDate) -> &[Service] {
        &self.weekly[date.weekday().num_days_from_monday() as usize]
    }
}

/// Overlaps among the services of a day, and between them and those of the next day.
fn overlaps(on: &str, today: &[Service], tomorrow: &[Service]) -> Vec<Overlap> {
    let later = |service| (service, DAY_MINUTES);
    let mut all: Vec<(&Service, i64)> =
        today.iter().map(|service| (service, 0)).chain(tomorrow.iter().map(later)).collect();
    all.sort_by_key(|(service, shift)| service.minutes().0 + shift);
    let mut found = Vec::new();
    for (index, (first, first_shift)) in all.iter().enumerate() {
        for (second, second_shift) in &all[index + 1..] {
            // Overlaps within the next day are reported for that day.
            let meet = *first_shift == 0 && first.minutes().1 > second.minutes().0 + second_shift;
            if meet && first.shares_area(second) {
                let (first, second) = (first.name.clone(), second.name.clone());
                found.push(Overlap { first, second, on: on.to_owned() });
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::super::exceptions::Dates;
    use super::*;

    fn service(opens: &str, closes: &str) -> Service {
        let time = |text: &str| text.parse::<NaiveTime>().unwrap();
        let (opens, closes) = (time(&format!("{opens}:00")), time(&format!("{closes}:00")));
        Service { name: format!("{opens}"), opens, closes, last_arrival: None, areas: Vec::new() }
    }

    fn hours(zone: &str, services: &[Service]) -> Hours {
        Hours {
            zone: zone.parse().unwrap(),
            weekly: std::array::from_fn(|_| services.to_vec()),
            exceptions: Exceptions::default(),
            closures: Closures::default(),
            slot_minutes: 15,
        }
    }

    fn date(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    #[test]
    fn a_service_past_midnight_belongs_to_the_day_it_opens() {
        let hours = hours("Europe/Rome", &[service("22:00", "02:00")]);
        let sitting = &hours.on(date("2026-12-24"))[0];
        assert_eq!(sitting.opens.to_rfc3339(), "2026-12-24T21:00:00+00:00");
        assert_eq!(sitting.slots().count(), 16);
        let after_midnight = TimeWindow::starting("2026-12-24T23:30:00Z".parse().unwrap(), 90);
        assert_eq!(hours.sittings(&after_midnight)[0].date, date("2026-12-24"));
        let too_long = TimeWindow::starting("2026-12-24T23:45:00Z".parse().unwrap(), 90);
        assert_eq!(hours.sittings(&too_long), []);
    }

    #[test]
    fn an_instant_belongs_to_the_business_day_that_contains_it() {
        let night = hours("Europe/Rome", &[service("12:00", "15:00"), service("22:00", "05:00")]);
        let saturday = night.business_day(date("2026-12-26"));
        assert_eq!(saturday.start.to_rfc3339(), "2026-12-26T04:00:00+00:00");
        assert_eq!(saturday.end.to_rfc3339(), "2026-12-27T04:00:00+00:00");
        let by_day = hours("Europe/Rome", &[service("12:00", "15:00"), service("18:00", "00:00")]);
        for hours in [night, by_day] {
            let mut at: DateTime<Utc> = "2026-12-24T00:00:00Z".parse().unwrap();
            while at < "2026-12-29T00:00:00Z".parse::<DateTime<Utc>>().unwrap() {
                let of_day = |date: NaiveDate| {
                    let day = hours.business_day(date);
                    day.start <= at && at < day.end
                };
                assert!(of_day(hours.date_of(at)), "{at}");
                at += TimeDelta::minutes(15);
            }
        }
    }

    #[test]
    fn an_evening_across_a_clock_change_is_an_hour_longer_or_shorter() {
        let hours = hours("Europe/Rome", &[service("22:00", "04:00")]);
        assert_eq!(hours.on(date("2026-03-28"))[0].slots().count(), 20, "02:00 to 03:00 is not there");
        assert_eq!(hours.on(date("2026-10-24"))[0].slots().count(), 28, "02:00 to 03:00 comes twice");
        assert_eq!(hours.on(date("2026-06-01"))[0].slots().count(), 24);
    }

    #[test]
    fn a_last_arrival_lets_a_party_stay_past_closing_time() {
        let mut late = service("18:00", "22:00");
        late.last_arrival = NaiveTime::from_hms_opt(21, 0, 0);
        let hours = hours("UTC", &[late]);
        let takes =
            |start: &str| !hours.sittings(&TimeWindow::starting(start.parse().unwrap(), 180)).is_empty();
        assert!(takes("2026-12-24T21:00:00Z"));
        assert!(!takes("2026-12-24T21:15:00Z"));
        assert!(!takes("2026-12-24T20:50:00Z"), "off the slot grid");
    }

    #[test]
    fn overlaps_are_found_across_midnight_and_next_to_exceptions() {
        assert_eq!(hours("UTC", &[service("12:00", "15:00"), service("15:00", "02:00")]).overlaps(), []);
        assert_eq!(hours("UTC", &[service("12:00", "15:15"), service("15:00", "22:00")]).overlaps().len(), 7);
        assert_eq!(hours("UTC", &[service("01:00", "03:00"), service("18:00", "02:00")]).overlaps().len(), 7);
        let mut late = hours("UTC", &[service("10:00", "14:00")]);
        let only = |services: Vec<Service>| SpecialDay { services: Some(services), ..SpecialDay::default() };
        late.exceptions.add(Dates::Date(date("2026-12-31")), only(vec![service("20:00", "11:00")]));
        let found = late.overlaps();
        assert_eq!(found.iter().map(|o| o.on.as_str()).collect::<Vec<_>>(), ["2026-12-31"]);
        late.exceptions.add(Dates::Date(date("2027-01-01")), only(vec![]));
        assert_eq!(late.overlaps(), []);
        // A brunch and a lunch in different rooms.
        let in_area = |mut service: Service, area: &str| {
            service.areas = vec![area.to_owned()];
            service
        };
        let (brunch, lunch) = (service("10:00", "14:00"), service("12:00", "15:00"));
        let apart = [in_area(brunch.clone(), "Sala"), in_area(lunch.clone(), "Dehors")];
        assert_eq!(hours("UTC", &apart).overlaps(), []);
        assert_eq!(hours("UTC", &[in_area(brunch, "Sala"), lunch]).overlaps().len(), 7);
        // A day of every year meets the services of each day of the week.
        let mut yearly = hours("UTC", &[]);
        yearly.weekly[6] = vec![service("08:00", "12:00")];
        yearly.exceptions.add(Dates::Yearly(12, 24), only(vec![service("20:00", "09:00")]));
        assert_eq!(yearly.overlaps().len(), 1);
    }
}
