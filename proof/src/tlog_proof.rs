//! The proof that something is a leaf of a log, which can be verified without asking anyone. C2SP tlog-proof.

use std::fmt;
use std::str::FromStr;

use crate::checkpoint::{Checkpoint, CheckpointError, SignedCheckpoint, read_number};
use crate::hash::{Hash, leaf_hash};
use crate::keys::VerifierKey;
use crate::tree::{PATH_HASHES_MAX, root_from_inclusion};

const FIRST_LINE: &str = "c2sp.org/tlog-proof@v1";

/// A proof: where a leaf is, the path to the root, and the checkpoint that contains the root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlogProof {
    /// The number of the leaf, from zero.
    pub index: u64,
    /// The path from the leaf to the root, the lowest sibling first.
    pub path: Vec<Hash>,
    /// The tree in which it is.
    pub checkpoint: SignedCheckpoint,
}

/// A text is not a proof, or it does not prove that the leaf is in the log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TlogProofError {
    /// The lines of the text.
    #[error("this is not a proof: {0}")]
    Malformed(&'static str),
    /// The checkpoint in it.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The path leads to another root.
    #[error("the log does not contain this as leaf {index}: it, the proof or the checkpoint was changed")]
    NotIncluded {
        /// The number of the leaf.
        index: u64,
    },
}

impl TlogProof {
    /// Checks that `content` is the leaf, under a checkpoint that is signed with `key`. Returns the checkpoint.
    ///
    /// # Errors
    /// [`TlogProofError`].
    pub fn verify(&self, content: &[u8], key: &VerifierKey) -> Result<&Checkpoint, TlogProofError> {
        let checkpoint = self.checkpoint.verify(key)?;
        let root = root_from_inclusion(leaf_hash(content), self.index, checkpoint.size, &self.path);
        if root != Some(checkpoint.root) {
            return Err(TlogProofError::NotIncluded { index: self.index });
        }
        Ok(checkpoint)
    }
}

impl fmt::Display for TlogProof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{FIRST_LINE}\nindex {}", self.index)?;
        for hash in &self.path {
            writeln!(f, "{hash}")?;
        }
        write!(f, "\n{}", self.checkpoint)
    }
}

impl FromStr for TlogProof {
    type Err = TlogProofError;

    /// Proofs of Meja have no line with extra data: it would not be proved.
    fn from_str(text: &str) -> Result<Self, TlogProofError> {
        let malformed = TlogProofError::Malformed;
        let (head, checkpoint) =
            text.split_once("\n\n").ok_or(malformed("there is no empty line before the checkpoint"))?;
        let mut lines = head.split('\n');
        if lines.next() != Some(FIRST_LINE) {
            return Err(malformed("it does not begin with c2sp.org/tlog-proof@v1"));
        }
        let index = lines.next().and_then(|line| line.strip_prefix("index ")).and_then(read_number);
        let index = index.ok_or(malformed("its second line is not index and a number"))?;
        let path: Vec<Hash> = lines
            .take(PATH_HASHES_MAX + 1)
            .map(|line| line.parse().map_err(|_| malformed("a line of its path is not a hash")))
            .collect::<Result<_, _>>()?;
        if path.len() > PATH_HASHES_MAX {
            return Err(malformed("its path is too long"));
        }
        Ok(Self { index, path, checkpoint: checkpoint.parse()? })
    }
}
