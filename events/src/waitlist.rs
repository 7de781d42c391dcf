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
    /// Arrival times the party would accept: from the start on, before the end.
    pub acceptable: TimeWindow,
    /// Where the party wants to sit, if that matters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub area: Option<String>,
    /// The venue's IANA zone, for local time.
    pub timezone: String,
    /// How the guest wants to pay, if they said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payment_channel: Option<String>,
    /// The language to write in.
    pub locale: Locale,
    /// Digest of the private part (the contact).
    pub contact_digest: PrivateDigest,
}

/// Something fitting became free and is held for the party.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WaitlistOffered {
    /// The table that is held, or the first of them.
    pub table_id: TableId,
    /// Every table that is held, the first included.
    pub tables: Vec<OfferedTable>,
    /// The time it is offered for.
    pub window: TimeWindow,
    /// When the offer ends.
    pub expires_at: DateTime<Utc>,
}

/// A table that is held for a waiting party.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OfferedTable {
    /// The table.
    pub table_id: TableId,
    /// Guests it seats.
    pub capacity: u8,
    /// The area it stands in.
    pub area: String,
}

/// The party took the offer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WaitlistAccepted {
    /// The reservation that came of it.
    pub reservation_id: ReservationId,
}

/// The house can not keep what it offered: the party waits on, in its place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WaitlistWithdrawn {
    /// Why, as a stable code, for example `rules_changed`.
    pub reason_code: String,
}

/// The party waits no longer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WaitlistLeft {
    /// Why, as a stable code, for example `gave_up`, `declined`, `offer_expired` or `time_passed`.
    pub reason_code: String,
}
