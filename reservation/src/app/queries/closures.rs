//! The closures of a venue, with the bookings that they affect.

use std::sync::Arc;

use access::Caller;
use contract::reservation::closures::{AffectedByClosure, ClosureView};
use contract::reservation::words::AffectedReason;
use events::{ClosureId, Position, ReservationId, VenueId};

use super::{QueryError, local};
use crate::app::affected::bookings_under;
use crate::app::commands::{Declaration, declare};
use crate::app::{App, words};
use crate::domain::closure::{Closure, ClosureRefusal, ClosureRequest};
use crate::domain::venue::Venue;
use crate::domain::{RecordedAt, Reservation};

/// Maximum number of affected bookings in a response.
const AFFECTED_MAX: usize = 100;

impl App {
    /// The rules of the venue `id` that count; `None` if there is none that `caller` may use.
    ///
    /// # Errors
    /// [`QueryError::Read`].
    pub async fn venue_of(&self, id: &VenueId, caller: &Caller) -> Result<Option<Arc<Venue>>, QueryError> {
        if caller.may_use(id).is_err() {
            return Ok(None);
        }
        self.catch_up().await?;
        Ok(self.venues.get(Some(id)))
    }

    /// The closures of a venue that are in force and not over; `None` if there is no venue that `caller` may use.
    ///
    /// # Errors
    /// [`QueryError::Read`].
    pub async fn closures(
        &self,
        venue_id: &VenueId,
        caller: &Caller,
    ) -> Result<Option<Vec<ClosureView>>, QueryError> {
        let Some(venue) = self.venue_of(venue_id, caller).await? else { return Ok(None) };
        let today = venue.date_of(self.env.now());
        let counts = |closure: &Closure| closure.lifted_at.is_none() && closure.request.to >= today;
        let closures = self.projections.closures(venue_id);
        let in_force = closures.iter().filter(|state| counts(&state.closure));
        Ok(Some(in_force.map(|state| self.closure_view(venue_id, &state.closure)).collect()))
    }

    /// A closure; `None` if there is none that `caller` may use.
    ///
    /// # Errors
    /// [`QueryError::Read`].
    pub async fn closure(
        &self,
        venue_id: &VenueId,
        id: ClosureId,
        caller: &Caller,
    ) -> Result<Option<ClosureView>, QueryError> {
        if caller.may_use(venue_id).is_err() {
            return Ok(None);
        }
        self.catch_up().await?;
        let state = self.projections.closure(venue_id, id);
        Ok(state.map(|state| self.closure_view(venue_id, &state.closure)))
    }

    /// The representation of a closure, with the bookings that it affects now.
    #[must_use]
    pub fn closure_view(&self, venue_id: &VenueId, closure: &Closure) -> ClosureView {
        let venue = self.venues.get(Some(venue_id));
        let under = venue.map(|venue| bookings_under(&self.projections, closure.id, &venue, self.env.now()));
        // A booking without a mark is marked in a moment.
        self.closure_over(venue_id, closure, &under.unwrap_or_default(), |booking| {
            booking.affected_reason().and_then(words::affected_reason)
        })
    }

    /// The closure that `request` would declare, with the bookings that it would affect. Nothing is recorded.
    ///
    /// # Errors
    /// Why the venue cannot be closed.
    pub fn preview_closure(
        &self,
        venue: &Venue,
        request: &ClosureRequest,
    ) -> Result<ClosureView, ClosureRefusal> {
        let (id, now) = (ClosureId(self.env.new_id()), self.env.now());
        let Declaration { event, affected, closed } = declare(&self.projections, venue, request, id, now)?;
        let declared = RecordedAt { position: Position::START, time: now };
        let closure = Closure { version: 0, ..Closure::begin(event, declared) };
        let reason = |booking: &Reservation| {
            let found = booking.affected_by(&closed, Some(venue))?;
            words::affected_reason(found.reason)
        };
        Ok(self.closure_over(&venue.id, &closure, &affected, reason))
    }

    /// The representation of a closure with the bookings `under` it. `reason` says why one of them does not comply.
    fn closure_over(
        &self,
        venue_id: &VenueId,
        closure: &Closure,
        under: &[ReservationId],
        reason: impl Fn(&Reservation) -> Option<AffectedReason>,
    ) -> ClosureView {
        let view = |id: &ReservationId| self.affected_view(*id, &reason);
        let Closure { id, request, declared, cancelling_since, lifted_at, version } = closure.clone();
        let state = self.projections.closure(venue_id, id);
        ClosureView {
            closure_id: id,
            venue_id: venue_id.clone(),
            from: request.from,
            to: request.to,
            service: request.service,
            areas: request.areas,
            tables: request.tables,
            reason_code: request.reason_code,
            declared_at: declared.time,
            lifted_at,
            cancelling_since,
            cancelled_count: state.map_or(0, |state| state.cancelled),
            affected: under.iter().take(AFFECTED_MAX).filter_map(view).collect(),
            affected_count: u32::try_from(under.len()).unwrap_or(u32::MAX),
            version,
        }
    }

    fn affected_view(
        &self,
        id: ReservationId,
        reason: impl Fn(&Reservation) -> Option<AffectedReason>,
    ) -> Option<AffectedByClosure> {
        let (reservation, _) = self.projections.get(id)?;
        let reason = reason(&reservation);
        Some(AffectedByClosure {
            reservation_id: id,
            reason: reason.unwrap_or(AffectedReason::Closed),
            status: words::status(&reservation.status),
            start_time: local(reservation.window().start, &reservation.booking.timezone),
            party_size: reservation.party_size(),
            tables: reservation.tables.iter().map(|table| table.table_id.clone()).collect(),
        })
    }
}
