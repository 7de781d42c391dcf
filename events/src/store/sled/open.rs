//! Opens a log. In this order: locks the directory, removes the leftovers of an interrupted start, refuses
//! blobs, lets sled recover its files, verifies the hash chain, and compares the head with the witness.

use std::fs::{self, File};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::fs::FlockOperation;
use uuid::Uuid;

use super::super::EventBytes;
use super::super::groups::{Chain, ChainHash};
use super::super::log::{LoadError, Loaded, State, replay};
use super::super::witness::{Mark, Witness};
use super::Options;
use super::confidential::ConfidentialTree;
use super::groups::SledGroups;
use crate::ids::LogId;

/// sled's segment size, in bytes. sled writes every message of at least a quarter of a segment to a
/// separate file, which it never syncs. The largest message is a rewritten leaf of about 16 values. With
/// this size, a leaf of 17 values of the maximum length stays below a quarter.
const SEGMENT_BYTES: usize = 16 << 20;

const FORMAT: &[u8] = b"2";

/// Why a log cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has locked the directory.
    #[error(
"the data directory {} is in use by another process: stop that process, or choose another directory",
        .0.display()
    )]
    InUse(PathBuf),
    /// An import or a restore into the directory was interrupted.
    #[error(
"the log in {} is incomplete: repeat the interrupted import or restore to continue it, or start again in an empty directory",
        .0.display()
    )]
    Unfinished(PathBuf),
    /// The log was moved to another place.
    #[error("the log was moved to another place, and what was here is in {}: start the service with that place", .0.display())]
    Moved(PathBuf),
    /// The log is in a database, and the directory holds its witness.
    #[error(
"the log {log_id} of the data directory {} is in a database: start the service with --store, or choose another directory",
        data_dir.display()
    )]
    InDatabase {
        /// The data directory.
        data_dir: PathBuf,
        /// The log of the directory.
        log_id: LogId,
    },
    /// The data directory cannot be created.
    #[error("could not create the data directory {}: choose another one with --data-dir", data_dir.display())]
    Create {
        /// The data directory.
        data_dir: PathBuf,
        /// The error of the operating system.
        #[source]
        source: io::Error,
    },
    /// An error of the file system.
    #[error("could not {doing}")]
    Io {
        /// The operation that failed.
        doing: &'static str,
        /// The error of the operating system.
        #[source]
        source: io::Error,
    },
    /// The database cannot be opened, or its content is not a valid log.
    #[error(
"the log in {} cannot be trusted: {what}. Nothing was started. Keep a copy of the directory as it is, then restore the latest backup",
        data_dir.display()
    )]
    Damaged {
        /// The data directory.
        data_dir: PathBuf,
        /// What is wrong.
        what: String,
    },
}

impl From<(&'static str, io::Error)> for OpenError {
    fn from((doing, source): (&'static str, io::Error)) -> Self {
        Self::Io { doing, source }
    }
}

pub(super) struct Opened {
    pub(super) db: sled::Db,
    pub(super) file: File,
    pub(super) lock: File,
    pub(super) groups: SledGroups,
    pub(super) log_id: LogId,
    pub(super) chain: Chain,
    pub(super) state: State,
    pub(super) mark: Mark,
}

/// Opens the log. Damaged files can make sled panic, so a panic is reported as damage.
pub(super) fn open(
    options: &Options,
    visit: &mut (dyn FnMut(EventBytes<'_>, &ChainHash) + Send),
) -> Result<Opened, OpenError> {
    catch_unwind(AssertUnwindSafe(|| try_open(options, visit))).unwrap_or_else(|_| {
        let what =
            "the database failed while it recovered its files; the panic is in the output above".into();
        Err(OpenError::Damaged { data_dir: options.data_dir.clone(), what })
    })
}

fn try_open(
    options: &Options,
    visit: &mut (dyn FnMut(EventBytes<'_>, &ChainHash) + Send),
) -> Result<Opened, OpenError> {
    let data_dir = options.data_dir.as_path();
    create_owner_only_dir(data_dir)?;
    let lock = lock(data_dir)?;
    let db_dir = data_dir.join("log");
    remove_leftovers(&db_dir).map_err(|e| ("remove the leftovers of an interrupted start", e))?;
    // A log that moves here from a database is loaded from its start.
    let witness = load_witness(data_dir)?.filter(|witness| !witness.is_in_database);
    let suspect = keep_suspect(data_dir, &db_dir, witness.as_ref())?;
    let damaged = |what: String| OpenError::Damaged {
        data_dir: data_dir.to_owned(),
        what: match &suspect {
            Some(copy) => format!("{what} (a copy of the files as found is in {})", copy.display()),
            None => what,
        },
    };
    if let (Some(witness), false) = (&witness, db_dir.exists()) {
        // Checked before sled would create an empty database in its place.
        let moved = data_dir.join(MOVED);
        if moved.exists() {
            return Err(OpenError::Moved(moved));
        }
        return Err(damaged(format!(
            "its folder log/ is missing, but the head witness names the log {}",
            witness.log_id
        )));
    }
    refuse_blobs(&db_dir, &damaged)?;
    let db = open_sled(&db_dir, options.cache_bytes).map_err(damaged)?;
    // Opened before the first write: only a descriptor opened before a failed write reports that failure.
    let file = File::options().read(true).write(true).open(db_dir.join("db"));
    let file = file.map_err(|e| ("open the log for syncing", e))?;
    let unreadable = |error: sled::Error| damaged(error.to_string());
    let log = db.open_tree("log").map_err(unreadable)?;
    let payloads = ConfidentialTree(db.open_tree("private").map_err(unreadable)?);
    let log_id = match db.get("log_id").map_err(unreadable)? {
        Some(id) => known_log(&db, &id).map_err(damaged)?,
        None if log.is_empty() => create(&db, &db_dir, options, &file)?,
        None => return Err(damaged("it holds events, but its log id is missing".into())),
    };
    let groups = SledGroups { log, payloads };
    let loaded = replay(groups.iter(), witness.as_ref().map(|w| w.position), options.recent_bytes, visit);
    let loaded = loaded.map_err(|error| match error {
        LoadError::VisitorPanicked => ("build state from the log", io::Error::other(error)).into(),
        _ => damaged(error.to_string()),
    })?;
    if let Some(witness) = &witness {
        witness.check(&loaded, log_id).map_err(damaged)?;
    }
    let Loaded { state, chain, forgotten, .. } = loaded;
    let payloads = &groups.payloads;
    let tidied = payloads.remove_after(state.last()).and_then(|()| {
        // A crash may have happened between the event that orders the erasure and the erasure itself.
        forgotten.into_iter().try_for_each(|position| payloads.forget(position, state.span(position).first))
    });
    tidied.map_err(|error| damaged(error.to_string()))?;
    let mark = Mark::open(data_dir).map_err(|e| ("open head-mark", e))?;
    Ok(Opened { db, file, lock, groups, log_id, chain, state, mark })
}

/// Creates a data directory that only its owner may enter: it will hold names and addresses.
pub(super) fn create_owner_only_dir(data_dir: &Path) -> Result<(), OpenError> {
    use std::os::unix::fs::DirBuilderExt as _;
    let created = fs::DirBuilder::new().recursive(true).mode(0o700).create(data_dir);
    created.map_err(|source| OpenError::Create { data_dir: data_dir.to_owned(), source })
}

/// The folder of a log that was moved to another place.
pub(super) const MOVED: &str = "log-moved";

/// Marker file in a data directory whose log is being loaded: an incomplete log must not be opened.
const UNFINISHED: &str = "unfinished";

pub(super) fn begin_filling(data_dir: &Path) -> io::Result<()> {
    File::create(data_dir.join(UNFINISHED))?.sync_all()?;
    File::open(data_dir)?.sync_all()
}

/// Removes the marker, no matter which process created it.
pub(super) fn end_filling(data_dir: &Path) -> io::Result<()> {
    match fs::remove_file(data_dir.join(UNFINISHED)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    File::open(data_dir)?.sync_all()
}

pub(super) fn refuse_unfinished(data_dir: &Path) -> Result<(), OpenError> {
    if data_dir.join(UNFINISHED).exists() {
        return Err(OpenError::Unfinished(data_dir.to_owned()));
    }
    Ok(())
}

/// Refuses a directory whose log is in a database: a new log would begin beside it.
pub(super) fn refuse_in_database(data_dir: &Path) -> Result<(), OpenError> {
    match load_witness(data_dir)? {
        Some(Witness { log_id, is_in_database: true, .. }) => {
            Err(OpenError::InDatabase { data_dir: data_dir.to_owned(), log_id })
        }
        Some(_) | None => Ok(()),
    }
}

fn load_witness(data_dir: &Path) -> Result<Option<Witness>, OpenError> {
    Witness::load(data_dir).map_err(|error| match error.kind() {
        io::ErrorKind::InvalidData => OpenError::Damaged {
            data_dir: data_dir.to_owned(),
            what: format!("its head witness (head-witness.json or head-mark) is invalid: {error}"),
        },
        _ => ("read the head witness", error).into(),
    })
}

pub(super) fn lock(data_dir: &Path) -> Result<File, OpenError> {
    let file = File::options().create(true).truncate(false).write(true).open(data_dir.join("lock"));
    let file = file.map_err(|e| ("open the lock file", e))?;
    match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(file),
        Err(rustix::io::Errno::WOULDBLOCK) => Err(OpenError::InUse(data_dir.to_owned())),
        Err(error) => Err(("lock the data directory", error.into()).into()),
    }
}

/// Removes incomplete snapshots, which a kill during start leaves and which would fail every later start.
fn remove_leftovers(db_dir: &Path) -> io::Result<()> {
    for entry in read_dir_or_empty(db_dir)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "generating") {
            fs::remove_file(path)?;
        }
    }
    Ok(())
}

/// Refuses a database with blobs, which sled never syncs. With our segment size there are none; a
/// blob means that something else wrote this database and that its durability is unknown.
fn refuse_blobs(db_dir: &Path, damaged: &impl Fn(String) -> OpenError) -> Result<(), OpenError> {
    let mut blobs = read_dir_or_empty(&db_dir.join("blobs")).map_err(|e| ("list the blobs of the log", e))?;
    match blobs.next() {
        None => Ok(()),
        Some(_) => Err(damaged(
            "its folder log/blobs/ holds values, which this service never writes and which may not be durable"
                .into(),
        )),
    }
}

fn read_dir_or_empty(dir: &Path) -> io::Result<Box<dyn Iterator<Item = io::Result<fs::DirEntry>>>> {
    match fs::read_dir(dir) {
        Ok(entries) => Ok(Box::new(entries)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Box::new(std::iter::empty())),
        Err(error) => Err(error),
    }
}

fn open_sled(db_dir: &Path, cache_bytes: u64) -> Result<sled::Db, String> {
    let config = sled::Config::new()
        .path(db_dir)
        .segment_size(SEGMENT_BYTES)
        .cache_capacity(cache_bytes)
        .flush_every_ms(None);
    let began = Instant::now();
    loop {
        match config.open() {
            // Our own lock is held, so that this is the lock of a log that the same process closed just now: sled releases
            // it on a thread of its own.
            Err(sled::Error::Io(error))
                if error.to_string().contains(LOCKED) && began.elapsed() < UNLOCK_MAX =>
            {
                std::thread::sleep(UNLOCK_POLL);
            }
            opened => return opened.map_err(|error| error.to_string()),
        }
    }
}

/// What sled says about a database that is open.
const LOCKED: &str = "could not acquire lock";
/// Maximum time until sled has released the lock of a closed database, and how often that is tried.
const UNLOCK_MAX: Duration = Duration::from_secs(2);
const UNLOCK_POLL: Duration = Duration::from_millis(10);

fn known_log(db: &sled::Db, id: &[u8]) -> Result<LogId, String> {
    let format = db.get("format").map_err(|e| e.to_string())?;
    if format.as_deref() != Some(FORMAT) {
        return Err(
            "its format is unknown to this version: run the version that wrote it, or a later one".into()
        );
    }
    Uuid::from_slice(id).map(LogId).map_err(|_| "its log id is not a UUID".into())
}

/// Assigns an id to a new log and syncs the whole directory, which sled does not do.
fn create(db: &sled::Db, db_dir: &Path, options: &Options, file: &File) -> Result<LogId, OpenError> {
    let log_id = options.log_id.unwrap_or_else(|| LogId(Uuid::new_v4()));
    let data_dir = options.data_dir.as_path();
    let written = db
        .insert("format", FORMAT)
        .and_then(|_| db.insert("log_id", log_id.0.as_bytes().as_slice()))
        .and_then(|_| db.flush());
    written.map_err(|e| ("write the id of a new log", io::Error::other(e)))?;
    file.sync_all().map_err(|e| ("sync the files of a new log", e))?;
    let parent = data_dir.canonicalize().ok().and_then(|dir| dir.parent().map(Path::to_owned));
    let paths = [db_dir.join("conf"), db_dir.join("blobs"), db_dir.to_owned(), data_dir.to_owned()];
    for path in paths.into_iter().chain(parent) {
        match File::open(&path) {
            Ok(file) => file.sync_all().map_err(|e| ("sync the files of a new log", e))?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(("sync the files of a new log", error).into()),
        }
    }
    Ok(log_id)
}

/// Copies the database if its file is shorter than the witness says. Recovery writes to the files, so
/// the copy preserves what the crash left for an investigation. sled sometimes shortens its file
/// itself; a crash within the next second then produces an unneeded copy.
fn keep_suspect(
    data_dir: &Path,
    db_dir: &Path,
    witness: Option<&Witness>,
) -> Result<Option<PathBuf>, OpenError> {
    let Some(witness) = witness else { return Ok(None) };
    let len = match fs::metadata(db_dir.join("db")) {
        Ok(metadata) => metadata.len(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => 0,
        Err(error) => return Err(("read the size of the log file", error).into()),
    };
    if len >= witness.file_bytes || !db_dir.exists() {
        return Ok(None);
    }
    let copy = data_dir.join(format!("log-suspect-at-{}", witness.position));
    if !copy.exists() {
        let partial = data_dir.join("log-suspect.partial");
        let _ = fs::remove_dir_all(&partial);
        if let Err(error) = copy_dir(db_dir, &partial).and_then(|()| fs::rename(&partial, &copy)) {
            // Only the material for an investigation is lost; the log itself may be intact.
            tracing::error!(%error, "the log file is shorter than at the last sync, and copying it before recovery failed: free some disk space");
            let _ = fs::remove_dir_all(&partial);
            return Ok(None);
        }
    }
    tracing::warn!(
        file_bytes = len,
        file_bytes_expected = witness.file_bytes,
        copy = %copy.display(),
    "the log file is shorter than at the last sync: it was copied before recovery"
    );
    Ok(Some(copy))
}

fn copy_dir(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_dir(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), &target)?;
        }
    }
    File::open(to)?.sync_all()
}
