//! Correcting the contact, the wishes, the notes and the tags of a reservation.

use access::Object;
use events::{ReservationId, Tag};

use super::change::{changed, load_reservation};
use crate::app::confidential::{Contact, SealedPayload, seal};
use crate::app::correction::Correction;
use crate::app::event_builder::{EventSubject, new_events};
use crate::app::executor::{
    ATTEMPTS_MAX, Attempt, CommandError, Decision, EarlierOutcome, Executor, Loaded, Operation,
    RefusedRequest,
};
use crate::app::objects::object_of;
use crate::app::outcome::ReservationOutcome;
use crate::app::repository::RepositoryError;
use crate::app::request_context::RequestContext;
use crate::domain::refusal::GUEST_CHANGES_MAX;
use crate::domain::reservation::Corrector;
use crate::domain::{RecordedAt, Refusal, Reservation};

/// Corrects details of a reservation. The previous confidential payload is forgotten in the same append.
pub(super) struct CorrectDetails<'a> {
    pub(super) id: ReservationId,
    pub(super) correction: &'a Correction,
    pub(super) context: &'a RequestContext,
}

impl Operation for CorrectDetails<'_> {
    /// The reservation with its contact; `None` after it was erased.
    type Subject = (Reservation, Option<Contact>);
    type Details = ();
    type Outcome = ReservationOutcome;

    async fn load(&self, executor: &Executor) -> Result<Loaded<Self::Subject>, CommandError> {
        for _ in 0..ATTEMPTS_MAX {
            let Loaded { subject: reservation, read_position } = load_reservation(executor, self.id).await?;
            let payload = executor.store.confidential(vec![reservation.contact_at]).await;
            let payload = payload.map_err(RepositoryError::from)?.into_iter().next().flatten();
            // A correction that was recorded in between has replaced the payload.
            if payload.is_some() || reservation.contact_erased {
                let contact = payload.map(|bytes| serde_json::from_slice(&bytes)).transpose()?;
                return Ok(Loaded { subject: (reservation, contact), read_position });
            }
        }
        Err(CommandError::Contended)
    }

    fn version(&self, (reservation, _): &Self::Subject) -> Option<u64> {
        Some(reservation.version)
    }

    fn object<'s>(&'s self, (reservation, _): &'s Self::Subject) -> Option<Object<'s>> {
        Some(object_of(reservation))
    }

    fn hidden(&self) -> CommandError {
        CommandError::UnknownReservation(self.id)
    }

    async fn decide(
        &self,
        executor: &Executor,
        (reservation, contact): &Self::Subject,
        attempt: Attempt,
    ) -> Result<Decision, CommandError> {
        let refused = |refusal| CommandError::refused(refusal, RefusedRequest::of(reservation));
        let contact = contact.clone().ok_or_else(|| refused(Refusal::ContactErased))?;
        let venue = executor.venues.get(Some(&reservation.booking.venue_id));
        let needs_proof = venue.is_some_and(|venue| venue.contact_proof.is_some());
        let is_guest = self.context.caller.is_guest();
        let by = if is_guest { Corrector::Guest { needs_proof } } else { Corrector::Staff };
        // Each new address gets the current message again.
        if is_guest && reservation.guest_changes >= GUEST_CHANGES_MAX {
            return Err(refused(Refusal::TooManyChanges));
        }
        let (contact, tags, details) = self.correction.apply(contact, &reservation.tags);
        let SealedPayload { bytes, digest } = seal(&contact, executor.env.as_ref())?;
        let events = reservation.decide_details(details, tags, digest, by, attempt.now);
        let events = events.map_err(refused)?;
        let context = RequestContext { payload: Some(bytes), ..self.context.clone() };
        let subject = EventSubject::existing(reservation);
        let new_events = new_events(&events, &subject, &context, executor.env.as_ref(), attempt.now)?;
        let tags = vec![Tag::reservation(self.id)];
        Ok(Decision { events, new_events, tags, read_position: None, details: () })
    }

    async fn outcome(
        &self,
        _: &Executor,
        (reservation, _): Self::Subject,
        decision: Decision,
        at: Option<RecordedAt>,
    ) -> Result<ReservationOutcome, CommandError> {
        changed(reservation, &decision, at)
    }

    fn replay(&self, earlier: EarlierOutcome) -> Result<ReservationOutcome, CommandError> {
        earlier.reservation()
    }
}
