//! Ed25519 keys of signed notes, in the text forms of C2SP signed-note: `name+hash+key` for a verifier, and
//! `PRIVATE+KEY+name+hash+key` for a signer.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::Signer as _;
use sha2::{Digest as _, Sha256};

/// Maximum number of characters in the name of a key.
pub const KEY_NAME_CHARS_MAX: usize = 200;

/// The first byte of an Ed25519 key, which says that it signs the text of a note.
const ED25519: u8 = 1;
const PRIVATE: &str = "PRIVATE+KEY+";
pub(crate) const KEY_BYTES: usize = 32;

/// The part of the hash of a key that is in each signature.
pub(crate) type KeyId = [u8; 4];

/// A text is not a key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// A name is one word.
    #[error("the name of a key has 1 to {KEY_NAME_CHARS_MAX} characters, and neither spaces nor plus signs")]
    Name,
    /// The parts of the text are not there, or are not what they have to be.
    #[error("this is not an Ed25519 key of a signed note: {0}")]
    Malformed(&'static str),
    /// The key is for another name, or was changed.
    #[error("the hash in the key is not that of its name and its bytes: copy the key again")]
    Hash,
    /// The system has no random bytes.
    #[error("the system has no random bytes for a key")]
    NoRandomness,
}

/// A public key: it verifies the checkpoints of one log.
#[derive(Clone, PartialEq, Eq)]
pub struct VerifierKey {
    name: String,
    id: KeyId,
    key: ed25519_dalek::VerifyingKey,
}

impl VerifierKey {
    fn new(name: &str, key: ed25519_dalek::VerifyingKey) -> Result<Self, KeyError> {
        Ok(Self { name: name.to_owned(), id: key_id(name, ED25519, key.as_bytes())?, key })
    }

    /// The name of the log.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The part of the hash of the key that tells it from others of the same log, in hexadecimal digits.
    #[must_use]
    pub fn hash(&self) -> String {
        hex::encode(self.id)
    }

    pub(crate) fn id(&self) -> KeyId {
        self.id
    }

    /// Whether `signature` is that of this key on `text`. Signatures that only some implementations accept are refused.
    pub(crate) fn has_signed(&self, text: &str, signature: &[u8]) -> bool {
        let signature = ed25519_dalek::Signature::from_slice(signature);
        signature.is_ok_and(|signature| self.key.verify_strict(text.as_bytes(), &signature).is_ok())
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_key(f, &self.name, self.id, ED25519, self.key.as_bytes())
    }
}

impl fmt::Debug for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VerifierKey({self})")
    }
}

impl FromStr for VerifierKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        let (name, id, bytes) = read_key(text, ED25519)?;
        let key = Self::new(name, point(&bytes)?)?;
        if key.id == id { Ok(key) } else { Err(KeyError::Hash) }
    }
}

/// A private key: it signs the checkpoints of one log. Its bytes are erased when it is dropped, and it is never printed.
pub struct SigningKey {
    key: ed25519_dalek::SigningKey,
    verifier: VerifierKey,
}

impl SigningKey {
    /// Makes a key at random for the log `name`.
    ///
    /// # Errors
    /// [`KeyError::Name`] or [`KeyError::NoRandomness`].
    pub fn generate(name: &str) -> Result<Self, KeyError> {
        let mut seed = [0; KEY_BYTES];
        getrandom::fill(&mut seed).map_err(|_| KeyError::NoRandomness)?;
        Self::from_seed(name, &seed)
    }

    fn from_seed(name: &str, seed: &[u8; KEY_BYTES]) -> Result<Self, KeyError> {
        let key = ed25519_dalek::SigningKey::from_bytes(seed);
        Ok(Self { verifier: VerifierKey::new(name, key.verifying_key())?, key })
    }

    /// The public half.
    #[must_use]
    pub fn verifier(&self) -> &VerifierKey {
        &self.verifier
    }

    pub(crate) fn sign(&self, text: &str) -> [u8; 64] {
        self.key.sign(text.as_bytes()).to_bytes()
    }

    /// The text form, for the file of the key.
    #[must_use]
    pub fn to_secret_text(&self) -> String {
        let Self { key, verifier } = self;
        let bytes = [&[ED25519], key.as_bytes().as_slice()].concat();
        format!("{PRIVATE}{}+{}+{}", verifier.name, hex::encode(verifier.id), STANDARD.encode(bytes))
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey(*** of {})", self.verifier)
    }
}

impl FromStr for SigningKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        let text =
            text.strip_prefix(PRIVATE).ok_or(KeyError::Malformed("it does not begin with PRIVATE+KEY+"))?;
        let (name, id, seed) = read_key(text, ED25519)?;
        let key = Self::from_seed(name, &seed)?;
        if key.verifier.id == id { Ok(key) } else { Err(KeyError::Hash) }
    }
}

/// The part of the hash of a key that is in each of its signatures. `kind`: the first byte of a key, which says what it signs.
pub(crate) fn key_id(name: &str, kind: u8, key: &[u8; KEY_BYTES]) -> Result<KeyId, KeyError> {
    let is_name = !name.is_empty()
        && name.chars().count() <= KEY_NAME_CHARS_MAX
        && !name.chars().any(|c| c.is_whitespace() || c.is_control() || c == '+');
    if !is_name {
        return Err(KeyError::Name);
    }
    let hash = Sha256::new().chain_update(name).chain_update(b"\n").chain_update([kind]);
    let hash = hash.chain_update(key).finalize();
    Ok([hash[0], hash[1], hash[2], hash[3]])
}

/// The public key with these bytes.
pub(crate) fn point(bytes: &[u8; KEY_BYTES]) -> Result<ed25519_dalek::VerifyingKey, KeyError> {
    ed25519_dalek::VerifyingKey::from_bytes(bytes).map_err(|_| KeyError::Malformed("no point of the curve"))
}

pub(crate) fn write_key(
    f: &mut fmt::Formatter<'_>,
    name: &str,
    id: KeyId,
    kind: u8,
    key: &[u8; KEY_BYTES],
) -> fmt::Result {
    write!(f, "{name}+{}+{}", hex::encode(id), STANDARD.encode([&[kind], key.as_slice()].concat()))
}

/// The parts `name+hash+key` of a key of this kind. Base64 contains plus signs too.
pub(crate) fn read_key(text: &str, kind: u8) -> Result<(&str, KeyId, [u8; KEY_BYTES]), KeyError> {
    let mut parts = text.splitn(3, '+');
    let (Some(name), Some(id), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
        return Err(KeyError::Malformed("it does not have three parts with plus signs between them"));
    };
    let mut hash = KeyId::default();
    hex::decode_to_slice(id, &mut hash)
        .map_err(|_| KeyError::Malformed("its hash is not 8 hexadecimal digits"))?;
    let key = STANDARD.decode(key).map_err(|_| KeyError::Malformed("its last part is not base64"))?;
    let (first, bytes) = key.split_first().ok_or(KeyError::Malformed("its last part is empty"))?;
    if *first != kind {
        return Err(KeyError::Malformed(
            "it is of another kind: the last part of a key begins with A for a log, and with B for a witness",
        ));
    }
    let bytes = bytes.try_into().map_err(|_| KeyError::Malformed("it does not have 32 bytes"))?;
    Ok((name, hash, bytes))
}
