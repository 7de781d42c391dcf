//! Sessions of staff, and what people do with their own accounts.

use chrono::{DateTime, Utc};
use events::staff::SignInMethod;
use events::{DeviceId, SessionId, StaffId, VenueId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::staff::{EMAIL_CHARS_MAX, PASSWORD_CHARS_MAX, PASSWORD_CHARS_MIN, StaffView};
use crate::request::requests;
use crate::values::{Line, Secret};

/// Maximum length of a code, in characters: a recovery code with its hyphen and some spaces.
pub const CODE_CHARS_MAX: usize = 16;
/// Minimum length of a PIN, in digits.
pub const PIN_DIGITS_MIN: usize = 4;
/// Maximum length of a PIN, in digits.
pub const PIN_DIGITS_MAX: usize = 8;

requests! {
    /// A sign-in: with `email` and `password`, or on a device at the stand with `staff_id` and `pin`.
    body SignIn {
        /// The e-mail address of the account.
        #[example = "sari@warung-sinar.co.id"]
        optional email: Line<EMAIL_CHARS_MAX>,
        /// The password.
        #[example = "kelapa motor sunyi bendera"]
        optional password: Secret<1, PASSWORD_CHARS_MAX>,
        /// The current code of the authenticator app, or a recovery code, if the account has one.
        #[example = "287082"]
        optional code: Secret<1, CODE_CHARS_MAX>,
        /// On a device at the stand, the person.
        optional staff_id: StaffId,
        /// On a device at the stand, the PIN of the person.
        optional pin: Secret<1, PIN_DIGITS_MAX>,
    }

    /// A new proof of the identity: with `password`, or on a device at the stand with `pin`.
    body ProveIdentity {
        /// The password.
        #[example = "kelapa motor sunyi bendera"]
        optional password: Secret<1, PASSWORD_CHARS_MAX>,
        /// The current code of the authenticator app, or a recovery code, if the account has one.
        optional code: Secret<1, CODE_CHARS_MAX>,
        /// On a device at the stand, the PIN.
        optional pin: Secret<1, PIN_DIGITS_MAX>,
    }

    /// The path of a session.
    path SessionPath {
        /// The id of the session.
        required session_id: SessionId,
    }

    /// A new password.
    body ChangePassword {
        /// The current password.
        required current_password: Secret<1, PASSWORD_CHARS_MAX>,
        /// The current code of the authenticator app, or a recovery code, if the account has one.
        optional code: Secret<1, CODE_CHARS_MAX>,
        /// A new password that is hard to guess.
        #[example = "kelapa motor sunyi bendera"]
        required password: Secret<PASSWORD_CHARS_MIN, PASSWORD_CHARS_MAX>,
    }

    /// A request for a link to reset the password.
    body RequestPasswordReset {
        /// The e-mail address of the account.
        #[example = "sari@warung-sinar.co.id"]
        required email: Line<EMAIL_CHARS_MAX>,
    }

    /// A password reset by the link in the mail.
    body ResetPassword {
        /// A new password that is hard to guess.
        #[example = "kelapa motor sunyi bendera"]
        required password: Secret<PASSWORD_CHARS_MIN, PASSWORD_CHARS_MAX>,
        /// The current code of the authenticator app, or a recovery code, if the account has one.
        optional code: Secret<1, CODE_CHARS_MAX>,
    }

    /// The enrolment of an authenticator app.
    body EnrolAuthenticator {
        /// The secret that `POST /api/account/authenticator/secret` answered.
        required secret: Secret<1, 64>,
        /// The current code of the app, which shows that it has the secret.
        #[example = "287082"]
        required code: Secret<1, CODE_CHARS_MAX>,
    }

    /// A PIN for devices at the stand.
    body SetPin {
        /// 4 to 8 digits. Repeated digits, and those that count up or down, are refused.
        #[example = "7294"]
        required pin: Secret<PIN_DIGITS_MIN, PIN_DIGITS_MAX>,
    }

    /// The path of a calendar.
    path CalendarTokenPath {
        /// The token of the calendar link.
        #[example = "mejac_8oTqN0nYz1rJmYc3XbqXlqf5ZQm3kq3gq6vH7c0mXbE"]
        required token: Line<100>,
    }

    /// The path of a calendar link.
    path CalendarPath {
        /// The venue.
        #[example = "bandung-dago"]
        required venue_id: VenueId,
    }
}

/// A session of a member of staff.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SessionView {
    /// The session.
    pub session_id: SessionId,
    /// How the person proved the identity last.
    pub method: SignInMethod,
    /// The device at the stand; null if it is on none.
    pub device_id: Option<DeviceId>,
    /// When it started.
    pub started_at: DateTime<Utc>,
    /// When the person proved the identity last. Some requests need a proof within the last five minutes.
    pub proved_at: DateTime<Utc>,
    /// When it ends by itself.
    pub expires_at: DateTime<Utc>,
    /// Whether this request was sent in it.
    pub current: bool,
}

/// The sessions of a person, the oldest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Sessions {
    /// The sessions.
    pub items: Vec<SessionView>,
}

/// A signed-in person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SignedIn {
    /// The session.
    pub session: SessionView,
    /// The person.
    pub staff: StaffView,
}

/// What a person enters into an authenticator app.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AuthenticatorSecret {
    /// The secret in base32, for typing it. It counts once it is enrolled.
    #[schema(example = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP")]
    pub secret: String,
    /// The same for a QR code.
    #[schema(
        example = "otpauth://totp/Meja:sari%40warung-sinar.co.id?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP&issuer=Meja"
    )]
    pub url: String,
}

/// Codes for signing in without the authenticator app. Each counts once. They are shown in this response only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RecoveryCodes {
    /// The codes, to be kept on paper.
    #[schema(example = json!(["7F3KM-Q2W9T", "0XH5R-8VBND"]))]
    pub codes: Vec<String>,
}

/// A link to the calendar of a venue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CalendarLinkView {
    /// The venue.
    pub venue_id: VenueId,
    /// What to present as `Authorization: Bearer …`. Shown in this response only.
    #[schema(example = "mejac_8oTqN0nYz1rJmYc3XbqXlqf5ZQm3kq3gq6vH7c0mXbE")]
    pub token: String,
    /// The path of the calendar, for programs that subscribe to it. It contains the token.
    #[schema(example = "/calendars/mejac_8oTqN0nYz1rJmYc3XbqXlqf5ZQm3kq3gq6vH7c0mXbE")]
    pub path: String,
}

/// The calendar links of a person, without their tokens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CalendarLinks {
    /// The venues.
    pub venues: Vec<VenueId>,
}
