//! Keys: who may do what.

use chrono::{DateTime, NaiveDate, Utc};
use events::access::KeyKind;
use events::values::{Scope, Scopes};
use events::{KeyId, SessionId, StaffId, VenueId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::request::requests;
use crate::values::{Line, List, ReasonCode, Whole};
use crate::words::words;

/// Maximum number of venues of a key.
pub const KEY_VENUES_MAX: usize = 100;
/// Number of scopes.
const SCOPES: usize = Scope::ALL.len();

requests! {
    /// A new key.
    body CreateKey {
        /// Its name for people, such as the program that uses it. It is published in events and cannot be erased: do
        /// not use the name of a person.
        #[example = "till in Dago"]
        required name: Line<64>,
        /// What it may do. You need these scopes yourself.
        #[example = ["floor", "read"]]
        required scopes: List<Scope, 1, SCOPES>,
        /// The venues it may act for; all by default, later ones included.
        #[example = ["bandung-dago"]]
        optional venues: List<VenueId, 1, KEY_VENUES_MAX>,
        /// When it ends by itself, RFC 3339 with an offset; never by default.
        #[example = "2027-12-31T23:59:59+07:00"]
        optional expires_at: DateTime<Utc>,
    }

    /// A new secret for a key.
    body RotateKey {
        /// For how many hours the previous secret is valid too; 24 by default.
        optional overlap_hours: Whole<0, 720>,
    }

    /// The end of a key.
    body RevokeKey {
        /// `revoked` by default.
        #[example = "leaked"]
        optional reason_code: ReasonCode,
    }

    /// The path of a key.
    path KeyPath {
        /// The id of the key.
        #[example = "4f1c09ab77de"]
        required key_id: KeyId,
    }
}

words! {
    /// Whether a key can be used.
    open KeyStatus {
        /// It can be used.
        Valid = "valid",
        /// Its time is over.
        Expired = "expired",
        /// It was revoked.
        Revoked = "revoked",
    }
}

/// A key, without its secret.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct KeyView {
    /// The id of the key: the part of it that is not secret.
    pub key_id: KeyId,
    /// What uses it.
    pub kind: KeyKind,
    /// Its name for people.
    #[schema(example = "till in Dago")]
    pub name: String,
    /// What it may do.
    #[schema(value_type = Vec<Scope>)]
    pub scopes: Scopes,
    /// The venues it may act for; null for all.
    pub venues: Option<Vec<VenueId>>,
    /// Whether it can be used.
    pub status: KeyStatus,
    /// When it was created.
    pub created_at: DateTime<Utc>,
    /// When it ends by itself; null for never.
    pub expires_at: Option<DateTime<Utc>>,
    /// When it was revoked; null if it was not.
    pub revoked_at: Option<DateTime<Utc>>,
    /// Until when the secret before the last rotation is valid too; null if it was never rotated.
    pub previous_until: Option<DateTime<Utc>>,
    /// The last UTC date on which it was used; null for never. Recorded every ten minutes.
    pub last_used_on: Option<NaiveDate>,
}

/// A key with its secret.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct IssuedKey {
    /// The key.
    pub key: KeyView,
    /// What to present as `Authorization: Bearer …`. Shown in this response only; null when the request is repeated with
    /// the same Idempotency-Key.
    #[schema(example = "meja_4f1c09ab77de_8oTqN0nYz1rJmYc3XbqXlqf5ZQm3kq3gq6vH7c0mXbE")]
    pub token: Option<String>,
}

/// All keys that the caller may see, the first one first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Keys {
    /// The keys.
    pub items: Vec<KeyView>,
}

/// What another service needs to check keys and sessions: no secrets, only their hashes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AccessSnapshot {
    /// The position of the log that it contains.
    pub position: u64,
    /// The keys that are not revoked.
    pub keys: Vec<HashedKey>,
    /// The sessions of staff that have not ended.
    #[serde(default)]
    pub sessions: Vec<HashedSession>,
}

/// A session of a member of staff as another service checks it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct HashedSession {
    /// The id of the session.
    pub session_id: SessionId,
    /// The person.
    pub staff_id: StaffId,
    /// What the person may do, and where.
    pub grants: Vec<SessionGrant>,
    /// When the person proved the identity last.
    pub authenticated_at: DateTime<Utc>,
    /// When it ends by itself.
    pub expires_at: DateTime<Utc>,
    /// SHA-256 of its cookie, hexadecimal.
    pub secret_sha256: String,
}

/// What a person may do, and where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SessionGrant {
    /// What.
    #[schema(value_type = Vec<Scope>)]
    pub scopes: Scopes,
    /// Where; null for all venues.
    pub venues: Option<Vec<VenueId>>,
}

/// A key as another service checks it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct HashedKey {
    /// The id of the key.
    pub key_id: KeyId,
    /// What uses it.
    pub kind: KeyKind,
    /// What it may do.
    #[schema(value_type = Vec<Scope>)]
    pub scopes: Scopes,
    /// The venues it may act for; null for all.
    pub venues: Option<Vec<VenueId>>,
    /// When it ends by itself; null for never.
    pub expires_at: Option<DateTime<Utc>>,
    /// SHA-256 of its secret, hexadecimal.
    pub secret_sha256: String,
    /// SHA-256 of the secret before the last rotation, hexadecimal; null if it was never rotated.
    pub previous_sha256: Option<String>,
    /// Until when the previous secret is valid too.
    pub previous_until: Option<DateTime<Utc>>,
}
