//! The request with which a log asks a witness for its cosignature. C2SP tlog-witness.

use std::fmt;

use crate::checkpoint::SignedCheckpoint;
use crate::hash::Hash;

/// The body of `add-checkpoint`.
#[derive(Debug, Clone)]
pub struct AddCheckpoint {
    /// The size of the tree that the witness has cosigned last; 0 if it has cosigned none.
    pub old_size: u64,
    /// The proof that the tree of that size is the beginning of the one in the checkpoint. Empty for 0, and for the same tree.
    pub path: Vec<Hash>,
    /// What the witness should cosign.
    pub checkpoint: SignedCheckpoint,
}

impl fmt::Display for AddCheckpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "old {}", self.old_size)?;
        for hash in &self.path {
            writeln!(f, "{hash}")?;
        }
        write!(f, "\n{}", self.checkpoint)
    }
}
