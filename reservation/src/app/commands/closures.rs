//! Closing a venue or a part of it, lifting a closure, and cancelling the bookings under it.

use std::sync::Arc;

use access::Object;
use chrono::{DateTime, Utc};
use events::event::VenueClosed;
use events::values::{Initiator, Scope, Scopes};
use events::{ClosureId, Position, ReservationId, Tag, VenueId};

use super::change::{changed, load_reservation};
use crate::app::affected::bookings_under;
use crate::app::event_builder::{EventSubject, new_events};
use crate::app::executor::{Attempt, CommandError, Decision, EarlierOutcome, Executor, Loaded, Operation};
use crate::app::objects::object_of;
use crate::app::outcome::{ClosureOutcome, ReservationOutcome};
use crate::app::projections::Projections;
use crate::app::request_context::RequestContext;
use crate::domain::availability::{Occupancy, SeatingContext};
use crate::domain::closure::{Closure, ClosureRefusal, ClosureRequest};
use crate::domain::venue::Venue;
use crate::domain::{Command, RecordedAt, Reservation};

/// A command about a closure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClosureCommand {
    /// Declare it.
    Declare(ClosureRequest),
    /// Cancel the bookings under it. A task does so afterwards.
    CancelAffected,
    /// Lift it.
    Lift,
}

/// Runs a command about the closure `id` of a venue.
pub(super) struct ChangeClosure<'a> {
    pub(super) venue_id: &'a VenueId,
    pub(super) id: ClosureId,
    pub(super) command: &'a ClosureCommand,
    pub(super) context: &'a RequestContext,
}

/// The rules of a venue that count, and its closure.
pub(super) struct ClosedVenue {
    venue: Option<Arc<Venue>>,
    closure: Option<Arc<Closure>>,
}

impl Operation for ChangeClosure<'_> {
    type Subject = ClosedVenue;
    type Details = ();
    type Outcome = ClosureOutcome;

    async fn load(&self, executor: &Executor) -> Result<Loaded<ClosedVenue>, CommandError> {
        let head = executor.store.known_head();
        executor.projections.wait_until(head).await;
        let closure = executor.projections.closure(self.venue_id, self.id).map(|state| state.closure);
        let venue = executor.venues.get(Some(self.venue_id));
        Ok(Loaded { subject: ClosedVenue { venue, closure }, read_position: Some(head) })
    }

    fn version(&self, subject: &ClosedVenue) -> Option<u64> {
        subject.closure.as_ref().map(|closure| closure.version)
    }

    fn object<'s>(&'s self, _: &'s ClosedVenue) -> Option<Object<'s>> {
        Some(Object { venue_id: self.venue_id, guest: None })
    }

    /// To cancel bookings is a command of its own, which the scope for rules does not contain.
    fn needs(&self) -> Scopes {
        let cancels = matches!(self.command, ClosureCommand::CancelAffected);
        cancels.then_some(Scope::Manage).into_iter().collect()
    }

    fn hidden(&self) -> CommandError {
        CommandError::HiddenVenue(self.venue_id.clone())
    }

    async fn decide(
        &self,
        executor: &Executor,
        subject: &ClosedVenue,
        attempt: Attempt,
    ) -> Result<Decision, CommandError> {
        let event = match (self.command, &subject.closure) {
            (ClosureCommand::Declare(request), _) => {
                let venue = subject.venue.as_deref();
                let venue = venue.ok_or_else(|| CommandError::UnknownVenue(self.venue_id.clone()))?;
                let declared = declare(&executor.projections, venue, request, self.id, attempt.now)?;
                Some(declared.event.into())
            }
            (_, None) => return Err(CommandError::UnknownClosure(self.id)),
            (ClosureCommand::CancelAffected, Some(closure)) => {
                let affected = subject
                    .venue
                    .as_ref()
                    .map(|venue| bookings_under(&executor.projections, self.id, venue, attempt.now).len());
                closure.cancel_affected(self.venue_id, affected.unwrap_or_default())?
            }
            (ClosureCommand::Lift, Some(closure)) => closure.lift(self.venue_id),
        };
        let events: Vec<_> = event.into_iter().collect();
        let subject = EventSubject::venue(self.venue_id);
        let new_events = new_events(&events, &subject, self.context, executor.env.as_ref(), attempt.now)?;
        // A booking made meanwhile might be affected and unnamed. If bookings never stop, the closure is recorded in the end.
        let bookings = (!attempt.is_last).then(|| Tag::venue(self.venue_id));
        let tags = std::iter::once(Tag::rules(self.venue_id)).chain(bookings).collect();
        Ok(Decision { events, new_events, tags, read_position: None, details: () })
    }

    async fn outcome(
        &self,
        executor: &Executor,
        subject: ClosedVenue,
        _: Decision,
        at: Option<RecordedAt>,
    ) -> Result<ClosureOutcome, CommandError> {
        if let Some(at) = at {
            // The closure counts once the projections contain it.
            executor.projections.wait_until(at.position).await;
        }
        let now = executor.projections.closure(self.venue_id, self.id).map(|state| state.closure);
        let closure = now.or(subject.closure).ok_or(CommandError::UnknownClosure(self.id))?;
        Ok(ClosureOutcome { venue_id: self.venue_id.clone(), closure, replayed: false })
    }

    fn replay(&self, earlier: EarlierOutcome) -> Result<ClosureOutcome, CommandError> {
        match earlier {
            EarlierOutcome::Closure(outcome) => Ok(*outcome),
            _ => Err(CommandError::KeyReused),
        }
    }
}

/// The beginning of a closure.
pub(in crate::app) struct Declaration {
    /// The event that declares it.
    pub(in crate::app) event: VenueClosed,
    /// The bookings that will be under it: those that were placed before it. The earliest is the first.
    pub(in crate::app) affected: Vec<ReservationId>,
    /// The venue with the closure in force.
    pub(in crate::app) closed: Venue,
}

/// Declares the closure `id` of `venue`.
///
/// # Errors
/// Why the venue cannot be closed.
pub(in crate::app) fn declare(
    projections: &Projections,
    venue: &Venue,
    request: &ClosureRequest,
    id: ClosureId,
    now: DateTime<Utc>,
) -> Result<Declaration, ClosureRefusal> {
    let today = venue.date_of(now);
    let closures = projections.closures(&venue.id);
    let counts = |closure: &Closure| closure.lifted_at.is_none() && closure.request.to >= today;
    let in_force = closures.iter().filter(|state| counts(&state.closure)).count();
    let mut closed = venue.clone();
    if let Some(rules) = &mut closed.rules {
        let part = request.part(id, Position(u64::MAX));
        rules.hours.closures.add(part, request.from, request.to);
    }
    let affected = bookings_under(projections, id, &closed, now);
    let event = request.clone().declare(id, venue, in_force, &affected)?;
    Ok(Declaration { event, affected, closed })
}

/// Cancels a reservation if it is under a closure of which the bookings are to be cancelled.
pub(super) struct CancelUnderClosure<'a> {
    pub(super) id: ReservationId,
    pub(super) closure: ClosureId,
    pub(super) context: &'a RequestContext,
}

impl Operation for CancelUnderClosure<'_> {
    type Subject = Reservation;
    type Details = ();
    type Outcome = ReservationOutcome;

    async fn load(&self, executor: &Executor) -> Result<Loaded<Reservation>, CommandError> {
        load_reservation(executor, self.id).await
    }

    fn object<'s>(&'s self, reservation: &'s Reservation) -> Option<Object<'s>> {
        Some(object_of(reservation))
    }

    async fn decide(
        &self,
        executor: &Executor,
        reservation: &Reservation,
        attempt: Attempt,
    ) -> Result<Decision, CommandError> {
        let (venue_id, now) = (&reservation.booking.venue_id, attempt.now);
        // The closure at least as of the position at which the reservation was read. A later change of it is a conflict.
        executor.catch_up().await?;
        let closure = executor.projections.closure(venue_id, self.closure).map(|state| state.closure);
        let Some(closure) = closure.filter(|closure| closure.is_cancelling()) else {
            return Ok(Decision::default());
        };
        let venue = executor.venues.get(Some(venue_id));
        let rules = venue.as_deref().and_then(|venue| venue.rules.as_ref());
        // Staff may have moved it meanwhile, or it has begun.
        let is_under = rules.is_some_and(|rules| reservation.is_under(self.closure, rules));
        if !is_under || reservation.window().start <= now {
            return Ok(Decision::default());
        }
        let command = Command::Cancel {
            by: Initiator::Staff,
            reason_code: closure.request.reason_code.clone(),
            description_digest: None,
            closure_id: Some(self.closure),
        };
        let occupancy = Occupancy::default();
        // An expected booking can be cancelled.
        let by_hand = SeatingContext::managed_by_hand(&occupancy);
        let events = reservation.decide(&command, &by_hand, now).unwrap_or_default();
        let subject = EventSubject::existing(reservation);
        let new_events = new_events(&events, &subject, self.context, executor.env.as_ref(), now)?;
        let tags = vec![Tag::reservation(self.id), Tag::rules(venue_id)];
        Ok(Decision { events, new_events, tags, read_position: None, details: () })
    }

    async fn outcome(
        &self,
        _: &Executor,
        reservation: Reservation,
        decision: Decision,
        at: Option<RecordedAt>,
    ) -> Result<ReservationOutcome, CommandError> {
        changed(reservation, &decision, at)
    }

    fn replay(&self, earlier: EarlierOutcome) -> Result<ReservationOutcome, CommandError> {
        earlier.reservation()
    }
}
