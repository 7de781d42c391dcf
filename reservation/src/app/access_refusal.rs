//! Why a change of accounts, sessions or devices is refused.

use access::registry::{DEVICES_MAX, STAFF_MAX};
use events::{DeviceId, SessionId, StaffId};

/// Why a change of accounts, sessions or devices is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AccessRefusal {
    /// The person does not exist, or the caller may not know.
    #[error("There is no member of staff {0}.")]
    UnknownPerson(StaffId),
    /// The device does not exist, or the caller may not know.
    #[error("There is no device {0}.")]
    UnknownDevice(DeviceId),
    /// The session does not exist, has ended, or belongs to another person.
    #[error("There is no session {0}.")]
    UnknownSession(SessionId),
    /// Another account, or another open invitation, has the e-mail address.
    #[error(
        "Another account has this e-mail address. Change its roles instead; if you do not see it, ask an owner of all venues."
    )]
    AddressTaken,
    /// The person has accepted the invitation already.
    #[error("The person has an account already. Let the person sign in, or reset the password.")]
    AlreadyJoined,
    /// The person has not accepted the invitation yet.
    #[error("The person has not accepted the invitation yet. Invite the person again.")]
    NotJoined,
    /// The link was used, was replaced by a later one, or its time is over.
    #[error(
        "The link is not valid any more: it was used, was replaced by a later one, or has expired. Ask for another one."
    )]
    LinkOver,
    /// The device code was used, or its time is over.
    #[error("The code is not valid: it is wrong, was used, or has expired. Ask for another one.")]
    CodeOver,
    /// The proof of the identity is no longer true: the password or a code was used meanwhile.
    #[error(
        "What you entered was valid, but was used or changed by another request at the same time. Try again."
    )]
    ProofOver,
    /// No authenticator app is enrolled.
    #[error("No authenticator app is enrolled, so there is nothing to remove.")]
    NoTotp,
    /// There is no calendar link.
    #[error(
        "There is no link to the calendar of this venue. Create one with PUT /api/account/calendars/{{venue_id}}."
    )]
    NoCalendar,
    /// There are as many accounts as there can be.
    #[error("There are already {STAFF_MAX} members of staff. Remove those who have left.")]
    TooManyStaff,
    /// There are as many devices as there can be.
    #[error("There are already {DEVICES_MAX} devices. Revoke those that are not used.")]
    TooManyDevices,
}

impl AccessRefusal {
    /// The code in responses.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::UnknownPerson(_) | Self::UnknownDevice(_) | Self::UnknownSession(_) | Self::NoCalendar => {
                "not_found"
            }
            Self::AddressTaken => "address_taken",
            Self::AlreadyJoined => "already_joined",
            Self::NotJoined => "not_joined",
            Self::LinkOver => "link_over",
            Self::CodeOver => "code_over",
            Self::ProofOver => "proof_over",
            Self::NoTotp => "no_authenticator",
            Self::TooManyStaff => "too_many_staff",
            Self::TooManyDevices => "too_many_devices",
        }
    }
}
