//! The log in a PostgreSQL database, for any number of processes.
//!
//! Every group is one row. A group is appended behind the row that this process believes to be the last, by one
//! statement that succeeds only if that row is the last and has the expected hash. If another process was faster,
//! the writer reads its groups, checks every condition again and tries again. So each process is a replica of the
//! same state machine over one log, conditions are checked by the same code as on one disk, and the hash chain
//! makes a fork impossible to miss.
//!
//! Only plain SQL is used on the way of a commit, without stored functions and advisory locks. `NOTIFY` wakes the
//! other processes, and they poll slowly in case a notification is lost.
//!
//! An acknowledged append is as durable as a commit of the database. The service refuses to run with
//! `synchronous_commit` below `on`. With a synchronous standby, a row that a process read on a new connection is
//! followed by a commit of its own before anything relies on the row: the standby then has both.

mod bulk_load;
mod commit;
mod connection;
mod groups;
pub mod schema;
mod server;

use std::sync::Arc;
use std::thread;

use tokio::runtime;
use tokio::sync::watch;

pub use self::bulk_load::{BulkLoader, retire};
use self::commit::PostgresCommitter;
use self::groups::PostgresGroups;
pub use self::schema::{InitError, LogInfo};
pub use self::server::{Server, ServerError};
use super::log::{LoadError, Loaded, Parts, StoredLog, replay};
use super::{EventBytes, ReadError};
use crate::ids::Position;
use crate::store::groups::ChainHash;

/// Settings of a log in a database.
#[derive(Debug, Clone)]
pub struct Options {
    /// The database.
    pub server: Server,
    /// The name of the service that writes the log: the first part of the CloudEvents `source`, and of the schema
    /// `meja_<source>`.
    pub source: &'static str,
    /// Size of the most recent groups kept in memory, in bytes.
    pub recent_bytes: usize,
    /// Maximum number of appends waiting for the writer; further ones are refused.
    pub queue_appends: usize,
}

impl Options {
    /// The default settings for a log of the service `source` in `server`.
    #[must_use]
    pub fn new(server: Server, source: &'static str) -> Self {
        Self { server, source, recent_bytes: 32 << 20, queue_appends: 4_096 }
    }
}

/// Why a log cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The database cannot be used.
    #[error(transparent)]
    Server(#[from] ServerError),
    /// The database has no log of this service.
    #[error(
        "the database has no log of {source_name}: create it with `{source_name} log init --store …`, as a role that may create schemas"
    )]
    NoLog {
        /// The service.
        source_name: &'static str,
    },
    /// The log has a format that this version does not know.
    #[error(
        "the log in the database has the format {found}, but this version knows {known}: run the version that wrote it, or a later one"
    )]
    Format {
        /// The format of the log.
        found: i32,
        /// The format of this version.
        known: i32,
    },
    /// The log was moved to another place, or an import or a move into the database was interrupted.
    #[error(
        "the log in the database is not in use: it was moved to another place, or an import or a move into it was interrupted. Start the service with the other place, or repeat the interrupted command"
    )]
    NotInUse,
    /// A log that was to be moved has grown meanwhile.
    #[error("the log ends at {head}, because a service has appended to it meanwhile")]
    Grown {
        /// Its last position.
        head: Position,
    },
    /// The content of the database is not a valid log.
    #[error(
        "the log in the database cannot be trusted: {what}. Nothing was started. Keep a copy of the database as it is, then restore the latest backup"
    )]
    Damaged {
        /// What is wrong.
        what: String,
    },
    /// The log could not be read to its end.
    #[error("could not read the log")]
    Read(#[source] ReadError),
    /// The state that follows from the log could not be built.
    #[error("could not build state from the log")]
    State(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// A thread could not be started.
    #[error("could not start the threads of the log")]
    Thread(#[source] std::io::Error),
}

/// Opens the log of `options.source`, which [`schema::init`] has created.
///
/// Blocks: reads every event once to build the index and to verify the hash chain. Dropping the log completes
/// accepted appends.
///
/// # Errors
/// [`OpenError`].
pub fn open(options: &Options) -> Result<StoredLog, OpenError> {
    open_visiting(options, &mut |_, _| {})
}

/// Opens the log like [`open`] and passes every event to `visit`, in order, with the hash of the chain behind it.
///
/// Events that another process appends after the end was read are not visited. The state is valid only if this returns
/// `Ok`.
///
/// # Errors
/// [`OpenError`].
pub fn open_visiting(
    options: &Options,
    visit: &mut (dyn FnMut(EventBytes<'_>, &ChainHash) + Send),
) -> Result<StoredLog, OpenError> {
    let groups = PostgresGroups::connect(options).map_err(OpenError::Thread)?;
    let log_id = groups.log_id(options.source)?;
    let loaded = replay(groups.all(), None, options.recent_bytes, visit).map_err(|error| match error {
        LoadError::Storage(error) => OpenError::Read(error),
        LoadError::VisitorPanicked => OpenError::State(error.into()),
        _ => OpenError::Damaged { what: error.to_string() },
    })?;
    let Loaded { state, chain, .. } = loaded;
    // What was read is durable only after a commit behind it.
    groups.confirm().map_err(OpenError::Read)?;
    let (closing, closed) = watch::channel(false);
    let availability = Arc::default();
    let committer = PostgresCommitter::new(options, chain.last(), closed, Arc::clone(&availability));
    let parts = Parts {
        source: options.source,
        log_id,
        engine: Arc::new(groups),
        availability,
        state,
        chain,
        queue_appends: options.queue_appends,
    };
    let (log, writer) = StoredLog::new(parts, committer);
    // A thread of its own: the connection of the writer answers without waiting for other work.
    let runtime = runtime::Builder::new_current_thread().enable_all().build().map_err(OpenError::Thread)?;
    let thread = thread::Builder::new().name("log-writer".to_owned());
    let writer = thread.spawn(move || runtime.block_on(writer.run())).map_err(OpenError::Thread)?;
    Ok(log.closed_by(move || {
        closing.send_replace(true);
        let _ = writer.join();
    }))
}
