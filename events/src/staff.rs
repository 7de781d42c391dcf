//! Events of the accounts of staff, their sessions and the devices at the stand: part of the published language.
//!
//! A person is an id here. Name, e-mail address, and the hashes of passwords, codes and PINs are in the confidential
//! payloads of the events.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ids::{DeviceId, SessionId, StaffId, VenueId};
use crate::values::ConfidentialDigest;

/// What a person does at a venue.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Receives the guests and runs the room.
    Host,
    /// A host who also overrides and changes the rules of the venue.
    Manager,
    /// A manager who also refunds, erases contacts, and manages accounts, keys and devices.
    Owner,
}

impl Role {
    /// All roles, the least powerful first.
    pub const ALL: [Self; 3] = [Self::Host, Self::Manager, Self::Owner];

    /// The word in events, requests and responses.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Host => "host",
            Self::Manager => "manager",
            Self::Owner => "owner",
        }
    }
}

/// A role, and where a person has it.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RoleGrant {
    /// The role.
    pub role: Role,
    /// The venues; `None` for all, later ones included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub venues: Option<BTreeSet<VenueId>>,
}

/// A person was invited to have an account, or invited again. Earlier invitations are no longer valid.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StaffInvited {
    /// The person.
    pub staff_id: StaffId,
    /// What the person may do once the invitation is accepted.
    pub roles: Vec<RoleGrant>,
    /// The number of the invitation, from 1.
    pub invitation: u32,
    /// Until when it can be accepted.
    pub expires_at: DateTime<Utc>,
    /// Digest of the confidential payload: name, e-mail address and language. `None` if the person who opens the link
    /// enters them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contact_digest: Option<ConfidentialDigest>,
}

/// A person accepted an invitation, and has an account from now on. [`PasswordChanged`] follows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StaffJoined {
    /// The person.
    pub staff_id: StaffId,
    /// Digest of the confidential payload: name, e-mail address and language.
    pub contact_digest: ConfidentialDigest,
}

/// A person has other roles from now on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StaffRolesChanged {
    /// The person.
    pub staff_id: StaffId,
    /// All roles of the person.
    pub roles: Vec<RoleGrant>,
}

/// The account of a person ended, with all sessions and calendar links. The confidential payloads are forgotten.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StaffRemoved {
    /// The person.
    pub staff_id: StaffId,
    /// The reason as a stable code, for example `left`.
    pub reason_code: String,
}

/// A person has a password, or a new one. All sessions of the person end, except the one that changed it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PasswordChanged {
    /// The person.
    pub staff_id: StaffId,
    /// The session that changed it; `None` if a link of an invitation or of a reset did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_id: Option<SessionId>,
    /// Digest of the confidential payload: the hash of the password.
    pub secret_digest: ConfidentialDigest,
}

/// Someone asked for a link to reset the password of a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PasswordResetRequested {
    /// The person.
    pub staff_id: StaffId,
    /// The number of the link, from 1. While a link is open, it is sent again and is valid for longer. Links with earlier
    /// numbers are not valid any more.
    pub reset: u32,
    /// Until when the link is valid.
    pub expires_at: DateTime<Utc>,
}

/// A person signs in with a code of an authenticator app too, from now on. All sessions of the person end, except the one
/// that enrolled it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TotpEnrolled {
    /// The person.
    pub staff_id: StaffId,
    /// The session that enrolled it.
    pub session_id: SessionId,
    /// The time step of the code that confirmed it. A code counts once.
    pub totp_step: u64,
    /// Digest of the confidential payload: the shared secret, and the hashes of the recovery codes.
    pub secret_digest: ConfidentialDigest,
}

/// A person signs in without codes again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TotpRemoved {
    /// The person.
    pub staff_id: StaffId,
    /// The reason as a stable code: `removed` by the person, or `recovered` by an owner.
    pub reason_code: String,
}

/// A person has a PIN, or another one. It identifies the person on devices at the stand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PinSet {
    /// The person.
    pub staff_id: StaffId,
    /// Digest of the confidential payload: the hash of the PIN.
    pub secret_digest: ConfidentialDigest,
}

/// How a person proved an identity.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SignInMethod {
    /// With the password, without a second factor.
    Password,
    /// With the password and a code of an authenticator app.
    Totp,
    /// With the password and a recovery code.
    RecoveryCode,
    /// With a PIN, on a device at the stand.
    Pin,
}

/// What a sign-in used up: it counts once.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct UsedCode {
    /// The time step of the code of an authenticator app. Codes of this step and of earlier ones are not accepted again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub totp_step: Option<u64>,
    /// The number of the recovery code, from 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recovery_code: Option<u8>,
}

/// A person signed in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SessionStarted {
    /// The session.
    pub session_id: SessionId,
    /// The person.
    pub staff_id: StaffId,
    /// How the person signed in.
    pub method: SignInMethod,
    /// What the sign-in used up.
    #[serde(flatten)]
    pub used: UsedCode,
    /// The device at the stand, if it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_id: Option<DeviceId>,
    /// When the session ends by itself.
    pub expires_at: DateTime<Utc>,
    /// Digest of the confidential payload: the SHA-256 of the cookie.
    pub secret_digest: ConfidentialDigest,
}

/// A signed-in person proved the identity again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SessionReauthenticated {
    /// The session.
    pub session_id: SessionId,
    /// The person.
    pub staff_id: StaffId,
    /// How.
    pub method: SignInMethod,
    /// What it used up.
    #[serde(flatten)]
    pub used: UsedCode,
}

/// A session ended before its time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SessionEnded {
    /// The session.
    pub session_id: SessionId,
    /// The person.
    pub staff_id: StaffId,
    /// The reason as a stable code: `signed_out`, `ended`, or `too_many`.
    pub reason_code: String,
}

/// A device at the stand of a venue was added. It is enrolled with a one-time code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DeviceAdded {
    /// The device.
    pub device_id: DeviceId,
    /// The venue.
    pub venue_id: VenueId,
    /// Its name for people.
    pub name: String,
    /// Until when the code is valid.
    pub code_expires_at: DateTime<Utc>,
    /// Digest of the confidential payload: the SHA-256 of the code.
    pub secret_digest: ConfidentialDigest,
}

/// A device was enrolled with its code, which is not valid again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DeviceEnrolled {
    /// The device.
    pub device_id: DeviceId,
    /// Digest of the confidential payload: the SHA-256 of the cookie.
    pub secret_digest: ConfidentialDigest,
}

/// A device was revoked, with all sessions on it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DeviceRevoked {
    /// The device.
    pub device_id: DeviceId,
    /// The reason as a stable code, for example `lost`.
    pub reason_code: String,
}

/// A link to the calendar of a venue was created for a person. It replaces the earlier one of the person for that venue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CalendarLinkCreated {
    /// The person.
    pub staff_id: StaffId,
    /// The venue.
    pub venue_id: VenueId,
    /// Digest of the confidential payload: the SHA-256 of the link.
    pub secret_digest: ConfidentialDigest,
}

/// The link of a person to the calendar of a venue was revoked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CalendarLinkRevoked {
    /// The person.
    pub staff_id: StaffId,
    /// The venue.
    pub venue_id: VenueId,
}
