//! Events with which staff correct what happened: part of the published language.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::event::Refund;
use crate::ids::PaymentId;
use crate::values::{ConfidentialDigest, Money, TimeWindow};

/// The last change of the status was undone. Tables that the party has again are assigned by the events after this one,
/// and a deposit that is due again is requested by them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReservationUndone {
    /// The change that was undone.
    pub undone: UndoneChange,
    /// The status since then.
    pub status: RestoredStatus,
    /// The time of the visit.
    pub window: TimeWindow,
    /// The reason as a stable code.
    pub reason_code: String,
    /// The no-show fee that was requested and no longer applies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub withdrawn_fee: Option<WithdrawnFee>,
    /// The amount to refund, if that fee was paid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refund: Option<Refund>,
}

/// A no-show fee that no longer applies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WithdrawnFee {
    /// The payment that was requested for it.
    pub payment_id: PaymentId,
    /// The requested amount.
    pub amount: Money,
}

/// Staff corrected the contact, the wishes, the notes or the tags of a reservation. The confidential payload of this event
/// replaces the previous one, which is forgotten in the same append.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DetailsChanged {
    /// What changed.
    pub changed: Vec<Detail>,
    /// The tags since then.
    pub tags: Vec<String>,
    /// Digest of the confidential payload: contact, wishes and notes.
    pub contact_digest: ConfidentialDigest,
}

/// A part of the contact, the wishes, the notes or the tags of a reservation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Detail {
    /// The name of the guest.
    Name,
    /// The phone number.
    Phone,
    /// The e-mail address.
    Email,
    /// The preferred table, in the words of the guest.
    TablePreference,
    /// Other wishes, in the words of the guest.
    SpecialRequests,
    /// Allergies and other things that a guest cannot eat.
    Allergies,
    /// The number of high chairs.
    HighChairs,
    /// Notes of the staff.
    StaffNotes,
    /// The tags.
    Tags,
}

impl Detail {
    /// The word in events.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Phone => "phone",
            Self::Email => "email",
            Self::TablePreference => "table_preference",
            Self::SpecialRequests => "special_requests",
            Self::Allergies => "allergies",
            Self::HighChairs => "high_chairs",
            Self::StaffNotes => "staff_notes",
            Self::Tags => "tags",
        }
    }
}

/// A change of the status that staff can undo.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum UndoneChange {
    /// The party arrived.
    CheckIn,
    /// The party left.
    Completion,
    /// The party never arrived.
    NoShow,
    /// The guest or the restaurant cancelled.
    Cancellation,
}

impl UndoneChange {
    /// Every change that can be undone.
    pub const ALL: [Self; 4] = [Self::CheckIn, Self::Completion, Self::NoShow, Self::Cancellation];

    /// The word in events, requests and responses.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::CheckIn => "check_in",
            Self::Completion => "completion",
            Self::NoShow => "no_show",
            Self::Cancellation => "cancellation",
        }
    }

    /// The noun in sentences.
    #[must_use]
    pub fn noun(self) -> &'static str {
        match self {
            Self::CheckIn => "check-in",
            Self::NoShow => "no-show",
            Self::Completion | Self::Cancellation => self.word(),
        }
    }
}

/// The status after an undo.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RestoredStatus {
    /// It waits for its deposit or for the restaurant.
    Pending,
    /// The restaurant expects the party.
    Confirmed,
    /// The party has arrived.
    CheckedIn,
}

/// The end of a visit that had begun changed: the party stays longer, or leaves earlier.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct VisitEndChanged {
    /// The previous time of the visit.
    pub from: TimeWindow,
    /// The new time of the visit, with the same start.
    pub to: TimeWindow,
}

/// Staff acted against rules of the venue, in the append of this event. Its actor decided it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RulesOverruled {
    /// The rules.
    pub rules: Vec<OverruledRule>,
    /// The reason as a stable code.
    pub reason_code: String,
}

/// A rule that staff can overrule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OverruledRule {
    /// Too many guests arrive at that time.
    Pacing,
    /// The time is too close.
    TooLate,
    /// The time is too far in the future.
    TooSoon,
    /// The party has more guests than the tables have seats.
    PartyTooLarge,
    /// The party is smaller than the smallest party of the table.
    MinParty,
    /// The table is reserved for walk-ins.
    WalkInShare,
    /// The table was promised to the next party, which lost it.
    NextParty,
}

impl OverruledRule {
    /// The word in events and responses.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Pacing => "pacing",
            Self::TooLate => "too_late",
            Self::TooSoon => "too_soon",
            Self::PartyTooLarge => "party_too_large",
            Self::MinParty => "min_party",
            Self::WalkInShare => "walk_in_share",
            Self::NextParty => "next_party",
        }
    }
}
