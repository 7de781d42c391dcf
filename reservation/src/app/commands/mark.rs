//! Marking a reservation that does not comply with the rules of its venue.

use access::Object;
use events::{ReservationId, Tag};

use super::change::{changed, load_reservation};
use crate::app::affected::reason_now;
use crate::app::event_builder::{EventSubject, new_events};
use crate::app::executor::{Attempt, CommandError, Decision, EarlierOutcome, Executor, Loaded, Operation};
use crate::app::objects::object_of;
use crate::app::outcome::ReservationOutcome;
use crate::app::request_context::RequestContext;
use crate::domain::availability::{Occupancy, SeatingContext};
use crate::domain::{Command, RecordedAt, Reservation};

/// Marks a reservation if it does not comply with the rules of its venue, and removes the mark if it does.
pub(super) struct MarkAffected<'a> {
    pub(super) id: ReservationId,
    pub(super) context: &'a RequestContext,
}

impl Operation for MarkAffected<'_> {
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
        if reservation.window().start < now {
            return Ok(Decision::default());
        }
        // The rules at least as of the position at which the reservation was read. Newer ones are a conflict.
        executor.catch_up().await?;
        let Some(recorded) = executor.projections.recorded_rules(venue_id) else {
            return Ok(Decision::default());
        };
        let found = reason_now(reservation, &recorded);
        let command = Command::MarkAffected { found, rules_version: recorded.version };
        let occupancy = Occupancy::default();
        let by_hand = SeatingContext::managed_by_hand(&occupancy);
        // No rule refuses a mark.
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
