//! Applying events to the read models.

use std::sync::Arc;

use events::event::{Event, VenueChanged};
use events::recorded::Recorded;
use events::store::EventBytes;
use events::{Position, ReservationId, VenueId, WaitlistId};

use super::venue_state::{DeadlineChange, RecordedRules};
use super::{DeadlineSubject, Projections, SharedVenue};
use crate::app::repository::{self, RepositoryError};
use crate::domain::waitlist::WaitlistEntry;
use crate::domain::{RecordedAt, Reservation};

/// A decoded event and its subject.
pub(super) enum Change {
    Reservation(ReservationId, Event, RecordedAt),
    Waitlist(WaitlistId, Event, RecordedAt),
    Rules(VenueChanged, Position),
}

impl Change {
    /// Decodes an event; `None` if it does not affect the read models.
    pub(super) fn decode(event: EventBytes<'_>) -> Result<Option<Self>, RepositoryError> {
        let at = event.position;
        let recorded = Recorded::parse(event.json).map_err(|source| RepositoryError::Parse { at, source })?;
        let event = || recorded.event().map_err(|source| RepositoryError::Decode { at, source });
        if let Some(id) = repository::reservation_of(&recorded) {
            return Ok(Some(Self::Reservation(id, event()?, repository::recorded_at(&recorded))));
        }
        if let Some(id) = repository::waitlist_entry_of(&recorded) {
            return Ok(Some(Self::Waitlist(id, event()?, repository::recorded_at(&recorded))));
        }
        Ok(match event()? {
            Event::VenueChanged(changed) => Some(Self::Rules(changed, at)),
            _ => None,
        })
    }
}

impl Projections {
    pub(super) fn apply_change(&self, change: &Change) {
        match change {
            Change::Reservation(id, Event::ReservationCreated(created), at) => {
                self.add_reservation(Reservation::begin(*id, created, *at));
            }
            Change::Reservation(id, event, at) => self.change_reservation(*id, event, *at),
            Change::Waitlist(id, Event::WaitlistJoined(joined), at) => {
                self.add_waitlist_entry(WaitlistEntry::begin(*id, joined, *at));
            }
            Change::Waitlist(id, event, at) => self.change_waitlist_entry(*id, event, *at),
            Change::Rules(VenueChanged { venue_id, version, digest, .. }, at) => {
                let rules = RecordedRules { version: *version, digest: digest.clone() };
                self.venue_or_new(venue_id).write().apply_rules(rules, *at);
            }
        }
    }

    fn venue_or_new(&self, id: &VenueId) -> SharedVenue {
        if let Some(venue) = self.venue(id) {
            return venue;
        }
        Arc::clone(self.venues.write().entry(id.clone()).or_default())
    }

    fn add_reservation(&self, reservation: Reservation) {
        let (id, customer) = (reservation.id, reservation.booking.customer_id.clone());
        let venue = self.venue_or_new(&reservation.booking.venue_id);
        venue.write().add_reservation(reservation);
        let mut index = self.index.write();
        index.by_customer.entry(customer).or_default().push(id);
        index.reservations.insert(id, venue);
    }

    fn change_reservation(&self, id: ReservationId, event: &Event, at: RecordedAt) {
        let Some(venue) = self.index.read().reservations.get(&id).cloned() else { return };
        let change = venue.write().apply_to_reservation(id, event, at);
        self.change_deadline(DeadlineSubject::Reservation(id), change.unwrap_or_default());
    }

    fn add_waitlist_entry(&self, entry: WaitlistEntry) {
        let (id, deadline) = (entry.id, entry.deadline());
        let venue = self.venue_or_new(&entry.joined.venue_id);
        venue.write().add_waitlist_entry(entry);
        self.index.write().waitlist_entries.insert(id, venue);
        self.change_deadline(DeadlineSubject::Waitlist(id), (None, deadline));
    }

    fn change_waitlist_entry(&self, id: WaitlistId, event: &Event, at: RecordedAt) {
        let Some(venue) = self.index.read().waitlist_entries.get(&id).cloned() else { return };
        let (before, after) = venue.write().apply_to_waitlist_entry(id, event, at).unwrap_or_default();
        self.change_deadline(DeadlineSubject::Waitlist(id), (before, after));
        // An entry that is no longer waiting has no deadline.
        if after.is_none() {
            self.index.write().waitlist_entries.remove(&id);
        }
    }

    fn change_deadline(&self, subject: DeadlineSubject, (before, after): DeadlineChange) {
        if before == after {
            return;
        }
        let mut index = self.index.write();
        before.map(|at| index.deadlines.remove(&(at, subject)));
        after.map(|at| index.deadlines.insert((at, subject)));
    }
}
