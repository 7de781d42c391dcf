//! The contact of a guest, and its proof.

use chrono::{DateTime, Utc};
use events::event::ProofMethod;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::request::requests;
use crate::values::Line;

requests! {
    /// The contact of the guest.
    body ContactInfo {
        /// The guest's name.
        #[example = "Sari Wulandari"]
        required name: Line<120>,
        /// International, or national in the country of the venue.
        #[example = "+62 812 3456 7890"]
        required phone: Line<32>,
        /// The e-mail address.
        #[example = "sari@example.com"]
        required email: Line<254>,
    }
    /// The contact of a party on the waitlist.
    body WaitingContact {
        /// The guest's name.
        #[example = "Sari Wulandari"]
        required name: Line<120>,
        /// International, or national in the country of the venue.
        #[example = "+62 812 3456 7890"]
        required phone: Line<32>,
        /// The e-mail address. Only staff may leave it out, for a party at the door.
        #[example = "sari@example.com"]
        optional email: Line<254>,
    }
    /// A correction of the contact of the guest.
    body CorrectContact {
        /// The guest's name.
        #[example = "Sari Wulandari"]
        optional name: Line<120>,
        /// International, or national in the country of the venue.
        #[example = "+62 812 3456 7890"]
        optional phone: Line<32>,
        /// The e-mail address.
        #[example = "sari@example.com"]
        optional email: Line<254>,
    }
    /// The proof of a contact.
    body ProveContact {
        /// The end of the link in the mail, or its six digits.
        #[example = "482915"]
        required proof: Line<80>,
    }
}

/// The proof of contact that is missing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ContactProofView {
    /// How the guest proves the contact.
    pub method: ProofMethod,
    /// When the booking ends, or ended, without it; null if the guest was not asked for it, because a deposit is due.
    pub expires_at: Option<DateTime<Utc>>,
}

/// What the guest needs to prove the contact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ProofLinkView {
    /// How the guest proves the contact.
    pub method: ProofMethod,
    /// The end of the link, or six digits.
    #[schema(example = "482915")]
    pub proof: String,
    /// When the booking ends without it.
    pub expires_at: DateTime<Utc>,
}
