//! Who has which table when, and who arrives when: what a house has given away.
//!
//! Everything is found by time, so that a question about one evening costs the same in a log of ten years.

use std::collections::{BTreeMap, HashMap, HashSet};

use chrono::{DateTime, TimeDelta, Utc};
use events::event::{Event, WaitlistOffered};
use events::values::{PartySize, TimeWindow};
use events::{AssignmentId, ReservationId, TableId, WaitlistId};

use super::reservation::{Reservation, Status};

/// No table is taken for longer, so whoever has it at some instant took it at most this long before.
const WINDOW_HOURS_MAX: i64 = 24;

/// Who is said to be there longer before their time than this is not there yet.
pub const EARLY_HOURS_MAX: i64 = 4;

/// Who has not left this long after their time was forgotten there.
const OVERDUE_HOURS_MAX: i64 = 24;

/// What one venue has given away.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Occupancy {
    taken: HashMap<TableId, BTreeMap<(DateTime<Utc>, AssignmentId), Taken>>,
    arrivals: BTreeMap<(DateTime<Utc>, Holder), PartySize>,
    /// Who is in the house.
    seated: HashSet<ReservationId>,
}

/// Who has a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Holder {
    /// Who booked.
    Booked(ReservationId),
    /// Who came without having booked.
    WalkedIn(ReservationId),
    /// Who waits, and was offered it.
    Offered(WaitlistId),
}

impl Holder {
    /// The holder of the tables of `reservation`.
    #[must_use]
    pub fn of(reservation: &Reservation) -> Self {
        match reservation.booking.walk_in {
            true => Self::WalkedIn(reservation.id),
            false => Self::Booked(reservation.id),
        }
    }

    /// The reservation, unless it is an offer.
    #[must_use]
    pub fn reservation(self) -> Option<ReservationId> {
        match self {
            Self::Booked(id) | Self::WalkedIn(id) => Some(id),
            Self::Offered(_) => None,
        }
    }

    fn is(self, except: Option<ReservationId>) -> bool {
        except.is_some() && self.reservation() == except
    }
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
    /// By whom.
    pub by: Holder,
    /// From when until when.
    pub window: TimeWindow,
}

impl Occupancy {
    /// Adds one event of a reservation. Events that take or free no table change nothing.
    pub fn evolve(&mut self, by: Holder, event: &Event) {
        match event {
            Event::TableAssigned(assigned) => {
                self.take(&assigned.table_id, assigned.assignment_id, Taken { by, window: assigned.window });
            }
            Event::TableReleased(released) => {
                self.give_back(&released.table_id, released.assignment_id, &released.window);
            }
            Event::ReservationCheckedIn(_) => self.seated.extend(by.reservation()),
            Event::ReservationCompleted(_) => {
                by.reservation().map(|id| self.seated.remove(&id));
            }
            _ => {}
        }
    }

    /// Holds what is offered to a waiting party of `size`.
    pub fn offer(&mut self, id: WaitlistId, offered: &WaitlistOffered, size: PartySize) {
        let (by, window) = (Holder::Offered(id), offered.window);
        for table in &offered.tables {
            self.take(&table.table_id, AssignmentId(id.0), Taken { by, window });
        }
        self.arrivals.insert((window.start, by), size);
    }

    /// Gives back what was offered: it is taken, or not wanted.
    pub fn withdraw(&mut self, id: WaitlistId, offered: &WaitlistOffered) {
        for table in &offered.tables {
            self.give_back(&table.table_id, AssignmentId(id.0), &offered.window);
        }
        self.arrivals.remove(&(offered.window.start, Holder::Offered(id)));
    }

    fn take(&mut self, table: &TableId, id: AssignmentId, taken: Taken) {
        self.taken.entry(table.clone()).or_default().insert((taken.window.start, id), taken);
    }

    fn give_back(&mut self, table: &TableId, id: AssignmentId, window: &TimeWindow) {
        if let Some(taken) = self.taken.get_mut(table) {
            taken.remove(&(window.start, id));
            if taken.is_empty() {
                self.taken.remove(table);
            }
        }
    }

    /// Notes that `who` arrives otherwise than they were going to.
    pub fn arrives(&mut self, who: Holder, before: Option<Arrival>, after: Option<Arrival>) {
        before.map(|arrival| self.arrivals.remove(&(arrival.at, who)));
        after.map(|arrival| self.arrivals.insert((arrival.at, who), arrival.size));
    }

    /// Whether `table` is free in `window` for anyone but `except`, who has it anyway.
    #[must_use]
    pub fn is_free(&self, table: &TableId, window: &TimeWindow, except: Option<ReservationId>) -> bool {
        self.at(table, window).all(|taken| taken.by.is(except))
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

    /// Who sits at `table`, whatever time it was taken for.
    #[must_use]
    pub fn sitting_at(&self, table: &TableId, now: DateTime<Utc>) -> Option<Taken> {
        let look = TimeWindow {
            start: now - TimeDelta::hours(OVERDUE_HOURS_MAX),
            end: now + TimeDelta::hours(EARLY_HOURS_MAX),
        };
        let sits = |taken: &Taken| taken.by.reservation().is_some_and(|id| self.seated.contains(&id));
        self.at(table, &look).find(sits)
    }

    /// Whether a party in the door can sit down at `table` for `window`: nobody has it then, and who sits there
    /// `now` has left by then. Who is over their time leaves at no time that is known.
    #[must_use]
    pub fn is_free_at_the_door(&self, table: &TableId, window: &TimeWindow, now: DateTime<Utc>) -> bool {
        let leaves = |end: DateTime<Utc>| now < end && end <= window.start;
        self.is_free(table, window, None)
            && self.sitting_at(table, now).is_none_or(|sits| leaves(sits.window.end))
    }

    /// Every table that anyone has, in no order.
    pub fn tables(&self) -> impl Iterator<Item = &TableId> {
        self.taken.keys()
    }

    /// How many of `tables` are promised at once, at most, in `window`, to anyone but `except`. Who walked in was
    /// promised nothing.
    pub fn most_promised<'a>(
        &self,
        tables: impl Iterator<Item = &'a TableId>,
        window: &TimeWindow,
        except: Option<ReservationId>,
    ) -> usize {
        let mut changes: Vec<(DateTime<Utc>, i32)> = Vec::new();
        let counts = |taken: &Taken| !matches!(taken.by, Holder::WalkedIn(_)) && !taken.by.is(except);
        for taken in tables.flat_map(|table| self.at(table, window)).filter(counts) {
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
        let least = Holder::Booked(ReservationId(uuid::Uuid::nil()));
        let coming = self.arrivals.range((from, least)..(to, least)).filter(|((_, who), _)| !who.is(except));
        coming.fold((0, 0), |(covers, parties), (_, size)| (covers + u32::from(size.get()), parties + 1))
    }
}
