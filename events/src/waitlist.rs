//! The facts of a waitlist: part of the published language.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ids::{CustomerId, ReservationId, TableId, VenueId};
use crate::values::{Locale, PartySize, PrivateDigest, TimeWindow};

/// A party waits for a table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WaitlistJoined {
    /// Where.
    pub venue_id: VenueId,
    /// Who waits.
    pub customer_id: CustomerId,
    /// How many.
    pub party_size: PartySize,
    /// Arrival times the party would accept.
    pub acceptable: TimeWindow,
    /// The language to write in.
    pub locale: Locale,
    /// Digest of the private part (the contact).
    pub contact_digest: PrivateDigest,
}

/// Something fitting became free and is held for the party.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WaitlistOffered {
    /// The table that is held.
    pub table_id: TableId,
    /// The time it is offered for.
    pub window: TimeWindow,
    /// When the offer ends.
    pub expires_at: DateTime<Utc>,
}

/// The party took the offer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WaitlistAccepted {
    /// The reservation that came of it.
    pub reservation_id: ReservationId,
}

/// The party waits no longer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WaitlistLeft {
    /// Why, as a stable code, for example `gave_up` or `offer_expired`.
    pub reason_code: String,
}
