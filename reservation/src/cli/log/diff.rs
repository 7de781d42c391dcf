//! `log diff`: what changed in a reservation.

use std::process::ExitCode;

use anyhow::bail;
use events::ReservationId;
use log_tools::Context;
use log_tools::source::Source;
use log_tools::terminal::say;
use serde_json::{Value, json};

use super::replay::replay;
use super::{as_of, reservation_id};
use crate::app::queries::changes;
use crate::app::queries::reservation_view::state_of;
use crate::app::repository::AsOf;

/// Options of `log diff`.
#[derive(Debug, clap::Args)]
pub struct Diff {
    /// The reservation
    #[arg(value_parser = reservation_id)]
    reservation: ReservationId,
    /// The first state: a position or a time (RFC 3339)
    #[arg(value_parser = as_of)]
    before: AsOf,
    /// The second state; the current one by default
    #[arg(value_parser = as_of)]
    after: Option<AsOf>,
    /// A data directory, a backup, or the URL of a running service; the service's own directory by default
    #[arg(long, value_name = "WHERE")]
    from: Option<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Diff {
    pub(super) fn run(&self, context: &Context<'_>) -> anyhow::Result<ExitCode> {
        let source = Source::open(context, self.from.as_deref())?;
        let state = |as_of| -> anyhow::Result<Value> {
            let (mut reservations, _) = replay(&source, as_of, Some(self.reservation))?;
            let reservation = reservations.remove(&self.reservation).flatten();
            Ok(reservation.as_ref().map_or(Value::Null, state_of))
        };
        let (before, after) = (state(self.before)?, state(self.after.unwrap_or(AsOf::Now))?);
        if before.is_null() && after.is_null() {
            bail!("there is no reservation {} at either time", self.reservation);
        }
        // A reservation that does not exist at one of the times has no members then.
        let members = |state: &Value| if state.is_null() { json!({}) } else { state.clone() };
        let changes = changes::between(&members(&before), &members(&after));
        if self.json {
            say(&serde_json::to_string(&changes)?);
            return Ok(ExitCode::SUCCESS);
        }
        match (before.is_null(), changes.is_empty()) {
            (true, _) => say(&format!("It was created in between: {after}")),
            (false, true) => say("Nothing changed."),
            (false, false) => changes.iter().for_each(|change| say(&change.to_string())),
        }
        Ok(ExitCode::SUCCESS)
    }
}
