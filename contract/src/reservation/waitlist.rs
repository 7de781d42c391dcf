//! The representation of waitlist entries.

use chrono::{DateTime, Utc};
use events::values::{Money, PartySize};
use events::{CustomerId, EventId, ReservationId, TableId, VenueId, WaitlistId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::attendance::AttendanceView;
use super::contact::ContactProofView;
use super::venues::ProfileView;
use super::view::GuestLinkView;
use super::words::{Language, LeftReason, WaitlistStatus};
use crate::values::LocalTime;

/// A waitlist entry.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct WaitlistView {
    /// The waitlist entry.
    pub waitlist_id: WaitlistId,
    /// The opaque id of the customer, as the caller chose it.
    #[schema(value_type = String, example = "cust-42")]
    pub customer_id: CustomerId,
    /// The status.
    pub status: WaitlistStatus,
    /// The venue.
    pub venue_id: VenueId,
    /// The name of the venue.
    #[schema(example = "Warung Sinar Dago")]
    pub venue_name: String,
    /// The address and the contact of the venue.
    pub venue_profile: ProfileView,
    /// The IANA time zone of the venue.
    #[schema(example = "Asia/Jakarta")]
    pub timezone: String,
    /// The number of guests.
    #[schema(value_type = u8, minimum = 1, example = 2)]
    pub party_size: PartySize,
    /// The area.
    pub area: Option<String>,
    /// The earliest acceptable arrival.
    pub earliest_time: LocalTime,
    /// The latest acceptable arrival.
    pub latest_time: LocalTime,
    /// The place among the parties that wait for the same business day. 1 is the first; null if the party is no longer
    /// waiting.
    #[schema(example = 1)]
    pub place_in_line: Option<usize>,
    /// The offer; null unless there is one.
    pub offer: Option<OfferView>,
    /// The reservation created by accepting an offer.
    pub reservation_id: Option<ReservationId>,
    /// The reason for leaving; null if the party has not left.
    pub left_because: Option<LeftReason>,
    /// Null if the party is no longer waiting: its contact was forgotten, or moved to the reservation. In lists the first
    /// name and an initial: `Sari W.`
    pub contact_name: Option<String>,
    /// The language of messages.
    pub locale: Language,
    /// What the guest was asked last, and the answer; null if nothing was asked.
    #[serde(default)]
    pub attendance: Option<AttendanceView>,
    /// The proof of contact that is missing. Until it is given, the party gets no offer.
    #[serde(default)]
    pub contact_proof: Option<ContactProofView>,
    /// The wait that staff quoted to the party, in minutes from `created_at`; null if none was quoted.
    #[serde(default)]
    #[schema(example = 25)]
    pub quoted_minutes: Option<u32>,
    /// The time of the request.
    pub created_at: DateTime<Utc>,
    /// Increases with every change. The ETag begins with it, and also contains the place in the line.
    pub version: u64,
    /// The link of the guest: only in the response to the request that joined the waitlist, or that renewed the link.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub guest_link: Option<GuestLinkView>,
}

/// An offer to a waiting party.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct OfferView {
    /// The arrival.
    pub start_time: LocalTime,
    /// The end of the visit.
    pub end_time: LocalTime,
    /// When the offer expires and goes to the next party.
    pub expires_at: DateTime<Utc>,
    /// The tables.
    pub tables: Vec<OfferedTableView>,
    /// The deposit that is due once the party accepts, by the rules as they are now.
    pub deposit: Option<Money>,
}

/// A table that is held for the party.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct OfferedTableView {
    /// The table.
    pub table_id: TableId,
    /// The area.
    #[schema(example = "Teras")]
    pub area: String,
    /// The number of seats.
    pub capacity: u8,
}

/// The waitlist of a venue.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Waitlist {
    /// The items.
    pub items: Vec<WaitlistView>,
    /// The position of the log that the result is based on.
    pub position: u64,
    /// The id of the event at which the feed continues: the `lastEventId` of `/events`. The result contains everything up to
    /// it. Null for an empty log.
    #[serde(default)]
    pub feed_cursor: Option<EventId>,
}
