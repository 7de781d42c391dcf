//! The settings of a log in a database.

use std::path::{Path, PathBuf};

use chassis::config::Faults;
use chassis::network::Network;
use events::store::place::Place;
use log_tools::store_args::place;

/// Where the log is kept.
#[derive(Debug, clap::Args)]
pub(super) struct StoreArgs {
    /// URL of a PostgreSQL database for the notifier's own log: postgres://USER@HOST/DATABASE, with several hosts separated by
    /// commas. One notifier is active then, and others with the same database stand by
    #[arg(long, env = "NOTIFIER_STORE", global = true)]
    store: Option<String>,
    /// File with the password for the database
    #[arg(long, env = "NOTIFIER_STORE_PASSWORD_FILE", global = true)]
    store_password_file: Option<PathBuf>,
}

impl StoreArgs {
    /// The place of the log: the database, or `data_dir`.
    pub(super) fn check(&self, data_dir: &Path, network: &Network, faults: &mut Faults) -> Option<Place> {
        let password = self.store_password_file.as_deref();
        let place = place(self.store.as_deref(), password, data_dir.to_owned(), &network.authorities);
        faults.take("NOTIFIER_STORE", place)
    }
}
