//! Booking rules: whether a party can be seated at a time, and which tables it gets.
//!
//! Availability and booking ask the same question, so what is offered can be booked.

use std::cell::LazyCell;

use chrono::{DateTime, Days, TimeDelta, Utc};
use events::values::{PartySize, TimeWindow};
use events::{ReservationId, TableId};

use super::hours::{Hours, Sitting};
use super::occupancy::Occupancy;
use super::seating::{Seating, Seatings};
use super::table::{Table, areas_of};
use super::unavailable::Unavailable;

/// Maximum wait that is quoted to a party at the door, in hours.
const WAIT_HOURS_MAX: i64 = 6;

/// The booking rules of a venue.
#[derive(Debug, Clone, PartialEq)]
pub struct BookingRules {
    /// When parties may arrive.
    pub hours: Hours,
    /// TurnTime times by party size, ascending. The last one also applies to larger parties.
    pub turn_times: Vec<TurnTime>,
    /// Limits for arrivals in one slot.
    pub pacing: Pacing,
    /// A visit can be booked at most this many days in advance.
    pub earliest_days: u32,
    /// A visit can be booked until this many minutes before it.
    pub latest_minutes: u32,
    /// Percentage of tables that cannot be booked in advance.
    pub walk_in_share_percent: u8,
    /// Percentage of the seats that bookings with an unproved contact may hold.
    pub unproven_share_percent: u8,
    /// The tables of the venue.
    pub tables: Vec<Table>,
    /// Every way to seat a party at them.
    pub seatings: Seatings,
}

/// A turn time: how long a party occupies its table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TurnTime {
    /// The largest party size it applies to.
    pub up_to: u8,
    /// The time in minutes.
    pub minutes: u32,
}

/// Limits for arrivals in one slot; `None` means no limit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Pacing {
    /// Guests.
    pub covers: Option<u32>,
    /// Parties.
    pub parties: Option<u32>,
}

/// A request for a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SeatingRequest<'a> {
    /// The time of the stay.
    pub window: TimeWindow,
    /// The number of guests.
    pub size: PartySize,
    /// The requested area, if any.
    pub area: Option<&'a str>,
    /// The reservation that this request would replace; its tables and its place in the slot count as free.
    pub replaces: Option<ReservationId>,
    /// The tables that the party has now. They are preferred.
    pub current_tables: &'a [TableId],
}

impl<'a> SeatingRequest<'a> {
    /// The request of a party without a booking.
    #[must_use]
    pub fn new(window: TimeWindow, size: PartySize, area: Option<&'a str>) -> Self {
        Self { window, size, area, replaces: None, current_tables: &[] }
    }
}

impl BookingRules {
    /// The turn time of a party of `size`, in minutes.
    #[must_use]
    pub fn turn_minutes(&self, size: PartySize) -> u32 {
        let turn = self.turn_times.iter().find(|turn| size.get() <= turn.up_to).or(self.turn_times.last());
        turn.map_or(90, |turn| turn.minutes)
    }

    /// The tables for a request that is made at `now`.
    ///
    /// # Errors
    /// Why none are available; reasons that no other time would change come first.
    pub fn seat(
        &self,
        occupancy: &Occupancy,
        request: &SeatingRequest<'_>,
        now: DateTime<Utc>,
    ) -> Result<&Seating, Unavailable> {
        self.seat_in(&self.hours.sittings(&request.window), occupancy, request, now)
    }

    /// Like [`Self::seat`], for a caller that knows the services that take the stay.
    pub(super) fn seat_in(
        &self,
        sittings: &[Sitting],
        occupancy: &Occupancy,
        request: &SeatingRequest<'_>,
        now: DateTime<Utc>,
    ) -> Result<&Seating, Unavailable> {
        if !self.seatings.has_room(request.size, request.area) {
            return Err(self.no_table(request.size, request.area));
        }
        if !self.is_open(sittings, request.area) {
            return Err(Unavailable::Closed);
        }
        self.notice(&request.window, now)?;
        self.pace(occupancy, request)?;
        self.tables_in(sittings, occupancy, request)
    }

    /// Whether one of `sittings` uses a table, in `area` if one is requested.
    pub(super) fn is_open(&self, sittings: &[Sitting], area: Option<&str>) -> bool {
        let is_there = |table: &&Table| area.is_none_or(|area| table.area == area);
        self.tables.iter().filter(is_there).any(|table| sittings.iter().any(|sitting| sitting.uses(table)))
    }

    /// Whether any table, in `area` if it is named, is used at some time of `window`.
    #[must_use]
    pub fn is_open_within(&self, window: &TimeWindow, area: Option<&str>) -> bool {
        self.is_open(&self.hours.within(window), area)
    }

    /// The tables for a party that may come: the ones it has if possible, otherwise the best free ones. Outside the
    /// services every table can be used, because the restaurant has accepted the party.
    ///
    /// # Errors
    /// [`Unavailable::PartyTooLarge`] or [`Unavailable::NoTable`].
    pub fn tables_for(
        &self,
        occupancy: &Occupancy,
        request: &SeatingRequest<'_>,
    ) -> Result<&Seating, Unavailable> {
        self.tables_in(&self.hours.open_for(&request.window), occupancy, request)
    }

    pub(super) fn tables_in(
        &self,
        sittings: &[Sitting],
        occupancy: &Occupancy,
        request: &SeatingRequest<'_>,
    ) -> Result<&Seating, Unavailable> {
        // Computed only if a seating is free: the venue is often full, and then it makes no difference.
        let tables_max = LazyCell::new(|| self.tables_to_give(occupancy, request));
        let can_be_given =
            |seating: &Seating| seating.tables.len() <= *tables_max && is_used(sittings, seating);
        let is_free = |table: &TableId| occupancy.is_free(table, &request.window, request.replaces);
        let kept = self.seatings.of_tables(request.current_tables).filter(|seating| {
            seating.fits(request.size)
                && seating.is_in(request.area)
                && seating.tables.iter().all(|table| is_free(&table.id))
                && can_be_given(seating)
        });
        kept.or_else(|| self.seatings.best(request.size, request.area, is_free, can_be_given))
            .ok_or_else(|| self.no_table(request.size, request.area))
    }

    /// The reason when no table is available: a party that is too large never gets one.
    fn no_table(&self, size: PartySize, area: Option<&str>) -> Unavailable {
        match self.seatings.is_too_large(size, area) {
            true => Unavailable::PartyTooLarge,
            false => Unavailable::NoTable,
        }
    }

    /// Whether a visit in `window` can be booked at `now`, by the booking window.
    ///
    /// # Errors
    /// [`Unavailable::TooLate`] or [`Unavailable::TooSoon`].
    pub fn notice(&self, window: &TimeWindow, now: DateTime<Utc>) -> Result<(), Unavailable> {
        if window.start < now + TimeDelta::minutes(i64::from(self.latest_minutes)) {
            return Err(Unavailable::TooLate);
        }
        // Compare calendar days of the venue: a day is bookable as a whole or not at all.
        let today = now.with_timezone(&self.hours.zone).date_naive();
        let last = today + Days::new(u64::from(self.earliest_days));
        // After midnight the evening still belongs to the day before.
        if window.start.with_timezone(&self.hours.zone).date_naive() > last
            && self.hours.date_of(window.start) > last
        {
            return Err(Unavailable::TooSoon);
        }
        Ok(())
    }

    /// Whether the arrival is within the pacing limits.
    ///
    /// # Errors
    /// [`Unavailable::Pacing`].
    pub fn pace(&self, occupancy: &Occupancy, request: &SeatingRequest<'_>) -> Result<(), Unavailable> {
        let slot = TimeDelta::minutes(i64::from(self.hours.slot_minutes));
        let start = request.window.start;
        let (covers, parties) = occupancy.arriving(start, start + slot, request.replaces);
        let covers = covers + u32::from(request.size.get());
        let over = self.pacing.covers.is_some_and(|most| covers > most)
            || self.pacing.parties.is_some_and(|most| parties + 1 > most);
        if over { Err(Unavailable::Pacing) } else { Ok(()) }
    }

    /// The tables for a party at the door, from the start of its window on: any that are free for its whole stay, including
    /// those that cannot be booked in advance.
    ///
    /// # Errors
    /// [`Unavailable::Closed`], [`Unavailable::PartyTooLarge`] or [`Unavailable::NoTable`].
    pub fn seat_now(
        &self,
        occupancy: &Occupancy,
        request: &SeatingRequest<'_>,
    ) -> Result<&Seating, Unavailable> {
        self.seat_at_the_door(occupancy, request, request.window.start)
    }

    fn seat_at_the_door(
        &self,
        occupancy: &Occupancy,
        request: &SeatingRequest<'_>,
        now: DateTime<Utc>,
    ) -> Result<&Seating, Unavailable> {
        let SeatingRequest { window, size, area, .. } = *request;
        if !self.seatings.has_room(size, area) {
            return Err(self.no_table(size, area));
        }
        let sittings = self.hours.open_at(window.start);
        if !self.is_open(&sittings, area) {
            return Err(Unavailable::Closed);
        }
        let is_free = |table: &TableId| occupancy.is_free_at_the_door(table, &window, now);
        let can_be_given = |seating: &Seating| is_used(&sittings, seating);
        self.seatings.best(size, area, is_free, can_be_given).ok_or(Unavailable::NoTable)
    }

    /// When a party at the door could be seated if no other party comes and all others leave on time. Tables
    /// become free only at the end of a stay.
    #[must_use]
    pub fn seat_later(
        &self,
        occupancy: &Occupancy,
        size: PartySize,
        area: Option<&str>,
        now: DateTime<Utc>,
    ) -> Option<DateTime<Utc>> {
        let look = TimeWindow { start: now, end: now + TimeDelta::hours(WAIT_HOURS_MAX) };
        let taken = self.tables.iter().flat_map(|table| occupancy.at(&table.id, &look));
        let mut leaving: Vec<_> =
            taken.map(|taken| taken.window.end).filter(|at| *at > now && *at < look.end).collect();
        leaving.sort_unstable();
        leaving.dedup();
        let minutes = self.turn_minutes(size);
        leaving.into_iter().find(|at| {
            let request = SeatingRequest::new(TimeWindow::starting(*at, minutes), size, area);
            self.seat_at_the_door(occupancy, &request, now).is_ok()
        })
    }

    /// Number of tables that can still be booked in advance; the rest is reserved for walk-ins.
    #[must_use]
    pub fn tables_to_give(&self, occupancy: &Occupancy, request: &SeatingRequest<'_>) -> usize {
        let kept = self.tables.len() * usize::from(self.walk_in_share_percent) / 100;
        if kept == 0 {
            return self.tables.len();
        }
        let ids = self.tables.iter().map(|table| &table.id);
        let promised = occupancy.most_promised(ids, &request.window, request.replaces);
        (self.tables.len() - kept).saturating_sub(promised)
    }

    /// Whether the venue has an area of that name.
    #[must_use]
    pub fn has_area(&self, area: &str) -> bool {
        self.tables.iter().any(|table| table.area == area)
    }

    /// The areas of the venue, in the order of its tables.
    #[must_use]
    pub fn areas(&self) -> Vec<&str> {
        areas_of(&self.tables)
    }
}

/// Whether one of `sittings` uses all tables of `seating`. Without services all are used.
pub(super) fn is_used(sittings: &[Sitting], seating: &Seating) -> bool {
    sittings.is_empty()
        || sittings.iter().any(|sitting| seating.tables.iter().all(|table| sitting.uses(table)))
}
