//! What an operator does with a log, the same for every service: `reservation log …`, `notifier log …`.
//!
//! Everything looks at a log as a stream of groups, wherever it comes from ([`source`]): the directory
//! of a stopped service, a backup, or a running service ([`serve`]). Commands are folds over it
//! ([`command`]). Like a `main`, this crate talks to a person: its errors are `anyhow`'s.

pub mod command;
mod conditions;
mod line;
pub mod serve;
pub mod source;
pub mod terminal;

use std::path::PathBuf;

use chassis::secret::Token;
use events::store::Stored;
use events::values::PrivateDigest;

/// Exit code of a log that is not what it must be.
pub const EXIT_BROKEN: u8 = 3;

/// What a service knows of its own events.
pub trait Dialect {
    /// What happened, in a few words.
    ///
    /// # Errors
    /// In words, when this version can not read the event.
    fn describe(&self, event: Stored<'_>) -> Result<String, String>;

    /// The digest that the event carries of its private part.
    fn private_digest(&self, event: Stored<'_>) -> Option<PrivateDigest>;
}

/// Whose log it is.
pub struct Context<'a> {
    /// The service's data directory.
    pub data_dir: PathBuf,
    /// The service that writes the log.
    pub source: &'static str,
    /// Page cache for a log that is opened, in bytes.
    pub cache_bytes: u64,
    /// What a running service wants to be shown.
    pub token: Option<Token>,
    /// What the service knows of its events.
    pub dialect: &'a dyn Dialect,
}
