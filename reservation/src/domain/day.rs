//! What a house can offer: the slots of a day, other times and areas, and what it offers of its own accord.

use chrono::{DateTime, NaiveDate, Utc};
use events::values::{PartySize, TimeWindow};

use super::house::{House, Unavailable, Wish};
use super::occupancy::Occupancy;
use super::seating::Seating;

/// What is asked about a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ask<'a> {
    /// The day.
    pub date: NaiveDate,
    /// How many would come.
    pub size: PartySize,
    /// Where, if it matters.
    pub area: Option<&'a str>,
    /// How long they would stay, if not as long as a party of that size does.
    pub minutes: Option<u32>,
}

/// A time at which a party may arrive, and what it would get.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slot<'a> {
    /// From when until when.
    pub window: TimeWindow,
    /// The tables, or why there are none.
    pub seating: Result<&'a Seating, Unavailable>,
}

impl House {
    /// Every slot of `date`, from the first opening to the last closing, with what a party of `size` would get:
    /// by default it stays as long as one of its size does.
    #[must_use]
    pub fn day(&self, occupancy: &Occupancy, ask: &Ask<'_>, now: DateTime<Utc>) -> Vec<Slot<'_>> {
        let minutes = ask.minutes.unwrap_or_else(|| self.turn_minutes(ask.size));
        let mut slots = Vec::new();
        for sitting in self.hours.on(ask.date) {
            slots.extend(sitting.slots().map(|start| {
                let wish = Wish::new(TimeWindow::starting(start, minutes), ask.size, ask.area);
                let is_open = sitting.takes(&wish.window);
                Slot { window: wish.window, seating: self.seat_if(is_open, occupancy, &wish, now) }
            }));
        }
        slots
    }

    /// Up to `max` things to offer to a party that can not have its `wish`: the same time in another area, then
    /// the nearest times of the same day, unless only the same time will do.
    #[must_use]
    pub fn alternatives(
        &self,
        occupancy: &Occupancy,
        wish: &Wish<'_>,
        only_then: bool,
        now: DateTime<Utc>,
        max: usize,
    ) -> Vec<(TimeWindow, &Seating)> {
        let elsewhere =
            self.areas().into_iter().filter(|area| wish.area.is_some_and(|wished| wished != *area));
        let elsewhere = elsewhere.map(|area| Wish { area: Some(area), ..*wish });
        let date = self.hours.date_of(wish.window.start);
        let length = wish.window.end - wish.window.start;
        let days = (!only_then).then(|| self.hours.on(date)).into_iter().flatten();
        let mut others: Vec<_> = days
            .flat_map(|sitting| sitting.slots())
            .filter(|start| *start != wish.window.start)
            .map(|start| Wish { window: TimeWindow { start, end: start + length }, ..*wish })
            .collect();
        others.sort_by_key(|other| (other.window.start - wish.window.start).abs());
        elsewhere
            .chain(others)
            .filter_map(|wish| Some((wish.window, self.seat(occupancy, &wish, now).ok()?)))
            .take(max)
            .collect()
    }

    /// Every arrival in `acceptable` for a party of `size`, for as long as it stays.
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

    /// The tables for a party that the house asks of its own accord: notice is for who asks the house.
    ///
    /// # Errors
    /// Why it gets none.
    pub fn seat_asked(
        &self,
        occupancy: &Occupancy,
        window: TimeWindow,
        size: PartySize,
        area: Option<&str>,
    ) -> Result<&Seating, Unavailable> {
        let wish = Wish::new(window, size, area);
        self.pace(occupancy, &wish)?;
        self.tables_for(occupancy, &wish)
    }
}
