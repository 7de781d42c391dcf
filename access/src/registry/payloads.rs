//! The confidential payloads of events of credentials. Part of [`super`].

use events::values::Locale;
use serde::{Deserialize, Serialize};

use crate::code::OneTimeCode;
use crate::token::{KeyToken, OpaqueToken, SecretHash};
use crate::totp::TotpSecret;

/// The payload of an event that gives out a random secret: of a key, a session, a device, a code or a calendar link.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct HashedSecret {
    /// SHA-256 of the secret, hexadecimal.
    pub secret_sha256: String,
}

impl HashedSecret {
    pub(super) fn hash(&self) -> Option<SecretHash> {
        hash_of(&self.secret_sha256)
    }

    fn of(hash: SecretHash) -> Self {
        Self { secret_sha256: hex::encode(hash) }
    }
}

impl From<&KeyToken> for HashedSecret {
    fn from(token: &KeyToken) -> Self {
        Self::of(token.hash())
    }
}

impl From<&OpaqueToken> for HashedSecret {
    fn from(token: &OpaqueToken) -> Self {
        Self::of(token.hash())
    }
}

impl From<&OneTimeCode> for HashedSecret {
    fn from(code: &OneTimeCode) -> Self {
        Self::of(code.hash())
    }
}

/// The payload of an event that names a member of staff.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StaffContact {
    /// The name.
    pub name: String,
    /// The e-mail address in its canonical form: with it the person signs in.
    pub email: String,
    /// The language of mails.
    pub locale: Locale,
}

/// The payload of an event that sets a password or a PIN.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct HashedPassword {
    /// The argon2id hash in the PHC string format.
    pub argon2: String,
}

/// The payload of an event that enrols an authenticator app.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct TotpPayload {
    /// The shared secret in base32.
    pub totp_secret: String,
    /// SHA-256 of each recovery code, hexadecimal.
    pub recovery_codes_sha256: Vec<String>,
}

impl TotpPayload {
    /// The payload for a secret and its recovery codes.
    #[must_use]
    pub fn new(secret: &TotpSecret, codes: &[OneTimeCode]) -> Self {
        let recovery_codes_sha256 = codes.iter().map(|code| hex::encode(code.hash())).collect();
        Self { totp_secret: secret.reveal(), recovery_codes_sha256 }
    }

    pub(super) fn recovery_codes(&self) -> impl Iterator<Item = Option<SecretHash>> + '_ {
        self.recovery_codes_sha256.iter().map(|hex| hash_of(hex))
    }
}

fn hash_of(hexadecimal: &str) -> Option<SecretHash> {
    hex::decode(hexadecimal).ok()?.try_into().ok()
}
