//! The number of guests. Part of [`crate::values`].

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The number of guests. `try_from` accepts 1 to [`PartySize::MAX`]; a stored value is decoded without this check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct PartySize(u8);

/// A party size outside of 1 to [`PartySize::MAX`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a party of {0} cannot be seated: a party has 1 to {max} guests", max = PartySize::MAX)]
pub struct InvalidPartySize(pub i64);

impl PartySize {
    /// The largest party that can be booked.
    pub const MAX: u8 = 50;

    /// The number of guests.
    #[must_use]
    pub fn get(self) -> u8 {
        self.0
    }
}

impl TryFrom<i64> for PartySize {
    type Error = InvalidPartySize;

    fn try_from(guests: i64) -> Result<Self, InvalidPartySize> {
        match u8::try_from(guests) {
            Ok(guests @ 1..=Self::MAX) => Ok(Self(guests)),
            _ => Err(InvalidPartySize(guests)),
        }
    }
}

impl fmt::Display for PartySize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_party_has_one_to_fifty_guests() {
        assert!(PartySize::try_from(0).is_err());
        assert!(PartySize::try_from(51).is_err());
        assert!(PartySize::try_from(256 + 2).is_err());
        assert_eq!(PartySize::try_from(50).unwrap().get(), 50);
    }
}
