//! The log, its tree and the application, for a service and for commands on the log of a stopped one.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::{fs, io};

use access::AccessMode;
use anyhow::Context as _;
use chassis::environment::SystemEnvironment;
use chassis::network::Network;
use chassis::serve::{Shutdown, ShutdownTrigger};
use events::Position;
use events::store::groups::CHAIN_START;
use events::store::log::StoredLog;
use events::store::notes::Notes;
use events::store::place::{Place, Settings};
use proof::{Stored, Tree};
use uuid::Uuid;

use super::config::{Config, Signing};
use super::signing_keys::read_or_make;
use crate::app::admission::AdmissionLimits;
use crate::app::log_tree::{LogTree, Signer};
use crate::app::projections::Projections;
use crate::app::{App, Parts, PaymentChannels};

/// The file in the data directory with the tree of the log.
const TREE_FILE: &str = "log-tree";
/// The beginning of the names of files with the last signed checkpoint of a log.
const CHECKPOINT_PREFIX: &str = "checkpoint-";
/// The ending of the copy of a tree that is not that of the log.
const DIFFERS: &str = "differs";
/// Maximum number of such copies.
const COPIES_MAX: usize = 3;

/// Opens the log. It is read only once: the projections are built and the stored tree is compared with it while it is verified.
///
/// # Errors
/// When the log cannot be opened, or contains an event that this version cannot use.
pub fn open_log(config: &Config) -> anyhow::Result<(StoredLog, Projections, Tree)> {
    let (projections, mut applied) = (Projections::default(), Ok(()));
    // Opened with the first event, when the data directory is there and locked.
    let (path, mut tree) = (config.data_dir.join(TREE_FILE), None);
    let open_tree = || Stored::open(&path, CHAIN_START);
    let mut compared = Ok(());
    let settings = Settings { instance_dir: Some(config.data_dir.clone()), ..config.log_settings() };
    let store = config.place.open_visiting(&settings, &mut |event, chain| {
        if applied.is_ok() {
            applied = projections.apply(event);
        }
        if compared.is_ok() {
            compared = match &mut tree {
                Some(tree) => Ok(tree),
                none => open_tree().map(|opened| none.insert(opened)),
            }
            .and_then(|tree| tree.compare(event.position.0.saturating_sub(1), chain));
        }
    })?;
    applied?;
    compared
        .and_then(|()| tree.map_or_else(open_tree, Ok))
        .and_then(|tree| finish(tree, &path))
        .map(|tree| (store, projections, tree))
        .with_context(|| format!("could not use the tree of the log in {}", path.display()))
}

/// The tree of the log, which is signed with the keys of this installation. `id` is for a key that is made now, and `head` is the last
/// position of the log.
///
/// # Errors
/// When the keys cannot be read, or the first key cannot be written.
pub fn signed(config: &Config, tree: Tree, head: Position, id: Uuid) -> anyhow::Result<LogTree> {
    if config.signing == Signing::Off {
        return Ok(LogTree::new(tree, None));
    }
    let (keys, is_new) = read_or_make(&config.secrets_dir, &config.public_url, id)?;
    // A new instance beside others has signed nothing itself.
    let is_new = is_new || is_new_instance(config);
    // A file for each log that was signed: a key that is put back is compared with what it has signed itself.
    let name = keys.origin().rsplit('/').next().unwrap_or_default().to_owned();
    let path = config.data_dir.join(format!("{CHECKPOINT_PREFIX}{name}"));
    let signer = Signer::new(keys.into_keys(), Some(path), is_new || head == Position::START);
    Ok(LogTree::new(tree, Some(signer)))
}

/// Whether this is the first start of an instance on a log in a database: its directory has no checkpoint at all.
fn is_new_instance(config: &Config) -> bool {
    let names = fs::read_dir(&config.data_dir).into_iter().flatten().flatten().map(|entry| entry.file_name());
    let mut checkpoints = names.filter(|name| name.to_string_lossy().starts_with(CHECKPOINT_PREFIX));
    matches!(config.place, Place::Database(_)) && checkpoints.next().is_none()
}

/// The tree of the tiles that belong to the log. If others were stored, they are kept in a copy: they name what was changed.
fn finish(tree: Stored, path: &Path) -> io::Result<Tree> {
    if let Some(behind) = tree.differs_behind() {
        match keep(path) {
            Ok(copy) => tracing::warn!(
                behind,
                copy = %copy.display(),
                "the stored tree is not that of the log, and is made again. If no backup was restored, compare the log with the last \
                 checkpoint: reservation log verify --checkpoint … --key … --tree …"
            ),
            // The service needs the tree, not the copy.
            Err(error) => tracing::error!(
                behind,
                error = &error as &dyn std::error::Error,
                "the stored tree is not that of the log, and could not be copied before it is made again"
            ),
        }
    }
    tree.finish()
}

/// Copies the file at `path` to the first free name of a few. With all names taken the last copy is replaced: the first ones are from before
/// most changes.
fn keep(path: &Path) -> io::Result<PathBuf> {
    let name = |number: usize| path.with_extension(format!("{DIFFERS}-{number}"));
    let free = (1..COPIES_MAX).map(name).find(|copy| !copy.exists());
    let copy = free.unwrap_or_else(|| name(COPIES_MAX));
    let new = path.with_extension("new");
    fs::copy(path, &new)?;
    fs::rename(new, &copy)?;
    Ok(copy)
}

/// The application for a command on the log of a stopped service. It shuts down when the trigger is dropped.
#[must_use]
pub fn offline(store: StoredLog, projections: Projections, public_url: String) -> (App, ShutdownTrigger) {
    let (trigger, shutdown) = Shutdown::new();
    let app = App::new(Parts {
        store: Arc::new(store),
        notes: Notes::own(),
        projections,
        log_tree: LogTree::in_memory(None),
        channels: PaymentChannels::default(),
        access_mode: AccessMode::On,
        network: Network::local(),
        admission: AdmissionLimits::default(),
        public_url,
        env: Arc::new(SystemEnvironment),
        shutdown,
    });
    (app, trigger)
}
