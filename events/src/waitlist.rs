//! Events of a waitlist: part of the published language.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::contact_proof::ProofMethod;
use crate::ids::{CustomerId, ReservationId, TableId, VenueId};
use crate::values::{ConfidentialDigest, Locale, PartySize, TimeWindow};

/// A party joined the waitlist.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WaitlistJoined {
    /// The venue.
    pub venue_id: VenueId,
    /// The customer, as the caller names them.
    pub customer_id: CustomerId,
    /// The number of guests.
    pub party_size: PartySize,
    /// Acceptable arrival times: from `start` up to but excluding `end`.
    pub acceptable: TimeWindow,
    /// The requested area, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub area: Option<String>,
    /// The venue's IANA time zone, for local times.
    pub timezone: String,
    /// The payment channel chosen by the guest, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payment_channel: Option<String>,
    /// The language of messages to the guest.
    pub locale: Locale,
    /// Digest of the confidential payload (the contact).
    pub contact_digest: ConfidentialDigest,
    /// How the guest has to prove the contact; `None` as in a booking.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contact_proof: Option<ProofMethod>,
    /// The wait that staff quoted to the party, in minutes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quoted_minutes: Option<u32>,
}

/// Tables became free and are held for the party.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WaitlistOffered {
    /// The table that is held, or the first one of several.
    pub table_id: TableId,
    /// Every table that is held, including the first.
    pub tables: Vec<OfferedTable>,
    /// The offered time.
    pub window: TimeWindow,
    /// When the offer expires.
    pub expires_at: DateTime<Utc>,
}

/// A table that is held for a waiting party.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OfferedTable {
    /// The table.
    pub table_id: TableId,
    /// Number of guests the table seats.
    pub capacity: u8,
    /// The area the table is in.
    pub area: String,
}

/// The party accepted the offer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WaitlistAccepted {
    /// The reservation created by accepting.
    pub reservation_id: ReservationId,
}

/// The restaurant withdrew its offer. The party stays on the waitlist, in its place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WaitlistWithdrawn {
    /// The reason as a stable code, for example `rules_changed`.
    pub reason_code: String,
}

/// The party left the waitlist.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WaitlistLeft {
    /// The reason as a stable code, for example `gave_up`, `declined`, `offer_expired` or `time_passed`.
    pub reason_code: String,
}
