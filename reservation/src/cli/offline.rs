//! The log and the application, for a service and for commands on the log of a stopped one.

use std::sync::Arc;

use access::AccessMode;
use anyhow::Context as _;
use chassis::environment::SystemEnvironment;
use chassis::network::Network;
use chassis::serve::{Shutdown, ShutdownTrigger};
use events::store::groups::CHAIN_START;
use events::store::sled::{Options, SledStore};
use proof::{Stored, Tree};

use super::config::Config;
use crate::app::admission::AdmissionLimits;
use crate::app::log_tree::LogTree;
use crate::app::projections::Projections;
use crate::app::{App, Parts, PaymentChannels};

/// The file in the data directory with the tree of the log.
const TREE_FILE: &str = "log-tree";

/// Opens the log. It is read only once: the projections are built and the stored tree is compared with it while it is verified.
///
/// # Errors
/// When the log cannot be opened, or contains an event that this version cannot use.
pub fn open_log(config: &Config) -> anyhow::Result<(SledStore, Projections, Tree)> {
    let options = Options {
        cache_bytes: config.cache_bytes,
        queue_appends: config.queue_appends_max,
        reserve_bytes: config.disk_reserve_bytes,
        ..Options::new(&config.data_dir, "reservation")
    };
    let (projections, mut applied) = (Projections::default(), Ok(()));
    // Opened with the first event, when the data directory is there and locked.
    let (path, mut tree) = (config.data_dir.join(TREE_FILE), None);
    let open_tree = || Stored::open(&path, CHAIN_START);
    let mut compared = Ok(());
    let store = SledStore::open_visiting(&options, &mut |event, chain| {
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
        .and_then(Stored::finish)
        .map(|tree| (store, projections, tree))
        .with_context(|| format!("could not use the tree of the log in {}", path.display()))
}

/// The application for a command on the log of a stopped service. It shuts down when the trigger is dropped.
#[must_use]
pub fn offline(store: SledStore, projections: Projections, public_url: String) -> (App, ShutdownTrigger) {
    let (trigger, shutdown) = Shutdown::new();
    let app = App::new(Parts {
        store: Arc::new(store),
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
