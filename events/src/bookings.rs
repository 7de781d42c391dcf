//! The events of a reservation. Part of [`crate::event`].

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::contact_proof::ProofMethod;
use crate::ids::{AssignmentId, ClosureId, CustomerId, TableId, VenueId};
use crate::imports::Imported;
use crate::payment::Refund;
use crate::values::{
    ConfidentialDigest, Initiator, Locale, Money, PartySize, Policy, ReleaseCause, TimeWindow,
};

/// A reservation was requested.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReservationCreated {
    /// The venue.
    pub venue_id: VenueId,
    /// The customer, as the caller names them.
    pub customer_id: CustomerId,
    /// The number of guests.
    pub party_size: PartySize,
    /// The requested time, in UTC.
    pub window: TimeWindow,
    /// The venue's IANA time zone, for local times.
    pub timezone: String,
    /// The language of messages to the guest.
    pub locale: Locale,
    /// The booking policy at that moment.
    pub policy: Policy,
    /// The requested area, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub area: Option<String>,
    /// The payment channel chosen by the guest, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payment_channel: Option<String>,
    /// Digest of the confidential payload: contact and special requests.
    pub contact_digest: ConfidentialDigest,
    /// Whether the party arrived without a booking and was seated at once. Walk-ins get no messages.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub walk_in: bool,
    /// Where the booking comes from, as a stable word, for example `waitlist`; `None` for one that was made at the API.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// What another system said about the booking, if it was imported from it. Its guest gets no confirmation, only reminders.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub imported: Option<Box<Imported>>,
    /// How the guest has to prove the contact, unless a deposit is paid. `None` if staff or a key made the booking, if the contact was
    /// proved before, or if the venue asks for no proof.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contact_proof: Option<ProofMethod>,
}

/// The restaurant expects the party.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReservationConfirmed {
    /// The confirmed time.
    pub window: TimeWindow,
    /// Whether staff waived a deposit that was due.
    pub deposit_waived: bool,
}

/// A table was assigned to the party.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TableAssigned {
    /// This assignment.
    pub assignment_id: AssignmentId,
    /// The table.
    pub table_id: TableId,
    /// Number of guests the table seats.
    pub capacity: u8,
    /// The area the table is in.
    pub area: String,
    /// The time the table is assigned for.
    pub window: TimeWindow,
}

/// A table was released.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TableReleased {
    /// The assignment that ended.
    pub assignment_id: AssignmentId,
    /// The table.
    pub table_id: TableId,
    /// The time the table had been assigned for.
    pub window: TimeWindow,
    /// The reason.
    pub cause: ReleaseCause,
}

/// The reservation moved to another time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReservationRescheduled {
    /// The previous time.
    pub from: TimeWindow,
    /// The new time.
    pub to: TimeWindow,
    /// The newly requested area, if it changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub area: Option<String>,
    /// The side that moved it, as the request claims; `None` in events of versions that did not ask.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub moved_by: Option<Initiator>,
    /// The IANA time zone of the venue, if it is another one than before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timezone: Option<String>,
}

/// The number of guests changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PartySizeChanged {
    /// The previous number of guests.
    pub from: PartySize,
    /// The new number of guests.
    pub to: PartySize,
    /// The newly requested area, if it changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub area: Option<String>,
    /// The new time of the visit, if a larger party stays longer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<TimeWindow>,
    /// The part of the deposit to refund, because a smaller party owes less.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refund: Option<Refund>,
    /// Whether the deposit, which was not paid yet, does not apply to the smaller party.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub waives_deposit: bool,
}

/// The party arrived.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReservationCheckedIn {
    /// When it arrived, if that was reported later, for example by a device that had no connection.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub occurred_at: Option<DateTime<Utc>>,
}

/// The party has left.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReservationCompleted {
    /// When it left, if that was reported later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub occurred_at: Option<DateTime<Utc>>,
}

/// The party never arrived.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReservationNoShow {
    /// The no-show fee, if the policy snapshot of the booking has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fee: Option<Money>,
    /// The amount to refund, if the deposit was larger than the fee.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refund: Option<Refund>,
    /// Why it was recorded after its deadline, if a silent stand delayed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stand_silence: Option<StandSilence>,
}

/// A time in which no device at the stand of a venue was connected, so that arrivals could not be reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StandSilence {
    /// When a device was heard of last.
    pub from: DateTime<Utc>,
    /// When a device was heard of again. None while the stand is silent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<DateTime<Utc>>,
}

/// The reservation was cancelled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReservationCancelled {
    /// The kind of actor that cancelled.
    pub cancelled_by: Initiator,
    /// The reason as a stable code.
    pub reason_code: String,
    /// Digest of the confidential payload: the free-text description.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description_digest: Option<ConfidentialDigest>,
    /// The amount to refund.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refund: Option<Refund>,
    /// The closure, if its bookings were cancelled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closure_id: Option<ClosureId>,
}

/// The personal data of the subject was erased.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ContactErased {
    /// The reason as a stable code, for example `guest_request`.
    pub reason_code: String,
}

/// A member of staff or a program read the detail or the contact of the subject. Recorded once for each session, and for a key
/// once a day; the actor is that of the event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ContactRead {}
