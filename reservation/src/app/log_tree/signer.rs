//! The keys of the log, and the checkpoint that was signed last: it is never contradicted.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::PathBuf;

use parking_lot::RwLock;
use proof::{Checkpoint, CheckpointError, Hash, SignedCheckpoint, SigningKey, Tree, VerifierKey, root};

use super::NoCheckpoint;

/// The keys of a log. All are of one origin.
#[derive(Debug)]
pub struct LogKeys {
    /// Each of them signs every checkpoint. The first one is the current one, which is in receipts.
    pub signing: Vec<SigningKey>,
    /// Public keys that sign no more. Earlier receipts are verified with them.
    pub retired: Vec<VerifierKey>,
}

impl LogKeys {
    /// The public keys: the current one first, and those that sign no more last.
    #[must_use]
    pub fn verifiers(&self) -> Vec<VerifierKey> {
        self.signing.iter().map(SigningKey::verifier).chain(&self.retired).cloned().collect()
    }

    /// The checkpoint in a text, which one of the keys has signed.
    fn verified(&self, text: &str) -> Result<SignedCheckpoint, CheckpointError> {
        let signed: SignedCheckpoint = text.parse()?;
        let mut fault = None;
        for key in self.verifiers() {
            match signed.verify(&key).map(|_| ()) {
                Ok(()) => return Ok(signed),
                Err(error) => fault = fault.or(Some(error)),
            }
        }
        fault.map_or(Ok(signed), Err)
    }

    fn have_all_signed(&self, checkpoint: &SignedCheckpoint) -> bool {
        self.signing.iter().all(|key| checkpoint.verify(key.verifier()).is_ok())
    }
}

/// The checkpoint that was signed last.
enum Earlier {
    /// The key is new, or the log has no event yet: nothing was signed.
    None,
    /// The next one is compared with it.
    Signed(SignedCheckpoint),
    /// There must be one, and it cannot be used.
    Unknown(String),
}

/// The keys that sign checkpoints, and the file that keeps the last one.
pub struct Signer {
    keys: LogKeys,
    file: Option<PathBuf>,
    earlier: Earlier,
}

impl Signer {
    /// Signs with `keys`, and keeps the last checkpoint in `file`. `is_first`: the keys have signed nothing yet. Otherwise the file
    /// has to be there.
    #[must_use]
    pub fn new(keys: LogKeys, file: Option<PathBuf>, is_first: bool) -> Self {
        let unusable = |error: &dyn std::fmt::Display| {
            let file = file.as_ref().map(|file| file.display().to_string()).unwrap_or_default();
            Earlier::Unknown(format!("{file} cannot be used ({error})"))
        };
        let earlier = match file.as_ref().map(fs::read_to_string) {
            None => Earlier::None,
            Some(Ok(text)) => match keys.verified(&text) {
                Ok(signed) => Earlier::Signed(signed),
                Err(error) => unusable(&error),
            },
            Some(Err(error)) if error.kind() == io::ErrorKind::NotFound && is_first => Earlier::None,
            Some(Err(error)) => unusable(&error),
        };
        Self { keys, file, earlier }
    }

    /// The keys.
    #[must_use]
    pub fn keys(&self) -> &LogKeys {
        &self.keys
    }

    /// Signs `tree`, unless the last checkpoint is over the same tree and has the signatures of all keys. Locked only while it is
    /// compared, not while a file is written.
    pub(super) fn sign(&mut self, tree: &RwLock<Tree>) -> Result<SignedCheckpoint, NoCheckpoint> {
        let (size, root) = match (self.due(&tree.read())?, &self.earlier) {
            (None, Earlier::Signed(earlier)) => return Ok(earlier.clone()),
            (None, _) => return Err(NoCheckpoint::NotYet),
            (Some(due), _) => due,
        };
        let origin = self.keys.signing.first().ok_or(NoCheckpoint::NotSigned)?.verifier().name().to_owned();
        let signed = Checkpoint { origin, size, root }.sign(&self.keys.signing)?;
        self.keep(&signed)?;
        Ok(signed)
    }

    /// The size and the root that are to be signed; `None` if the last checkpoint has them.
    fn due(&self, tree: &Tree) -> Result<Option<(u64, Hash)>, NoCheckpoint> {
        match &self.earlier {
            Earlier::None => {}
            Earlier::Unknown(why) => return Err(NoCheckpoint::Unknown(why.clone())),
            Earlier::Signed(earlier) => {
                let checkpoint = earlier.unverified();
                let size = checkpoint.size;
                if size > tree.size() || root(tree, size)? != checkpoint.root {
                    return Err(NoCheckpoint::Rewritten { size });
                }
                if size == tree.size() && self.keys.have_all_signed(earlier) {
                    return Ok(None);
                }
            }
        }
        Ok(Some((tree.size(), root(tree, tree.size())?)))
    }

    /// Writes the checkpoint before anyone gets it, so that it is never contradicted after a crash.
    fn keep(&mut self, checkpoint: &SignedCheckpoint) -> io::Result<()> {
        if let Some(path) = &self.file {
            let new = path.with_extension("new");
            let mut file = OpenOptions::new().write(true).create(true).truncate(true).open(&new)?;
            file.write_all(checkpoint.to_string().as_bytes())?;
            file.sync_all()?;
            fs::rename(&new, path)?;
            path.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())?;
        }
        self.earlier = Earlier::Signed(checkpoint.clone());
        Ok(())
    }
}
