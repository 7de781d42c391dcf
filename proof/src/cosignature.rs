//! Cosignatures: a witness says that a log never contradicted what it said to that witness before. C2SP tlog-cosignature, with Ed25519.

use std::fmt;
use std::str::FromStr;

use crate::checkpoint::{CheckpointError, SignedCheckpoint};
use crate::keys::{KEY_BYTES, KeyError, KeyId, key_id, point, read_key, write_key};
use crate::note::{NOTE_BYTES_MAX, Note, NoteError};

/// The first byte of an Ed25519 key, which says that it signs a checkpoint together with a time.
const COSIGNATURE: u8 = 4;

/// The public key of a witness.
#[derive(Clone, PartialEq, Eq)]
pub struct WitnessKey {
    name: String,
    id: KeyId,
    key: ed25519_dalek::VerifyingKey,
}

impl WitnessKey {
    /// The name of the witness.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// When the witness has cosigned the note, in seconds since 1970; the latest time if it has several cosignatures.
    fn cosigned_at(&self, note: &Note) -> Result<u64, NoteError> {
        let mut latest = None;
        for signature in note.signatures_of(&self.name, self.id) {
            let time = self.time_in(signature, note.text());
            latest = latest.max(Some(time.ok_or(NoteError::WrongSignature { key: self.to_string() })?));
        }
        latest.ok_or(NoteError::NotSigned { key: self.to_string() })
    }

    fn time_in(&self, signature: &[u8], text: &str) -> Option<u64> {
        let (time, signature) = signature.split_first_chunk::<8>()?;
        let time = u64::from_be_bytes(*time);
        let signature = ed25519_dalek::Signature::from_slice(signature).ok()?;
        let message = format!("cosignature/v1\ntime {time}\n{text}");
        self.key.verify_strict(message.as_bytes(), &signature).ok().map(|()| time)
    }
}

impl fmt::Display for WitnessKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_key(f, &self.name, self.id, COSIGNATURE, self.key.as_bytes())
    }
}

impl fmt::Debug for WitnessKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WitnessKey({self})")
    }
}

impl FromStr for WitnessKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        let (name, id, bytes): (_, _, [u8; KEY_BYTES]) = read_key(text, COSIGNATURE)?;
        if key_id(name, COSIGNATURE, &bytes)? != id {
            return Err(KeyError::Hash);
        }
        Ok(Self { name: name.to_owned(), id, key: point(&bytes)? })
    }
}

impl SignedCheckpoint {
    /// When a witness has cosigned it, in seconds since 1970.
    ///
    /// # Errors
    /// [`CheckpointError::Note`] if it has not, or the cosignature is that of another text.
    pub fn cosigned_at(&self, witness: &WitnessKey) -> Result<u64, CheckpointError> {
        Ok(witness.cosigned_at(self.note())?)
    }

    /// The checkpoint with the cosignature of a witness. `lines`: the answer of the witness, of which the latest cosignature is taken. Lines
    /// of other keys are ignored.
    ///
    /// # Errors
    /// [`CheckpointError::Note`] if no line is a cosignature of the witness on this checkpoint, or the note would be too long.
    pub fn with_cosignature(&self, lines: &str, witness: &WitnessKey) -> Result<Self, CheckpointError> {
        let mut latest: Option<(u64, Note)> = None;
        for line in lines.lines() {
            let note = self.note().with_signatures_of(&witness.name, witness.id, line)?;
            match witness.cosigned_at(&note) {
                Ok(at) if latest.as_ref().is_none_or(|(before, _)| at > *before) => latest = Some((at, note)),
                _ => {}
            }
        }
        let (_, note) = latest.ok_or(NoteError::NotSigned { key: witness.to_string() })?;
        if note.to_string().len() > NOTE_BYTES_MAX {
            return Err(NoteError::Malformed("it would be too long with this cosignature").into());
        }
        Ok(self.with_note(note))
    }
}
