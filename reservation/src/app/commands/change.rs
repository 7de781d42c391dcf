//! Changing an existing reservation.

use std::borrow::Cow;

use access::Object;
use chrono::{DateTime, Utc};
use events::event::{Event, UndoneChange};
use events::values::{Scope, Scopes, TimeWindow};
use events::{ReservationId, Tag, VenueId};
use parking_lot::Mutex;

use super::tags::command_tags;
use crate::app::affected::reason_now;
use crate::app::event_builder::{EventSubject, new_events};
use crate::app::executor::{
    Attempt, CommandError, Decision, EarlierOutcome, Executor, Loaded, Operation, RefusedRequest, including,
};
use crate::app::objects::object_of;
use crate::app::outcome::ReservationOutcome;
use crate::app::projections::ContactKeys;
use crate::app::repository::{self, AsOf};
use crate::app::request_context::RequestContext;
use crate::domain::availability::{Occupancy, SeatingContext};
use crate::domain::refusal::GUEST_CHANGES_MAX;
use crate::domain::reservation::{PaymentOutcome, PaymentResult};
use crate::domain::venue::Venue;
use crate::domain::{Command, RecordedAt, Refusal, Reservation, Status};

/// Runs a command for an existing reservation.
pub(super) struct ChangeReservation<'a> {
    pub(super) id: ReservationId,
    /// The reservation as the caller loaded it, for the first attempt.
    pub(super) loaded: Mutex<Option<Loaded<Reservation>>>,
    /// The guest who may have only one booking at the new time, if the command checks that. Set when it is loaded.
    pub(super) guest: Mutex<Option<ContactKeys>>,
    pub(super) command: &'a Command,
    pub(super) context: &'a RequestContext,
}

/// A reservation with the mark of the rules that count.
struct Marked<'r> {
    reservation: Cow<'r, Reservation>,
    /// The events of a mark that was missing.
    events: Vec<Event>,
    /// What the mark depends on.
    tags: Vec<Tag>,
}

impl ChangeReservation<'_> {
    /// The time that the command may change, and the time of the visit.
    fn window(&self, reservation: &Reservation) -> TimeWindow {
        match self.command {
            Command::Reschedule { window, .. } => *window,
            _ => reservation.window(),
        }
    }

    /// Whether the command promises something that only an existing venue can keep.
    fn needs_venue(&self) -> bool {
        match self.command {
            Command::Reschedule { .. } | Command::ChangePartySize(_) => true,
            Command::Undo(undo) => undo.change == UndoneChange::Cancellation,
            _ => false,
        }
    }

    /// The guest who may have only one booking at the time of the visit, if the command checks that.
    async fn guest_to_check(
        &self,
        executor: &Executor,
        reservation: &Reservation,
    ) -> Result<Option<ContactKeys>, CommandError> {
        let venue = &reservation.booking.venue_id;
        match self.command {
            Command::Reschedule { allow_duplicate: false, .. } => {
                Ok(executor.projections.guest_of(venue, self.id))
            }
            // The guest of a reservation that ended is not in memory.
            Command::Undo(undo) if undo.checks_duplicates() && !reservation.booking.walk_in => {
                Ok(executor.projections.guest_in_log(executor.store.as_ref(), reservation).await?)
            }
            _ => Ok(None),
        }
    }

    /// Marks a reservation that money arrives for, if it falls under a closure that was declared just now: the money must not
    /// confirm it.
    async fn mark_first<'r>(
        &self,
        executor: &Executor,
        reservation: &'r Reservation,
        now: DateTime<Utc>,
    ) -> Result<Marked<'r>, CommandError> {
        let unmarked = Marked { reservation: Cow::Borrowed(reservation), events: vec![], tags: vec![] };
        let is_payment = matches!(
            self.command,
            Command::RecordPayment(PaymentResult { outcome: PaymentOutcome::Completed { .. }, .. })
        );
        // A visit that has begun is not marked.
        let has_begun = reservation.window().start < now;
        if !is_payment || reservation.status != Status::Pending || has_begun {
            return Ok(unmarked);
        }
        // The rules at least as of the position at which the reservation was read. Newer ones are a conflict.
        executor.catch_up().await?;
        let venue_id = &reservation.booking.venue_id;
        let tags = vec![Tag::rules(venue_id)];
        let Some(recorded) = executor.projections.recorded_rules(venue_id) else {
            return Ok(Marked { tags, ..unmarked });
        };
        let mark = Command::MarkAffected {
            found: reason_now(reservation, &recorded),
            rules_version: recorded.version,
        };
        let occupancy = Occupancy::default();
        let by_hand = SeatingContext::managed_by_hand(&occupancy);
        // No rule refuses a mark.
        let events = reservation.decide(&mark, &by_hand, now).unwrap_or_default();
        let mut reservation = Cow::Borrowed(reservation);
        for event in &events {
            let at = RecordedAt { position: reservation.arranged_at, time: now };
            reservation.to_mut().evolve(event, at);
        }
        Ok(Marked { reservation, events, tags })
    }

    /// Whether the same guest has another booking at the time of the visit.
    fn is_duplicate(&self, executor: &Executor, reservation: &Reservation) -> bool {
        let (venue, window) = (&reservation.booking.venue_id, self.window(reservation));
        let guest = *self.guest.lock();
        guest.is_some_and(|guest| executor.projections.is_booked_by(venue, guest, &window, Some(self.id)))
    }
}

impl Operation for ChangeReservation<'_> {
    type Subject = Reservation;
    type Details = ();
    type Outcome = ReservationOutcome;

    async fn load(&self, executor: &Executor) -> Result<Loaded<Reservation>, CommandError> {
        let loaded = self.loaded.lock().take();
        let loaded = match loaded {
            Some(loaded) => loaded,
            None => load_reservation(executor, self.id).await?,
        };
        let guest = self.guest_to_check(executor, &loaded.subject).await?;
        *self.guest.lock() = guest;
        Ok(loaded)
    }

    fn contended(&self, executor: &Executor, reservation: &Reservation) -> Option<(VenueId, TimeWindow)> {
        let venue = executor.venues.get(Some(&reservation.booking.venue_id))?;
        let contends = self.command.takes_tables() && venue.rules.is_some();
        contends.then(|| (venue.id.clone(), self.window(reservation)))
    }

    fn guest(&self, _: &Executor, _: &Reservation) -> Option<ContactKeys> {
        *self.guest.lock()
    }

    fn version(&self, reservation: &Reservation) -> Option<u64> {
        Some(reservation.version)
    }

    fn object<'s>(&'s self, reservation: &'s Reservation) -> Option<Object<'s>> {
        Some(object_of(reservation))
    }

    fn needs(&self) -> Scopes {
        let more = match self.command {
            Command::Confirm { waive_deposit: true } => Some(Scope::Override),
            Command::Reschedule { allow_duplicate: true, .. } => Some(Scope::Manage),
            // It needs what the cancellation needed.
            Command::Undo(undo) if undo.change == UndoneChange::Cancellation => Some(Scope::Manage),
            _ => None,
        };
        more.into_iter().chain(self.command.overrule().map(|_| Scope::Override)).collect()
    }

    /// To waive a deposit is to decide about money.
    fn needs_proof(&self) -> bool {
        matches!(self.command, Command::Confirm { waive_deposit: true })
    }

    fn hidden(&self) -> CommandError {
        CommandError::UnknownReservation(self.id)
    }

    async fn decide(
        &self,
        executor: &Executor,
        reservation: &Reservation,
        attempt: Attempt,
    ) -> Result<Decision, CommandError> {
        let (command, now) = (self.command, attempt.now);
        let is_by_guest = self.context.caller.is_guest() && command.is_repeated_by_guests();
        if is_by_guest && reservation.guest_changes >= GUEST_CHANGES_MAX {
            let request = RefusedRequest::of(reservation);
            return Err(CommandError::refused(Refusal::TooManyChanges, request));
        }
        let marked = self.mark_first(executor, reservation, now).await?;
        let decide = |context: &SeatingContext<'_>, venue: Option<&Venue>| {
            if venue.is_none() && self.needs_venue() {
                return None;
            }
            let decided = marked.reservation.decide(command, context, now);
            Some((decided, command_tags(reservation, command, context.rules, now)))
        };
        let (decided, read_position) = if command.takes_tables() {
            let window = including(including(self.window(reservation), now), command.occurred(now));
            let venue = &reservation.booking.venue_id;
            let (decided, at) = executor.decide_after_waitlist(venue, &window, decide).await?;
            (decided, Some(at))
        } else {
            (decide(&SeatingContext::managed_by_hand(&Occupancy::default()), None), None)
        };
        let (decided, tags) =
            decided.ok_or_else(|| CommandError::UnknownVenue(reservation.booking.venue_id.clone()))?;
        let refused =
            |refusal| CommandError::refused(refusal, RefusedRequest::command(reservation, command, now));
        let events: Vec<_> = marked.events.into_iter().chain(decided.map_err(refused)?).collect();
        if !events.is_empty() && self.is_duplicate(executor, reservation) {
            return Err(refused(Refusal::DuplicateBooking));
        }
        let subject = EventSubject::existing(reservation);
        let new_events = new_events(&events, &subject, self.context, executor.env.as_ref(), now)?;
        let tags = std::iter::once(Tag::reservation(self.id)).chain(marked.tags).chain(tags).collect();
        Ok(Decision { events, new_events, tags, read_position, details: () })
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

/// Loads the reservation `id`.
pub(super) async fn load_reservation(
    executor: &Executor,
    id: ReservationId,
) -> Result<Loaded<Reservation>, CommandError> {
    let (reservation, at) = repository::load(executor.store.as_ref(), id, AsOf::Now).await?;
    let subject = reservation.ok_or(CommandError::UnknownReservation(id))?;
    Ok(Loaded { subject, read_position: Some(at) })
}

/// The reservation after the events of `decision`.
pub(super) fn changed(
    reservation: Reservation,
    decision: &Decision,
    at: Option<RecordedAt>,
) -> Result<ReservationOutcome, CommandError> {
    let id = reservation.id;
    repository::fold_appended(Some(reservation), id, &decision.events, at)
        .map(|reservation| ReservationOutcome { reservation, recorded: at.is_some(), replayed: false })
        .ok_or(CommandError::UnknownReservation(id))
}
