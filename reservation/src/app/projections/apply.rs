//! Applying events to the read models.

use std::sync::Arc;

use events::access_events;
use events::event::{Event, RequestsRefused, RulesImport, VenueRulesChanged};
use events::recorded::Recorded;
use events::store::EventBytes;
use events::{Position, ReservationId, VenueId, WaitlistId};
use parking_lot::{ArcRwLockWriteGuard, RawRwLock};

use super::access_changes::AccessChange;
use super::contacts::ContactOf;
use super::recorded_rules::{RecordedRules, RulesChange};
use super::venue_state::{DeadlineChange, VenueState};
use super::{DeadlineSubject, Projections, SharedVenue};
use crate::app::repository::{self, RepositoryError};
use crate::domain::waitlist::WaitlistEntry;
use crate::domain::{RecordedAt, Reservation};

/// A decoded event and its subject.
pub(super) enum Change {
    Reservation(ReservationId, Event, RecordedAt),
    Waitlist(WaitlistId, Event, RecordedAt),
    /// Rules as they are in the log. They are read before they are applied, see [`Change::with_rules`].
    Document(VenueRulesChanged, Position),
    Rules(VenueId, RulesChange),
    Refused(RequestsRefused, RecordedAt),
    /// Keys are not applied here, because their secrets must be read first.
    Access(AccessChange),
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
            // The rules themselves are not in the log.
            Event::VenueChanged(changed) => {
                let import = Some(RulesImport { digest: changed.digest });
                let version = changed.version;
                let rules = RecordedRules { version, import, position: at, ..RecordedRules::default() };
                Some(Self::Rules(changed.venue_id, RulesChange::Document(rules)))
            }
            Event::VenueRulesChanged(changed) => Some(Self::Document(changed, at)),
            event @ (Event::VenueClosed(_) | Event::CancellationsOrdered(_) | Event::ClosureLifted(_)) => {
                let venue_id = event.closed_venue().cloned();
                let closure = RulesChange::Closure(Box::new(event), repository::recorded_at(&recorded));
                venue_id.map(|venue_id| Self::Rules(venue_id, closure))
            }
            Event::RequestsRefused(refused) => {
                Some(Self::Refused(refused, repository::recorded_at(&recorded)))
            }
            event @ access_events!() => {
                Some(Self::Access(AccessChange { event, at: repository::recorded_at(&recorded) }))
            }
            _ => None,
        })
    }
}

impl Change {
    /// The change of a key, if it is one.
    pub(super) fn access(&self) -> Option<&AccessChange> {
        match self {
            Self::Access(change) => Some(change),
            Self::Reservation(..)
            | Self::Waitlist(..)
            | Self::Document(..)
            | Self::Rules(..)
            | Self::Refused(..) => None,
        }
    }

    /// The reservation that changes, if one does.
    fn reservation(&self) -> Option<ReservationId> {
        match self {
            Self::Reservation(id, ..) => Some(*id),
            Self::Waitlist(..)
            | Self::Document(..)
            | Self::Rules(..)
            | Self::Refused(..)
            | Self::Access(_) => None,
        }
    }

    /// The change with its rules read, if it is one of rules.
    ///
    /// # Errors
    /// [`RepositoryError`] when this version does not accept the rules.
    pub(super) fn with_rules(self) -> Result<Self, RepositoryError> {
        match self {
            Self::Document(changed, at) => {
                let (venue_id, rules) = RecordedRules::read(changed, at)?;
                Ok(Self::Rules(venue_id, RulesChange::Document(rules)))
            }
            other => Ok(other),
        }
    }
}

impl Projections {
    /// Applies changes in the order of the log.
    pub(super) fn apply_changes(&self, changes: &[Change]) {
        let mut writer = Writer { projections: self, locked: None };
        changes.iter().for_each(|change| writer.apply(change));
        drop(writer);
        self.changed.add(changes.iter().filter_map(Change::reservation));
    }
}

/// Applies changes one after the other. Consecutive changes of one venue are applied under one lock, and all events
/// of an append concern the same venue. So readers see the whole append or nothing of it.
struct Writer<'a> {
    projections: &'a Projections,
    locked: Option<(SharedVenue, ArcRwLockWriteGuard<RawRwLock, VenueState>)>,
}

impl Writer<'_> {
    fn apply(&mut self, change: &Change) {
        match change {
            Change::Reservation(id, Event::ReservationCreated(created), at) => {
                self.add_reservation(Reservation::begin(*id, created, *at));
            }
            Change::Reservation(id, event, at) => self.change_reservation(*id, event, *at),
            Change::Waitlist(id, Event::WaitlistJoined(joined), at) => {
                self.add_waitlist_entry(WaitlistEntry::begin(*id, joined, *at));
            }
            Change::Waitlist(id, event, at) => self.change_waitlist_entry(*id, event, *at),
            // Rules that were not read do not count.
            Change::Document(..) | Change::Access(_) => {}
            Change::Refused(refused, at) => {
                let venue = self.venue_or_new(&refused.venue_id);
                self.lock(&venue).apply_refusals(refused, at.time);
            }
            Change::Rules(venue_id, change) => {
                let venue = self.venue_or_new(venue_id);
                let state = self.lock(&venue);
                match change {
                    RulesChange::Document(rules) => state.apply_rules(rules.clone()),
                    RulesChange::Closure(event, at) => state.apply_closure(event, *at),
                }
                let (in_force, cancelling) = (state.in_force(), state.cancelling());
                self.projections.rules.set(venue_id, in_force);
                self.projections.index.write().set_cancelling(venue_id, cancelling);
            }
        }
    }

    /// The state of `venue`, which stays locked until a change of another venue.
    fn lock(&mut self, venue: &SharedVenue) -> &mut VenueState {
        if !self.locked.as_ref().is_some_and(|(locked, _)| Arc::ptr_eq(locked, venue)) {
            // Unlock first: only one venue is ever locked, so no order of locks is needed.
            self.locked = None;
        }
        let (_, state) = self.locked.get_or_insert_with(|| (Arc::clone(venue), venue.write_arc()));
        state
    }

    fn venue_or_new(&self, id: &VenueId) -> SharedVenue {
        if let Some(venue) = self.projections.venue(id) {
            return venue;
        }
        Arc::clone(self.projections.venues.write().entry(id.clone()).or_default())
    }

    fn add_reservation(&mut self, reservation: Reservation) {
        let (id, customer) = (reservation.id, reservation.booking.customer_id.clone());
        let deadline = reservation.deadline().map(|(at, _)| at);
        let venue = self.venue_or_new(&reservation.booking.venue_id);
        self.lock(&venue).add_reservation(reservation);
        let mut index = self.projections.index.write();
        index.by_customer.entry(customer).or_default().push(id);
        index.reservations.insert(id, venue);
        drop(index);
        self.change_deadline(DeadlineSubject::Reservation(id), (None, deadline));
    }

    fn change_reservation(&mut self, id: ReservationId, event: &Event, at: RecordedAt) {
        let Some(venue) = self.projections.index.read().reservations.get(&id).cloned() else { return };
        let projections = self.projections;
        let state = self.lock(&venue);
        let change = state.apply_to_reservation(id, event, at);
        let needs_proof = |reservation: &Reservation| reservation.booking.contact_proof.is_some();
        if state.reservation(id).is_some_and(needs_proof) {
            projections.proofs.apply(ContactOf::Reservation(id), event, at, state);
        }
        self.change_deadline(DeadlineSubject::Reservation(id), change.unwrap_or_default());
    }

    fn add_waitlist_entry(&mut self, entry: WaitlistEntry) {
        let (id, deadline) = (entry.id, entry.deadline());
        let venue = self.venue_or_new(&entry.joined.venue_id);
        self.lock(&venue).add_waitlist_entry(entry);
        self.projections.index.write().waitlist_entries.insert(id, venue);
        self.change_deadline(DeadlineSubject::Waitlist(id), (None, deadline));
    }

    fn change_waitlist_entry(&mut self, id: WaitlistId, event: &Event, at: RecordedAt) {
        let Some(venue) = self.projections.index.read().waitlist_entries.get(&id).cloned() else { return };
        let projections = self.projections;
        let state = self.lock(&venue);
        let (before, after) = state.apply_to_waitlist_entry(id, event, at).unwrap_or_default();
        projections.proofs.apply(ContactOf::Waitlist(id), event, at, state);
        self.change_deadline(DeadlineSubject::Waitlist(id), (before, after));
        // An entry that is no longer waiting has no deadline.
        if after.is_none() {
            self.projections.index.write().waitlist_entries.remove(&id);
        }
    }

    fn change_deadline(&self, subject: DeadlineSubject, (before, after): DeadlineChange) {
        if before == after {
            return;
        }
        let mut index = self.projections.index.write();
        before.map(|at| index.deadlines.remove(&(at, subject)));
        after.map(|at| index.deadlines.insert((at, subject)));
    }
}
