//! The occupancy of a venue: which tables are taken when, and which parties arrive when.
//!
//! The occupancy is divided by UTC date. A reader takes a [snapshot](Occupancy::snapshot) of the dates it
//! needs, which shares their data, and decides on the snapshot without a lock. A question about one evening
//! therefore costs the same in a log of ten years.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use events::event::{Event, RestoredStatus, WaitlistOffered};
use events::values::{PartySize, TimeWindow};
use events::{AssignmentId, ReservationId, TableId, WaitlistId};

/// Maximum length of an assignment in hours. An assignment in force at some instant started at most this
/// long before it.
const WINDOW_HOURS_MAX: i64 = 24;

/// A check-in earlier than this before the reserved time, in hours, does not change the table assignments.
pub const EARLY_HOURS_MAX: i64 = 4;

/// A party that has not left this long after its time, in hours, is considered gone.
pub const OVERDUE_HOURS_MAX: i64 = 24;

/// How far around a window its snapshot reaches, in hours: a query looks at most this far beyond the window
/// (an overdue party, one hour-limited assignment before that, or the next party at a table).
const SNAPSHOT_MARGIN_HOURS: i64 = OVERDUE_HOURS_MAX + WINDOW_HOURS_MAX;

/// The occupancy of one venue.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Occupancy {
    /// By the UTC date on which an assignment or an arrival starts, in order. A vector, because a snapshot has few dates
    /// and is searched many times, and new dates are usually the last ones.
    days: Vec<(NaiveDate, Arc<Day>)>,
    /// The parties that are seated.
    seated: Arc<HashSet<ReservationId>>,
    /// The bookings with an unproved contact.
    unproven: Arc<HashSet<ReservationId>>,
}

/// The assignments of one table, by their start.
type TableAssignments = BTreeMap<(DateTime<Utc>, AssignmentId), TakenTable>;

/// The part of an occupancy that starts on one UTC date.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Day {
    /// With a hash that is faster than the default and seeded at random.
    taken: HashMap<TableId, TableAssignments, foldhash::fast::RandomState>,
    arrivals: BTreeMap<(DateTime<Utc>, Holder), PartySize>,
}

/// The holder of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Holder {
    /// A reservation made in advance.
    Booking(ReservationId),
    /// A walk-in.
    WalkIn(ReservationId),
    /// A waitlist entry with an offer.
    Offer(WaitlistId),
}

impl Holder {
    /// The reservation; `None` for an offer.
    #[must_use]
    pub fn reservation(self) -> Option<ReservationId> {
        match self {
            Self::Booking(id) | Self::WalkIn(id) => Some(id),
            Self::Offer(_) => None,
        }
    }

    fn is(self, except: Option<ReservationId>) -> bool {
        except.is_some() && self.reservation() == except
    }
}

/// The arrival time and size of a party.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arrival {
    /// When it arrives, or arrived.
    pub at: DateTime<Utc>,
    /// The number of guests.
    pub size: PartySize,
}

/// A table assignment in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TakenTable {
    /// The holder.
    pub by: Holder,
    /// The time it is taken for.
    pub window: TimeWindow,
}

/// The smallest assignment id: the lower bound of a range.
const FIRST_ASSIGNMENT: AssignmentId = AssignmentId(uuid::Uuid::nil());

/// The smallest holder: the lower bound of a range.
const FIRST_HOLDER: Holder = Holder::Booking(ReservationId(uuid::Uuid::nil()));

impl Occupancy {
    /// The part of the occupancy that a decision about `window` can depend on. Cheap: it shares the data.
    #[must_use]
    pub fn snapshot(&self, window: &TimeWindow) -> Self {
        let margin = TimeDelta::hours(SNAPSHOT_MARGIN_HOURS);
        let (first, last) = ((window.start - margin).date_naive(), (window.end + margin).date_naive());
        Self {
            days: self.between(first, last).to_vec(),
            seated: Arc::clone(&self.seated),
            unproven: Arc::clone(&self.unproven),
        }
    }

    /// Applies one event of a reservation. Events that do not change assignments have no effect.
    pub fn evolve(&mut self, by: Holder, event: &Event) {
        match event {
            Event::TableAssigned(assigned) => {
                let taken = TakenTable { by, window: assigned.window };
                self.take(&assigned.table_id, assigned.assignment_id, taken);
            }
            Event::TableReleased(released) => {
                self.release(&released.table_id, released.assignment_id, &released.window);
            }
            Event::ReservationCheckedIn(_) => {
                Arc::make_mut(&mut self.seated).extend(by.reservation());
            }
            Event::ReservationCompleted(_) => self.leave(by),
            Event::ReservationUndone(undone) => match undone.status {
                RestoredStatus::CheckedIn => Arc::make_mut(&mut self.seated).extend(by.reservation()),
                RestoredStatus::Pending | RestoredStatus::Confirmed => self.leave(by),
            },
            _ => {}
        }
    }

    /// Records whether the contact of the booking `id` is unproved.
    pub fn set_unproven(&mut self, id: ReservationId, is_unproven: bool) {
        if self.unproven.contains(&id) == is_unproven {
            return;
        }
        let unproven = Arc::make_mut(&mut self.unproven);
        if is_unproven {
            unproven.insert(id)
        } else {
            unproven.remove(&id)
        };
    }

    /// The party no longer sits at its tables.
    fn leave(&mut self, by: Holder) {
        if let Some(id) = by.reservation().filter(|id| self.seated.contains(id)) {
            Arc::make_mut(&mut self.seated).remove(&id);
        }
    }

    /// Holds the tables offered to a waiting party of `size`.
    pub fn offer(&mut self, id: WaitlistId, offered: &WaitlistOffered, size: PartySize) {
        let (by, window) = (Holder::Offer(id), offered.window);
        for table in &offered.tables {
            self.take(&table.table_id, AssignmentId(id.0), TakenTable { by, window });
        }
        self.change_arrival(by, None, Some(Arrival { at: window.start, size }));
    }

    /// Releases the tables of an offer to a party of `size` that ended.
    pub fn withdraw(&mut self, id: WaitlistId, offered: &WaitlistOffered, size: PartySize) {
        for table in &offered.tables {
            self.release(&table.table_id, AssignmentId(id.0), &offered.window);
        }
        self.change_arrival(Holder::Offer(id), Some(Arrival { at: offered.window.start, size }), None);
    }

    fn take(&mut self, table: &TableId, id: AssignmentId, taken: TakenTable) {
        let start = taken.window.start;
        self.change(start, |day| {
            day.taken.entry(table.clone()).or_default().insert((start, id), taken);
        });
    }

    fn release(&mut self, table: &TableId, id: AssignmentId, window: &TimeWindow) {
        self.change(window.start, |day| {
            if let Some(taken) = day.taken.get_mut(table) {
                taken.remove(&(window.start, id));
                if taken.is_empty() {
                    day.taken.remove(table);
                }
            }
        });
    }

    /// Replaces the arrival `before` of a holder by `after`.
    pub fn change_arrival(&mut self, by: Holder, before: Option<Arrival>, after: Option<Arrival>) {
        if let Some(Arrival { at, .. }) = before {
            self.change(at, |day| {
                day.arrivals.remove(&(at, by));
            });
        }
        if let Some(Arrival { at, size }) = after {
            self.change(at, |day| {
                day.arrivals.insert((at, by), size);
            });
        }
    }

    /// Changes the day of `at`. Copies the day if a snapshot shares it.
    fn change(&mut self, at: DateTime<Utc>, change: impl FnOnce(&mut Day)) {
        let date = at.date_naive();
        let index = self.days.binary_search_by_key(&date, |(date, _)| *date).unwrap_or_else(|index| {
            self.days.insert(index, (date, Arc::default()));
            index
        });
        let day = &mut self.days[index].1;
        change(Arc::make_mut(day));
        if day.taken.is_empty() && day.arrivals.is_empty() {
            self.days.remove(index);
        }
    }

    /// The days on which something starts from `from` up to and including `to`.
    fn days(&self, from: DateTime<Utc>, to: DateTime<Utc>) -> impl Iterator<Item = &Day> {
        self.between(from.date_naive(), to.date_naive()).iter().map(|(_, day)| &**day)
    }

    /// The days from `first` up to and including `last`; at least `first`, if it has something.
    fn between(&self, first: NaiveDate, last: NaiveDate) -> &[(NaiveDate, Arc<Day>)] {
        let last = last.max(first);
        let start = self.days.partition_point(|(date, _)| *date < first);
        let end = self.days.partition_point(|(date, _)| *date <= last);
        &self.days[start..end]
    }

    /// Whether `table` is free in `window`, ignoring assignments of `except`.
    #[must_use]
    pub fn is_free(&self, table: &TableId, window: &TimeWindow, except: Option<ReservationId>) -> bool {
        self.at(table, window).all(|taken| taken.by.is(except))
    }

    /// The assignments of `table` that overlap `window`.
    pub fn at(&self, table: &TableId, window: &TimeWindow) -> impl Iterator<Item = TakenTable> {
        let window = *window;
        let first = window.start - TimeDelta::hours(WINDOW_HOURS_MAX);
        let end = window.end.max(first);
        self.days(first, end)
            .filter_map(|day| day.taken.get(table))
            .flat_map(move |taken| taken.range((first, FIRST_ASSIGNMENT)..(end, FIRST_ASSIGNMENT)))
            .map(|(_, taken)| *taken)
            .filter(move |taken| taken.window.overlaps(&window))
    }

    /// The next assignment of `table` that starts at or after `from` and before `to`.
    #[must_use]
    pub fn next(&self, table: &TableId, from: DateTime<Utc>, to: DateTime<Utc>) -> Option<TakenTable> {
        let days = self.days(from, to).filter_map(|day| day.taken.get(table));
        let mut next = days.flat_map(|taken| taken.range((from, FIRST_ASSIGNMENT)..(to, FIRST_ASSIGNMENT)));
        next.next().map(|(_, taken)| *taken)
    }

    /// Whether the party is seated.
    #[must_use]
    pub fn is_seated(&self, by: Holder) -> bool {
        by.reservation().is_some_and(|id| self.seated.contains(&id))
    }

    /// The party seated at `table`, regardless of the time it was assigned for.
    #[must_use]
    pub fn sitting_at(&self, table: &TableId, now: DateTime<Utc>) -> Option<TakenTable> {
        let around_now = TimeWindow {
            start: now - TimeDelta::hours(OVERDUE_HOURS_MAX),
            end: now + TimeDelta::hours(EARLY_HOURS_MAX),
        };
        self.at(table, &around_now).find(|taken| self.is_seated(taken.by))
    }

    /// Whether a party at the door can be seated at `table` for `window`: it is free, and the party seated there
    /// at `now` leaves by then. A party that has overstayed leaves at an unknown time.
    #[must_use]
    pub fn is_free_at_the_door(&self, table: &TableId, window: &TimeWindow, now: DateTime<Utc>) -> bool {
        let leaves = |end: DateTime<Utc>| now < end && end <= window.start;
        self.is_free(table, window, None)
            && self.sitting_at(table, now).is_none_or(|sitting| leaves(sitting.window.end))
    }

    /// Every holder of a table, with repetitions.
    pub fn holders(&self) -> impl Iterator<Item = Holder> {
        self.days
            .iter()
            .flat_map(|(_, day)| day.taken.values())
            .flat_map(|taken| taken.values().map(|t| t.by))
    }

    /// Every table that has an assignment, in ascending order.
    #[must_use]
    pub fn tables(&self) -> Vec<TableId> {
        let mut tables: Vec<_> = self.days.iter().flat_map(|(_, day)| day.taken.keys().cloned()).collect();
        tables.sort_unstable();
        tables.dedup();
        tables
    }

    /// Maximum number of `tables` that are assigned at the same time within `window`, without walk-ins and
    /// without `except`.
    pub fn most_promised<'a>(
        &self,
        tables: impl Iterator<Item = &'a TableId>,
        window: &TimeWindow,
        except: Option<ReservationId>,
    ) -> usize {
        let counts = |taken: &TakenTable| !matches!(taken.by, Holder::WalkIn(_)) && !taken.by.is(except);
        let most = self.most_at_once(tables.map(|table| (table, 1)), window, counts);
        usize::try_from(most).unwrap_or_default()
    }

    /// Maximum number of seats of `tables` (each with its seats) that bookings without a proof of contact hold at the same time
    /// within `window`, without `except`.
    pub fn most_unproven_seats<'a>(
        &self,
        tables: impl Iterator<Item = (&'a TableId, u32)>,
        window: &TimeWindow,
        except: Option<ReservationId>,
    ) -> u32 {
        let is_unproven = |by: Holder| by.reservation().is_some_and(|id| self.unproven.contains(&id));
        self.most_at_once(tables, window, |taken| is_unproven(taken.by) && !taken.by.is(except))
    }

    /// The largest sum of the weights of `tables` that are assigned at the same time within `window`, by assignments that count.
    fn most_at_once<'a>(
        &self,
        tables: impl Iterator<Item = (&'a TableId, u32)>,
        window: &TimeWindow,
        counts: impl Fn(&TakenTable) -> bool,
    ) -> u32 {
        let mut changes: Vec<(DateTime<Utc>, i64)> = Vec::new();
        for (table, weight) in tables {
            for taken in self.at(table, window).filter(&counts) {
                changes.push((taken.window.start, weight.into()));
                changes.push((taken.window.end, -i64::from(weight)));
            }
        }
        // At the same instant, process releases before new assignments.
        changes.sort_unstable();
        let (mut now, mut most) = (0, 0);
        for (_, change) in changes {
            now += change;
            most = most.max(now);
        }
        u32::try_from(most).unwrap_or_default()
    }

    /// Number of guests and parties that arrive from `from` up to but excluding `to`, without `except`.
    #[must_use]
    pub fn arriving(
        &self,
        from: DateTime<Utc>,
        to: DateTime<Utc>,
        except: Option<ReservationId>,
    ) -> (u32, u32) {
        self.days(from, to)
            .flat_map(|day| day.arrivals.range((from, FIRST_HOLDER)..(to, FIRST_HOLDER)))
            .filter(|((_, holder), _)| !holder.is(except))
            .fold((0, 0), |(covers, parties), (_, size)| (covers + u32::from(size.get()), parties + 1))
    }
}
