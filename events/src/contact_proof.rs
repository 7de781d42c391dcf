//! The events about proofs of contact. Part of [`crate::event`].

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The guest was asked, by a mail, to prove that the e-mail address of a booking or of a waitlist entry is theirs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ContactProofRequested {
    /// How the guest proves it.
    pub method: ProofMethod,
    /// The number of this request, from 1. Only the last one can be answered.
    pub number: u32,
    /// When the booking or the waitlist entry ends without a proof.
    pub expires_at: DateTime<Utc>,
}

/// The guest proved the contact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ContactProved {
    /// How the guest proved it.
    pub method: ProofMethod,
}

/// How a guest proves a contact.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ProofMethod {
    /// By the link in the mail.
    Link,
    /// By the six digits in the mail.
    Code,
}

impl ProofMethod {
    /// Every method.
    pub const ALL: [Self; 2] = [Self::Link, Self::Code];

    /// The word in events, rules and responses.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Link => "link",
            Self::Code => "code",
        }
    }
}
