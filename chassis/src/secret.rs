//! Credentials: never printed, compared in constant time.

use std::fmt;

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

/// A bearer token for calls between services.
#[derive(Clone)]
pub struct Token(String);

/// A text that cannot be used as a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a token has 16 to 256 visible ASCII characters; `openssl rand -hex 32` makes one")]
pub struct WeakToken;

impl TryFrom<String> for Token {
    type Error = WeakToken;

    fn try_from(text: String) -> Result<Self, WeakToken> {
        let fits = (16..=256).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic());
        if fits { Ok(Self(text)) } else { Err(WeakToken) }
    }
}

impl Token {
    /// The token as text. Only for sending it.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// Whether `headers` contain this token as `Authorization: Bearer`.
    #[must_use]
    pub fn is_shown_in(&self, headers: &HeaderMap) -> bool {
        let shown = headers.get(AUTHORIZATION).map(axum::http::HeaderValue::as_bytes);
        let shown = shown.and_then(|value| value.split_at_checked(7));
        shown.is_some_and(|(scheme, token)| {
            // Compare hashes, so that the comparison takes the same time for any length.
            let same = Sha256::digest(token).ct_eq(&Sha256::digest(self.0.as_bytes()));
            scheme.eq_ignore_ascii_case(b"bearer ") && bool::from(same)
        })
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_exact_token_is_accepted() {
        let token = Token::try_from("0123456789abcdef".to_owned()).unwrap();
        let shown = |value: &'static str| {
            token.is_shown_in(&HeaderMap::from_iter([(AUTHORIZATION, value.parse().unwrap())]))
        };
        assert!(shown("Bearer 0123456789abcdef"));
        assert!(shown("bearer 0123456789abcdef"));
        assert!(!shown("Bearer 0123456789abcdeF"));
        assert!(!shown("Bearer 0123456789abcdef0"));
        assert!(!shown("Basic 0123456789abcdef"));
        assert!(!shown("Bearer "));
        assert!(!token.is_shown_in(&HeaderMap::new()));
        assert_eq!(format!("{token:?}"), "***");
    }
}
