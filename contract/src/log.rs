//! The interface to the stored log of a service.

use events::Position;
use events::feed::TIMEOUT_MS_MAX;

use crate::request::requests;
use crate::values::Whole;

requests! {
    /// A part of the log.
    query ReadLog {
        /// Only groups with events after this position; all groups by default.
        optional after: Position,
        /// Milliseconds to wait for an event after that position; 0 by default.
        optional timeout: Whole<0, { TIMEOUT_MS_MAX as i64 }>,
    }
}
