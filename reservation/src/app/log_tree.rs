//! The Merkle tree over the events of the log, and the checkpoints that are signed over it.
//!
//! The tree is behind the log, outside of the way of a commit. A checkpoint is signed only after it was compared with the one
//! that was signed before: two checkpoints of this log never contradict each other.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::sync::Arc;

use events::store::groups::{CHAIN_START, chain};
use events::store::{EventStore, ReadError};
use events::{Position, Query};
use parking_lot::{Mutex, RwLock};
use proof::{
    Checkpoint, CheckpointError, Hash, SignedCheckpoint, SigningKey, Tile, TlogProof, Tree, VerifierKey,
    consistency, inclusion, leaf_hash, root,
};
use tokio::sync::Mutex as TaskMutex;

/// Number of events read at a time.
const PAGE_EVENTS: usize = 1_000;
/// After how many events the building of a tree says how far it is.
const PROGRESS_EVENTS: u64 = 500_000;

/// Why there is no checkpoint.
#[derive(Debug, thiserror::Error)]
pub enum NoCheckpoint {
    /// The application has no key, as for commands on the log of a stopped service.
    #[error("this log is not signed")]
    NotSigned,
    /// The log does not contain what was signed before.
    #[error(
        "the log does not begin with the {size} events of the checkpoint that was signed last: it was replaced, or rewritten"
    )]
    Rewritten {
        /// The size of the tree that was signed.
        size: u64,
    },
    /// The log could not be read.
    #[error("could not read the log")]
    Read(#[from] ReadError),
    /// The tree or the checkpoint could not be read or written.
    #[error("could not read or write the tree of the log")]
    Storage(#[from] io::Error),
    /// The checkpoint could not be written as text.
    #[error("could not sign a checkpoint")]
    Sign(#[from] CheckpointError),
}

/// The keys that sign checkpoints, and the file that keeps the last one.
pub struct Signer {
    /// All of them sign, and are of one origin. There is at least one.
    keys: Vec<SigningKey>,
    file: Option<PathBuf>,
    latest: Option<SignedCheckpoint>,
}

impl Signer {
    /// Signs with `keys`, and keeps the last checkpoint in `file`.
    ///
    /// # Errors
    /// The file cannot be read, or contains no checkpoint.
    pub fn new(keys: Vec<SigningKey>, file: Option<PathBuf>) -> Result<Self, NoCheckpoint> {
        let text = match file.as_ref().map(fs::read_to_string) {
            Some(Err(error)) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
            found => found.and_then(Result::ok),
        };
        let latest = text.map(|text| text.parse::<SignedCheckpoint>()).transpose()?;
        let origin = keys.first().map(|key| key.verifier().name());
        // A new origin is a new log to all who verify: nothing was promised about it yet.
        let latest = latest.filter(|latest| Some(latest.unverified().origin.as_str()) == origin);
        Ok(Self { keys, file, latest })
    }

    /// Writes the checkpoint before anyone gets it, so that it is never contradicted after a crash.
    fn keep(&mut self, checkpoint: SignedCheckpoint) -> io::Result<SignedCheckpoint> {
        if let Some(path) = &self.file {
            let new = path.with_extension("new");
            let mut file = OpenOptions::new().write(true).create(true).truncate(true).open(&new)?;
            file.write_all(checkpoint.to_string().as_bytes())?;
            file.sync_all()?;
            fs::rename(&new, path)?;
            path.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())?;
        }
        Ok(self.latest.insert(checkpoint).clone())
    }
}

/// The tree of the log, shared by those who read it and the one task that makes it grow.
pub struct LogTree {
    tree: RwLock<Tree>,
    signer: Mutex<Option<Signer>>,
    verifiers: Vec<VerifierKey>,
    /// Held by the one that makes the tree grow.
    growing: TaskMutex<()>,
}

impl LogTree {
    /// The tree as far as it was stored. Without a signer there are no checkpoints.
    #[must_use]
    pub fn new(tree: Tree, signer: Option<Signer>) -> Self {
        let keys = signer.as_ref().map(|signer| signer.keys.as_slice()).unwrap_or_default();
        let verifiers = keys.iter().map(|key| key.verifier().clone()).collect();
        Self { tree: RwLock::new(tree), signer: Mutex::new(signer), verifiers, growing: TaskMutex::default() }
    }

    /// A tree in memory, before the first event.
    #[must_use]
    pub fn in_memory(signer: Option<Signer>) -> Self {
        Self::new(Tree::in_memory(CHAIN_START), signer)
    }

    /// The public keys of the checkpoints, the current one first.
    #[must_use]
    pub fn verifiers(&self) -> &[VerifierKey] {
        &self.verifiers
    }

    /// Number of events in the tree.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.tree.read().size()
    }

    /// The last checkpoint that was signed.
    ///
    /// # Errors
    /// [`NoCheckpoint::NotSigned`]: also if none was signed since the start.
    pub fn latest(&self) -> Result<SignedCheckpoint, NoCheckpoint> {
        let signer = self.signer.lock();
        signer.as_ref().and_then(|signer| signer.latest.clone()).ok_or(NoCheckpoint::NotSigned)
    }

    /// Adds the events that are durable now.
    ///
    /// # Errors
    /// [`NoCheckpoint::Read`] or [`NoCheckpoint::Storage`]; the tree contains everything before the failure.
    pub async fn follow(&self, store: &dyn EventStore) -> Result<(), NoCheckpoint> {
        let _growing = self.growing.lock().await;
        loop {
            let (after, head) = (Position(self.size()), store.known_head());
            metrics::gauge!("meja_log_tree_events").set(after.0 as f64);
            if after >= head {
                return Ok(());
            }
            if after.0 > 0
                && after.0 % PROGRESS_EVENTS < PAGE_EVENTS as u64
                && head.0 - after.0 > PROGRESS_EVENTS
            {
                tracing::info!(position = %after, until = %head, "building the tree of the log");
            }
            let page = store.read(&Query::all(), after, PAGE_EVENTS).await?;
            // Hashed before the lock is taken, which readers wait for.
            let mut behind = self.tree.read().chain();
            let hashed: Vec<_> = page
                .iter()
                .map(|event| {
                    behind = chain(&behind, event.json);
                    (leaf_hash(event.json), behind)
                })
                .collect();
            let mut tree = self.tree.write();
            for (leaf, behind) in hashed {
                tree.push(leaf, behind)?;
            }
        }
    }

    /// Signs the tree as it is now, unless the last checkpoint is over the same tree. Blocks while the file is written.
    ///
    /// # Errors
    /// [`NoCheckpoint`].
    pub fn sign(&self) -> Result<SignedCheckpoint, NoCheckpoint> {
        let mut signer = self.signer.lock();
        let signer = signer.as_mut().ok_or(NoCheckpoint::NotSigned)?;
        let (size, root) = {
            let tree = self.tree.read();
            if let Some(earlier) = &signer.latest {
                let checkpoint = earlier.unverified();
                let size = checkpoint.size;
                if size > tree.size() || root(&*tree, size)? != checkpoint.root {
                    return Err(NoCheckpoint::Rewritten { size });
                }
                if size == tree.size() {
                    return Ok(earlier.clone());
                }
            }
            (tree.size(), root(&*tree, tree.size())?)
        };
        let origin = signer.keys.first().ok_or(NoCheckpoint::NotSigned)?.verifier().name().to_owned();
        let signed = Checkpoint { origin, size, root }.sign(&signer.keys)?;
        Ok(signer.keep(signed)?)
    }

    /// A checkpoint over everything that is durable now.
    ///
    /// # Errors
    /// [`NoCheckpoint`].
    pub async fn checkpoint_now(
        self: &Arc<Self>,
        store: &dyn EventStore,
    ) -> Result<SignedCheckpoint, NoCheckpoint> {
        self.follow(store).await?;
        let tree = Arc::clone(self);
        let signed = tokio::task::spawn_blocking(move || tree.sign()).await;
        signed.unwrap_or_else(|error| Err(io::Error::other(error).into()))
    }

    /// The proof that the event at `position` is under `checkpoint`.
    ///
    /// # Errors
    /// The tree cannot be read, or has no such event under the checkpoint.
    pub fn prove(&self, position: Position, checkpoint: &SignedCheckpoint) -> io::Result<TlogProof> {
        let index = position.0.saturating_sub(1);
        let path = inclusion(&*self.tree.read(), index, checkpoint.unverified().size)?;
        Ok(TlogProof { index, path, checkpoint: checkpoint.clone() })
    }

    /// The proof that the tree of the first `old` events is the beginning of that of the first `new`.
    ///
    /// # Errors
    /// The tree cannot be read, or `old` is larger than `new`.
    pub fn prove_behind(&self, old: u64, new: u64) -> io::Result<Vec<Hash>> {
        consistency(&*self.tree.read(), old, new)
    }

    /// The hashes of a tile; `None` if the tree does not have all of them yet.
    ///
    /// # Errors
    /// The tree cannot be read.
    pub fn tile(&self, tile: Tile) -> io::Result<Option<Vec<u8>>> {
        self.tree.read().tile(tile)
    }
}
