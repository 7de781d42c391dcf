//! `reservation log …`: the commands for every log, and those for the log of reservations.

mod diff;
mod replay;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use access::secrets::CredentialFile;
use chassis::network::Authorities;
use chrono::{DateTime, Utc};
use events::event::Event;
use events::recorded::Recorded;
use events::store::EventBytes;
use events::store::log::StoredLog;
use events::store::place::{Place, Settings};
use events::values::{ConfidentialDigest, Locale};
use events::{Position, ReservationId};
use log_tools::command::LogCommand;
use log_tools::serve::LogRoute;
use log_tools::{Context, EventCatalogue};

use crate::app::App;
use crate::app::queries::notes::note;
use crate::app::repository::AsOf;

/// A command for the log of reservations.
#[derive(Debug, clap::Subcommand)]
pub enum LogAction {
    /// A command for every log.
    #[command(flatten)]
    Common(LogCommand),
    /// Print the reservations as of a time or a position
    Replay(replay::Replay),
    /// Print what changed in a reservation between two positions or times
    Diff(diff::Diff),
}

impl LogAction {
    /// Runs the command on the log in `place`, which is opened with `settings`, or on a running service with `credential`.
    /// `data_dir` has what the service keeps beside the log.
    ///
    /// # Errors
    /// A message for the operator.
    pub fn run(
        &self,
        place: Place,
        data_dir: PathBuf,
        settings: Settings,
        authorities: Authorities,
        credential: CredentialFile,
    ) -> anyhow::Result<ExitCode> {
        let (restore_notice, catalogue) = (Some(ACCESS_IS_RESTORED), &ReservationEvents);
        let context =
            Context { place, data_dir, settings, authorities, credential, restore_notice, catalogue };
        match self {
            Self::Common(command) => command.run(&context),
            Self::Replay(replay) => replay.run(&context),
            Self::Diff(diff) => diff.run(&context),
        }
    }
}

/// A backup contains keys that were revoked after it was made.
const ACCESS_IS_RESTORED: &str = "Access is as old as the backup: keys and links of guests that were revoked after it are valid again. \
    See `reservation access list`, or end all of them with `reservation access recover --revoke-all`.";

/// The routes for the log of the running service `app`.
#[must_use]
pub fn route(app: &App, store: &Arc<StoredLog>) -> LogRoute {
    let tree = Arc::clone(&app.log_tree);
    let mut route = LogRoute::new(store, Arc::new(ReservationEvents), &app.env, &app.shutdown);
    route.keys = tree.verifiers().to_vec();
    route.newest = Arc::new(move || tree.latest().ok());
    route
}

/// The events of this service.
struct ReservationEvents;

impl EventCatalogue for ReservationEvents {
    fn describe(&self, event: EventBytes<'_>) -> Result<String, String> {
        decode(event).map(|(_, event)| note(&event, "UTC", Locale::En)).map_err(|error| format!("{error:#}"))
    }

    fn confidential_digest(&self, event: EventBytes<'_>) -> Option<ConfidentialDigest> {
        decode(event).ok()?.1.confidential_digest().cloned()
    }
}

fn decode(event: EventBytes<'_>) -> anyhow::Result<(Recorded<'_>, Event)> {
    let recorded = Recorded::parse(event.json)?;
    let event = recorded.event()?;
    Ok((recorded, event))
}

/// Parses a position or a time.
fn as_of(text: &str) -> Result<AsOf, String> {
    if let Ok(position) = text.parse() {
        return Ok(AsOf::Position(Position(position)));
    }
    let time = DateTime::parse_from_rfc3339(text).map(|time| AsOf::Time(time.with_timezone(&Utc)));
    time.map_err(|_| format!("{text:?} is neither a position nor a time such as 2026-12-24T19:30:00Z"))
}

fn reservation_id(text: &str) -> Result<ReservationId, String> {
    let id = text.strip_prefix("reservation/").unwrap_or(text);
    id.parse().map_err(|error: events::ids::InvalidId| error.to_string())
}
