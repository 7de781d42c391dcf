//! Acting against rules of a venue.

use crate::request::requests;
use crate::values::Code;

requests! {
    /// A reason to act against rules of the venue. It needs the scope `override`.
    body Override {
        /// A stable code, because events contain it.
        #[example = "regular_guest"]
        required reason_code: Code<64>,
    }
}
