//! Bookings that do not comply with the rules of their venue.

use chrono::{DateTime, Utc};
use events::values::PartySize;
use events::{ClosureId, ReservationId, VenueId};

use super::projections::{Filter, Projections, RecordedRules};
use crate::domain::reservation::Noncompliance;
use crate::domain::venue::Venue;
use crate::domain::{Reservation, Status};

/// A booking that does not comply with the rules of its venue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AffectedBooking {
    /// The reservation.
    pub reservation_id: ReservationId,
    /// The reason.
    pub reason: &'static str,
    /// The closure, if it is the reason.
    pub closure: Option<ClosureId>,
    /// The start of the visit.
    pub start: DateTime<Utc>,
    /// The number of guests.
    pub size: PartySize,
    /// The time zone in which the guest knows the start.
    pub timezone: String,
}

/// The future bookings of a venue that do not comply with the rules `after`, the earliest first. Without rules the venue
/// was removed.
#[must_use]
pub fn affected_bookings(
    projections: &Projections,
    venue_id: &VenueId,
    before: Option<&Venue>,
    after: Option<&Venue>,
    now: DateTime<Utc>,
) -> Vec<AffectedBooking> {
    collect(projections, venue_id, now, |reservation| reason(reservation, before, after))
}

/// The future bookings of a venue that do not comply with the rules that count, the earliest first.
#[must_use]
pub fn affected_now(
    projections: &Projections,
    venue_id: &VenueId,
    recorded: &RecordedRules,
    now: DateTime<Utc>,
) -> Vec<AffectedBooking> {
    collect(projections, venue_id, now, |reservation| reason_now(reservation, recorded))
}

fn collect(
    projections: &Projections,
    venue_id: &VenueId,
    now: DateTime<Utc>,
    find: impl Fn(&Reservation) -> Option<Noncompliance>,
) -> Vec<AffectedBooking> {
    let mut affected = Vec::new();
    each_future_booking(projections, venue_id, now, |reservation| {
        affected.extend(find(reservation).map(|found| AffectedBooking {
            reservation_id: reservation.id,
            reason: found.reason,
            closure: found.closure,
            start: reservation.window().start,
            size: reservation.party_size(),
            timezone: reservation.booking.timezone.clone(),
        }));
    });
    affected
}

/// Why a booking does not comply with the rules `after`; `None` if it does.
fn reason(reservation: &Reservation, before: Option<&Venue>, after: Option<&Venue>) -> Option<Noncompliance> {
    after.map_or(Some(Noncompliance::VENUE_GONE), |after| reservation.affected_by(after, before))
}

/// Why a booking does not comply with the rules that count; `None` if it does. One that was arranged after they were
/// recorded is compared with them alone.
pub(super) fn reason_now(reservation: &Reservation, recorded: &RecordedRules) -> Option<Noncompliance> {
    let after = recorded.venue();
    let before = if reservation.arranged_at > recorded.position { &after } else { &recorded.before };
    reason(reservation, before.as_deref(), after.as_deref())
}

/// The future bookings under the closure `id` by the rules `venue`, the earliest first.
#[must_use]
pub fn bookings_under(
    projections: &Projections,
    id: ClosureId,
    venue: &Venue,
    now: DateTime<Utc>,
) -> Vec<ReservationId> {
    let mut under = Vec::new();
    let Some(rules) = &venue.rules else { return under };
    each_future_booking(projections, &venue.id, now, |reservation| {
        under.extend(reservation.is_under(id, rules).then_some(reservation.id));
    });
    under
}

/// Calls `visit` with every future booking of a venue.
pub(super) fn each_future_booking(
    projections: &Projections,
    venue_id: &VenueId,
    now: DateTime<Utc>,
    mut visit: impl FnMut(&Reservation),
) {
    let filter = Filter { venue_id: Some(venue_id.clone()), from: Some(now), ..Filter::default() };
    projections.each(&filter, |reservation| {
        if matches!(reservation.status, Status::Pending | Status::Confirmed) {
            visit(reservation);
        }
    });
}
