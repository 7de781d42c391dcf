//! `reservation venues import`: records the rules of many venues in the log of a stopped service.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use chassis::{exit, telemetry};
use contract::fault::Fault;
use events::VenueId;
use events::store::log::StoredLog;
use serde_json::Value;
use tokio::runtime::Runtime;

use super::config::Config;
use super::faults::refused;
use super::offline::{offline, open_log};
use crate::app::commands::RulesChange;
use crate::app::projections::Projections;
use crate::app::request_context::RequestContext;
use crate::app::venues::{RULES_BYTES_MAX, RulesDocument};
use crate::workers;

/// Maximum number of venues in one file.
const VENUES_MAX: usize = 10_000;
/// Maximum length of a line: a document with generous white space.
const LINE_BYTES_MAX: usize = 4 * RULES_BYTES_MAX;
/// Progress is written after this many venues.
const PROGRESS_VENUES: usize = 1_000;

/// Records the rules in `file`. All lines are checked before the first is recorded.
///
/// # Errors
/// All faults of the file, or why the log does not accept the rules.
pub fn import(config: &Config, file: &Path) -> anyhow::Result<ExitCode> {
    let _telemetry = telemetry::init("reservation", config.log_format, config.log_filter.clone(), None)?;
    let all = read(file)?;
    let (store, projections, _) = open_log(config)?;
    let recorded = Runtime::new()?.block_on(record(store, projections, &all))?;
    let unchanged = all.len() - recorded;
    Ok(exit::tell(
        "reservation",
        &format!("recorded the rules of {recorded} venue(s); {unchanged} did not change"),
    ))
}

fn read(file: &Path) -> anyhow::Result<Vec<RulesDocument>> {
    let context = || format!("could not read {}", file.display());
    let opened = File::open(file).with_context(context)?;
    if !opened.metadata().with_context(context)?.is_file() {
        bail!("{} is not a regular file", file.display());
    }
    let lines = BufReader::new(opened).split(b'\n');
    let (mut all, mut faults) = (Vec::<RulesDocument>::new(), Vec::new());
    for (number, line) in (1..).zip(lines) {
        let line = line.with_context(context)?;
        // Editors on Windows begin a file with a byte order mark.
        let line = line.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(&line);
        if line.trim_ascii().is_empty() {
            continue;
        }
        match document(line) {
            Ok(rules) if all.iter().any(|other| other.venue.id == rules.venue.id) => {
                faults.push(format!("line {number}: the venue {} is in the file twice", rules.venue.id));
            }
            Ok(rules) => all.push(rules),
            Err(found) => faults.extend(found.into_iter().map(|fault| format!("line {number}: {fault}"))),
        }
        if all.len() > VENUES_MAX {
            bail!("{} has more than {VENUES_MAX} venues: split it", file.display());
        }
    }
    if faults.is_empty() && all.is_empty() {
        bail!("{} has no venue: write one document on each line", file.display());
    }
    if faults.is_empty() {
        return Ok(all);
    }
    let error = refused(file, &faults);
    Err(match all.is_empty() && faults.len() > 1 {
        true => error.context("no line is a venue: write each document on one line, for example with jq -c"),
        false => error,
    })
}

fn document(line: &[u8]) -> Result<RulesDocument, Vec<String>> {
    if line.len() > LINE_BYTES_MAX {
        return Err(vec![format!("the line has {} bytes, at most {LINE_BYTES_MAX} are allowed", line.len())]);
    }
    let members = match contract::json::parse(line) {
        Ok(Value::Object(members)) => members,
        Ok(_) => return Err(vec!["this is not a JSON object".to_owned()]),
        Err(error) => return Err(vec![format!("this is not JSON: {error}")]),
    };
    let id = members
        .get("id")
        .and_then(Value::as_str)
        .ok_or_else(|| vec!["$.id: the id is missing".to_owned()])?;
    let id: VenueId = id.parse().map_err(|error| vec![format!("$.id: {error}")])?;
    RulesDocument::read(&id, members).map_err(|faults| faults.0.into_iter().map(Fault::into_words).collect())
}

/// Returns the number of venues whose rules were recorded.
async fn record(store: StoredLog, projections: Projections, all: &[RulesDocument]) -> anyhow::Result<usize> {
    let (app, _trigger) = offline(store, projections, String::new());
    let _tasks = workers::follow(&app).await?;
    let mut recorded = 0;
    for (index, rules) in all.iter().enumerate() {
        let change = RulesChange { venue_id: &rules.venue.id, rules: Some(rules), import: None };
        let context = RequestContext::system("venues", app.env.as_ref());
        let (outcome, settled) = app
            .change_rules(&change, &context)
            .await
            .with_context(|| format!("could not record the rules of the venue {}", rules.venue.id))?;
        if let Some(error) = settled.failed.into_iter().next() {
            return Err(error).context("could not record what follows from the rules: run the import again");
        }
        recorded += usize::from(outcome.is_new);
        if (index + 1) % PROGRESS_VENUES == 0 {
            tracing::info!("{} of {} venues", index + 1, all.len());
        }
    }
    Ok(recorded)
}
