//! Erasing everything about one guest.

use events::{ReservationId, WaitlistId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::request::requests;
use crate::values::{Line, ReasonCode};

requests! {
    /// A request to forget everything about one guest.
    body EraseGuest {
        /// The phone number, international, or national in the country of the first venue.
        #[example = "+62 812 3456 7890"]
        optional phone: Line<32>,
        /// The e-mail address. At least one of the two is needed. `sari+1@example.com` is another address than
        /// `sari@example.com`.
        #[example = "sari@example.com"]
        optional email: Line<254>,
        /// `guest_request` by default.
        #[example = "guest_request"]
        optional reason_code: ReasonCode,
    }
}

/// What was erased.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Erasure {
    /// The reservations whose personal data was erased.
    pub reservation_ids: Vec<ReservationId>,
    /// The waitlist entries that ended because their contact was erased.
    pub waitlist_ids: Vec<WaitlistId>,
    /// Whether nothing is left. Otherwise repeat the request: one request erases at most 500 visits, and a service that has just
    /// started does not know all visits yet.
    pub complete: bool,
}
