//! `log compact`: frees the space of what was deleted.

use std::fs;
use std::ops::ControlFlow;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use events::Position;
use events::store::place::Place;
use events::store::postgres::{self, Compacted, Server};
use events::store::sled::{lock_data_dir, read_witness};
use serde_json::json;
use tokio::runtime::Runtime;

use crate::Context;
use crate::source::Source;
use crate::terminal::{Progress, say, size};

/// Options of `log compact`.
#[derive(Debug, clap::Args)]
pub struct Compact {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Compact {
    pub(super) fn run(&self, context: &Context<'_>) -> anyhow::Result<ExitCode> {
        match &context.place {
            Place::Directory(data_dir) => self.rewrite(context, data_dir),
            Place::Database(server) => self.compact_payloads(context, server),
        }
    }

    /// Events are never removed, so only the table of confidential payloads has space to free.
    fn compact_payloads(&self, context: &Context<'_>, server: &Server) -> anyhow::Result<ExitCode> {
        let compacted =
            Runtime::new()?.block_on(postgres::compact(server, context.source())).with_context(|| {
                format!(
                    "the confidential payloads in {} were not compacted: use the role that owns them",
                    context.place
                )
            })?;
        let Compacted { before_bytes, after_bytes } = compacted;
        if self.json {
            say(&json!({"bytes_before": before_bytes, "bytes_after": after_bytes}).to_string());
            return Ok(ExitCode::SUCCESS);
        }
        say(&format!("confidential payloads: {} before, {} after", size(before_bytes), size(after_bytes)));
        say(
            "Forgotten payloads can still stand in the write-ahead log, its archives and backups of the database.",
        );
        Ok(ExitCode::SUCCESS)
    }

    fn rewrite(&self, context: &Context<'_>, data_dir: &Path) -> anyhow::Result<ExitCode> {
        let source = Source::open(context, None).map_err(|error| match Source::is_in_use(&error) {
            true => {
                anyhow::anyhow!("{} is in use by a running service: stop it first", data_dir.display())
            }
            false => error,
        })?;
        let before = bytes_in(&data_dir.join("log"))?;
        let new_dir = data_dir.join("compacting");
        if new_dir.exists() {
            fs::remove_dir_all(&new_dir)
                .with_context(|| format!("could not remove {}", new_dir.display()))?;
        }
        let mut loader =
            Place::Directory(new_dir.clone()).loader(&context.settings, Some(source.log_id()?))?;
        let progress = Progress::begin("compacting");
        source.each(Position::START, &progress, |group| {
            loader.push(group)?;
            Ok(ControlFlow::Continue(()))
        })?;
        drop(progress);
        let chain = loader.finish()?;
        // Unlocks the directory, which is then locked again below.
        drop(source);
        let held = lock_data_dir(data_dir)?;
        if read_witness(data_dir)?.is_some_and(|there| there.position != chain.last()) {
            bail!("a service has written to {} meanwhile: stop it, then try again", data_dir.display());
        }
        let kept = held.replace_log(&new_dir, &chain)?;
        if let Some(kept) = kept {
            fs::remove_dir_all(&kept).with_context(|| format!("could not remove {}", kept.display()))?;
        }
        let after = bytes_in(&data_dir.join("log"))?;
        if self.json {
            say(&json!({"events": chain.last().0, "hash": chain.hash_hex(), "bytes_before": before, "bytes_after": after}).to_string());
        } else {
            say(&format!(
                "{} events, {} before, {} after, hash {}",
                chain.last(),
                size(before),
                size(after),
                chain.hash_hex()
            ));
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn bytes_in(dir: &Path) -> anyhow::Result<u64> {
    let mut bytes = 0;
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let metadata = entry.metadata()?;
        bytes += if metadata.is_dir() { bytes_in(&entry.path())? } else { metadata.len() };
    }
    Ok(bytes)
}
