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
mod lease;
mod maintenance;
mod notes;
mod pulse;
mod recorder;
pub mod schema;
mod server;
mod session;
#[cfg(test)]
mod simulation;
mod statements;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;

use tokio::runtime;
use tokio::sync::watch;
use tokio::time::Instant;

pub use self::bulk_load::{BulkLoader, retire};
use self::commit::PostgresCommitter;
use self::groups::PostgresGroups;
pub use self::lease::Lease;
pub use self::maintenance::{Compacted, compact, set_aside};
pub use self::notes::Notes;
use self::recorder::Recorder;
pub use self::schema::{InitError, LogInfo};
pub use self::server::{Server, ServerError};
use super::engine::Availability;
use super::log::{LoadError, Loaded, Parts, StoredLog, replay};
use super::witness::Witness;
use super::{EventBytes, ReadError};
use crate::ids::{LogId, Position};
use crate::store::groups::{Chain, ChainHash};

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
    /// The directory in which this process records the head of the log; without one, a database that comes back with
    /// fewer events is noticed only by processes that are running.
    pub witness_dir: Option<PathBuf>,
}

impl Options {
    /// The default settings for a log of the service `source` in `server`.
    #[must_use]
    pub fn new(server: Server, source: &'static str) -> Self {
        Self { server, source, recent_bytes: 32 << 20, queue_appends: 4_096, witness_dir: None }
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
    /// A table is missing, or the role may not use it.
    #[error(
        "the table {table} beside the log is missing, or the role of the service may not use it: run `log init --store … --role …` with the role that owns the log"
    )]
    NotPrepared {
        /// The table.
        table: &'static str,
    },
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
    /// The log does not hold what this process has acknowledged or read before.
    #[error(
        "the database does not hold the log that this service used before: {what}. Nothing was started. A standby without the last commits may have been promoted: bring the server with the other commits back. If you restored an older state on purpose, remove head-witness.json and head-mark from {}", data_dir.display()
    )]
    PutBack {
        /// The directory of the head witness.
        data_dir: PathBuf,
        /// How the log differs from the witness.
        what: String,
    },
    /// The data directory belongs to another log.
    #[error(
        "the database holds the log {log_id}, but the data directory {} belongs to the log {other}: check --store, or choose another directory with --data-dir", data_dir.display()
    )]
    OtherLog {
        /// The directory of the head witness.
        data_dir: PathBuf,
        /// The log in the database.
        log_id: LogId,
        /// The log of the directory.
        other: LogId,
    },
    /// The head witness cannot be read or written.
    #[error(
        "could not use the head witness in {}: make the directory writable for this user. If head-witness.json or head-mark is damaged and the database is the right one, remove both", data_dir.display()
    )]
    Witness {
        /// The directory of the head witness.
        data_dir: PathBuf,
        /// The error of the operating system.
        #[source]
        source: std::io::Error,
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
    let groups = Arc::new(PostgresGroups::connect(options).map_err(OpenError::Thread)?);
    let log_id = groups.log_id(options.source)?;
    let witness = options.witness_dir.as_deref().map(load_witness).transpose()?.flatten();
    if let (Some(Witness { log_id: other, .. }), Some(data_dir)) = (&witness, &options.witness_dir)
        && *other != log_id
    {
        return Err(OpenError::OtherLog { data_dir: data_dir.clone(), log_id, other: *other });
    }
    let witnessed_at = witness.as_ref().map(|witness| witness.position);
    let loaded =
        replay(groups.all(), witnessed_at, options.recent_bytes, visit).map_err(|error| match error {
            LoadError::Storage(error) => OpenError::Read(error),
            LoadError::VisitorPanicked => OpenError::State(error.into()),
            _ => OpenError::Damaged { what: error.to_string() },
        })?;
    if let (Some(witness), Some(data_dir)) = (witness, &options.witness_dir) {
        let put_back = |what| OpenError::PutBack { data_dir: data_dir.clone(), what };
        witness.check(&loaded, log_id).map_err(put_back)?;
    }
    let Loaded { state, chain, .. } = loaded;
    // What was read is durable only after a commit behind it.
    let asked = Instant::now();
    groups.confirm().map_err(OpenError::Read)?;
    let recorder = options.witness_dir.as_deref().map(|dir| record(log_id, &chain, dir)).transpose()?;
    let (closing, closed) = watch::channel(false);
    let availability = Arc::new(Availability::default());
    availability.heard(asked);
    let committer =
        PostgresCommitter::new(options.clone(), chain.last(), closed, Arc::clone(&availability), recorder);
    let parts = Parts {
        source: options.source,
        log_id,
        engine: Arc::clone(&groups) as _,
        availability: Arc::clone(&availability),
        state,
        chain,
        queue_appends: options.queue_appends,
    };
    let (log, writer) = StoredLog::new(parts, committer);
    let pulse = pulse::start(&groups, log.shared(), &availability).map_err(OpenError::Thread)?;
    // A thread of its own: the connection of the writer answers without waiting for other work.
    let runtime = runtime::Builder::new_current_thread().enable_all().build().map_err(OpenError::Thread)?;
    let thread = thread::Builder::new().name("log-writer".to_owned());
    let writer = thread.spawn(move || runtime.block_on(writer.run())).map_err(OpenError::Thread)?;
    Ok(log.closed_by(move || {
        drop(pulse);
        closing.send_replace(true);
        let _ = writer.join();
    }))
}

fn load_witness(data_dir: &Path) -> Result<Option<Witness>, OpenError> {
    Witness::load(data_dir).map_err(|source| OpenError::Witness { data_dir: data_dir.to_owned(), source })
}

/// Starts to record the heads of the log in `data_dir`, and records the present one.
fn record(log_id: LogId, chain: &Chain, data_dir: &Path) -> Result<Recorder, OpenError> {
    let recorder = Recorder::start(log_id, data_dir);
    let mut recorder =
        recorder.map_err(|source| OpenError::Witness { data_dir: data_dir.to_owned(), source })?;
    recorder.record(chain.last(), &chain.hash());
    Ok(recorder)
}
