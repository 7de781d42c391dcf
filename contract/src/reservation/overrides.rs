//! Acting against rules of a venue.

use crate::request::requests;
use crate::values::ReasonCode;

requests! {
    /// A reason to act against rules of the venue. It needs the scope `override`.
    body Override {
        /// One of the reason codes, because events contain it.
        #[example = "regular_guest"]
        required reason_code: ReasonCode,
    }
}
