//! Changing the end of a visit that has begun.

use access::Object;
use chrono::{DateTime, Utc};
use events::values::{Scope, Scopes, TimeWindow};
use events::{ReservationId, Tag, VenueId};

use super::change::load_reservation;
use super::tables::{Parties, reloaded, table_guards};
use crate::app::executor::{
    Attempt, CommandError, Decision, EarlierOutcome, Executor, Loaded, Operation, RefusedRequest, including,
};
use crate::app::objects::object_of;
use crate::app::outcome::ReservationOutcome;
use crate::app::request_context::RequestContext;
use crate::domain::availability::Overrule;
use crate::domain::{RecordedAt, Reservation};

/// Changes the end of a visit. The next party at its tables loses them if staff overrule its claim.
pub(super) struct ExtendVisit<'a> {
    pub(super) id: ReservationId,
    pub(super) end: DateTime<Utc>,
    pub(super) overrule: Option<&'a Overrule>,
    pub(super) context: &'a RequestContext,
}

impl ExtendVisit<'_> {
    /// The time for which the party needs its tables, before or after the change.
    fn window(&self, reservation: &Reservation) -> TimeWindow {
        including(reservation.held(), self.end)
    }
}

impl Operation for ExtendVisit<'_> {
    type Subject = Reservation;
    type Details = ();
    type Outcome = ReservationOutcome;

    async fn load(&self, executor: &Executor) -> Result<Loaded<Reservation>, CommandError> {
        load_reservation(executor, self.id).await
    }

    fn contended(&self, executor: &Executor, reservation: &Reservation) -> Option<(VenueId, TimeWindow)> {
        let venue = executor.venues.get(Some(&reservation.booking.venue_id))?;
        venue.rules.is_some().then(|| (venue.id.clone(), self.window(reservation)))
    }

    fn version(&self, reservation: &Reservation) -> Option<u64> {
        Some(reservation.version)
    }

    fn object<'s>(&'s self, reservation: &'s Reservation) -> Option<Object<'s>> {
        Some(object_of(reservation))
    }

    fn needs(&self) -> Scopes {
        self.overrule.map(|_| Scope::Override).into_iter().collect()
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
        let (venue, now) = (&reservation.booking.venue_id, attempt.now);
        executor.catch_up().await?;
        let window = including(self.window(reservation), now);
        let (decided, position) = executor.decide_with_availability(venue, &window, |context, _| {
            reservation.decide_end(self.end, self.overrule, context, now)
        });
        let refused = |refusal| CommandError::refused(refusal, RefusedRequest::of(reservation));
        let extension = decided.map_err(refused)?;
        let mut parties = Parties::new(executor, self.context, now);
        parties.add(reservation, &extension.given)?;
        for (holder, tables) in &extension.displaced {
            parties.displace(*holder, tables).await?;
        }
        parties.add(reservation, &extension.taken)?;
        let mut tags = vec![Tag::reservation(self.id)];
        tags.extend(table_guards(reservation, &window));
        Ok(parties.decision(extension.given, tags, position))
    }

    async fn outcome(
        &self,
        executor: &Executor,
        reservation: Reservation,
        _: Decision,
        at: Option<RecordedAt>,
    ) -> Result<ReservationOutcome, CommandError> {
        reloaded(executor, reservation, at).await
    }

    fn replay(&self, earlier: EarlierOutcome) -> Result<ReservationOutcome, CommandError> {
        earlier.reservation()
    }
}
