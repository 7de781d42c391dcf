//! Signed notes: a text, and lines with the signatures of the keys that vouch for it. C2SP signed-note.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::keys::{KeyId, SigningKey, VerifierKey};

/// Maximum size of a note, in bytes.
pub const NOTE_BYTES_MAX: usize = 16 * 1024;

/// Maximum number of signatures of a note.
pub const SIGNATURES_MAX: usize = 100;

const SIGNATURE: &str = "\u{2014} ";

/// A text is not a note, or its signatures do not prove it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    /// The form of a note.
    #[error("this is not a signed note: {0}")]
    Malformed(&'static str),
    /// No signature is of a known key.
    #[error("the note is not signed with the key {key}: use the key of this log")]
    NotSigned {
        /// The key that was expected.
        key: String,
    },
    /// A signature claims to be of a known key, and is not.
    #[error("the signature of {key} is not that of this text: the text or the signature was changed")]
    WrongSignature {
        /// The key.
        key: String,
    },
}

/// A note with its signatures, which are not verified yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    text: String,
    signatures: Vec<Signature>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Signature {
    name: String,
    id: KeyId,
    bytes: Vec<u8>,
}

impl Note {
    /// Signs `text`, which consists of complete lines.
    ///
    /// # Errors
    /// [`NoteError::Malformed`] if the text cannot be that of a note.
    pub fn sign(text: &str, keys: &[SigningKey]) -> Result<Self, NoteError> {
        check_text(text)?;
        let signature = |key: &SigningKey| Signature {
            name: key.verifier().name().to_owned(),
            id: key.verifier().id(),
            bytes: key.sign(text).to_vec(),
        };
        Ok(Self { text: text.to_owned(), signatures: keys.iter().map(signature).collect() })
    }

    /// The text, with its last line break. It is proved only after [`Self::verify`].
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The signatures that claim to be of the key with this name and hash.
    pub(crate) fn signatures_of(&self, name: &str, id: KeyId) -> impl Iterator<Item = &[u8]> {
        let own = self.signatures.iter().filter(move |one| one.name == name && one.id == id);
        own.map(|one| one.bytes.as_slice())
    }

    /// The note with the signatures of one key replaced by `lines`, as far as they claim to be of it.
    pub(crate) fn with_signatures_of(&self, name: &str, id: KeyId, lines: &str) -> Result<Self, NoteError> {
        let is_own = |one: &Signature| one.name == name && one.id == id;
        let own =
            lines.lines().map(read_signature).collect::<Result<Vec<_>, _>>()?.into_iter().filter(is_own);
        let others = self.signatures.iter().filter(|one| !is_own(one)).cloned();
        let signatures: Vec<_> = others.chain(own).collect();
        if signatures.len() > SIGNATURES_MAX {
            return Err(NoteError::Malformed("it has too many signatures"));
        }
        Ok(Self { text: self.text.clone(), signatures })
    }

    /// Checks that `key` has signed the text. Signatures of other keys do not count.
    ///
    /// # Errors
    /// [`NoteError::NotSigned`] or [`NoteError::WrongSignature`].
    pub fn verify(&self, key: &VerifierKey) -> Result<(), NoteError> {
        let mut own = self.signatures_of(key.name(), key.id()).peekable();
        if own.peek().is_none() {
            return Err(NoteError::NotSigned { key: key.to_string() });
        }
        let is_signed = own.all(|signature| key.has_signed(&self.text, signature));
        if is_signed { Ok(()) } else { Err(NoteError::WrongSignature { key: key.to_string() }) }
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.text)?;
        for Signature { name, id, bytes } in &self.signatures {
            writeln!(f, "{SIGNATURE}{name} {}", STANDARD.encode([id.as_slice(), bytes].concat()))?;
        }
        Ok(())
    }
}

impl FromStr for Note {
    type Err = NoteError;

    fn from_str(note: &str) -> Result<Self, NoteError> {
        if note.len() > NOTE_BYTES_MAX {
            return Err(NoteError::Malformed("it is too long"));
        }
        let at =
            note.rfind("\n\n").ok_or(NoteError::Malformed("there is no empty line before the signatures"))?;
        let (text, lines) = (&note[..=at], &note[at + 2..]);
        check_text(text)?;
        let lines = lines.strip_suffix('\n').ok_or(NoteError::Malformed("the last line does not end"))?;
        let signatures: Vec<_> =
            lines.split('\n').take(SIGNATURES_MAX + 1).map(read_signature).collect::<Result<_, _>>()?;
        if signatures.len() > SIGNATURES_MAX {
            return Err(NoteError::Malformed("it has too many signatures"));
        }
        Ok(Self { text: text.to_owned(), signatures })
    }
}

fn check_text(text: &str) -> Result<(), NoteError> {
    if text.is_empty() || !text.ends_with('\n') {
        return Err(NoteError::Malformed("the text does not consist of lines"));
    }
    if text.chars().any(|c| c != '\n' && c.is_ascii_control()) {
        return Err(NoteError::Malformed("the text contains control characters"));
    }
    Ok(())
}

fn read_signature(line: &str) -> Result<Signature, NoteError> {
    let malformed = NoteError::Malformed("a line after the empty one is not a signature");
    let (name, bytes) =
        line.strip_prefix(SIGNATURE).and_then(|rest| rest.split_once(' ')).ok_or(malformed.clone())?;
    if name.is_empty() || name.chars().any(|c| c.is_whitespace() || c == '+') {
        return Err(malformed);
    }
    let bytes = STANDARD.decode(bytes).map_err(|_| malformed.clone())?;
    let (id, bytes) = bytes.split_first_chunk::<4>().filter(|(_, rest)| !rest.is_empty()).ok_or(malformed)?;
    Ok(Signature { name: name.to_owned(), id: *id, bytes: bytes.to_vec() })
}
