//! Events of credentials: part of the published language.
//!
//! An event says what a credential may do. Its secret never stands in an event: the confidential payload of the event
//! holds the hash of the secret, or, for links of guests, the key that signs them.

use std::collections::BTreeSet;

use chrono::{DateTime, NaiveDate, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ids::{KeyId, VenueId};
use crate::values::{ConfidentialDigest, Scopes};

/// What uses a key.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum KeyKind {
    /// A program of a restaurant, or a person on the command line.
    Api,
    /// A service of Meja.
    Service,
}

/// A key was created.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct KeyCreated {
    /// The key.
    pub key_id: KeyId,
    /// What uses it.
    pub kind: KeyKind,
    /// Its name for people.
    pub name: String,
    /// What it may do.
    pub scopes: Scopes,
    /// The venues it may act for; `None` for all, later ones included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub venues: Option<BTreeSet<VenueId>>,
    /// When it ends by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<DateTime<Utc>>,
    /// Digest of the confidential payload: the SHA-256 of its secret.
    pub secret_digest: ConfidentialDigest,
}

/// A key got a new secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct KeyRotated {
    /// The key.
    pub key_id: KeyId,
    /// Until when its previous secret is valid too. Secrets before the previous one are not.
    pub previous_until: DateTime<Utc>,
    /// Digest of the confidential payload: the SHA-256 of the new secret.
    pub secret_digest: ConfidentialDigest,
}

/// A key was revoked. It is never valid again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct KeyRevoked {
    /// The key.
    pub key_id: KeyId,
    /// The reason as a stable code, for example `leaked`.
    pub reason_code: String,
}

/// A key was used. Recorded at most once for a key and a UTC date.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct KeyUsed {
    /// The key.
    pub key_id: KeyId,
    /// The UTC date.
    pub on: NaiveDate,
}

/// The guest of a reservation or of a waitlist entry got new links. Links of earlier generations are no longer valid.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct GuestLinkRenewed {
    /// The generation of the new links, from 1.
    pub generation: u32,
}

/// The key that signs the links of guests was created. It replaces earlier ones, whose links are no longer valid.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LinkKeyCreated {
    /// The key.
    pub key_id: KeyId,
    /// Digest of the confidential payload: the key itself.
    pub secret_digest: ConfidentialDigest,
}
