//! Writing a log from existing groups: restore, import, compaction, moving a log to another place.

use std::io;

use super::ReadError;
use super::groups::{Chain, ChainError, StoredGroup};
use crate::ids::{LogId, Position};

/// What a log that is to be loaded is used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Usage {
    /// Nothing, because it is new or was not loaded to its end.
    None,
    /// Services can open it.
    Services,
    /// Nothing, because it was moved to another place, where it can have grown.
    Moved,
}

/// A log that is being loaded. Nothing reads it until it is complete.
pub trait BulkLoad {
    /// The id of the log.
    fn log_id(&self) -> LogId;

    /// What the log was used for when it was opened. No service has a directory open while it is loaded.
    fn usage(&self) -> Usage {
        Usage::None
    }

    /// The verified chain up to the last loaded event.
    fn chain(&self) -> &Chain;

    /// The group that holds `position`, if it was loaded.
    ///
    /// # Errors
    /// [`ReadError`].
    fn group(&mut self, position: Position) -> Result<Option<StoredGroup>, ReadError>;

    /// Verifies and loads the next group. It is durable at the latest after [`Self::finish`]; after a crash, loading
    /// continues from the last durable group.
    ///
    /// # Errors
    /// [`BulkLoadError`]. After a storage error it is unknown which groups of the last batch were loaded.
    fn push(&mut self, group: &StoredGroup) -> Result<(), BulkLoadError>;

    /// Makes everything durable, and lets services open the log.
    ///
    /// # Errors
    /// [`BulkLoadError`]; loading can continue from what was loaded.
    fn finish(self: Box<Self>) -> Result<Chain, BulkLoadError>;
}

/// Why a group could not be loaded.
#[derive(Debug, thiserror::Error)]
pub enum BulkLoadError {
    /// The group does not continue the log.
    #[error(transparent)]
    ChainError(#[from] ChainError),
    /// An error of the database.
    #[error("could not write the log")]
    Storage(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// An error of the file system.
    #[error("could not sync the log")]
    Io(#[from] io::Error),
}

impl BulkLoadError {
    #[cfg(any(feature = "sled", feature = "postgres"))]
    pub(super) fn storage(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Storage(source.into())
    }
}
