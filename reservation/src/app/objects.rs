//! What authorisation depends on: the venue of an object, and the guest who reaches it.

use access::link::{Link, LinkOf};
use access::{GuestSide, Object};
use events::event::ReservationCreated;

use crate::domain::Reservation;
use crate::domain::waitlist::WaitlistEntry;

/// A reservation, as far as authorisation depends on it.
#[must_use]
pub fn object_of(reservation: &Reservation) -> Object<'_> {
    let ReservationCreated { venue_id, .. } = &reservation.booking;
    let link = Link { of: LinkOf::Reservation(reservation.id), generation: reservation.link_generation };
    Object { venue_id, guest: Some(GuestSide { link, acts_until: reservation.guest_acts_until() }) }
}

/// A waitlist entry, as far as authorisation depends on it.
#[must_use]
pub fn object_of_entry(entry: &WaitlistEntry) -> Object<'_> {
    let link = Link { of: LinkOf::Waitlist(entry.id), generation: entry.link_generation };
    let guest = Some(GuestSide { link, acts_until: entry.guest_acts_until() });
    Object { venue_id: &entry.joined.venue_id, guest }
}
