//! Locks that serialise the bookings of one guest.
//!
//! Whether a guest has a booking at a time is known from confidential payloads, and no tag of an event may reveal a guest.
//! So no append condition can guard the decision, and concurrent requests of one guest must wait for each other. Guests
//! that share a lock by chance wait for each other, which costs only time.

use events::Position;
use tokio::sync::{Mutex, MutexGuard};

use super::projections::ContactKeys;

/// Number of locks.
const LOCKS: usize = 16_384;

/// The locks of all guests, each with the position up to which its last holder appended.
#[derive(Debug)]
pub(super) struct GuestLocks(Box<[Mutex<Position>]>);

/// The locks that one request holds.
#[derive(Debug, Default)]
pub(super) struct GuestGuards<'a>(Vec<MutexGuard<'a, Position>>);

impl Default for GuestLocks {
    fn default() -> Self {
        Self((0..LOCKS).map(|_| Mutex::new(Position::START)).collect())
    }
}

impl GuestLocks {
    /// Locks the phone number and the e-mail address of a guest, until the guards are dropped.
    pub(super) async fn lock(&self, guest: Option<ContactKeys>) -> GuestGuards<'_> {
        let Some(guest) = guest else { return GuestGuards::default() };
        // In a fixed order, so that two guests who share addresses cannot deadlock.
        let mut places = guest.places(LOCKS);
        places.sort_unstable();
        let distinct = if places[0] == places[1] { &places[..1] } else { &places[..] };
        let mut guards = Vec::with_capacity(distinct.len());
        for place in distinct {
            guards.push(self.0[*place].lock().await);
        }
        GuestGuards(guards)
    }
}

impl GuestGuards<'_> {
    /// The position up to which earlier requests of the guest appended. Their bookings are known once the projections
    /// contain it.
    pub(super) fn known_from(&self) -> Position {
        self.0.iter().map(|guard| **guard).max().unwrap_or(Position::START)
    }

    /// Remembers that the holder appended up to `position`.
    pub(super) fn appended(&mut self, position: Position) {
        self.0.iter_mut().for_each(|guard| **guard = position);
    }
}
