//! Exchanging the tables of two parties.

use access::Object;
use events::values::TimeWindow;
use events::{ReservationId, Tag, VenueId};

use super::change::load_reservation;
use super::tables::{Parties, reloaded, table_guards};
use crate::app::executor::{
    Attempt, CommandError, Decision, EarlierOutcome, Executor, Loaded, Operation, RefusedRequest, including,
};
use crate::app::objects::object_of;
use crate::app::outcome::ReservationOutcome;
use crate::app::request_context::RequestContext;
use crate::domain::reservation::swap;
use crate::domain::{RecordedAt, Reservation};

/// Exchanges the tables of the reservations `id` and `with`, of the same venue.
pub(super) struct SwapTables<'a> {
    pub(super) id: ReservationId,
    pub(super) with: ReservationId,
    pub(super) context: &'a RequestContext,
}

impl Operation for SwapTables<'_> {
    type Subject = [Reservation; 2];
    type Details = ();
    type Outcome = ReservationOutcome;

    async fn load(&self, executor: &Executor) -> Result<Loaded<[Reservation; 2]>, CommandError> {
        let one = load_reservation(executor, self.id).await?;
        let other = load_reservation(executor, self.with).await?;
        if one.subject.booking.venue_id != other.subject.booking.venue_id {
            return Err(CommandError::UnknownReservation(self.with));
        }
        let read_position = one.read_position.min(other.read_position);
        Ok(Loaded { subject: [one.subject, other.subject], read_position })
    }

    fn contended(
        &self,
        executor: &Executor,
        [one, other]: &[Reservation; 2],
    ) -> Option<(VenueId, TimeWindow)> {
        let venue = executor.venues.get(Some(&one.booking.venue_id))?;
        venue.rules.is_some().then(|| (venue.id.clone(), of_both(one, other)))
    }

    fn version(&self, [one, _]: &[Reservation; 2]) -> Option<u64> {
        Some(one.version)
    }

    fn object<'s>(&'s self, [one, _]: &'s [Reservation; 2]) -> Option<Object<'s>> {
        Some(object_of(one))
    }

    fn hidden(&self) -> CommandError {
        CommandError::UnknownReservation(self.id)
    }

    async fn decide(
        &self,
        executor: &Executor,
        [one, other]: &[Reservation; 2],
        attempt: Attempt,
    ) -> Result<Decision, CommandError> {
        let now = attempt.now;
        executor.catch_up().await?;
        let window = including(of_both(one, other), now);
        let ids = [executor.assignment_ids(), executor.assignment_ids()];
        let ids = [ids[0].as_slice(), ids[1].as_slice()];
        let (decided, position) =
            executor.decide_with_availability(&one.booking.venue_id, &window, |context, _| {
                swap([one, other], ids, context, now)
            });
        let refused = |refusal| CommandError::refused(refusal, RefusedRequest::of(one));
        let swapped = decided.map_err(refused)?;
        let mut parties = Parties::new(executor, self.context, now);
        let sides = [one, other];
        for (party, events) in
            sides.into_iter().zip(&swapped.given).chain(sides.into_iter().zip(&swapped.taken))
        {
            parties.add(party, events)?;
        }
        let rules = Tag::rules(&one.booking.venue_id);
        let mut tags = vec![Tag::reservation(self.id), Tag::reservation(self.with), rules];
        tags.extend(sides.into_iter().flat_map(|party| table_guards(party, &window)));
        let [of_one, _] = swapped.taken;
        Ok(parties.decision(of_one, tags, position))
    }

    async fn outcome(
        &self,
        executor: &Executor,
        [one, _]: [Reservation; 2],
        _: Decision,
        at: Option<RecordedAt>,
    ) -> Result<ReservationOutcome, CommandError> {
        reloaded(executor, one, at).await
    }

    fn replay(&self, earlier: EarlierOutcome) -> Result<ReservationOutcome, CommandError> {
        earlier.reservation()
    }
}

/// The smallest time that contains both visits.
fn of_both(one: &Reservation, other: &Reservation) -> TimeWindow {
    let other = other.held();
    including(including(one.held(), other.start), other.end)
}
