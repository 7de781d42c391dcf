//! What a venue can offer: the slots of a day, alternatives to a request, and offers to the waitlist.

use std::collections::BTreeSet;

use chrono::{DateTime, NaiveDate, Utc};
use events::values::{PartySize, TimeWindow};

use super::hours::Sitting;
use super::occupancy::Occupancy;
use super::rules::{BookingRules, SeatingRequest};
use super::seating::Seating;
use super::unavailable::Unavailable;

/// A question about a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DayRequest<'a> {
    /// The business day.
    pub date: NaiveDate,
    /// The number of guests.
    pub size: PartySize,
    /// The requested area, if any.
    pub area: Option<&'a str>,
    /// The length of the stay in minutes; by default the turn time of a party of that size.
    pub minutes: Option<u32>,
}

/// An arrival time, and the tables a party would get.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slot<'a> {
    /// The time of the stay.
    pub window: TimeWindow,
    /// The tables, or why the time is unavailable.
    pub seating: Result<&'a Seating, Unavailable>,
}

impl BookingRules {
    /// Every slot of a day, from the first opening to the last closing, with the result of a booking for it.
    #[must_use]
    pub fn day(&self, occupancy: &Occupancy, ask: &DayRequest<'_>, now: DateTime<Utc>) -> Vec<Slot<'_>> {
        let minutes = ask.minutes.unwrap_or_else(|| self.turn_minutes(ask.size));
        let sittings = self.hours.on(ask.date);
        // Services in different areas can have slots at the same time.
        let starts: BTreeSet<_> = sittings.iter().flat_map(Sitting::slots).collect();
        let slot = |start| {
            let request = SeatingRequest::new(TimeWindow::starting(start, minutes), ask.size, ask.area);
            let takes: Vec<_> =
                sittings.iter().filter(|sitting| sitting.takes(&request.window)).cloned().collect();
            Slot { window: request.window, seating: self.seat_in(&takes, occupancy, &request, now) }
        };
        starts.into_iter().map(slot).collect()
    }

    /// Up to `max` alternatives to `request`: the same time in another area, then the nearest times of the
    /// same day, unless `same_time_only`.
    #[must_use]
    pub fn alternatives(
        &self,
        occupancy: &Occupancy,
        request: &SeatingRequest<'_>,
        same_time_only: bool,
        now: DateTime<Utc>,
        max: usize,
    ) -> Vec<(TimeWindow, &Seating)> {
        let elsewhere =
            self.areas().into_iter().filter(|area| request.area.is_some_and(|requested| requested != *area));
        let elsewhere = elsewhere.map(|area| SeatingRequest { area: Some(area), ..*request });
        let elsewhere =
            elsewhere.filter_map(|request| Some((request.window, self.seat(occupancy, &request, now).ok()?)));
        let others = match same_time_only {
            true => Vec::new(),
            false => self.nearest_open_times(&request.window),
        };
        let others = others.into_iter().filter_map(|window| {
            let request = SeatingRequest { window, ..*request };
            Some((window, self.seat(occupancy, &request, now).ok()?))
        });
        elsewhere.chain(others).take(max).collect()
    }

    /// The other times of the business day of `window` at which a stay of that length can begin, nearest first.
    fn nearest_open_times(&self, window: &TimeWindow) -> Vec<TimeWindow> {
        let length = window.end - window.start;
        let mut times = Vec::new();
        for sitting in self.hours.on(self.hours.date_of(window.start)) {
            let windows = sitting.slots().map(|start| TimeWindow { start, end: start + length });
            times.extend(windows.filter(|other| other.start != window.start && sitting.is_open_for(other)));
        }
        times.sort_by_key(|other| ((other.start - window.start).abs(), other.start));
        times.dedup();
        times
    }

    /// Every arrival time within `acceptable` for a party of `size` that stays for its turn time.
    pub fn arrivals(&self, acceptable: &TimeWindow, size: PartySize) -> impl Iterator<Item = TimeWindow> {
        let (minutes, acceptable) = (self.turn_minutes(size), *acceptable);
        self.hours.within(&acceptable).into_iter().flat_map(move |sitting| {
            let windows = sitting.slots().map(move |start| TimeWindow::starting(start, minutes));
            let is_one = move |window: &TimeWindow| {
                (acceptable.start..acceptable.end).contains(&window.start) && sitting.takes(window)
            };
            windows.filter(is_one)
        })
    }

    /// The tables for a time that the restaurant itself proposes. The booking window does not apply, because it
    /// limits guests' requests only.
    ///
    /// # Errors
    /// Why no tables are available.
    pub fn seat_proposed(
        &self,
        occupancy: &Occupancy,
        window: TimeWindow,
        size: PartySize,
        area: Option<&str>,
    ) -> Result<&Seating, Unavailable> {
        let request = SeatingRequest::new(window, size, area);
        let sittings = self.hours.open_for(&window);
        if !self.is_open(&sittings, area) {
            return Err(Unavailable::Closed);
        }
        self.pace(occupancy, &request)?;
        self.tables_in(&sittings, occupancy, &request)
    }
}
