//! The Merkle tree over the events of the log, and the checkpoints that are signed over it.
//!
//! The tree is behind the log, outside of the way of a commit. A checkpoint is signed only after it was compared with the one
//! that was signed before.

mod signer;

use std::io;
use std::sync::Arc;

use events::store::groups::{CHAIN_START, chain};
use events::store::{EventStore, ReadError};
use events::{Position, Query};
use parking_lot::{Mutex, RwLock};
use proof::{
    AddCheckpoint, CheckpointError, Hash, SignedCheckpoint, Tile, TlogProof, Tree, VerifierKey, WitnessKey,
    consistency, inclusion, leaf_hash,
};
use tokio::sync::Mutex as TaskMutex;

pub use self::signer::{LogKeys, Signer};

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

/// The checkpoints that were compared with this log.
#[derive(Default)]
struct Published {
    latest: Option<SignedCheckpoint>,
    /// The last one that a witness has cosigned, which can be older.
    cosigned: Option<SignedCheckpoint>,
}

impl Published {
    /// The latest one, with the cosignatures of witnesses if they have answered.
    fn latest(&self) -> Option<&SignedCheckpoint> {
        let is_latest = |cosigned: &&SignedCheckpoint| {
            self.latest.as_ref().is_some_and(|it| it.unverified() == cosigned.unverified())
        };
        self.cosigned.as_ref().filter(is_latest).or(self.latest.as_ref())
    }
}

/// The tree of the log, shared by those who read it and the one task that makes it grow.
pub struct LogTree {
    tree: RwLock<Tree>,
    /// Held while files are written: only in blocking code.
    signer: Mutex<Option<Signer>>,
    published: RwLock<Published>,
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
        let verifiers = signer.as_ref().map(|signer| signer.keys().verifiers()).unwrap_or_default();
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

    /// The public keys of the checkpoints: the current one first, and those that sign no more last.
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
    /// [`NoCheckpoint::NotYet`], or [`NoCheckpoint::NotSigned`] if there are no keys.
    pub fn latest(&self) -> Result<SignedCheckpoint, NoCheckpoint> {
        let none = if self.verifiers.is_empty() { NoCheckpoint::NotSigned } else { NoCheckpoint::NotYet };
        self.published.read().latest().cloned().ok_or(none)
    }

    /// A checkpoint over at least `size` events: one that a witness has cosigned, if there is one.
    fn covering(&self, size: u64) -> Option<SignedCheckpoint> {
        let published = self.published.read();
        let all = [published.cosigned.as_ref(), published.latest.as_ref()];
        all.into_iter().flatten().find(|signed| signed.unverified().size >= size).cloned()
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
            .and_then(|signer| signer.sign(&self.tree));
        let size = signed.as_ref().map_or(0, |signed| signed.unverified().size);
        metrics::gauge!("meja_log_checkpoint_events").set(size as f64);
        let mut published = self.published.write();
        *published = match &signed {
            Ok(signed) => Published { latest: Some(signed.clone()), cosigned: published.cosigned.take() },
            Err(_) => Published::default(),
        };
        signed
    }

    /// Keeps the cosignature of a witness on `checkpoint`, as the lines that the witness has answered with.
    ///
    /// # Errors
    /// [`CheckpointError::Note`] if none of them is one.
    pub fn keep_cosignature(
        &self,
        checkpoint: &SignedCheckpoint,
        lines: &str,
        witness: &WitnessKey,
    ) -> Result<(), CheckpointError> {
        let mut published = self.published.write();
        let is_same = |other: &&SignedCheckpoint| other.unverified() == checkpoint.unverified();
        // Beside those of other witnesses.
        let before = published.cosigned.as_ref().filter(is_same).unwrap_or(checkpoint);
        let cosigned = before.with_cosignature(lines, witness)?;
        let is_newer = |other: &SignedCheckpoint| other.unverified().size > cosigned.unverified().size;
        // Nothing is published while the log is not the one that was signed.
        if published.latest.is_some() && !published.cosigned.as_ref().is_some_and(is_newer) {
            published.cosigned = Some(cosigned);
        }
        Ok(())
    }

    /// The request for the cosignature of a witness that has cosigned a tree of `old_size` last.
    ///
    /// # Errors
    /// The tree cannot be read, or `old_size` is larger than the checkpoint.
    pub fn submission(&self, old_size: u64, checkpoint: SignedCheckpoint) -> io::Result<AddCheckpoint> {
        let size = checkpoint.unverified().size;
        let path = if old_size == 0 { Vec::new() } else { self.prove_behind(old_size, size)? };
        Ok(AddCheckpoint { old_size, path, checkpoint })
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
        if let Some(signed) = self.covering(size) {
            return Ok(signed);
        }
        let _signing = self.signing.lock().await;
        if let Some(signed) = self.covering(size) {
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
