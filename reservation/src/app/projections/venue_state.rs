//! The read model of one venue.

mod closures;
mod codes;
mod guests;
mod refused;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Bound;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use events::event::{Event, OfferedTable};
use events::values::{PartySize, ReservationCode, TimeWindow};
use events::{ClosureId, Position, ReservationId, TableId, WaitlistId};

pub use self::closures::ClosureState;
use self::closures::UnderClosure;
use self::guests::{has_contact, is_on};
use self::refused::RefusedRequests;
use super::contacts::Contacts;
use super::filter::{Filter, ListKey, list_key};
use super::recorded_rules::RecordedRules;
use crate::domain::availability::{Holder, Occupancy, Table};
use crate::domain::closure::Closure;
use crate::domain::reservation::TableAssignment;
use crate::domain::venue::Venue;
use crate::domain::waitlist::WaitlistEntry;
use crate::domain::{RecordedAt, Reservation, Status};

/// The read model of one venue.
#[derive(Debug, Default)]
pub(super) struct VenueState {
    /// Boxed, because the map moves its values when it grows.
    reservations: HashMap<ReservationId, Box<Reservation>>,
    by_start: BTreeSet<ListKey>,
    /// The last reservation with each code, without those that have ended at their table or never arrived.
    codes: HashMap<ReservationCode, ReservationId>,
    occupancy: Occupancy,
    /// The parties that are waiting, with or without an offer, by the position at which they joined.
    waitlist: BTreeMap<Position, Arc<WaitlistEntry>>,
    waitlist_places: HashMap<WaitlistId, Position>,
    /// The position of the last event that may have freed tables for the waitlist.
    freed_at: Position,
    rules: Option<Arc<RecordedRules>>,
    closures: BTreeMap<ClosureId, Arc<Closure>>,
    under_closures: HashMap<ClosureId, UnderClosure>,
    refused: RefusedRequests,
    /// The contacts of active bookings.
    guests: Contacts<ReservationId>,
    /// The contacts of waiting parties.
    waiting_guests: Contacts<WaitlistId>,
    /// The position of the last event that was applied here.
    position: Position,
}

/// What a decision about a venue depends on, as of one position of the log.
#[derive(Debug, Clone)]
pub struct VenueSnapshot {
    /// The occupancy around the requested time.
    pub occupancy: Occupancy,
    /// The parties on the waitlist, in their order. Only in a snapshot for the waitlist.
    pub waitlist: Vec<Arc<WaitlistEntry>>,
    /// The rules of the venue; `None` if it does not exist.
    pub venue: Option<Arc<Venue>>,
    /// The position of the last event that may have freed tables for the waitlist; `None` if it is empty.
    pub freed_at: Option<Position>,
    /// The position of this state.
    pub position: Position,
}

/// The party that holds a table, as the host sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Party {
    /// The number of guests.
    pub size: PartySize,
    /// When they were seated, if they are.
    pub seated_at: Option<DateTime<Utc>>,
    /// Their tables.
    pub tables: Vec<Table>,
}

/// How an event changed the deadline of its subject.
pub(super) type DeadlineChange = (Option<DateTime<Utc>>, Option<DateTime<Utc>>);

impl VenueSnapshot {
    /// The snapshot of a venue without reservations.
    pub(super) fn empty(position: Position) -> Self {
        Self { occupancy: Occupancy::default(), waitlist: Vec::new(), venue: None, freed_at: None, position }
    }
}

impl Party {
    fn of_reservation(reservation: &Reservation) -> Self {
        let table = |t: &TableAssignment| assigned_table(&t.table_id, &t.area, t.capacity);
        Self {
            size: reservation.party_size(),
            seated_at: reservation.seated_at,
            tables: reservation.tables.iter().map(table).collect(),
        }
    }

    fn of_offer(entry: &WaitlistEntry) -> Self {
        let table = |t: &OfferedTable| assigned_table(&t.table_id, &t.area, t.capacity);
        let tables = entry.offer().iter().flat_map(|offered| &offered.tables).map(table).collect();
        Self { size: entry.joined.party_size, seated_at: None, tables }
    }
}

/// A table as it was when it was assigned.
fn assigned_table(id: &TableId, area: &str, seats: u8) -> Table {
    Table { id: id.clone(), area: area.to_owned(), seats, min_party: 1, place: None }
}

impl VenueState {
    pub(super) fn position(&self) -> Position {
        self.position
    }

    pub(super) fn reservation(&self, id: ReservationId) -> Option<&Reservation> {
        self.reservations.get(&id).map(Box::as_ref)
    }

    pub(super) fn recorded_rules(&self) -> Option<&Arc<RecordedRules>> {
        self.rules.as_ref()
    }

    fn venue(&self) -> Option<Arc<Venue>> {
        self.rules.as_ref().and_then(|rules| rules.venue())
    }

    pub(super) fn freed_at(&self) -> Option<Position> {
        (!self.waitlist.is_empty()).then_some(self.freed_at)
    }

    /// Number of parties that joined before `entry` and wait for the same business day.
    pub(super) fn parties_before(&self, entry: &WaitlistEntry) -> usize {
        let earlier = self.waitlist.range(..entry.at.position).map(|(_, earlier)| earlier);
        match self.venue() {
            Some(venue) => {
                let date = venue.date_of(entry.joined.acceptable.start);
                earlier.filter(|earlier| is_on(&venue, date, earlier)).count()
            }
            None => earlier.count(),
        }
    }

    pub(super) fn snapshot(&self, window: &TimeWindow) -> VenueSnapshot {
        VenueSnapshot {
            occupancy: self.occupancy.snapshot(window),
            waitlist: Vec::new(),
            venue: self.venue(),
            freed_at: self.freed_at(),
            position: self.position,
        }
    }

    /// The occupancy covers the acceptable times of all entries.
    pub(super) fn waitlist_snapshot(&self) -> VenueSnapshot {
        let acceptable = || self.waitlist.values().map(|entry| entry.joined.acceptable);
        let start = acceptable().map(|window| window.start).min();
        let window = start.zip(acceptable().map(|window| window.end).max());
        let occupancy = window.map(|(start, end)| self.occupancy.snapshot(&TimeWindow { start, end }));
        VenueSnapshot {
            occupancy: occupancy.unwrap_or_default(),
            waitlist: self.waitlist.values().cloned().collect(),
            venue: self.venue(),
            freed_at: self.freed_at(),
            position: self.position,
        }
    }

    pub(super) fn party(&self, holder: Holder) -> Option<Party> {
        match holder {
            Holder::Booking(id) | Holder::WalkIn(id) => self.reservation(id).map(Party::of_reservation),
            Holder::Offer(id) => {
                let place = self.waitlist_places.get(&id)?;
                self.waitlist.get(place).map(|entry| Party::of_offer(entry))
            }
        }
    }

    /// At most `limit` reservations that match `filter`, by start, after `after`.
    pub(super) fn list(&self, filter: &Filter, after: Option<ListKey>, limit: usize) -> Vec<Reservation> {
        let nil = ReservationId(uuid::Uuid::nil());
        let from = match (after, filter.from) {
            (Some(after), from) if from.is_none_or(|from| from <= after.0) => Bound::Excluded(after),
            (_, Some(from)) => Bound::Included((from, nil)),
            (_, None) => Bound::Unbounded,
        };
        let to = filter.to.map_or(Bound::Unbounded, |to| Bound::Excluded((to, nil)));
        if matches!((filter.from, filter.to), (Some(from), Some(to)) if from >= to) || is_empty(&from, &to) {
            return Vec::new();
        }
        let matching = self.by_start.range((from, to)).filter_map(|(_, id)| self.reservation(*id));
        matching.filter(|reservation| filter.matches(reservation)).take(limit).cloned().collect()
    }

    /// The places of all reservations in the list.
    pub(super) fn keys(&self) -> Vec<ListKey> {
        self.by_start.iter().copied().collect()
    }

    /// The places of the reservations that start before `before`, after `after`.
    pub(super) fn keys_before(
        &self,
        before: DateTime<Utc>,
        after: Option<ListKey>,
    ) -> impl Iterator<Item = ListKey> {
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        self.by_start.range((from, Bound::Unbounded)).take_while(move |(start, _)| *start < before).copied()
    }

    pub(super) fn each(&self, filter: &Filter, visit: &mut impl FnMut(&Reservation)) {
        let nil = ReservationId(uuid::Uuid::nil());
        let from = filter.from.map_or(Bound::Unbounded, |from| Bound::Included((from, nil)));
        self.by_start
            .range((from, Bound::Unbounded))
            .take_while(|(start, _)| filter.to.is_none_or(|to| *start < to))
            .filter_map(|(_, id)| self.reservation(*id))
            .filter(|reservation| filter.matches(reservation))
            .for_each(visit);
    }

    pub(super) fn apply_rules(&mut self, rules: RecordedRules) {
        let at = rules.position;
        let last = self.rules.take();
        let import = rules.import.or_else(|| last.as_ref().and_then(|last| last.import.clone()));
        let before = last.and_then(|last| last.venue());
        let in_force = rules.document.as_ref().map(|document| self.with_closures(&document.venue));
        self.rules = Some(Arc::new(RecordedRules { import, in_force, before, ..rules }));
        // At the start the rules are applied after later events.
        self.position = self.position.max(at);
        self.may_free_tables(self.position);
    }

    fn may_free_tables(&mut self, at: Position) {
        if !self.waitlist.is_empty() {
            self.freed_at = at;
        }
    }

    pub(super) fn add_waitlist_entry(&mut self, entry: WaitlistEntry) {
        let at = entry.at.position;
        self.position = at;
        self.waitlist_places.insert(entry.id, at);
        self.waitlist.insert(at, Arc::new(entry));
        self.may_free_tables(at);
    }

    /// Applies an event to a waitlist entry. Returns the change of its deadline; `None` if it is not waiting.
    pub(super) fn apply_to_waitlist_entry(
        &mut self,
        id: WaitlistId,
        event: &Event,
        at: RecordedAt,
    ) -> Option<DeadlineChange> {
        self.position = at.position;
        let place = *self.waitlist_places.get(&id)?;
        let entry = Arc::make_mut(self.waitlist.get_mut(&place)?);
        let size = entry.joined.party_size;
        let deadline_before = entry.deadline();
        if let Some(offered) = entry.offer() {
            self.occupancy.withdraw(id, offered, size);
        }
        entry.evolve(event, at.time);
        if let Some(offered) = entry.offer() {
            self.occupancy.offer(id, offered, size);
        }
        let deadline = entry.deadline();
        if !entry.is_waiting() {
            self.waitlist.remove(&place);
            self.waitlist_places.remove(&id);
            self.waiting_guests.remove(id);
        }
        // A party whose contact was proved can get an offer from now on.
        if matches!(event, Event::WaitlistWithdrawn(_) | Event::WaitlistLeft(_) | Event::ContactProved(_)) {
            self.may_free_tables(at.position);
        }
        Some((deadline_before, deadline))
    }

    pub(super) fn add_reservation(&mut self, reservation: Reservation) {
        self.position = reservation.created.position;
        self.by_start.insert(list_key(&reservation));
        if !matches!(reservation.status, Status::Completed | Status::NoShow) {
            self.codes.insert(ReservationCode::of(reservation.id), reservation.id);
        }
        self.occupancy.change_arrival(reservation.holder(), None, reservation.arrival());
        self.occupancy.set_unproven(reservation.id, reservation.is_unproven());
        self.reservations.insert(reservation.id, Box::new(reservation));
    }

    /// Applies an event to a reservation. Returns the change of its deadline; `None` if it does not exist.
    pub(super) fn apply_to_reservation(
        &mut self,
        id: ReservationId,
        event: &Event,
        at: RecordedAt,
    ) -> Option<DeadlineChange> {
        self.position = at.position;
        self.count_under_closure(event);
        let reservation = self.reservations.get_mut(&id)?;
        let key_before = list_key(reservation);
        let deadline_before = reservation.deadline().map(|(at, _)| at);
        let arrival_before = reservation.arrival();
        reservation.evolve(event, at);
        let (holder, arrival) = (reservation.holder(), reservation.arrival());
        let changes_tables = matches!(
            event,
            Event::TableAssigned(_)
                | Event::TableReleased(_)
                | Event::ReservationCheckedIn(_)
                | Event::ReservationCompleted(_)
                | Event::ReservationUndone(_)
        );
        if changes_tables {
            self.occupancy.evolve(holder, event);
        }
        self.occupancy.set_unproven(id, reservation.is_unproven());
        if arrival_before != arrival {
            self.occupancy.change_arrival(holder, arrival_before, arrival);
        }
        let (has_contact, code) = (has_contact(reservation), ReservationCode::of(id));
        let (key, deadline) = (list_key(reservation), reservation.deadline().map(|(at, _)| at));
        if key_before != key {
            self.by_start.remove(&key_before);
            self.by_start.insert(key);
        }
        match event {
            Event::ReservationCompleted(_) | Event::ReservationNoShow(_) => drop(self.codes.remove(&code)),
            Event::ReservationUndone(_) => drop(self.codes.insert(code, id)),
            _ => {}
        }
        if !has_contact {
            self.guests.remove(id);
        }
        if arrival_before != arrival || matches!(event, Event::TableReleased(_)) {
            self.may_free_tables(at.position);
        }
        Some((deadline_before, deadline))
    }
}

fn is_empty(from: &Bound<ListKey>, to: &Bound<ListKey>) -> bool {
    match (from, to) {
        (Bound::Excluded(from) | Bound::Included(from), Bound::Excluded(to)) => from >= to,
        _ => false,
    }
}
