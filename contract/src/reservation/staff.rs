//! Members of staff: who they are, what they may do, and how they join.

use chrono::{DateTime, Utc};
use events::StaffId;
use events::values::Locale;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::roles::{Roles, RolesView};
use crate::request::requests;
use crate::values::{Line, ReasonCode, Secret};
use crate::words::words;

/// Minimum length of a password, in characters.
pub const PASSWORD_CHARS_MIN: usize = 10;
/// Maximum length of a password, in characters.
pub const PASSWORD_CHARS_MAX: usize = 128;
/// Maximum length of an e-mail address, in characters.
pub const EMAIL_CHARS_MAX: usize = 254;
/// Maximum length of a name, in characters.
pub const NAME_CHARS_MAX: usize = 120;

requests! {
    /// An invitation.
    body InviteStaff {
        /// What the person may do. You need at least the same at the same venues.
        required roles: Roles,
        /// The e-mail address to which the invitation is sent. Without it the response contains the link, and the person
        /// enters the address.
        #[example = "sari@warung-sinar.co.id"]
        optional email: Line<EMAIL_CHARS_MAX>,
        /// The name of the person. Required with `email`.
        #[example = "Sari Wulandari"]
        optional name: Line<NAME_CHARS_MAX>,
        /// The language of mails to the person; `id` by default.
        #[example = "en"]
        optional locale: Locale,
    }

    /// Other roles for a person.
    body ChangeRoles {
        /// All roles. You need at least the same at the same venues.
        required roles: Roles,
    }

    /// The end of an account.
    body RemoveStaff {
        /// `left` by default.
        #[example = "left"]
        optional reason_code: ReasonCode,
    }

    /// The path of a member of staff.
    path StaffPath {
        /// The id of the person.
        #[example = "01939f3e-7b2a-7c3d-9e4f-5a6b7c8d9e0f"]
        required staff_id: StaffId,
    }

    /// The acceptance of an invitation.
    body AcceptInvitation {
        /// A new password that is hard to guess.
        #[example = "kelapa motor sunyi bendera"]
        required password: Secret<PASSWORD_CHARS_MIN, PASSWORD_CHARS_MAX>,
        /// The name; by default the one in the invitation.
        #[example = "Sari Wulandari"]
        optional name: Line<NAME_CHARS_MAX>,
        /// The e-mail address, if the invitation names none.
        #[example = "sari@warung-sinar.co.id"]
        optional email: Line<EMAIL_CHARS_MAX>,
        /// The language of mails; by default the one in the invitation.
        optional locale: Locale,
    }
}

words! {
    /// Whether a person can sign in.
    open StaffStatus {
        /// The person has an account.
        Joined = "joined",
        /// The person was invited, and has not accepted yet.
        Invited = "invited",
        /// The time of the invitation is over.
        InvitationOver = "invitation_over",
    }
}

/// A member of staff.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StaffView {
    /// The id of the person, which events name.
    pub staff_id: StaffId,
    /// The name; null until the person enters it.
    #[schema(example = "Sari Wulandari")]
    pub name: Option<String>,
    /// The e-mail address; null until the person enters it.
    #[schema(example = "sari@warung-sinar.co.id")]
    pub email: Option<String>,
    /// The language of mails to the person.
    pub locale: Option<Locale>,
    /// Whether the person can sign in.
    pub status: StaffStatus,
    /// What the person may do.
    pub roles: RolesView,
    /// When the person was invited first.
    pub invited_at: DateTime<Utc>,
    /// Until when the invitation can be accepted; null once it is.
    pub invitation_expires_at: Option<DateTime<Utc>>,
    /// When the person accepted it.
    pub joined_at: Option<DateTime<Utc>>,
    /// Whether the person signs in with codes of an authenticator app too.
    pub has_authenticator: bool,
    /// Whether the person has a PIN for devices at the stand.
    pub has_pin: bool,
}

/// A member of staff, with the link of an invitation that is not sent by mail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct InvitedStaff {
    /// The person.
    pub staff: StaffView,
    /// The link to hand over; null if it is sent by mail.
    pub invitation: Option<StaffLinkView>,
}

/// The members of staff that the caller may see, the first one first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StaffList {
    /// The people.
    pub items: Vec<StaffView>,
}

/// The link of an invitation or of a password reset.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StaffLinkView {
    /// What to present as `Authorization: Bearer …`.
    #[schema(example = "mejal_AQQBk58-eyp8PZ5PWmt8jZ4PAAAAAabzB3gOJZ4PAAAAAKbzB3g")]
    pub token: String,
    /// The page for it.
    #[schema(
        example = "http://127.0.0.1:8001/join/mejal_AQQBk58-eyp8PZ5PWmt8jZ4PAAAAAabzB3gOJZ4PAAAAAKbzB3g"
    )]
    pub url: String,
    /// Until when it is valid.
    pub expires_at: DateTime<Utc>,
}

/// What a mail to a member of staff needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StaffContactView {
    /// The name.
    pub name: String,
    /// The e-mail address.
    pub email: String,
    /// The language.
    pub locale: Locale,
    /// The names of the venues where the person has a role; empty for all.
    pub venues: Vec<String>,
    /// The IANA time zone of the first of them.
    #[schema(example = "Asia/Jakarta")]
    pub timezone: String,
    /// The invitation; null if it was accepted or its time is over.
    pub invitation: Option<StaffLinkView>,
    /// The link to reset the password; null if none was asked for, it was used or its time is over.
    pub password_reset: Option<StaffLinkView>,
}

/// What the page of an invitation or of a password reset shows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StaffLinkInfo {
    /// The name; null if the person enters it.
    pub name: Option<String>,
    /// The e-mail address; null if the person enters it.
    pub email: Option<String>,
    /// The language of the person.
    pub locale: Option<Locale>,
    /// The roles.
    pub roles: RolesView,
    /// Whether a code of the authenticator app is needed.
    pub needs_code: bool,
    /// Until when the link is valid.
    pub expires_at: DateTime<Utc>,
}
