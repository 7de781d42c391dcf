//! Immutable values that events are made of.
//!
//! Constructors for external input check it (`PartySize::try_from`, `Currency::from_code`,
//! `Locale::from_tag`). Decoding a stored value is lenient, so that a limit tightened later never makes an old event unreadable.

mod actor;
mod code;
mod party;
mod policy;
mod scope;
mod window;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

pub use self::actor::{Actor, ActorKind};
pub use self::code::{InvalidCode, ReservationCode};
pub use self::party::{InvalidPartySize, PartySize};
pub use self::policy::{Currency, DepositPer, DepositRule, Money, NoShowFee, Policy, Purpose};
pub use self::scope::{Scope, Scopes, UnknownScope};
pub use self::window::TimeWindow;

/// The language of messages to a guest.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Locale {
    /// Bahasa Indonesia.
    #[default]
    Id,
    /// English.
    En,
}

impl Locale {
    /// The locale for a language tag such as `id`, `en` or `en-GB`; `None` for an unsupported language.
    #[must_use]
    pub fn from_tag(tag: &str) -> Option<Self> {
        match tag.split(['-', '_']).next()? {
            primary if primary.eq_ignore_ascii_case("id") => Some(Self::Id),
            primary if primary.eq_ignore_ascii_case("en") => Some(Self::En),
            _ => None,
        }
    }

    /// The BCP 47 language tag.
    #[must_use]
    pub fn tag(self) -> &'static str {
        match self {
            Self::Id => "id",
            Self::En => "en",
        }
    }
}

/// The side that cancelled or moved a reservation.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Initiator {
    /// The guest.
    Guest,
    /// A member of the restaurant's staff.
    Staff,
    /// The system, because a deadline passed.
    System,
}

impl Initiator {
    /// The word in events and responses.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Guest => "guest",
            Self::Staff => "staff",
            Self::System => "system",
        }
    }
}

/// Why a table was released.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReleaseCause {
    /// The party moved to another table.
    Moved,
    /// The party comes at another time.
    Rescheduled,
    /// The reservation was cancelled.
    Cancelled,
    /// The party has left.
    Completed,
    /// The party never came.
    NoShow,
    /// The party exchanged tables with another one.
    Swapped,
    /// Staff gave the table to the party before, which stays longer.
    Overruled,
}

/// The medium of a message to a guest.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Medium {
    /// E-mail.
    Mail,
    /// Text message.
    Sms,
}

impl Medium {
    /// The word in events and responses.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Mail => "mail",
            Self::Sms => "sms",
        }
    }
}

/// SHA-256 of the confidential payload of an event. The payload contains a random
/// salt. After the payload is forgotten, nobody can test a guessed name against the published digest, because the
/// salt is gone too.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct ConfidentialDigest(Box<str>);

impl ConfidentialDigest {
    /// The digest of a confidential payload. The payload must contain its salt.
    #[must_use]
    pub fn of(confidential: &[u8]) -> Self {
        Self(hex::encode(Sha256::digest(confidential)).into())
    }

    /// Whether the digest was made from `confidential`.
    #[must_use]
    pub fn matches(&self, confidential: &[u8]) -> bool {
        *self == Self::of(confidential)
    }
}
