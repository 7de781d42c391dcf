//! Opening a log: lock, leftovers, blobs, recovery, chain, witness, in this order.

use std::fs::{self, File};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use rustix::fs::FlockOperation;
use uuid::Uuid;

use super::super::Stored;
use super::super::archive::Chain;
use super::super::witness::{Mark, Witness};
use super::Options;
use super::load::{LoadError, Loaded, load};
use super::private::Private;
use super::state::State;
use crate::ids::{LogId, Position};

/// sled sends any message that reaches a quarter of a segment, also a rewritten leaf of some 16
/// values, to a file that it never syncs. 17 values of the largest size stay below a quarter.
const SEGMENT_BYTES: usize = 16 << 20;

const FORMAT: &[u8] = b"2";

/// Why a log does not open.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has it.
    #[error(
        "the data directory {} is in use by another process: stop that one, or choose another directory",
        .0.display()
    )]
    InUse(PathBuf),
    /// An import or a restore was broken off in it.
    #[error(
        "the log in {} is not complete: go on with the import or the restore that was broken off, or begin it anew in an empty directory",
        .0.display()
    )]
    Unfinished(PathBuf),
    /// The file system said no.
    #[error("could not {doing}")]
    Io {
        /// What was tried.
        doing: &'static str,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The database does not open, or is not a log of ours.
    #[error(
        "the log in {} can not be trusted: {what}. Nothing was started. Keep a copy of the directory as it is, then put back the newest backup",
        data_dir.display()
    )]
    Damaged {
        /// Where.
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
    pub(super) log: sled::Tree,
    pub(super) private: Private,
    pub(super) log_id: LogId,
    pub(super) chain: Chain,
    pub(super) state: State,
    pub(super) mark: Mark,
}

/// sled may panic on damaged files wherever it reads them: that is damage, not a bug of ours.
pub(super) fn open(
    options: &Options,
    visit: &mut (dyn FnMut(Stored<'_>) + Send),
) -> Result<Opened, OpenError> {
    catch_unwind(AssertUnwindSafe(|| try_open(options, visit))).unwrap_or_else(|_| {
        let what = "its files can not be recovered".into();
        Err(OpenError::Damaged { data_dir: options.data_dir.clone(), what })
    })
}

fn try_open(options: &Options, visit: &mut (dyn FnMut(Stored<'_>) + Send)) -> Result<Opened, OpenError> {
    let data_dir = options.data_dir.as_path();
    create_private_dir(data_dir).map_err(|e| ("create the data directory", e))?;
    let lock = lock(data_dir)?;
    let db_dir = data_dir.join("log");
    remove_leftovers(&db_dir).map_err(|e| ("remove what an interrupted start left behind", e))?;
    let witness = Witness::load(data_dir).map_err(|error| match error.kind() {
        io::ErrorKind::InvalidData => OpenError::Damaged {
            data_dir: data_dir.to_owned(),
            what: format!("its head-witness.json can not be read: {error}"),
        },
        _ => ("read the head witness", error).into(),
    })?;
    let suspect = keep_suspect(data_dir, &db_dir, witness.as_ref())?;
    let damaged = |what: String| OpenError::Damaged {
        data_dir: data_dir.to_owned(),
        what: match &suspect {
            Some(copy) => format!("{what} (as it was found: {})", copy.display()),
            None => what,
        },
    };
    if let (Some(witness), false) = (&witness, db_dir.exists()) {
        // Before an empty one is made in its place.
        return Err(damaged(format!("the log {} is gone from it (see head-witness.json)", witness.log_id)));
    }
    refuse_blobs(&db_dir, &damaged)?;
    let db = open_sled(&db_dir, options.cache_bytes).map_err(damaged)?;
    // Kept from before the first write: a descriptor that was open when a write failed is told so.
    let file = File::options().read(true).write(true).open(db_dir.join("db"));
    let file = file.map_err(|e| ("open the log for syncing", e))?;
    let unreadable = |error: sled::Error| damaged(error.to_string());
    let log = db.open_tree("log").map_err(unreadable)?;
    let private = Private(db.open_tree("private").map_err(unreadable)?);
    let log_id = match db.get("log_id").map_err(unreadable)? {
        Some(id) => known_log(&db, &id).map_err(damaged)?,
        None if log.is_empty() => create(&db, &db_dir, options, &file)?,
        None => return Err(damaged("it has events but no log id".into())),
    };
    let loaded = load(&log, witness.as_ref().map(|w| w.position), options.recent_bytes, visit);
    let loaded = loaded.map_err(|error| match error {
        LoadError::VisitorPanicked => ("build what follows from the log", io::Error::other(error)).into(),
        _ => damaged(error.to_string()),
    })?;
    check(&loaded, witness.as_ref(), log_id).map_err(damaged)?;
    let Loaded { state, chain, forgotten, .. } = loaded;
    let tidied = private.remove_after(state.last()).and_then(|()| {
        // A crash may have come between the order to forget and its being carried out.
        forgotten.into_iter().try_for_each(|position| private.forget(position, state.group_start(position)))
    });
    tidied.map_err(|error| damaged(error.to_string()))?;
    let mark = Mark::open(data_dir).map_err(|e| ("open the mark of the head", e))?;
    Ok(Opened { db, file, lock, log, private, log_id, chain, state, mark })
}

/// It will hold names and addresses: nobody else may look into it.
pub(super) fn create_private_dir(dir: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(dir)
}

/// Stands in a data directory whose log is being filled: half a log must not pass for a whole one.
const UNFINISHED: &str = "unfinished";

pub(super) fn begin_filling(data_dir: &Path) -> io::Result<()> {
    File::create(data_dir.join(UNFINISHED))?.sync_all()?;
    File::open(data_dir)?.sync_all()
}

/// Whoever began.
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

pub(super) fn lock(data_dir: &Path) -> Result<File, OpenError> {
    let file = File::options().create(true).truncate(false).write(true).open(data_dir.join("lock"));
    let file = file.map_err(|e| ("open the lock file", e))?;
    match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(file),
        Err(rustix::io::Errno::WOULDBLOCK) => Err(OpenError::InUse(data_dir.to_owned())),
        Err(error) => Err(("lock the data directory", error.into()).into()),
    }
}

/// A kill during start leaves a snapshot half made, which would fail every later start.
fn remove_leftovers(db_dir: &Path) -> io::Result<()> {
    for entry in read_dir_or_empty(db_dir)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "generating") {
            fs::remove_file(path)?;
        }
    }
    Ok(())
}

/// sled never syncs blobs. With our segment size there are none; if there is one, something else
/// wrote this database and durability can not be promised for it.
fn refuse_blobs(db_dir: &Path, damaged: &impl Fn(String) -> OpenError) -> Result<(), OpenError> {
    let mut blobs = read_dir_or_empty(&db_dir.join("blobs")).map_err(|e| ("list the blobs of the log", e))?;
    match blobs.next() {
        None => Ok(()),
        Some(_) => Err(damaged(
            "it has values in blobs/, which are not durable and which this service never writes".into(),
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
    config.open().map_err(|error| error.to_string())
}

fn known_log(db: &sled::Db, id: &[u8]) -> Result<LogId, String> {
    let format = db.get("format").map_err(|e| e.to_string())?;
    if format.as_deref() != Some(FORMAT) {
        return Err(
            "its format is not known to this version: run the version that wrote it, or a later one".into()
        );
    }
    Uuid::from_slice(id).map(LogId).map_err(|_| "its log id is not a uuid".into())
}

/// Gives a new log its id and makes the whole directory durable, which sled does not.
fn create(db: &sled::Db, db_dir: &Path, options: &Options, file: &File) -> Result<LogId, OpenError> {
    let log_id = options.log_id.unwrap_or_else(|| LogId(Uuid::new_v4()));
    let data_dir = options.data_dir.as_path();
    let written = db
        .insert("format", FORMAT)
        .and_then(|_| db.insert("log_id", log_id.0.as_bytes().as_slice()))
        .and_then(|_| db.flush());
    written.map_err(|e| ("write the id of a new log", io::Error::other(e)))?;
    file.sync_all().map_err(|e| ("sync a new log", e))?;
    let parent = data_dir.canonicalize().ok().and_then(|dir| dir.parent().map(Path::to_owned));
    let paths = [db_dir.join("conf"), db_dir.join("blobs"), db_dir.to_owned(), data_dir.to_owned()];
    for path in paths.into_iter().chain(parent) {
        match File::open(&path) {
            Ok(file) => file.sync_all().map_err(|e| ("sync a new log", e))?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(("sync a new log", error).into()),
        }
    }
    Ok(log_id)
}

/// Compares with the witness: a log must never know less than it once did.
fn check(loaded: &Loaded, witness: Option<&Witness>, log_id: LogId) -> Result<(), String> {
    let Some(witness) = witness else {
        return Ok(());
    };
    if witness.log_id != log_id {
        return Err(format!(
            "it is the log {log_id}, but this directory held {} (see head-witness.json)",
            witness.log_id
        ));
    }
    if witness.position == Position::START {
        return Ok(());
    }
    match loaded.witnessed {
        Some(hash) if witness.has_hash(&hash) => Ok(()),
        Some(_) => Err(format!("another event stands at {} than once did", witness.position)),
        None => Err(format!(
            "it ends at {}, but events up to {} were acknowledged (see head-witness.json)",
            loaded.state.last(),
            witness.position
        )),
    }
}

/// Recovery writes to the files. When they look wrong before it has even begun, a copy is kept, so
/// that whoever looks into it sees what the crash left and not what recovery made of it. sled shortens its
/// file now and then; a crash within the second after that costs a copy in vain.
fn keep_suspect(
    data_dir: &Path,
    db_dir: &Path,
    witness: Option<&Witness>,
) -> Result<Option<PathBuf>, OpenError> {
    let Some(witness) = witness else { return Ok(None) };
    let len = match fs::metadata(db_dir.join("db")) {
        Ok(metadata) => metadata.len(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => 0,
        Err(error) => return Err(("look at the log", error).into()),
    };
    if len >= witness.file_bytes || !db_dir.exists() {
        return Ok(None);
    }
    let copy = data_dir.join(format!("log-suspect-at-{}", witness.position));
    if !copy.exists() {
        let partial = data_dir.join("log-suspect.partial");
        let _ = fs::remove_dir_all(&partial);
        if let Err(error) = copy_dir(db_dir, &partial).and_then(|()| fs::rename(&partial, &copy)) {
            // Only what could be learned from it is lost; the log itself may well be whole.
            tracing::error!(%error, "the log is shorter than it was, and there is no room to keep a copy of it");
            let _ = fs::remove_dir_all(&partial);
            return Ok(None);
        }
    }
    tracing::warn!(
        file_bytes = len,
        file_bytes_once = witness.file_bytes,
        copy = %copy.display(),
        "the log is shorter than it was: a copy is kept as it was found"
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
