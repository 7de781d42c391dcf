//! Who has which table when, and who arrives when: what a house has given away.
//!
//! Everything is found by time, so that a question about one evening costs the same in a log of ten years.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, TimeDelta, Utc};
use events::event::Event;
use events::values::{PartySize, TimeWindow};
use events::{AssignmentId, ReservationId, TableId};

use super::reservation::{Reservation, Status};

/// No table is taken for longer, so whoever has it at some instant took it at most this long before.
const WINDOW_HOURS_MAX: i64 = 24;

/// What one venue has given away.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Occupancy {
    taken: HashMap<TableId, BTreeMap<(DateTime<Utc>, AssignmentId), Taken>>,
    arrivals: BTreeMap<(DateTime<Utc>, ReservationId), PartySize>,
}

/// When a party comes, or came, and with how many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arrival {
    at: DateTime<Utc>,
    size: PartySize,
}

impl Arrival {
    /// That of `reservation`, unless it does not come.
    #[must_use]
    pub fn of(reservation: &Reservation) -> Option<Self> {
        match reservation.status {
            // Who walks in has not been promised a place in the slot.
            _ if reservation.booking.walk_in => None,
            Status::Pending | Status::Confirmed | Status::CheckedIn | Status::Completed => {
                Some(Self { at: reservation.window().start, size: reservation.party_size() })
            }
            Status::Cancelled { .. } | Status::NoShow => None,
        }
    }
}

/// A table that is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Taken {
    /// By which reservation.
    pub by: ReservationId,
    /// From when until when.
    pub window: TimeWindow,
}

impl Occupancy {
    /// Adds one event of the reservation `by`. Events that take or free no table change nothing.
    pub fn evolve(&mut self, by: ReservationId, event: &Event) {
        match event {
            Event::TableAssigned(assigned) => {
                let taken = Taken { by, window: assigned.window };
                let key = (assigned.window.start, assigned.assignment_id);
                self.taken.entry(assigned.table_id.clone()).or_default().insert(key, taken);
            }
            Event::TableReleased(released) => {
                if let Some(taken) = self.taken.get_mut(&released.table_id) {
                    taken.remove(&(released.window.start, released.assignment_id));
                    if taken.is_empty() {
                        self.taken.remove(&released.table_id);
                    }
                }
            }
            _ => {}
        }
    }

    /// Notes that the reservation `id` arrives otherwise than it was going to.
    pub fn arrives(&mut self, id: ReservationId, before: Option<Arrival>, after: Option<Arrival>) {
        before.map(|arrival| self.arrivals.remove(&(arrival.at, id)));
        after.map(|arrival| self.arrivals.insert((arrival.at, id), arrival.size));
    }

    /// Whether `table` is free in `window` for anyone but `except`, who has it anyway.
    #[must_use]
    pub fn is_free(&self, table: &TableId, window: &TimeWindow, except: Option<ReservationId>) -> bool {
        self.at(table, window).all(|taken| Some(taken.by) == except)
    }

    /// Who has `table` at some time of `window`.
    pub fn at(&self, table: &TableId, window: &TimeWindow) -> impl Iterator<Item = Taken> {
        let window = *window;
        let least = AssignmentId(uuid::Uuid::nil());
        let first = (window.start - TimeDelta::hours(WINDOW_HOURS_MAX), least);
        let taken = self.taken.get(table).map(|taken| taken.range(first..(window.end, least)));
        taken
            .into_iter()
            .flatten()
            .map(|(_, taken)| *taken)
            .filter(move |taken| taken.window.overlaps(&window))
    }

    /// Who takes `table` next, at `from` or later but before `to`.
    #[must_use]
    pub fn next(&self, table: &TableId, from: DateTime<Utc>, to: DateTime<Utc>) -> Option<Taken> {
        let least = AssignmentId(uuid::Uuid::nil());
        let mut coming = self.taken.get(table)?.range((from, least)..(to, least));
        coming.next().map(|(_, taken)| *taken)
    }

    /// Every table that anyone has or had, in no order.
    pub fn tables(&self) -> impl Iterator<Item = &TableId> {
        self.taken.keys()
    }

    /// How many of `tables` are taken at once, at most, in `window`, by anyone but `except`.
    pub fn most_taken<'a>(
        &self,
        tables: impl Iterator<Item = &'a TableId>,
        window: &TimeWindow,
        except: Option<ReservationId>,
    ) -> usize {
        let mut changes: Vec<(DateTime<Utc>, i32)> = Vec::new();
        for taken in tables.flat_map(|table| self.at(table, window)).filter(|taken| Some(taken.by) != except)
        {
            changes.push((taken.window.start, 1));
            changes.push((taken.window.end, -1));
        }
        // At one instant tables are given back before others are taken.
        changes.sort_unstable();
        let (mut now, mut most) = (0, 0);
        for (at, change) in changes {
            now += change;
            // What is over before the window begins is not of it.
            if at < window.end {
                most = most.max(now);
            }
        }
        usize::try_from(most).unwrap_or_default()
    }

    /// Guests and parties that arrive from `from` until before `to`, without `except`.
    #[must_use]
    pub fn arriving(
        &self,
        from: DateTime<Utc>,
        to: DateTime<Utc>,
        except: Option<ReservationId>,
    ) -> (u32, u32) {
        let least = ReservationId(uuid::Uuid::nil());
        let coming =
            self.arrivals.range((from, least)..(to, least)).filter(|((_, id), _)| Some(*id) != except);
        coming.fold((0, 0), |(covers, parties), (_, size)| (covers + u32::from(size.get()), parties + 1))
    }
}
