//! The Merkle tree over the events of the log, and the checkpoints that are signed over it.
//!
//! The tree is behind the log, outside of the way of a commit. A checkpoint is signed only after it was compared with the one
//! that was signed before.

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
    /// Nothing was signed since the start.
    #[error("no checkpoint was signed since the service was started")]
    NotYet,
    /// The log does not contain what was signed before.
    #[error(
        "the log does not begin with the {size} events of the checkpoint that was signed last: it was replaced, or rewritten"
    )]
    Rewritten {
        /// The size of the tree that was signed.
        size: u64,
    },
    /// What was signed before is not known.
    #[error("what this key has signed before is not known: {0}")]
    Unknown(String),
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
    /// All of them sign, and are of one origin. There is at least one.
    keys: Vec<SigningKey>,
    file: Option<PathBuf>,
    earlier: Earlier,
}

impl Signer {
    /// Signs with `keys`, and keeps the last checkpoint in `file`. `is_first`: the keys have signed nothing yet. Otherwise the file
    /// has to be there.
    #[must_use]
    pub fn new(keys: Vec<SigningKey>, file: Option<PathBuf>, is_first: bool) -> Self {
        let earlier = match file.as_ref().map(fs::read_to_string) {
            None => Earlier::None,
            Some(Ok(text)) => match verified(&text, &keys) {
                Ok(signed) => Earlier::Signed(signed),
                Err(error) => Earlier::Unknown(error.to_string()),
            },
            Some(Err(error)) if error.kind() == io::ErrorKind::NotFound && is_first => Earlier::None,
            Some(Err(error)) => Earlier::Unknown(error.to_string()),
        };
        Self { keys, file, earlier }
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

/// The checkpoint in a file, which one of the keys has signed.
fn verified(text: &str, keys: &[SigningKey]) -> Result<SignedCheckpoint, CheckpointError> {
    let signed: SignedCheckpoint = text.parse()?;
    let mut verdicts = keys.iter().map(|key| signed.verify(key.verifier()).map(|_| ()));
    let first = verdicts.next().unwrap_or(Ok(()));
    if first.is_ok() || verdicts.any(|verdict| verdict.is_ok()) { Ok(signed) } else { first.map(|()| signed) }
}

/// The tree of the log, shared by those who read it and the one task that makes it grow.
pub struct LogTree {
    tree: RwLock<Tree>,
    /// Held while files are written: only in blocking code.
    signer: Mutex<Option<Signer>>,
    /// The last checkpoint that was compared with this log.
    published: RwLock<Option<SignedCheckpoint>>,
    verifiers: Vec<VerifierKey>,
    /// Held by the one that makes the tree grow.
    growing: TaskMutex<()>,
    /// Held by the one that signs, so that others use what it has signed.
    signing: TaskMutex<()>,
}

impl LogTree {
    /// The tree as far as it was stored. Without a signer there are no checkpoints.
    #[must_use]
    pub fn new(tree: Tree, signer: Option<Signer>) -> Self {
        let keys = signer.as_ref().map(|signer| signer.keys.as_slice()).unwrap_or_default();
        let verifiers = keys.iter().map(|key| key.verifier().clone()).collect();
        Self {
            tree: RwLock::new(tree),
            signer: Mutex::new(signer),
            published: RwLock::default(),
            verifiers,
            growing: TaskMutex::default(),
            signing: TaskMutex::default(),
        }
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

    /// The last checkpoint that was signed, or compared with the log, since the start.
    ///
    /// # Errors
    /// [`NoCheckpoint::NotYet`].
    pub fn latest(&self) -> Result<SignedCheckpoint, NoCheckpoint> {
        self.published.read().clone().ok_or(NoCheckpoint::NotYet)
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
    /// [`NoCheckpoint`]; then there is no checkpoint until one can be signed.
    pub fn sign(&self) -> Result<SignedCheckpoint, NoCheckpoint> {
        let signed = self
            .signer
            .lock()
            .as_mut()
            .ok_or(NoCheckpoint::NotSigned)
            .and_then(|signer| self.sign_with(signer));
        let size = signed.as_ref().map_or(0, |signed| signed.unverified().size);
        metrics::gauge!("meja_log_checkpoint_events").set(size as f64);
        *self.published.write() = signed.as_ref().ok().cloned();
        signed
    }

    fn sign_with(&self, signer: &mut Signer) -> Result<SignedCheckpoint, NoCheckpoint> {
        let (size, root) = {
            let tree = self.tree.read();
            match &signer.earlier {
                Earlier::None => {}
                Earlier::Unknown(why) => return Err(NoCheckpoint::Unknown(why.clone())),
                Earlier::Signed(earlier) => {
                    let checkpoint = earlier.unverified();
                    let size = checkpoint.size;
                    if size > tree.size() || root(&*tree, size)? != checkpoint.root {
                        return Err(NoCheckpoint::Rewritten { size });
                    }
                    if size == tree.size() {
                        return Ok(earlier.clone());
                    }
                }
            }
            (tree.size(), root(&*tree, tree.size())?)
        };
        let origin = signer.keys.first().ok_or(NoCheckpoint::NotSigned)?.verifier().name().to_owned();
        let signed = Checkpoint { origin, size, root }.sign(&signer.keys)?;
        signer.keep(&signed)?;
        Ok(signed)
    }

    /// A checkpoint over everything that is durable now.
    ///
    /// # Errors
    /// [`NoCheckpoint`].
    pub async fn checkpoint_now(
        self: &Arc<Self>,
        store: &dyn EventStore,
    ) -> Result<SignedCheckpoint, NoCheckpoint> {
        self.checkpoint_over(store.known_head().0, store).await
    }

    /// A checkpoint over at least the first `size` events, which must be durable. Those who ask at the same time get the same one.
    ///
    /// # Errors
    /// [`NoCheckpoint`].
    pub async fn checkpoint_over(
        self: &Arc<Self>,
        size: u64,
        store: &dyn EventStore,
    ) -> Result<SignedCheckpoint, NoCheckpoint> {
        let covers = |signed: &SignedCheckpoint| signed.unverified().size >= size;
        if let Some(signed) = self.latest().ok().filter(covers) {
            return Ok(signed);
        }
        let _signing = self.signing.lock().await;
        if let Some(signed) = self.latest().ok().filter(covers) {
            return Ok(signed);
        }
        self.follow(store).await?;
        self.blocking(Self::sign).await?
    }

    /// Reads or writes files outside of the tasks that answer requests.
    ///
    /// # Errors
    /// [`NoCheckpoint::Storage`] if `work` panics.
    pub async fn blocking<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Self) -> T + Send + 'static,
    ) -> Result<T, NoCheckpoint> {
        let tree = Arc::clone(self);
        let done = tokio::task::spawn_blocking(move || work(&tree)).await;
        done.map_err(|error| io::Error::other(error).into())
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

    /// The hashes of a tile under the last checkpoint; `None` if the checkpoint does not have all of them.
    ///
    /// # Errors
    /// [`NoCheckpoint`].
    pub fn tile(&self, tile: Tile) -> Result<Option<Vec<u8>>, NoCheckpoint> {
        let size = self.latest()?.unverified().size;
        if tile.is_in(size) { Ok(self.tree.read().tile(tile)?) } else { Ok(None) }
    }
}
