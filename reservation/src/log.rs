//! `reservation log …`: what every log can be asked, and what only reservations answer.

mod diff;
mod replay;

use std::process::ExitCode;

use chrono::{DateTime, Utc};
use events::event::Event;
use events::recorded::Recorded;
use events::store::Stored;
use events::values::PrivateDigest;
use events::{Position, ReservationId};
use logbook::command::LogCommand;
use logbook::{Context, Dialect};

use crate::config::Config;
use crate::http::history::words::note;
use crate::stream::Until;

/// What can be done with the log of reservations.
#[derive(Debug, clap::Subcommand)]
pub enum LogAction {
    /// What every log can be asked.
    #[command(flatten)]
    Common(LogCommand),
    /// Print the reservations as they were at a time or a position
    Replay(replay::Replay),
    /// Print what changed in a reservation between two positions or times
    Diff(diff::Diff),
}

impl LogAction {
    /// Does it.
    ///
    /// # Errors
    /// In words for the person who asked.
    pub fn run(&self, config: &Config) -> anyhow::Result<ExitCode> {
        let context = Context {
            data_dir: config.data_dir.clone(),
            source: "reservation",
            cache_bytes: config.cache_bytes,
            token: config.service_token.clone(),
            dialect: &Reservations,
        };
        match self {
            Self::Common(command) => command.run(&context),
            Self::Replay(replay) => replay.run(&context),
            Self::Diff(diff) => diff.run(&context),
        }
    }
}

/// What this service knows of its events.
struct Reservations;

impl Dialect for Reservations {
    fn describe(&self, stored: Stored<'_>) -> Result<String, String> {
        decode(stored).map(|(_, event)| note(&event, "UTC"))
    }

    fn private_digest(&self, stored: Stored<'_>) -> Option<PrivateDigest> {
        match decode(stored).ok()?.1 {
            Event::ReservationCreated(created) => Some(created.contact_digest),
            Event::WaitlistJoined(joined) => Some(joined.contact_digest),
            Event::ReservationCancelled(cancelled) => cancelled.description_digest,
            _ => None,
        }
    }
}

fn decode(stored: Stored<'_>) -> Result<(Recorded<'_>, Event), String> {
    let recorded = Recorded::parse(stored.json).map_err(|error| error.to_string())?;
    let event = recorded.event().map_err(|error| {
        let source = std::error::Error::source(&error).map(|source| format!(": {source}"));
        format!("{error}{}", source.unwrap_or_default())
    })?;
    Ok((recorded, event))
}

/// A position or a time, from the command line.
fn moment(text: &str) -> Result<Until, String> {
    if let Ok(position) = text.parse() {
        return Ok(Until::Position(Position(position)));
    }
    let time = DateTime::parse_from_rfc3339(text).map(|time| Until::Time(time.with_timezone(&Utc)));
    time.map_err(|_| format!("{text:?} is neither a position nor a time such as 2026-12-24T19:30:00Z"))
}

fn reservation_id(text: &str) -> Result<ReservationId, String> {
    let id = text.strip_prefix("reservation/").unwrap_or(text);
    id.parse().map_err(|error: events::ids::InvalidId| error.to_string())
}
