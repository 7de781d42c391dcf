//! What a house can promise: the rules that say whether a party can come, and which tables it gets.
//!
//! Availability and booking ask the same question here, so what is offered is what can be booked.

use chrono::{DateTime, Days, TimeDelta, Utc};
use events::values::{PartySize, TimeWindow};
use events::{ReservationId, TableId};

use super::hours::Hours;
use super::occupancy::Occupancy;
use super::seating::{Seating, Seatings};
use super::venue::Table;

/// Nobody waits in the door for longer.
const WAIT_HOURS_MAX: i64 = 6;

/// The rules of a house whose book is kept by Meja.
#[derive(Debug, Clone, PartialEq)]
pub struct House {
    /// When parties may arrive.
    pub hours: Hours,
    /// How long a party keeps its table: minutes for parties up to a size, ascending. The last also counts for
    /// larger ones.
    pub turns: Vec<Turn>,
    /// How many may arrive in one slot.
    pub pacing: Pacing,
    /// Days before a visit from which on it can be booked.
    pub earliest_days: u32,
    /// Minutes before a visit until which it can be booked.
    pub latest_minutes: u32,
    /// Tables of a hundred that are never booked ahead.
    pub walk_in_share_percent: u8,
    /// The tables of the house.
    pub tables: Vec<Table>,
    /// Every way to seat a party at them.
    pub seatings: Seatings,
}

/// How long a party keeps its table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Turn {
    /// The largest party that this is for.
    pub up_to: u8,
    /// How long, in minutes.
    pub minutes: u32,
}

/// How many may arrive in one slot; `None`: as many as there is room for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Pacing {
    /// Guests.
    pub covers: Option<u32>,
    /// Parties.
    pub parties: Option<u32>,
}

/// Why a party can not come at some time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Unavailable {
    /// The house is closed, or would close before the party is done, or it is off the raster.
    #[error("The house takes no party then. Choose a time that /api/availability offers.")]
    Closed,
    /// So far ahead nothing is booked yet.
    #[error("The house does not take bookings so far ahead. Choose an earlier date, or ask again later.")]
    TooSoon,
    /// It is too late to book that.
    #[error("It is too late to book that. Choose a later time, or come as you are.")]
    TooLate,
    /// The house never seats so many together there.
    #[error(
        "No table there, nor any that can be combined, seats so many. Choose another area or a smaller party."
    )]
    PartyTooLarge,
    /// As many arrive in that slot as the kitchen can take.
    #[error("As many guests arrive then as the kitchen can take. Choose another time.")]
    Pacing,
    /// Every table that fits is taken, or none fits so few.
    #[error("No table that fits such a party is free then. Choose another time or another area.")]
    NoTable,
}

impl Unavailable {
    /// Every reason.
    pub const ALL: [Self; 6] =
        [Self::Closed, Self::TooSoon, Self::TooLate, Self::PartyTooLarge, Self::Pacing, Self::NoTable];

    /// The stable word for a machine.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::TooSoon => "too_soon",
            Self::TooLate => "too_late",
            Self::PartyTooLarge => "party_too_large",
            Self::Pacing => "pacing",
            Self::NoTable => "no_table",
        }
    }
}

/// What a party would like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wish<'a> {
    /// When.
    pub window: TimeWindow,
    /// How many.
    pub size: PartySize,
    /// Where, if it matters.
    pub area: Option<&'a str>,
    /// The reservation that it would replace, whose table and place in the slot count as free.
    pub instead_of: Option<ReservationId>,
    /// The tables that it has and keeps if it can.
    pub keeps: &'a [TableId],
}

impl<'a> Wish<'a> {
    /// That of a party that has nothing yet.
    #[must_use]
    pub fn new(window: TimeWindow, size: PartySize, area: Option<&'a str>) -> Self {
        Self { window, size, area, instead_of: None, keeps: &[] }
    }
}

impl House {
    /// How long a party of `size` keeps its table, in minutes.
    #[must_use]
    pub fn turn_minutes(&self, size: PartySize) -> u32 {
        let turn = self.turns.iter().find(|turn| size.get() <= turn.up_to).or(self.turns.last());
        turn.map_or(90, |turn| turn.minutes)
    }

    /// The tables that a party with this wish gets, if it books `now`.
    ///
    /// # Errors
    /// Why it gets none; what no other time can mend comes first.
    pub fn seat(
        &self,
        occupancy: &Occupancy,
        wish: &Wish<'_>,
        now: DateTime<Utc>,
    ) -> Result<&Seating, Unavailable> {
        self.seat_if(self.hours.sitting(&wish.window).is_some(), occupancy, wish, now)
    }

    /// The same, if it is known whether the house `is_open` for such a visit.
    pub(super) fn seat_if(
        &self,
        is_open: bool,
        occupancy: &Occupancy,
        wish: &Wish<'_>,
        now: DateTime<Utc>,
    ) -> Result<&Seating, Unavailable> {
        if !self.seatings.has_room(wish.size, wish.area) {
            return Err(self.no_table(wish.size, wish.area));
        }
        if !is_open {
            return Err(Unavailable::Closed);
        }
        self.notice(&wish.window, now)?;
        self.pace(occupancy, wish)?;
        self.tables_for(occupancy, wish)
    }

    /// The tables for a party that may come: those that it keeps, or the best that are free.
    ///
    /// # Errors
    /// [`Unavailable::PartyTooLarge`] or [`Unavailable::NoTable`].
    pub fn tables_for(&self, occupancy: &Occupancy, wish: &Wish<'_>) -> Result<&Seating, Unavailable> {
        let tables_max = self.tables_to_give(occupancy, wish);
        let is_free = |table: &TableId| occupancy.is_free(table, &wish.window, wish.instead_of);
        let kept = self.seatings.of_tables(wish.keeps).filter(|seating| {
            seating.fits(wish.size)
                && seating.is_in(wish.area)
                && seating.tables.len() <= tables_max
                && seating.tables.iter().all(|table| is_free(&table.id))
        });
        kept.or_else(|| self.seatings.best(wish.size, wish.area, tables_max, is_free))
            .ok_or_else(|| self.no_table(wish.size, wish.area))
    }

    /// Why a party gets no table: one that is too large never does.
    fn no_table(&self, size: PartySize, area: Option<&str>) -> Unavailable {
        match self.seatings.is_too_large(size, area) {
            true => Unavailable::PartyTooLarge,
            false => Unavailable::NoTable,
        }
    }

    /// Whether a visit in `window` can be booked `now`.
    ///
    /// # Errors
    /// [`Unavailable::TooLate`] or [`Unavailable::TooSoon`].
    pub fn notice(&self, window: &TimeWindow, now: DateTime<Utc>) -> Result<(), Unavailable> {
        if window.start < now + TimeDelta::minutes(i64::from(self.latest_minutes)) {
            return Err(Unavailable::TooLate);
        }
        // By the calendar of the house: a day is bookable as a whole or not at all.
        let today = now.with_timezone(&self.hours.zone).date_naive();
        let last = today + Days::new(u64::from(self.earliest_days));
        if window.start.with_timezone(&self.hours.zone).date_naive() > last {
            return Err(Unavailable::TooSoon);
        }
        Ok(())
    }

    /// Whether the kitchen can take the party when it arrives.
    ///
    /// # Errors
    /// [`Unavailable::Pacing`].
    pub fn pace(&self, occupancy: &Occupancy, wish: &Wish<'_>) -> Result<(), Unavailable> {
        let slot = TimeDelta::minutes(i64::from(self.hours.slot_minutes));
        let start = wish.window.start;
        let (covers, parties) = occupancy.arriving(start, start + slot, wish.instead_of);
        let covers = covers + u32::from(wish.size.get());
        let over = self.pacing.covers.is_some_and(|most| covers > most)
            || self.pacing.parties.is_some_and(|most| parties + 1 > most);
        if over { Err(Unavailable::Pacing) } else { Ok(()) }
    }

    /// The tables for a party that stands in the door: any that is free for as long as it stays. What is kept for
    /// walk-ins is kept for this.
    ///
    /// # Errors
    /// [`Unavailable::Closed`], [`Unavailable::PartyTooLarge`] or [`Unavailable::NoTable`].
    pub fn seat_now(
        &self,
        occupancy: &Occupancy,
        size: PartySize,
        area: Option<&str>,
        now: DateTime<Utc>,
    ) -> Result<&Seating, Unavailable> {
        self.seat_at(now, occupancy, size, area, now)
    }

    fn seat_at(
        &self,
        at: DateTime<Utc>,
        occupancy: &Occupancy,
        size: PartySize,
        area: Option<&str>,
        now: DateTime<Utc>,
    ) -> Result<&Seating, Unavailable> {
        if !self.seatings.has_room(size, area) {
            return Err(self.no_table(size, area));
        }
        if !self.hours.is_open_at(at) {
            return Err(Unavailable::Closed);
        }
        let window = TimeWindow::starting(at, self.turn_minutes(size));
        let is_free = |table: &TableId| occupancy.is_free_at_the_door(table, &window, now);
        self.seatings.best(size, area, usize::MAX, is_free).ok_or(Unavailable::NoTable)
    }

    /// When a party that stands in the door could be seated, if nobody else comes and everybody who is still in
    /// time leaves in time. Tables become free when a party leaves, and at no other time.
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
        leaving.into_iter().find(|at| self.seat_at(*at, occupancy, size, area, now).is_ok())
    }

    /// How many tables may still be given to a party that books ahead: the rest is kept for walk-ins.
    #[must_use]
    pub fn tables_to_give(&self, occupancy: &Occupancy, wish: &Wish<'_>) -> usize {
        let kept = self.tables.len() * usize::from(self.walk_in_share_percent) / 100;
        if kept == 0 {
            return self.tables.len();
        }
        let ids = self.tables.iter().map(|table| &table.id);
        let promised = occupancy.most_promised(ids, &wish.window, wish.instead_of);
        (self.tables.len() - kept).saturating_sub(promised)
    }

    /// Whether the house has an area of that name.
    #[must_use]
    pub fn has_area(&self, area: &str) -> bool {
        self.tables.iter().any(|table| table.area == area)
    }

    /// The areas of the house, in the order of its tables.
    #[must_use]
    pub fn areas(&self) -> Vec<&str> {
        let mut areas: Vec<&str> = Vec::new();
        for table in &self.tables {
            if !areas.contains(&table.area.as_str()) {
                areas.push(&table.area);
            }
        }
        areas
    }
}
