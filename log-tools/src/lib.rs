//! Commands for the log of any service: `reservation log …`, `notifier log …`.
//!
//! Every command reads a log as a stream of groups ([`source`]) from the directory of a stopped service,
//! from a backup, or from a running service ([`serve`]), and folds over it ([`command`]). Like a `main`
//! function, this crate talks to a person: its errors are `anyhow` errors.

mod checkpoints;
pub mod command;
mod conditions;
mod examination;
mod export_line;
pub mod serve;
pub mod source;
pub mod store_args;
pub mod terminal;

use std::path::PathBuf;

use access::secrets::CredentialFile;
use anyhow::Context as _;
use chassis::network::Authorities;
use chassis::secret::Token;
use events::store::EventBytes;
use events::store::place::{Place, Settings};
use events::values::ConfidentialDigest;

/// Exit code of `log verify` for a log that is not valid.
pub const EXIT_BROKEN: u8 = 3;

/// How a service interprets its own events.
pub trait EventCatalogue {
    /// A short description of the event.
    ///
    /// # Errors
    /// A description of the fault, when this version cannot decode the event.
    fn describe(&self, event: EventBytes<'_>) -> Result<String, String>;

    /// The digest of the confidential payload that the event contains.
    fn confidential_digest(&self, event: EventBytes<'_>) -> Option<ConfidentialDigest>;
}

/// The service whose log is used.
pub struct Context<'a> {
    /// Where the service keeps its log.
    pub place: Place,
    /// The service's data directory.
    pub data_dir: PathBuf,
    /// How the log is opened.
    pub settings: Settings,
    /// What is trusted at a running service.
    pub authorities: Authorities,
    /// The credential for a running service. Read only if a command needs it.
    pub credential: CredentialFile,
    /// What the operator must know after a restore, besides the result.
    pub restore_notice: Option<&'static str>,
    /// How the service interprets its events.
    pub catalogue: &'a dyn EventCatalogue,
}

impl Context<'_> {
    /// The name of the service that writes the log.
    fn source(&self) -> &'static str {
        self.settings.source
    }

    /// The credential for a running service.
    fn token(&self) -> anyhow::Result<Token> {
        let advice = "a running service wants a credential: name its file with --credential-file";
        self.credential.reload().context(advice)?;
        self.credential.token().context(advice)
    }
}
