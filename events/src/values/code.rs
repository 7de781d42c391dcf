//! The short code of a reservation, which people read to each other.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::ids::ReservationId;

/// The digits of Crockford's base 32 (https://www.crockford.com/base32.html): no I, L, O and U.
const DIGITS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// Number of digits.
const LENGTH: usize = 6;

/// The short code of a reservation: 30 bits of its id, as six digits of Crockford's base 32. Among the reservations of a venue
/// that are not past it is unique, because a reservation gets an id whose code is free.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ReservationCode(u32);

/// A text that is not a code.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a code of six letters and digits such as 7QK2M9")]
pub struct InvalidCode(pub String);

impl ReservationCode {
    /// Maximum length of a code as people write it, in characters.
    pub const MAX_CHARS: usize = 16;

    /// The code of a reservation.
    #[must_use]
    pub fn of(id: ReservationId) -> Self {
        // The last bits of a UUID of version 7 are random.
        let low = u32::try_from(id.0.as_u128() & 0x3fff_ffff).unwrap_or_default();
        Self(low)
    }
}

impl fmt::Display for ReservationCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digit = |place: usize| char::from(DIGITS[(self.0 >> (5 * place)) as usize % 32]);
        let text: String = (0..LENGTH).rev().map(digit).collect();
        f.pad(&text)
    }
}

impl FromStr for ReservationCode {
    type Err = InvalidCode;

    /// Reads a code as people write it: in any case, with hyphens and spaces, and with the letters that look like digits.
    fn from_str(text: &str) -> Result<Self, InvalidCode> {
        let invalid = || InvalidCode(text.chars().take(Self::MAX_CHARS).collect());
        let mut code = 0_u32;
        let mut digits = 0;
        for c in text.chars().filter(|c| !matches!(c, '-' | ' ')) {
            let digit = match c.to_ascii_uppercase() {
                'O' => '0',
                'I' | 'L' => '1',
                other => other,
            };
            let value = DIGITS.iter().position(|known| char::from(*known) == digit).ok_or_else(invalid)?;
            digits += 1;
            if digits > LENGTH {
                return Err(invalid());
            }
            code = code << 5 | u32::try_from(value).unwrap_or_default();
        }
        if digits == LENGTH { Ok(Self(code)) } else { Err(invalid()) }
    }
}

impl TryFrom<String> for ReservationCode {
    type Error = InvalidCode;

    fn try_from(text: String) -> Result<Self, InvalidCode> {
        text.parse()
    }
}

impl From<ReservationCode> for String {
    fn from(code: ReservationCode) -> Self {
        code.to_string()
    }
}

#[cfg(feature = "openapi")]
impl utoipa::PartialSchema for ReservationCode {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
        crate::openapi::text().pattern(Some("^[0-9A-HJKMNP-TV-Z]{6}$")).examples(["7QK2M9"]).into()
    }
}

#[cfg(feature = "openapi")]
impl utoipa::ToSchema for ReservationCode {}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_code_survives_its_text_and_the_ways_in_which_people_write_it() {
        for low in [0_u128, 1, 31, 32, 0x3fff_ffff, 0x2aaa_aaaa, 123_456_789] {
            let code = ReservationCode::of(ReservationId(Uuid::from_u128(0x0193_9f3e << 96 | low)));
            assert_eq!(code.to_string().len(), LENGTH);
            assert_eq!(code.to_string().parse(), Ok(code));
            assert_eq!(code.to_string().to_lowercase().parse(), Ok(code));
        }
        let code: ReservationCode = "10ABCD".parse().unwrap();
        for text in ["lo-abcd", "IOABCD", "1 0 a b c d", "10abcd"] {
            assert_eq!(text.parse(), Ok(code), "{text}");
        }
        for text in ["", "10ABC", "10ABCDE", "10ABCU", "10AB_D", "é0ABCD"] {
            assert!(text.parse::<ReservationCode>().is_err(), "{text}");
        }
    }
}
