//! Accepting an offer: a waitlist entry becomes a reservation.

use access::{Denied, Object};
use events::event::Event;
use events::values::{Scope, Scopes};
use events::{PaymentId, ReservationId, Tag, WaitlistId};

use super::waitlist::{load_entry, refused};
use crate::app::event_builder::{EventSubject, new_events};
use crate::app::executor::{Attempt, CommandError, Decision, EarlierOutcome, Executor, Loaded, Operation};
use crate::app::objects::object_of_entry;
use crate::app::outcome::ReservationOutcome;
use crate::app::projections::ContactKeys;
use crate::app::repository::{self, AsOf, RepositoryError};
use crate::app::request_context::RequestContext;
use crate::domain::waitlist::{Acceptance, WaitlistEntry, WaitlistState};
use crate::domain::{RecordedAt, Refusal};

/// Turns the offer to a waitlist entry into a reservation.
pub(super) struct AcceptOffer<'a> {
    pub(super) id: WaitlistId,
    pub(super) reservation_id: ReservationId,
    pub(super) payment_id: PaymentId,
    /// Whether the same guest may have another booking at that time.
    pub(super) allow_duplicate: bool,
    pub(super) context: &'a RequestContext,
}

impl Operation for AcceptOffer<'_> {
    type Subject = WaitlistEntry;
    type Details = ();
    type Outcome = ReservationOutcome;

    async fn load(&self, executor: &Executor) -> Result<Loaded<WaitlistEntry>, CommandError> {
        load_entry(executor, self.id).await
    }

    fn guest(&self, executor: &Executor, entry: &WaitlistEntry) -> Option<ContactKeys> {
        let known = || executor.projections.waiting_guest(&entry.joined.venue_id, entry.id);
        if self.allow_duplicate { None } else { known() }
    }

    fn version(&self, entry: &WaitlistEntry) -> Option<u64> {
        Some(entry.version)
    }

    fn object<'s>(&'s self, entry: &'s WaitlistEntry) -> Option<Object<'s>> {
        Some(object_of_entry(entry))
    }

    fn needs(&self) -> Scopes {
        self.allow_duplicate.then_some(Scope::Manage).into_iter().collect()
    }

    fn hidden(&self) -> CommandError {
        CommandError::UnknownWaitlistEntry(self.id)
    }

    async fn decide(
        &self,
        executor: &Executor,
        entry: &WaitlistEntry,
        attempt: Attempt,
    ) -> Result<Decision, CommandError> {
        let (now, venue_id) = (attempt.now, &entry.joined.venue_id);
        // The rules at least as of the position at which the entry was read.
        executor.catch_up().await?;
        let venue = executor.venues.get(Some(venue_id));
        let venue = venue.ok_or_else(|| CommandError::UnknownVenue(venue_id.clone()))?;
        let assignment_ids = executor.assignment_ids();
        let acceptance = entry.accept(self.reservation_id, &venue, &assignment_ids, self.payment_id, now);
        let accepted = match acceptance.map_err(|refusal| refused(executor, refusal, entry))? {
            Acceptance::New(accepted) => accepted,
            Acceptance::Existing(_) => return Ok(Decision::default()),
        };
        let window = &accepted.booking.window;
        let is_booked = |guest| executor.projections.is_booked_by(venue_id, guest, window, None);
        if self.guest(executor, entry).is_some_and(is_booked) {
            return Err(refused(executor, Refusal::DuplicateBooking, entry));
        }
        // The contact moves to the reservation: the entry's copy is forgotten in the same append.
        let contact = executor.store.confidential(vec![entry.at.position]).await;
        let contact = contact.map_err(RepositoryError::from)?.into_iter().next().flatten();
        let booking = RequestContext { payload: contact, ..self.context.clone() };
        let env = executor.env.as_ref();
        let first = vec![Event::from(accepted.event)];
        let mut all = new_events(&first, &EventSubject::waiting(entry), self.context, env, now)?;
        let subject = EventSubject::booking(self.reservation_id, &accepted.booking);
        all.extend(new_events(&accepted.events, &subject, &booking, env, now)?);
        Ok(Decision {
            events: first.into_iter().chain(accepted.events).collect(),
            new_events: all,
            tags: vec![Tag::waitlist(self.id), Tag::reservation(self.reservation_id), Tag::rules(venue_id)],
            read_position: None,
            details: (),
        })
    }

    async fn outcome(
        &self,
        executor: &Executor,
        entry: WaitlistEntry,
        decision: Decision,
        at: Option<RecordedAt>,
    ) -> Result<ReservationOutcome, CommandError> {
        let (id, reservation) = match (&entry.state, at) {
            (WaitlistState::Accepted(id), None) => {
                (*id, repository::load(executor.store.as_ref(), *id, AsOf::Now).await?.0)
            }
            _ => {
                let id = self.reservation_id;
                (id, repository::fold_appended(None, id, &decision.events, at))
            }
        };
        let reservation = reservation.ok_or(CommandError::UnknownReservation(id))?;
        // The link of the entry must not bring back what a renewed link of the booking has ended.
        if self.context.caller.is_guest() && reservation.link_generation > 0 {
            return Err(Denied::Ended.into());
        }
        Ok(ReservationOutcome { reservation, recorded: at.is_some(), replayed: false })
    }

    fn replay(&self, earlier: EarlierOutcome) -> Result<ReservationOutcome, CommandError> {
        earlier.reservation()
    }
}
