//! `log diff`: what changed in a reservation.

use std::process::ExitCode;

use anyhow::bail;
use events::ReservationId;
use logbook::Context;
use logbook::source::Source;
use logbook::terminal::say;
use serde_json::{Value, json};

use super::replay::replay;
use super::{moment, reservation_id};
use crate::http::history::changes;
use crate::http::representation::state_of;
use crate::stream::Until;

/// Options of `log diff`.
#[derive(Debug, clap::Args)]
pub struct Diff {
    /// Which reservation
    #[arg(value_parser = reservation_id)]
    reservation: ReservationId,
    /// A position or a time (RFC 3339): how it was then …
    #[arg(value_parser = moment)]
    before: Until,
    /// … and then; as it is by default
    #[arg(value_parser = moment)]
    after: Option<Until>,
    /// A data directory, a backup, or the URL of a running service; the service's own directory by default
    #[arg(long, value_name = "WHERE")]
    from: Option<String>,
    /// Print JSON, for a machine
    #[arg(long)]
    json: bool,
}

impl Diff {
    pub(super) fn run(&self, context: &Context<'_>) -> anyhow::Result<ExitCode> {
        let source = Source::open(context, self.from.as_deref())?;
        let state = |until| -> anyhow::Result<Value> {
            let (mut reservations, _) = replay(&source, until, Some(self.reservation))?;
            let reservation = reservations.remove(&self.reservation).flatten();
            Ok(reservation.as_ref().map_or(Value::Null, state_of))
        };
        let (before, after) = (state(self.before)?, state(self.after.unwrap_or(Until::Now))?);
        if before.is_null() && after.is_null() {
            bail!("there was no reservation {} at either time", self.reservation);
        }
        // Of a beginning all is new; of what is not there yet at the second time, all is gone.
        let known = |state: &Value| if state.is_null() { json!({}) } else { state.clone() };
        let changes = changes::between(&known(&before), &known(&after));
        if self.json {
            say(&serde_json::to_string(&changes)?);
            return Ok(ExitCode::SUCCESS);
        }
        match (before.is_null(), changes.is_empty()) {
            (true, _) => say(&format!("It began in between: {after}")),
            (false, true) => say("Nothing changed."),
            (false, false) => changes.iter().for_each(|change| say(&change.to_string())),
        }
        Ok(ExitCode::SUCCESS)
    }
}
