//! The texts of credentials.
//!
//! A key is written `meja_<id>_<secret>`. The prefix lets scanners of source code and logs recognise a leaked one. The
//! id says which key it is, and the secret has 256 random bits.

use std::fmt;

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use chassis::environment::Environment;
use events::KeyId;
use sha2::{Digest as _, Sha256};

/// What every key begins with.
pub const KEY_PREFIX: &str = "meja_";

/// The length of a secret, in bytes.
const SECRET_BYTES: usize = 32;
/// The length of an id, in hexadecimal digits.
const ID_DIGITS: usize = 12;

/// SHA-256 of a secret. A secret has 256 random bits, so that a slow hash would not make it harder to guess.
pub type SecretHash = [u8; 32];

/// A key as its holder presents it. Printed without its secret.
#[derive(Clone, PartialEq, Eq)]
pub struct KeyToken {
    id: KeyId,
    secret: [u8; SECRET_BYTES],
}

impl KeyToken {
    /// A new key.
    #[must_use]
    pub fn new(env: &dyn Environment) -> Self {
        let digits = hex::encode(env.random_bytes());
        // Digits of a hexadecimal number are an id.
        let id = digits[..ID_DIGITS].parse().unwrap_or_else(|_| unreachable!("{digits} is an id"));
        Self::for_id(id, env)
    }

    /// A new secret for the key `id`.
    #[must_use]
    pub fn for_id(id: KeyId, env: &dyn Environment) -> Self {
        Self { id, secret: env.random_bytes() }
    }

    /// Reads a key.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (id, secret) = text.strip_prefix(KEY_PREFIX)?.split_once('_')?;
        let secret = BASE64_URL_SAFE_NO_PAD.decode(secret).ok()?;
        Some(Self { id: id.parse().ok()?, secret: secret.try_into().ok()? })
    }

    /// The part that is not secret.
    #[must_use]
    pub fn id(&self) -> &KeyId {
        &self.id
    }

    /// The hash of the secret.
    #[must_use]
    pub fn hash(&self) -> SecretHash {
        Sha256::digest(self.secret).into()
    }

    /// Whether the secret was not drawn at random: 32 random bytes have fewer than 16 different values with a probability
    /// of less than 10⁻¹⁷.
    #[must_use]
    pub fn is_weak(&self) -> bool {
        let mut values = self.secret;
        values.sort_unstable();
        values.chunk_by(|a, b| a == b).count() < 16
    }

    /// The key as text. Only for handing it to its holder.
    #[must_use]
    pub fn reveal(&self) -> String {
        format!("{KEY_PREFIX}{}_{}", self.id, BASE64_URL_SAFE_NO_PAD.encode(self.secret))
    }
}

impl fmt::Debug for KeyToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{KEY_PREFIX}{}_***", self.id)
    }
}

/// What an opaque token is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OpaqueKind {
    /// The cookie of a session.
    Session,
    /// The cookie of a device at the stand.
    Device,
    /// The link to the calendar of a venue.
    Calendar,
}

impl OpaqueKind {
    /// What every token of this kind begins with, so that scanners recognise a leaked one.
    #[must_use]
    pub fn prefix(self) -> &'static str {
        match self {
            Self::Session => "mejas_",
            Self::Device => "mejad_",
            Self::Calendar => "mejac_",
        }
    }
}

/// A token of 256 random bits without an id. It is found by its hash: an attacker who measures the search learns nothing
/// about a token, because its hash cannot be chosen. Printed without its secret.
#[derive(Clone, PartialEq, Eq)]
pub struct OpaqueToken {
    kind: OpaqueKind,
    secret: [u8; SECRET_BYTES],
}

impl OpaqueToken {
    /// A new token.
    #[must_use]
    pub fn new(kind: OpaqueKind, env: &dyn Environment) -> Self {
        Self { kind, secret: env.random_bytes() }
    }

    /// Reads a token of this kind.
    #[must_use]
    pub fn parse(kind: OpaqueKind, text: &str) -> Option<Self> {
        let secret = BASE64_URL_SAFE_NO_PAD.decode(text.strip_prefix(kind.prefix())?).ok()?;
        Some(Self { kind, secret: secret.try_into().ok()? })
    }

    /// The hash of the secret.
    #[must_use]
    pub fn hash(&self) -> SecretHash {
        Sha256::digest(self.secret).into()
    }

    /// The token as text. Only for handing it to its holder.
    #[must_use]
    pub fn reveal(&self) -> String {
        format!("{}{}", self.kind.prefix(), BASE64_URL_SAFE_NO_PAD.encode(self.secret))
    }
}

impl fmt::Debug for OpaqueToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}***", self.kind.prefix())
    }
}

/// The credential in `headers`, if they present one as `Authorization: Bearer …`.
#[must_use]
pub fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}

#[cfg(test)]
mod tests {
    use chassis::environment::SystemEnvironment;

    use super::*;

    #[test]
    fn a_key_survives_text_and_hides_its_secret() {
        let token = KeyToken::new(&SystemEnvironment);
        let text = token.reveal();
        assert_eq!(KeyToken::parse(&text), Some(token.clone()));
        let secret = text.rsplit_once(token.id().as_str()).unwrap().1;
        assert!(text.starts_with("meja_") && secret.len() == 44 && !format!("{token:?}").contains(secret));
        let other = KeyToken::for_id(token.id().clone(), &SystemEnvironment);
        assert!(other.id() == token.id() && other.hash() != token.hash());
    }

    #[test]
    fn only_a_whole_key_is_read() {
        let text = KeyToken::new(&SystemEnvironment).reveal();
        for broken in [
            "",
            "meja_",
            "meja__",
            &text[1..],
            &text[..text.len() - 1],
            &format!("{text}A"),
            &text.replace("meja_", "MEJA_"),
            &text.replacen('_', "-", 2),
        ] {
            assert_eq!(KeyToken::parse(broken), None, "{broken}");
        }
    }

    #[test]
    fn an_opaque_token_is_of_one_kind() {
        let token = OpaqueToken::new(OpaqueKind::Session, &SystemEnvironment);
        let text = token.reveal();
        assert_eq!(OpaqueToken::parse(OpaqueKind::Session, &text), Some(token.clone()));
        assert_eq!(OpaqueToken::parse(OpaqueKind::Device, &text), None);
        assert_eq!(OpaqueToken::parse(OpaqueKind::Session, &text[..text.len() - 1]), None);
        assert_eq!(OpaqueToken::parse(OpaqueKind::Session, &format!("{text}AAAA")), None);
        assert_eq!(format!("{token:?}"), "mejas_***");
    }

    #[test]
    fn a_bearer_credential_is_found_in_any_case() {
        let shown = |value: &'static str| {
            bearer(&HeaderMap::from_iter([(AUTHORIZATION, value.parse().unwrap())])).map(str::to_owned)
        };
        assert_eq!(shown("Bearer one"), Some("one".to_owned()));
        assert_eq!(shown("bearer one"), Some("one".to_owned()));
        assert_eq!((shown("Basic one"), shown("Bearer")), (None, None));
        assert_eq!(bearer(&HeaderMap::new()), None);
    }
}
