//! `log move`: moves a log to another place, with the same id, hash and bytes.

use std::ops::ControlFlow;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use events::store::EventStore as _;
use events::store::groups::Chain;
use events::store::log::StoredLog;
use events::store::place::Place;
use events::{LogId, Position};
use serde_json::json;

use crate::Context;
use crate::source::Source;
use crate::store_args::destination;
use crate::terminal::{Progress, say};

/// Options of `log move`.
#[derive(Debug, clap::Args)]
pub struct Relocate {
    /// Where the log moves: a data directory, or the URL of a database. It is empty, or holds the part of this log that an
    /// interrupted move has copied
    #[arg(long, value_name = "WHERE")]
    to: String,
    /// File with the password for that database
    #[arg(long, value_name = "FILE")]
    to_password_file: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// A log that was copied completely.
struct Copied {
    log_id: LogId,
    chain: Chain,
    /// The number of events that an interrupted move had copied.
    before: u64,
}

impl Relocate {
    pub(super) fn run(&self, context: &Context<'_>) -> anyhow::Result<ExitCode> {
        let to = destination(&self.to, self.to_password_file.as_deref(), &context.authorities);
        let to = to.map_err(|fault| anyhow::anyhow!("--to {}: {fault}", self.to))?;
        // Two URLs can name the same database, which would then be retired as its own copy.
        if let (Place::Database(_), Place::Database(_)) = (&context.place, &to) {
            bail!("a log moves between a directory and a database: move it to a directory first");
        }
        let source = Source::open(context, None)?;
        let copied = copy(&source, context, &to)?;
        let Source::Stored(log) = source else { bail!("only a log that is stored can be moved") };
        compare(&log, context, &to, &copied)?;
        // Closed before it is retired: a service could have appended to a log in a database until now.
        drop(log);
        let kept = context.place.retire(&context.settings, copied.chain.last()).with_context(|| {
            format!("the log was copied to {to}, but the log in {} is still in use", context.place)
        })?;
        let Copied { log_id, chain, before } = copied;
        if self.json {
            let told = json!({"log_id": log_id, "events": chain.last().0, "moved": chain.last().0 - before, "hash": chain.hash_hex(), "kept": kept});
            say(&told.to_string());
            return Ok(ExitCode::SUCCESS);
        }
        say(&format!(
            "{to} holds the log {log_id} up to {}, hash {}. Every group and every confidential payload was compared.",
            chain.last(),
            chain.hash_hex()
        ));
        say(&format!(
            "No service opens the log in {} any more. What it holds is in {kept}: remove it when you no longer need it.",
            context.place
        ));
        Ok(ExitCode::SUCCESS)
    }
}

/// Copies the groups that are not there yet.
fn copy(source: &Source, context: &Context<'_>, to: &Place) -> anyhow::Result<Copied> {
    let log_id = source.log_id()?;
    let mut loader = to
        .loader(&context.settings, Some(log_id))
        .with_context(|| format!("could not open the log in {to}"))?;
    if loader.log_id() != log_id {
        bail!("{to} holds the log {}, not {log_id}: choose another place", loader.log_id());
    }
    let (there, progress) = (loader.chain().clone(), Progress::begin("moving"));
    let mut chain = Chain::default();
    source.each(Position::START, &progress, |group| {
        chain.link(group)?;
        if group.last() > there.last() {
            loader.push(group)?;
        } else if group.last() == there.last() && chain != there {
            bail!("{to} holds other events up to {}: choose another place", there.last());
        }
        Ok(ControlFlow::Continue(()))
    })?;
    drop(progress);
    if chain.last() == Position::START {
        bail!("the log in {} is empty: create a new one with `log init`", context.place);
    }
    if chain.last() < there.last() {
        bail!("{to} holds more events than the log in {}: it was moved before", context.place);
    }
    Ok(Copied { log_id, chain: loader.finish()?, before: there.last().0 })
}

/// Compares both logs group by group, with their confidential payloads.
fn compare(log: &StoredLog, context: &Context<'_>, to: &Place, copied: &Copied) -> anyhow::Result<()> {
    let moved = to.open(&context.settings).with_context(|| format!("could not open the log in {to}"))?;
    if moved.log_id() != copied.log_id || moved.known_head() != copied.chain.last() {
        bail!("the log in {to} differs when read back");
    }
    let (mut last, progress) = (Position::START, Progress::begin("comparing"));
    progress.set_head(moved.known_head());
    while let Some(group) = log.stored_group(last.next())? {
        let other = moved.stored_group(last.next())?;
        let is_same =
            other.is_some_and(|other| other.value() == group.value() && other.payloads() == group.payloads());
        if !is_same {
            bail!("the group at {} differs in {to}: move the log again into an empty place", group.first());
        }
        last = group.last();
        progress.at(last);
    }
    match last == copied.chain.last() {
        true => Ok(()),
        false => bail!(
            "a service has appended to the log in {} meanwhile: stop it, then run this again",
            context.place
        ),
    }
}
