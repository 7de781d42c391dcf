//! Booking a table, and seating a walk-in.

use events::event::{Event, ReservationCreated};
use events::values::TimeWindow;
use events::{PaymentId, ReservationId, Tag, VenueId};

use super::tags::booking_tags;
use crate::app::event_builder::{EventSubject, new_events};
use crate::app::executor::{
    Attempt, CommandError, Decision, EarlierOutcome, Executor, Loaded, Operation, RefusedRequest, including,
};
use crate::app::outcome::ReservationOutcome;
use crate::app::projections::ContactKeys;
use crate::app::repository;
use crate::app::request_context::RequestContext;
use crate::domain::availability::{Occupancy, SeatingContext};
use crate::domain::reservation::booking;
use crate::domain::{RecordedAt, Refusal};

/// Books a table, or seats a walk-in.
pub(super) struct Book<'a> {
    pub(super) id: ReservationId,
    pub(super) payment_id: PaymentId,
    pub(super) created: &'a ReservationCreated,
    /// The guest, unless the same guest may have another booking at that time.
    pub(super) guest: Option<ContactKeys>,
    pub(super) context: &'a RequestContext,
}

impl Operation for Book<'_> {
    type Subject = ();
    type Details = ();
    type Outcome = ReservationOutcome;

    async fn load(&self, _: &Executor) -> Result<Loaded<()>, CommandError> {
        Ok(Loaded { subject: (), read_position: None })
    }

    fn contended(&self, executor: &Executor, (): &()) -> Option<(VenueId, TimeWindow)> {
        let venue = executor.venues.get(Some(&self.created.venue_id))?;
        venue.rules.as_ref().map(|_| (venue.id.clone(), self.created.window))
    }

    fn guest(&self, _: &Executor, (): &()) -> Option<ContactKeys> {
        self.guest
    }

    async fn decide(&self, executor: &Executor, (): &(), attempt: Attempt) -> Result<Decision, CommandError> {
        let (created, now) = (self.created, attempt.now);
        let decide = |context: &SeatingContext<'_>| -> (Result<Vec<Event>, Refusal>, Vec<Tag>) {
            let decided = match created.walk_in {
                true => booking::walk_in(created.clone(), context),
                false => booking::book(created.clone(), context, self.payment_id, now),
            };
            (decided, booking_tags(&created.venue_id, context.rules, &created.window))
        };
        // Read before the rules: rules recorded after this position are a conflict.
        executor.catch_up().await?;
        let head = executor.projections.position();
        let venue = executor.venues.get(Some(&created.venue_id));
        let venue = venue.ok_or_else(|| CommandError::UnknownVenue(created.venue_id.clone()))?;
        let ((decided, tags), read_position) = match venue.rules {
            // Managed by hand: the booking takes no tables.
            None => (decide(&SeatingContext::managed_by_hand(&Occupancy::default())), head),
            Some(_) => {
                let window = including(created.window, now);
                executor.decide_after_waitlist(&created.venue_id, &window, decide).await?
            }
        };
        let refused = |refusal| CommandError::refused(refusal, RefusedRequest::booking(created));
        let is_booked =
            |guest| executor.projections.is_booked_by(&created.venue_id, guest, &created.window, None);
        if self.guest.is_some_and(is_booked) {
            return Err(refused(Refusal::DuplicateBooking));
        }
        let events = decided.map_err(refused)?;
        let subject = EventSubject::booking(self.id, created);
        let new_events = new_events(&events, &subject, self.context, executor.env.as_ref(), now)?;
        let tags = std::iter::once(Tag::reservation(self.id)).chain(tags).collect();
        Ok(Decision { events, new_events, tags, read_position: Some(read_position), details: () })
    }

    async fn outcome(
        &self,
        _: &Executor,
        (): (),
        decision: Decision,
        at: Option<RecordedAt>,
    ) -> Result<ReservationOutcome, CommandError> {
        repository::fold_appended(None, self.id, &decision.events, at)
            .map(|reservation| ReservationOutcome { reservation, replayed: false })
            .ok_or(CommandError::UnknownReservation(self.id))
    }

    fn replay(&self, earlier: EarlierOutcome) -> Result<ReservationOutcome, CommandError> {
        earlier.reservation()
    }
}
