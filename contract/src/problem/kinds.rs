//! Every kind of problem: the pages to which the `type` of an error response refers.

mod list;

use serde::Serialize;

pub use self::list::ALL;
use crate::request::requests;
use crate::values::Line;

requests! {
    /// The path of a kind of problem.
    path KindPath {
        /// The code.
        required code: Line<64>,
    }
}

/// A kind of problem.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Kind {
    /// The stable code.
    pub code: &'static str,
    /// The HTTP status of its responses.
    pub status: u16,
    /// What it means.
    pub meaning: &'static str,
    /// What the caller can do.
    pub remedy: &'static str,
}

/// The kind with this code.
#[must_use]
pub fn find(code: &str) -> Option<&'static Kind> {
    ALL.iter().find(|kind| kind.code == code)
}

const fn kind(code: &'static str, status: u16, meaning: &'static str, remedy: &'static str) -> Kind {
    Kind { code, status, meaning, remedy }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_is_listed_once_and_in_order() {
        for pair in ALL.windows(2) {
            let [before, after] = pair else { continue };
            assert!(
                (before.status, before.code) < (after.status, after.code),
                "{} {}",
                before.code,
                after.code
            );
            assert!(ALL.iter().filter(|other| other.code == after.code).count() == 1, "{}", after.code);
        }
    }
}
