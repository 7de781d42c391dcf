//! The templates of messages to members of staff. Part of [`super`].

use serde::{Deserialize, Serialize};

/// The template of a message to a member of staff.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StaffTemplate {
    /// An invitation to have an account.
    StaffInvitation,
    /// A link to reset the password.
    PasswordReset,
}

impl StaffTemplate {
    /// All templates.
    pub const ALL: [Self; 2] = [Self::StaffInvitation, Self::PasswordReset];

    /// The name in files, events and responses.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::StaffInvitation => "staff_invitation",
            Self::PasswordReset => "password_reset",
        }
    }
}
