//! Where the log of a service is kept, and how it is opened there.

use std::fmt;
use std::path::PathBuf;

use super::EventBytes;
use super::groups::ChainHash;
use super::load::BulkLoad;
use super::log::StoredLog;
use super::postgres::{self, Server};
use super::sled;
use crate::ids::{LogId, Position};

/// The place of a log.
#[derive(Debug, Clone)]
pub enum Place {
    /// The data directory of a single process.
    Directory(PathBuf),
    /// A database, for any number of processes.
    Database(Server),
}

/// How a log is opened.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The name of the service that writes the log: the first part of the CloudEvents `source`.
    pub source: &'static str,
    /// Size of the page cache of a directory, in bytes.
    pub cache_bytes: u64,
    /// Size of the most recent groups kept in memory, in bytes.
    pub recent_bytes: usize,
    /// Maximum number of appends waiting for the writer; further ones are refused.
    pub queue_appends: usize,
    /// No append is accepted when the file system of a directory has less free space than this, in bytes.
    pub reserve_bytes: u64,
    /// The directory of this process when the log is in a database. It is locked while the log is open, and records the head
    /// of the log.
    pub instance_dir: Option<PathBuf>,
}

impl Settings {
    /// The default settings for a log of the service `source`.
    #[must_use]
    pub fn new(source: &'static str) -> Self {
        Self {
            source,
            cache_bytes: 64 << 20,
            recent_bytes: 32 << 20,
            queue_appends: 4_096,
            reserve_bytes: 64 << 20,
            instance_dir: None,
        }
    }
}

/// Why a log cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The log in a directory.
    #[error(transparent)]
    Directory(#[from] sled::OpenError),
    /// The log in a database.
    #[error(transparent)]
    Database(#[from] postgres::OpenError),
}

impl OpenError {
    /// Whether another process has the log open, and the place admits only one.
    #[must_use]
    pub fn is_in_use(&self) -> bool {
        matches!(self, Self::Directory(sled::OpenError::InUse(_)))
    }

    /// Whether the place holds something that is not a valid log.
    #[must_use]
    pub fn is_damaged(&self) -> bool {
        matches!(
            self,
            Self::Directory(sled::OpenError::Damaged { .. })
                | Self::Database(postgres::OpenError::Damaged { .. })
        )
    }
}

impl Place {
    /// Opens the log. In a directory it is created if there is none.
    ///
    /// Blocks: reads every event once to build the index and to verify the hash chain.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn open(&self, settings: &Settings) -> Result<StoredLog, OpenError> {
        self.open_visiting(settings, &mut |_, _| {})
    }

    /// Opens the log like [`Self::open`] and passes every event to `visit`, in order, with the hash of the chain behind
    /// it. A caller that builds state from all events does not have to read them a second time.
    ///
    /// The state is valid only if this returns `Ok`.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn open_visiting(
        &self,
        settings: &Settings,
        visit: &mut (dyn FnMut(EventBytes<'_>, &ChainHash) + Send),
    ) -> Result<StoredLog, OpenError> {
        match self {
            Self::Directory(data_dir) => {
                Ok(sled::open_visiting(&in_directory(data_dir.clone(), settings, None), visit)?)
            }
            Self::Database(server) => {
                let lock = settings.instance_dir.as_deref().map(sled::lock_data_dir).transpose()?;
                let log = postgres::open_visiting(&in_database(server.clone(), settings), visit)?;
                Ok(log.keeping(lock))
            }
        }
    }

    /// Ends the use of a log that has moved to another place with everything up to `head`: no service opens it any more. Returns
    /// where its content remains.
    ///
    /// # Errors
    /// [`OpenError`]. The log is still in use then, for example because events were appended after `head`.
    pub fn retire(&self, settings: &Settings, head: Position) -> Result<String, OpenError> {
        match self {
            Self::Directory(data_dir) => Ok(sled::retire(data_dir, head)?.display().to_string()),
            Self::Database(server) => {
                postgres::retire(&in_database(server.clone(), settings), head)?;
                Ok(self.to_string())
            }
        }
    }

    /// Opens a log that is to be loaded from groups, or continues to load it. A new log gets `log_id`, or a random id.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn loader(&self, settings: &Settings, log_id: Option<LogId>) -> Result<Box<dyn BulkLoad>, OpenError> {
        match self {
            Self::Directory(data_dir) => {
                let options = in_directory(data_dir.clone(), settings, log_id);
                Ok(Box::new(sled::BulkLoader::open(&options)?))
            }
            Self::Database(server) => {
                let options = in_database(server.clone(), settings);
                Ok(Box::new(postgres::BulkLoader::open(&options, log_id)?))
            }
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Directory(data_dir) => data_dir.display().fmt(f),
            Self::Database(server) => server.fmt(f),
        }
    }
}

fn in_directory(data_dir: PathBuf, settings: &Settings, log_id: Option<LogId>) -> sled::Options {
    sled::Options {
        data_dir,
        source: settings.source,
        log_id,
        cache_bytes: settings.cache_bytes,
        recent_bytes: settings.recent_bytes,
        queue_appends: settings.queue_appends,
        reserve_bytes: settings.reserve_bytes,
    }
}

fn in_database(server: Server, settings: &Settings) -> postgres::Options {
    postgres::Options {
        server,
        source: settings.source,
        recent_bytes: settings.recent_bytes,
        queue_appends: settings.queue_appends,
        witness_dir: settings.instance_dir.clone(),
    }
}
