//! Recording a booking that was made in another system.

use access::Object;
use events::event::ReservationCreated;
use events::values::TimeWindow;
use events::{ReservationId, TableId, VenueId};

use super::book::{begins, begun};
use super::tags::booking_tags;
use crate::app::event_builder::{EventSubject, new_events};
use crate::app::executor::{Attempt, CommandError, Decision, EarlierOutcome, Executor, Loaded, Operation};
use crate::app::outcome::ReservationOutcome;
use crate::app::request_context::RequestContext;
use crate::domain::RecordedAt;
use crate::domain::reservation::booking;

/// Records a booking of another system.
pub(super) struct Import<'a> {
    pub(super) id: ReservationId,
    pub(super) created: &'a ReservationCreated,
    /// The tables that the other system assigned.
    pub(super) tables: &'a [TableId],
    pub(super) context: &'a RequestContext,
}

impl Operation for Import<'_> {
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

    fn object<'s>(&'s self, (): &'s ()) -> Option<Object<'s>> {
        Some(Object { venue_id: &self.created.venue_id, guest: None })
    }

    async fn decide(&self, executor: &Executor, (): &(), attempt: Attempt) -> Result<Decision, CommandError> {
        let (venue_id, window) = (&self.created.venue_id, self.created.window);
        // The restaurant accepted the booking before any party waited here.
        executor.catch_up().await?;
        let ((events, tags), read_position) =
            executor.decide_with_availability(venue_id, &window, |context, _| {
                let events = booking::import(self.created.clone(), self.tables, context);
                (events, booking_tags(venue_id, context.rules, &window))
            });
        let subject = EventSubject::booking(self.id, self.created);
        let new_events = new_events(&events, &subject, self.context, executor.env.as_ref(), attempt.now)?;
        Ok(begins(self.id, (events, new_events), tags, read_position))
    }

    async fn outcome(
        &self,
        _: &Executor,
        (): (),
        decision: Decision,
        at: Option<RecordedAt>,
    ) -> Result<ReservationOutcome, CommandError> {
        begun(self.id, &decision, at)
    }

    fn replay(&self, earlier: EarlierOutcome) -> Result<ReservationOutcome, CommandError> {
        earlier.reservation()
    }
}
