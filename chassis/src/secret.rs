//! Credentials that a program presents: never printed.

use std::fmt;

/// A bearer token to present to a service.
#[derive(Clone)]
pub struct Token(String);

/// A text that cannot be used as a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a token has 16 to 256 visible ASCII characters")]
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
    fn a_token_is_not_printed() {
        let token = Token::try_from("0123456789abcdef".to_owned()).unwrap();
        assert_eq!((token.reveal(), &format!("{token:?}")[..]), ("0123456789abcdef", "***"));
        assert!(Token::try_from("short".to_owned()).is_err());
    }
}
