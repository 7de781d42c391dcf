//! The contact of a guest in a request.

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
}
