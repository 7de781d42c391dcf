//! What the read models hold, and how an event changes it.

use std::collections::{BTreeSet, HashMap};

use events::event::{Event, VenueChanged};
use events::recorded::Recorded;
use events::store::Stored;
use events::{CustomerId, Position, ReservationId, VenueId};

use super::ListKey;
use crate::domain::occupancy::{Arrival, Holder};
use crate::domain::{Occupancy, Reservation, Stamp};
use crate::stream::{self, StreamError};

#[derive(Debug, Default)]
pub(super) struct Inner {
    /// Boxed: the table moves its values whenever it grows.
    pub(super) reservations: HashMap<ReservationId, Box<Reservation>>,
    pub(super) by_start: BTreeSet<ListKey>,
    pub(super) by_customer: HashMap<CustomerId, Vec<ReservationId>>,
    /// What happens by itself, by when.
    pub(super) deadlines: BTreeSet<ListKey>,
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

/// What an event is about.
pub(super) enum Fact {
    Reservation(ReservationId, Event, Stamp),
    Rules(VenueChanged),
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
        Ok(match event()? {
            Event::VenueChanged(changed) => Some(Self::Rules(changed)),
            _ => None,
        })
    }
}

pub(super) fn key(reservation: &Reservation) -> ListKey {
    (reservation.window().start, reservation.id)
}

impl Inner {
    pub(super) fn apply(&mut self, fact: &Fact) {
        match fact {
            Fact::Reservation(id, event, at) => self.apply_to_reservation(*id, event, *at),
            Fact::Rules(VenueChanged { venue_id, version, digest, .. }) => {
                let noted = NotedRules { version: *version, digest: digest.clone() };
                self.rules.insert(venue_id.clone(), noted);
            }
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
                deadline.map(|(at, _)| self.deadlines.remove(&(at, id)));
                reservation.deadline().map(|(at, _)| self.deadlines.insert((at, id)));
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
