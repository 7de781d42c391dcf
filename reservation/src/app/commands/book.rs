//! Booking a table, and seating a walk-in.

use access::Object;
use events::recorded::NewEvent;
use events::values::{Scope, Scopes, TimeWindow};
use events::{Event, PaymentId, Position, ReservationId, Tag, VenueId};

use super::tags::booking_tags;
use crate::app::event_builder::{EventSubject, new_events};
use crate::app::executor::{
    Attempt, CommandError, Decision, EarlierOutcome, Executor, Loaded, NewParty, Operation, RefusedRequest,
    including,
};
use crate::app::outcome::ReservationOutcome;
use crate::app::projections::ContactKeys;
use crate::app::repository;
use crate::app::request_context::RequestContext;
use crate::domain::availability::{Occupancy, SeatingContext};
use crate::domain::refusal::UNPROVEN_PER_CONTACT_MAX;
use crate::domain::reservation::booking::{self, BookingRequest};
use crate::domain::venue::Venue;
use crate::domain::{RecordedAt, Refusal};

/// Books a table, or seats a walk-in.
pub(super) struct Book<'a> {
    pub(super) id: ReservationId,
    pub(super) payment_id: PaymentId,
    pub(super) request: &'a BookingRequest,
    /// The guest, if the booking has a contact.
    pub(super) guest: Option<ContactKeys>,
    /// Whether the same guest may have another booking at that time.
    pub(super) allow_duplicate: bool,
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
        let venue = executor.venues.get(Some(&self.request.venue_id))?;
        venue.rules.as_ref().map(|_| (venue.id.clone(), self.request.window(&venue)))
    }

    fn guest(&self, _: &Executor, (): &()) -> Option<ContactKeys> {
        self.guest.filter(|_| !self.allow_duplicate)
    }

    fn new_party(&self) -> Option<NewParty> {
        Some(if self.request.walk_in { NewParty::AtDoor } else { NewParty::Expected })
    }

    /// A guest who presents the link of another booking books as anybody does.
    fn object<'s>(&'s self, (): &'s ()) -> Option<Object<'s>> {
        let object = Object { venue_id: &self.request.venue_id, guest: None };
        (!self.context.caller.is_guest()).then_some(object)
    }

    fn needs(&self) -> Scopes {
        let duplicate = (self.allow_duplicate && !self.request.walk_in).then_some(Scope::Manage);
        let overrule = self.request.overrule.as_ref().map(|_| Scope::Override);
        duplicate.into_iter().chain(overrule).collect()
    }

    async fn decide(&self, executor: &Executor, (): &(), attempt: Attempt) -> Result<Decision, CommandError> {
        let (venue_id, now) = (&self.request.venue_id, attempt.now);
        let unknown_venue = || CommandError::UnknownVenue(venue_id.clone());
        let venue = executor.venues.get(Some(venue_id)).ok_or_else(unknown_venue)?;
        let window = including(self.request.window(&venue), now);
        // Everything in the booking follows from the rules at one position of the log.
        let decide = |context: &SeatingContext<'_>, venue: Option<&Venue>| {
            let created = self.request.booking(venue?);
            let tags = booking_tags(venue_id, context.rules, &created.window);
            let overrule = self.request.overrule.as_ref();
            let decided = match created.walk_in {
                true => booking::walk_in(created.clone(), overrule, context),
                false => booking::book(created.clone(), overrule, context, self.payment_id, now),
            };
            Some((created, decided, tags))
        };
        let (decided, read_position) = match venue.rules {
            Some(_) => executor.decide_after_waitlist(venue_id, &window, decide).await?,
            // Managed by hand: the booking takes no tables, so that it depends on the rules alone. They are read after the
            // position: newer ones are a conflict.
            None => {
                let position = executor.projections.position();
                let venue = executor.venues.get(Some(venue_id));
                (decide(&SeatingContext::managed_by_hand(&Occupancy::default()), venue.as_deref()), position)
            }
        };
        let (created, decided, tags) = decided.ok_or_else(unknown_venue)?;
        let refused = |refusal| CommandError::refused(refusal, RefusedRequest::booking(&created));
        let events = decided.map_err(refused)?;
        // Check the other rules first: otherwise a request that they refuse would reveal whether the guest has a booking.
        let is_unproven = created.contact_proof.is_some();
        let unproven =
            self.guest.filter(|_| is_unproven).map(|guest| executor.projections.unproven_of(guest));
        if unproven.is_some_and(|count| count >= UNPROVEN_PER_CONTACT_MAX) {
            return Err(refused(Refusal::TooManyUnproven));
        }
        let guest = self.guest(executor, &());
        let is_booked = |guest| executor.projections.is_booked_by(venue_id, guest, &created.window, None);
        if guest.is_some_and(is_booked) {
            // The other booking may have been cancelled just now.
            executor.catch_up().await?;
            if guest.is_some_and(is_booked) {
                return Err(refused(Refusal::DuplicateBooking));
            }
        }
        if let Some(guest) = self.guest {
            executor.projections.expect_contact(self.id, guest);
        }
        let subject = EventSubject::booking(self.id, &created);
        let new_events = new_events(&events, &subject, self.context, executor.env.as_ref(), now)?;
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

/// The decision that the reservation `id` begins. It depends on `tags` as of `read_position`.
pub(super) fn begins(
    id: ReservationId,
    (events, new_events): (Vec<Event>, Vec<NewEvent>),
    tags: Vec<Tag>,
    read_position: Position,
) -> Decision {
    let tags = std::iter::once(Tag::reservation(id)).chain(tags).collect();
    Decision { events, new_events, tags, read_position: Some(read_position), details: () }
}

/// The outcome of a decision that the reservation `id` begins.
pub(super) fn begun(
    id: ReservationId,
    decision: &Decision,
    at: Option<RecordedAt>,
) -> Result<ReservationOutcome, CommandError> {
    repository::fold_appended(None, id, &decision.events, at)
        .map(|reservation| ReservationOutcome { reservation, recorded: true, replayed: false })
        .ok_or(CommandError::UnknownReservation(id))
}
