//! The results of commands.

use std::sync::Arc;

use access::Key;
use events::VenueId;

use crate::domain::Reservation;
use crate::domain::closure::Closure;
use crate::domain::waitlist::WaitlistEntry;

/// The result of a command about a reservation.
#[derive(Debug, Clone)]
pub struct ReservationOutcome {
    /// The reservation after the command.
    pub reservation: Reservation,
    /// Whether the log names the caller of the command; not if there was nothing to change.
    pub recorded: bool,
    /// Whether this is the result of an earlier request with the same Idempotency-Key.
    pub replayed: bool,
}

/// The result of a command about a waitlist entry.
#[derive(Debug, Clone)]
pub struct WaitlistOutcome {
    /// The entry after the command.
    pub entry: WaitlistEntry,
    /// Whether the log names the caller of the command; not if there was nothing to change.
    pub recorded: bool,
    /// Whether this is the result of an earlier request with the same Idempotency-Key.
    pub replayed: bool,
}

/// The result of a command about a key.
#[derive(Debug, Clone)]
pub struct KeyOutcome {
    /// The key after the command.
    pub key: Key,
    /// Whether this is the result of an earlier request with the same Idempotency-Key.
    pub replayed: bool,
}

/// The result of a command about a closure.
#[derive(Debug, Clone)]
pub struct ClosureOutcome {
    /// The venue.
    pub venue_id: VenueId,
    /// The closure after the command.
    pub closure: Arc<Closure>,
    /// Whether this is the result of an earlier request with the same Idempotency-Key.
    pub replayed: bool,
}
