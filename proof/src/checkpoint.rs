//! Checkpoints: what a log signs about itself. C2SP tlog-checkpoint.

use std::fmt;
use std::str::FromStr;

use crate::hash::Hash;
use crate::keys::{SigningKey, VerifierKey};
use crate::note::{Note, NoteError};

/// The size and the root of the tree of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// Which log it is: the name of its key.
    pub origin: String,
    /// Number of leaves.
    pub size: u64,
    /// The root over all leaves.
    pub root: Hash,
}

/// A text is not a checkpoint, or is not signed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointError {
    /// The note around it.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// The lines of the text.
    #[error("this is not a checkpoint: {0}")]
    Malformed(&'static str),
    /// It is of another log.
    #[error("the checkpoint is of the log {found:?}, not of {expected}: use the key of this log")]
    OtherLog {
        /// The origin in the checkpoint.
        found: String,
        /// The name of the key.
        expected: String,
    },
}

impl Checkpoint {
    /// Signs it.
    ///
    /// # Errors
    /// [`CheckpointError::Note`] if the origin has a line break or a control character.
    pub fn sign(self, keys: &[SigningKey]) -> Result<SignedCheckpoint, CheckpointError> {
        let note = Note::sign(&self.to_string(), keys)?;
        // An origin with a line break would be a different checkpoint.
        if self != note.text().parse()? {
            return Err(CheckpointError::Malformed("the origin is not one line"));
        }
        Ok(SignedCheckpoint { checkpoint: self, note })
    }
}

impl fmt::Display for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}\n{}\n{}", self.origin, self.size, self.root)
    }
}

impl FromStr for Checkpoint {
    type Err = CheckpointError;

    /// Checkpoints of Meja have no further lines, and such lines could not be verified.
    fn from_str(text: &str) -> Result<Self, CheckpointError> {
        let malformed = CheckpointError::Malformed;
        let lines = text.strip_suffix('\n').ok_or(malformed("the last line does not end"))?;
        let lines: Vec<_> = lines.split('\n').collect();
        let [origin, size, root] = lines[..] else {
            return Err(malformed("it does not have three lines: log, size and root"));
        };
        if origin.is_empty() {
            return Err(malformed("it does not name its log"));
        }
        let size = read_number(size).ok_or(malformed("its size is not a number"))?;
        let root = root.parse().map_err(|_| malformed("its root is not a hash"))?;
        Ok(Self { origin: origin.to_owned(), size, root })
    }
}

/// A decimal number without leading zeros.
pub(crate) fn read_number(text: &str) -> Option<u64> {
    let number: u64 = text.parse().ok()?;
    (number.to_string() == text).then_some(number)
}

/// A checkpoint with its signatures. Its text form is the whole note.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedCheckpoint {
    checkpoint: Checkpoint,
    note: Note,
}

impl SignedCheckpoint {
    /// What is signed, verified or not.
    #[must_use]
    pub fn unverified(&self) -> &Checkpoint {
        &self.checkpoint
    }

    pub(crate) fn note(&self) -> &Note {
        &self.note
    }

    /// The same checkpoint with other signatures.
    pub(crate) fn with_note(&self, note: Note) -> Self {
        Self { checkpoint: self.checkpoint.clone(), note }
    }

    /// Checks that it is a checkpoint of the log of `key`, signed with it.
    ///
    /// # Errors
    /// [`CheckpointError`].
    pub fn verify(&self, key: &VerifierKey) -> Result<&Checkpoint, CheckpointError> {
        self.note.verify(key)?;
        if self.checkpoint.origin != key.name() {
            let (found, expected) = (self.checkpoint.origin.clone(), key.name().to_owned());
            return Err(CheckpointError::OtherLog { found, expected });
        }
        Ok(&self.checkpoint)
    }
}

impl fmt::Display for SignedCheckpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.note.fmt(f)
    }
}

impl FromStr for SignedCheckpoint {
    type Err = CheckpointError;

    fn from_str(text: &str) -> Result<Self, CheckpointError> {
        let note: Note = text.parse()?;
        Ok(Self { checkpoint: note.text().parse()?, note })
    }
}
