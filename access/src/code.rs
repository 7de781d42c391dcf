//! Codes that people type once: to enrol a device, or in place of an authenticator app that was lost.
//!
//! A code has 50 random bits: ten characters of Crockford's base32, which has no letters that look like digits.

use chassis::environment::Environment;
use sha2::{Digest as _, Sha256};

use crate::token::SecretHash;

const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/// The length of a code, in characters.
const CHARS: usize = 10;

/// A code that counts once. Printed without it.
#[derive(Clone, PartialEq, Eq)]
pub struct OneTimeCode([u8; CHARS]);

impl OneTimeCode {
    /// A new code.
    #[must_use]
    pub fn new(env: &dyn Environment) -> Self {
        let bytes = env.random_bytes();
        // 32 characters, so that the remainder of a byte is as random as the byte.
        Self(std::array::from_fn(|n| ALPHABET[usize::from(bytes[n] % 32)]))
    }

    /// Reads a code as people type it: in any case, with spaces or hyphens, and with O for 0 and I or L for 1.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let characters = text.bytes().filter(|byte| !matches!(byte, b'-' | b' '));
        let read = characters.map(|byte| match byte.to_ascii_uppercase() {
            b'O' => b'0',
            b'I' | b'L' => b'1',
            other => other,
        });
        let read: Vec<_> = read.collect();
        read.iter().all(|byte| ALPHABET.contains(byte)).then_some(Self(read.try_into().ok()?))
    }

    /// The code as it is shown: `ABCDE-12345`.
    #[must_use]
    pub fn reveal(&self) -> String {
        let (first, second) = self.0.split_at(CHARS / 2);
        format!("{}-{}", String::from_utf8_lossy(first), String::from_utf8_lossy(second))
    }

    /// The hash of the code.
    #[must_use]
    pub fn hash(&self) -> SecretHash {
        Sha256::digest(self.0).into()
    }
}

impl std::fmt::Debug for OneTimeCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("***")
    }
}

#[cfg(test)]
mod tests {
    use chassis::environment::SystemEnvironment;

    use super::*;

    #[test]
    fn a_code_is_read_as_people_type_it() {
        let code = OneTimeCode::new(&SystemEnvironment);
        let shown = code.reveal();
        assert_eq!(shown.len(), CHARS + 1);
        for typed in [shown.clone(), shown.to_lowercase(), shown.replace('-', " "), shown.replace('-', "")] {
            assert_eq!(OneTimeCode::parse(&typed), Some(code.clone()));
        }
        assert_eq!(OneTimeCode::parse("o1il0-abcde"), OneTimeCode::parse("01110ABCDE"));
        for broken in ["", &shown[1..], &format!("{shown}0"), "ABCDE-1234U", "ABCDE-1234é"] {
            assert_eq!(OneTimeCode::parse(broken), None, "{broken}");
        }
        assert_ne!(code.hash(), OneTimeCode::new(&SystemEnvironment).hash());
    }
}
