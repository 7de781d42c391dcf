//! Everything that can happen: one enum, past tense.
//!
//! A variant is never renamed or removed and a field never changes its meaning. What changes is a
//! new optional field, or a new variant with a new type (`…v2`) to which the old one is upcast on
//! read; no stored event is ever rewritten. A golden file per variant holds this in the tests.
//! Personal data never stands here: it goes into the private part, of which the event has a digest.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ids::{AssignmentId, CustomerId, PaymentId, ReservationId, TableId, VenueId};
use crate::values::{
    CancelledBy, Locale, Medium, Money, PartySize, Policy, PrivateDigest, Purpose, ReleaseCause, TimeWindow,
};
pub use crate::waitlist::{
    OfferedTable, WaitlistAccepted, WaitlistJoined, WaitlistLeft, WaitlistOffered, WaitlistWithdrawn,
};

/// An event that can not be read back.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// A type that this version does not know: written by a later one.
    #[error(
        "the event type {0:?} is not known to this version: run the version that wrote it, or a later one"
    )]
    UnknownType(String),
    /// The data does not fit the type.
    #[error("the data of a {event_type} can not be read")]
    Data {
        /// The type that was named.
        event_type: String,
        /// What did not fit.
        #[source]
        source: serde_json::Error,
    },
}

macro_rules! catalogue {
    ($($(#[$doc:meta])* $variant:ident = $event_type:literal,)+) => {
        /// Everything that can happen to a reservation, a waitlist entry or a payment.
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub enum Event {
            $($(#[$doc])* $variant($variant),)+
        }

        impl Event {
            /// Every CloudEvents `type` in the catalogue.
            pub const TYPES: &[&str] = &[$($event_type),+];

            /// The CloudEvents `type`.
            #[must_use]
            pub fn event_type(&self) -> &'static str {
                match self {
                    $(Self::$variant(_) => $event_type,)+
                }
            }

            /// The CloudEvents `data`: one JSON object.
            ///
            /// # Errors
            /// Never for the types of this catalogue; the signature is `serde_json`'s.
            pub fn data(&self) -> Result<Vec<u8>, serde_json::Error> {
                match self {
                    $(Self::$variant(data) => serde_json::to_vec(data),)+
                }
            }

            /// Reads an event of `event_type` back.
            ///
            /// # Errors
            /// [`DecodeError`] when the type is unknown or the data does not fit it.
            pub fn decode(event_type: &str, data: &str) -> Result<Self, DecodeError> {
                match event_type {
                    $($event_type => serde_json::from_str(data)
                        .map(Self::$variant)
                        .map_err(|source| DecodeError::Data { event_type: event_type.to_owned(), source }),)+
                    other => Err(DecodeError::UnknownType(other.to_owned())),
                }
            }

            /// The JSON Schema of the data of `event_type`, as served under `/schemas/`.
            #[must_use]
            pub fn schema(event_type: &str) -> Option<serde_json::Value> {
                match event_type {
                    $($event_type => Some(schemars::schema_for!($variant).to_value()),)+
                    _ => None,
                }
            }
        }

        $(impl From<$variant> for Event {
            fn from(data: $variant) -> Self {
                Self::$variant(data)
            }
        })+
    };
}

catalogue! {
    /// A table was asked for.
    ReservationCreated = "meja.reservation.created.v1",
    /// The house expects the party.
    ReservationConfirmed = "meja.reservation.confirmed.v1",
    /// A table was given to the party.
    TableAssigned = "meja.table.assigned.v1",
    /// A table was given back.
    TableReleased = "meja.table.released.v1",
    /// The party comes at another time.
    ReservationRescheduled = "meja.reservation.rescheduled.v1",
    /// More or fewer guests come.
    PartySizeChanged = "meja.reservation.party_size_changed.v1",
    /// The party is there.
    ReservationCheckedIn = "meja.reservation.checked_in.v1",
    /// The party has left.
    ReservationCompleted = "meja.reservation.completed.v1",
    /// The reservation was called off.
    ReservationCancelled = "meja.reservation.cancelled.v1",
    /// The party never came.
    ReservationNoShow = "meja.reservation.no_show.v1",
    /// Money is due: a deposit, or a fee.
    PaymentRequested = "meja.payment.requested.v1",
    /// The deposit was paid.
    PaymentCompleted = "meja.payment.completed.v1",
    /// The deposit was not paid: refused, or given up on.
    PaymentFailed = "meja.payment.failed.v1",
    /// Money went back.
    PaymentRefunded = "meja.payment.refunded.v1",
    /// A message went out.
    NotificationSent = "meja.notification.sent.v1",
    /// A message could not go out.
    NotificationFailed = "meja.notification.failed.v1",
    /// A party waits for a table.
    WaitlistJoined = "meja.waitlist.joined.v1",
    /// A table is held for a waiting party.
    WaitlistOffered = "meja.waitlist.offered.v1",
    /// What was offered to a waiting party can not be kept.
    WaitlistWithdrawn = "meja.waitlist.withdrawn.v1",
    /// A waiting party took its offer.
    WaitlistAccepted = "meja.waitlist.accepted.v1",
    /// A party waits no longer.
    WaitlistLeft = "meja.waitlist.left.v1",
    /// The personal data of the subject was forgotten.
    ContactErased = "meja.contact.erased.v1",
    /// A venue has other rules.
    VenueChanged = "meja.venue.changed.v1",
}

/// A table was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReservationCreated {
    /// Where.
    pub venue_id: VenueId,
    /// Who books, as the caller names them.
    pub customer_id: CustomerId,
    /// How many come.
    pub party_size: PartySize,
    /// When, in UTC.
    pub window: TimeWindow,
    /// The venue's IANA zone, for local time.
    pub timezone: String,
    /// The language to write to the guest in.
    pub locale: Locale,
    /// The house rules of that moment.
    pub policy: Policy,
    /// Where the party wants to sit, if that matters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub area: Option<String>,
    /// How the guest wants to pay, if they said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payment_channel: Option<String>,
    /// Digest of the private part: contact and wishes.
    pub contact_digest: PrivateDigest,
    /// Whether the party came without having booked: it was seated at once, and nobody writes to it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub walk_in: bool,
}

/// The house expects the party.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReservationConfirmed {
    /// The time that is confirmed.
    pub window: TimeWindow,
    /// Whether a deposit that was due was waived by staff.
    pub deposit_waived: bool,
}

/// A table was given to the party.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TableAssigned {
    /// This assignment.
    pub assignment_id: AssignmentId,
    /// The table.
    pub table_id: TableId,
    /// Guests it seats.
    pub capacity: u8,
    /// The area it stands in.
    pub area: String,
    /// The time it is taken for.
    pub window: TimeWindow,
}

/// A table was given back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TableReleased {
    /// The assignment that ended.
    pub assignment_id: AssignmentId,
    /// The table.
    pub table_id: TableId,
    /// The time it had been taken for.
    pub window: TimeWindow,
    /// Why.
    pub cause: ReleaseCause,
}

/// The party comes at another time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReservationRescheduled {
    /// The time it was.
    pub from: TimeWindow,
    /// The time it is now.
    pub to: TimeWindow,
    /// Where the party wants to sit from now on, if that has changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub area: Option<String>,
}

/// More or fewer guests come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PartySizeChanged {
    /// How many it were.
    pub from: PartySize,
    /// How many it are now.
    pub to: PartySize,
    /// Where the party wants to sit from now on, if that has changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub area: Option<String>,
}

/// The party is there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReservationCheckedIn {}

/// The party has left.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReservationCompleted {}

/// The party never came.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReservationNoShow {
    /// The fee for not coming, if the rules of the day of booking have one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fee: Option<Money>,
    /// What has to be paid back, because the deposit was more than the fee.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refund: Option<Refund>,
}

/// The reservation was called off.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReservationCancelled {
    /// By whom.
    pub cancelled_by: CancelledBy,
    /// Why, as a stable code.
    pub reason_code: String,
    /// Digest of the private part: what was said in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description_digest: Option<PrivateDigest>,
    /// What has to be paid back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refund: Option<Refund>,
}

/// A payment that has to be returned, wholly or in part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Refund {
    /// Which payment.
    pub payment_id: PaymentId,
    /// How much of it.
    pub amount: Money,
}

/// Money is due: a deposit, or a fee for not having come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PaymentRequested {
    /// This payment.
    pub payment_id: PaymentId,
    /// How much.
    pub amount: Money,
    /// How the guest wants to pay, if they said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<String>,
    /// When the hold ends if nothing was paid; for a fee, by when it is to be paid.
    pub expires_at: DateTime<Utc>,
    /// What it is asked for.
    #[serde(default, skip_serializing_if = "Purpose::is_deposit")]
    pub purpose: Purpose,
}

/// The deposit was paid.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PaymentCompleted {
    /// Which payment.
    pub payment_id: PaymentId,
    /// How much came.
    pub amount: Money,
    /// The channel it came by.
    pub channel: String,
    /// The provider's name for it.
    pub provider_reference: String,
    /// What has to go back at once, because the money came too late to hold the table.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refund: Option<Refund>,
}

/// The deposit was not paid.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PaymentFailed {
    /// Which payment.
    pub payment_id: PaymentId,
    /// Why, as a stable code, for example `refused` or `provider_unavailable`.
    pub reason_code: String,
}

/// Money went back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PaymentRefunded {
    /// Which payment.
    pub payment_id: PaymentId,
    /// How much.
    pub amount: Money,
    /// The provider's name for the refund.
    pub provider_reference: String,
}

/// A message went out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NotificationSent {
    /// The message, as the notifier names it.
    pub notification_id: String,
    /// What it said, for example `confirmed`.
    pub template: String,
    /// How it went.
    pub medium: Medium,
}

/// A message could not go out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NotificationFailed {
    /// The message, as the notifier names it.
    pub notification_id: String,
    /// What it would have said.
    pub template: String,
    /// How it would have gone.
    pub medium: Medium,
    /// Why not, as a stable code.
    pub reason_code: String,
}

/// The personal data of the subject was forgotten.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ContactErased {
    /// Why, as a stable code, for example `guest_request`.
    pub reason_code: String,
}

/// A venue has other rules: its file was changed while the service ran, or since it last did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct VenueChanged {
    /// Which venue.
    pub venue_id: VenueId,
    /// Counts the changes that were noted of it, from 1 on.
    pub version: u32,
    /// SHA-256 of the file, hexadecimal; `None` when it is gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// Bookings to come that do not fit the rules any more, the earliest first, at most 100 of them.
    pub stranded: Vec<ReservationId>,
    /// How many there are in all.
    pub stranded_count: u32,
}
