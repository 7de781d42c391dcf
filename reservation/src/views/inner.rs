//! What the read models hold, and how an event changes it.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::LazyLock;

use chrono::{DateTime, Utc};
use events::event::{Event, VenueChanged};
use events::recorded::Recorded;
use events::store::Stored;
use events::{CustomerId, Position, ReservationId, VenueId, WaitlistId};

use super::ListKey;
use crate::domain::occupancy::{Arrival, Holder};
use crate::domain::waiting::Entry;
use crate::domain::{Occupancy, Reservation, Stamp};
use crate::stream::{self, StreamError};

#[derive(Debug, Default)]
pub(super) struct Inner {
    /// Boxed: the table moves its values whenever it grows.
    pub(super) reservations: HashMap<ReservationId, Box<Reservation>>,
    pub(super) by_start: BTreeSet<ListKey>,
    pub(super) by_customer: HashMap<CustomerId, Vec<ReservationId>>,
    /// What happens by itself, by when.
    pub(super) deadlines: BTreeSet<DueKey>,
    /// Who waits, by venue.
    pub(super) lines: HashMap<VenueId, Line>,
    /// The place in line of who waits.
    places: HashMap<WaitlistId, (VenueId, Position)>,
    pub(super) occupancy: HashMap<VenueId, Occupancy>,
    pub(super) rules: HashMap<VenueId, NotedRules>,
    /// The last position that is taken in.
    pub(super) position: Position,
}

/// The rules of a venue as they were noted last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotedRules {
    /// Counts what was noted.
    pub version: u32,
    /// SHA-256 of the file, hexadecimal; `None` when it was gone.
    pub digest: Option<String>,
}

/// Those who wait at a venue, with or without an offer, by when they joined.
#[derive(Debug, Default)]
pub struct Line {
    entries: BTreeMap<Position, Entry>,
    freed_at: Position,
}

impl Line {
    /// Those who wait, the first first.
    pub fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.entries.values()
    }

    /// How many wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether nobody waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// How many stand before who joined at `position`.
    #[must_use]
    pub fn ahead_of(&self, position: Position) -> usize {
        self.entries.range(..position).count()
    }

    /// Where in the log there last was a reason to look whether something is free for those who wait: something was
    /// given back, somebody joined, the rules changed. `None` if nobody waits.
    #[must_use]
    pub fn freed_at(&self) -> Option<Position> {
        (!self.is_empty()).then_some(self.freed_at)
    }
}

/// What has a deadline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Due {
    /// A reservation.
    Reservation(ReservationId),
    /// A party that waits.
    Waiting(WaitlistId),
}

/// A deadline, and what has it.
pub type DueKey = (DateTime<Utc>, Due);

/// What an event is about.
pub(super) enum Fact {
    Reservation(ReservationId, Event, Stamp),
    Waiting(WaitlistId, Event, Stamp),
    Rules(VenueChanged, Position),
}

impl Fact {
    /// What is to be taken in of an event, if anything is.
    pub(super) fn of(stored: Stored<'_>) -> Result<Option<Self>, StreamError> {
        let at = stored.position;
        let recorded = Recorded::parse(stored.json).map_err(|source| StreamError::Parse { at, source })?;
        let event = || recorded.event().map_err(|source| StreamError::Decode { at, source });
        if let Some(id) = stream::reservation_of(&recorded) {
            return Ok(Some(Self::Reservation(id, event()?, stream::stamp(&recorded))));
        }
        if let Some(id) = stream::waitlist_of(&recorded) {
            return Ok(Some(Self::Waiting(id, event()?, stream::stamp(&recorded))));
        }
        Ok(match event()? {
            Event::VenueChanged(changed) => Some(Self::Rules(changed, at)),
            _ => None,
        })
    }
}

pub(super) fn key(reservation: &Reservation) -> ListKey {
    (reservation.window().start, reservation.id)
}

impl Inner {
    /// What `venue` has given away.
    pub(super) fn book(&self, venue: &VenueId) -> &Occupancy {
        static NOTHING: LazyLock<Occupancy> = LazyLock::new(Occupancy::default);
        self.occupancy.get(venue).unwrap_or(&NOTHING)
    }

    /// Who waits at `venue`.
    pub(super) fn line(&self, venue: &VenueId) -> &Line {
        static NOBODY: LazyLock<Line> = LazyLock::new(Line::default);
        self.lines.get(venue).unwrap_or(&NOBODY)
    }

    /// The party that waits, if it does.
    pub(super) fn waiting(&self, id: WaitlistId) -> Option<&Entry> {
        let (venue, place) = self.places.get(&id)?;
        self.lines.get(venue)?.entries.get(place)
    }

    pub(super) fn apply(&mut self, fact: &Fact) {
        match fact {
            Fact::Reservation(id, event, at) => self.apply_to_reservation(*id, event, *at),
            Fact::Waiting(id, event, at) => self.apply_to_waiting(*id, event, *at),
            Fact::Rules(VenueChanged { venue_id, version, digest, .. }, at) => {
                let noted = NotedRules { version: *version, digest: digest.clone() };
                self.rules.insert(venue_id.clone(), noted);
                self.free(venue_id, *at);
            }
        }
    }

    /// Notes that something may have become free, if that matters to anyone.
    fn free(&mut self, venue: &VenueId, at: Position) {
        if let Some(line) = self.lines.get_mut(venue) {
            line.freed_at = at;
        }
    }

    fn apply_to_waiting(&mut self, id: WaitlistId, event: &Event, at: Stamp) {
        if let Event::WaitlistJoined(joined) = event {
            let entry = Entry::begin(id, joined, at);
            entry.deadline().map(|when| self.deadlines.insert((when, Due::Waiting(id))));
            self.places.insert(id, (joined.venue_id.clone(), at.position));
            self.lines.entry(joined.venue_id.clone()).or_default().entries.insert(at.position, entry);
            self.free(&joined.venue_id, at.position);
            return;
        }
        let Some((venue, place)) = self.places.get(&id).cloned() else { return };
        let Some(line) = self.lines.get_mut(&venue) else { return };
        let Some(entry) = line.entries.get_mut(&place) else { return };
        let occupancy = self.occupancy.entry(venue.clone()).or_default();
        entry.deadline().map(|when| self.deadlines.remove(&(when, Due::Waiting(id))));
        entry.offer().into_iter().for_each(|offered| occupancy.withdraw(id, offered));
        entry.evolve(event);
        entry.offer().into_iter().for_each(|offered| occupancy.offer(id, offered, entry.joined.party_size));
        entry.deadline().map(|when| self.deadlines.insert((when, Due::Waiting(id))));
        if !entry.is_in_line() {
            line.entries.remove(&place);
            self.places.remove(&id);
            if line.is_empty() {
                self.lines.remove(&venue);
            }
        }
        if matches!(event, Event::WaitlistWithdrawn(_) | Event::WaitlistLeft(_)) {
            self.free(&venue, at.position);
        }
    }

    fn apply_to_reservation(&mut self, id: ReservationId, event: &Event, at: Stamp) {
        if let Some(reservation) = self.reservations.get_mut(&id) {
            let (place, deadline) = (key(reservation), reservation.deadline());
            let arrival = Arrival::of(reservation);
            reservation.evolve(event, at);
            let arrives = Arrival::of(reservation);
            let changes_tables = matches!(
                event,
                Event::TableAssigned(_)
                    | Event::TableReleased(_)
                    | Event::ReservationCheckedIn(_)
                    | Event::ReservationCompleted(_)
            );
            if arrival != arrives || changes_tables {
                let (who, venue) = (Holder::of(reservation), reservation.booking.venue_id.clone());
                let venue = self.occupancy.entry(venue).or_default();
                venue.evolve(who, event);
                venue.arrives(who, arrival, arrives);
            }
            if place != key(reservation) {
                self.by_start.remove(&place);
                self.by_start.insert(key(reservation));
            }
            if deadline != reservation.deadline() {
                let due = Due::Reservation(id);
                deadline.map(|(at, _)| self.deadlines.remove(&(at, due)));
                reservation.deadline().map(|(at, _)| self.deadlines.insert((at, due)));
            }
            if arrival != arrives || matches!(event, Event::TableReleased(_)) {
                let venue = reservation.booking.venue_id.clone();
                self.free(&venue, at.position);
            }
        } else if let Event::ReservationCreated(created) = event {
            let reservation = Reservation::begin(id, created, at);
            self.by_customer.entry(created.customer_id.clone()).or_default().push(id);
            self.by_start.insert(key(&reservation));
            let venue = self.occupancy.entry(created.venue_id.clone()).or_default();
            venue.arrives(Holder::of(&reservation), None, Arrival::of(&reservation));
            self.reservations.insert(id, Box::new(reservation));
        }
    }
}
