//! `log backup`, `log restore`, `log compact`: a log as a whole, kept, put back, written anew.

use std::fs::{self, File};
use std::io::BufWriter;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use events::Position;
use events::store::archive::{ArchiveReader, ArchiveWriter, Chain, Header};
use events::store::sled::{Loader, Options, Witnessed, replace_log, witnessed};
use serde_json::json;

use super::From;
use super::verify::examine;
use crate::Context;
use crate::source::Source;
use crate::terminal::{Progress, say, size};

/// Options of `log backup`.
#[derive(Debug, clap::Args)]
pub struct Backup {
    /// The file to make; it must not be there yet
    file: PathBuf,
    #[command(flatten)]
    from: From,
}

impl Backup {
    pub(super) fn run(&self, context: &Context<'_>) -> anyhow::Result<ExitCode> {
        if self.file.exists() {
            bail!("{} is there already: a backup is never written over", self.file.display());
        }
        let source = Source::open(context, self.from.from.as_deref())?;
        let partial = self.file.with_extension("partial");
        let (mut chain, progress) = (Chain::default(), Progress::begin("backing up"));
        let file =
            File::create(&partial).with_context(|| format!("could not write {}", partial.display()))?;
        let log_id = source.log_id()?;
        let header = Header { log_id, source: context.source.into(), after: Position::START };
        let mut archive = ArchiveWriter::begin(BufWriter::new(file), &header)?;
        let seen = source.each(Position::START, &progress, |group| {
            chain.link(group)?;
            archive.group(group)?;
            Ok(ControlFlow::Continue(()))
        })?;
        drop(progress);
        if seen.log_id != log_id || seen.promised.as_ref().is_some_and(|promised| *promised != chain) {
            bail!("the log ended at {} before its end: try again", chain.last());
        }
        let file = archive.finish(&chain)?.into_inner()?;
        file.sync_all()?;
        fs::rename(&partial, &self.file)?;
        sync_parent(&self.file)?;
        let bytes = fs::metadata(&self.file)?.len();
        if self.from.json {
            let told = json!({"log_id": seen.log_id, "events": chain.last().0, "hash": chain.hash_hex(), "bytes": bytes, "file": self.file});
            say(&told.to_string());
        } else {
            say(&format!(
                "{}: {} events of the log {}, {}, hash {}",
                self.file.display(),
                chain.last(),
                seen.log_id,
                size(bytes),
                chain.hash_hex()
            ));
            say("It holds private parts: keep it where only you can read it.");
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// Options of `log restore`.
#[derive(Debug, clap::Args)]
pub struct Restore {
    /// The backup
    file: PathBuf,
    /// Also when the log that is there is another one, or has more events
    #[arg(long)]
    force: bool,
}

impl Restore {
    pub(super) fn run(&self, context: &Context<'_>) -> anyhow::Result<ExitCode> {
        let named = || format!("{} was not restored; the log is as it was", self.file.display());
        let (chain, kept) = self.restore(context).with_context(named)?;
        say(&format!(
            "{} holds the log up to {}, hash {}",
            context.data_dir.display(),
            chain.last(),
            chain.hash_hex()
        ));
        if let Some(kept) = kept {
            say(&format!("What was there before is in {}: remove it when you are sure.", kept.display()));
        }
        Ok(ExitCode::SUCCESS)
    }

    fn restore(&self, context: &Context<'_>) -> anyhow::Result<(Chain, Option<PathBuf>)> {
        let file = File::open(&self.file).context("could not open it")?;
        let mut archive = ArchiveReader::open(std::io::BufReader::new(file))?;
        let header = archive.header().clone();
        if header.source != context.source {
            bail!("it is a log of {}, not of {}", header.source, context.source);
        }
        if header.after != Position::START {
            bail!("it is only a part of a log, after {}", header.after);
        }
        let (_, found) = examine(&Source::Archive(self.file.clone()), context)?;
        if let Some(fault) = found.faults.first() {
            bail!("it does not prove itself: {fault}");
        }
        let there = witnessed(&context.data_dir)?;
        let new_dir = fresh(&context.data_dir.join("restoring"))?;
        let options = Options {
            log_id: Some(header.log_id),
            cache_bytes: context.cache_bytes,
            ..Options::new(&new_dir, context.source)
        };
        let (mut loader, progress) = (Loader::open(&options)?, Progress::begin("restoring"));
        while let Some(group) = archive.next_group()? {
            loader.push(&group)?;
            progress.at(group.last());
        }
        drop(progress);
        let chain = loader.finish()?;
        if archive.end() != Some(&chain) {
            bail!("its end does not fit its events: it was changed");
        }
        if let Some(Witnessed { log_id, position }) = there.filter(|_| !self.force) {
            if log_id != header.log_id {
                bail!(
                    "the log that is there is {log_id}, the backup is of {}: --force puts it in its place",
                    header.log_id
                );
            }
            if position > chain.last() {
                bail!(
                    "the log that is there goes to {position}, the backup to {}: --force gives up what came after",
                    chain.last()
                );
            }
        }
        Ok((chain, replace_log(&context.data_dir, &new_dir)?))
    }
}

/// Options of `log compact`.
#[derive(Debug, clap::Args)]
pub struct Compact {
    /// Print JSON, for a machine
    #[arg(long)]
    json: bool,
}

impl Compact {
    pub(super) fn run(&self, context: &Context<'_>) -> anyhow::Result<ExitCode> {
        let source = Source::open(context, None)?;
        let before = bytes_in(&context.data_dir.join("log"))?;
        let new_dir = fresh(&context.data_dir.join("compacting"))?;
        let Source::Directory(store) = &source else { bail!("a directory is needed") };
        let log_id = Some(events::store::EventStore::log_id(store.as_ref()));
        let options =
            Options { log_id, cache_bytes: context.cache_bytes, ..Options::new(&new_dir, context.source) };
        let (mut loader, progress) = (Loader::open(&options)?, Progress::begin("compacting"));
        source.each(Position::START, &progress, |group| {
            loader.push(group)?;
            Ok(ControlFlow::Continue(()))
        })?;
        drop(progress);
        let chain = loader.finish()?;
        // Gives the directory free.
        drop(source);
        let after = bytes_in(&new_dir.join("log"))?;
        let kept = replace_log(&context.data_dir, &new_dir)?;
        if let Some(kept) = kept {
            fs::remove_dir_all(&kept).with_context(|| format!("could not remove {}", kept.display()))?;
        }
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

/// A directory with nothing in it.
fn fresh(dir: &Path) -> anyhow::Result<PathBuf> {
    if dir.exists() {
        fs::remove_dir_all(dir).with_context(|| format!("could not remove {}", dir.display()))?;
    }
    Ok(dir.to_owned())
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

fn sync_parent(file: &Path) -> std::io::Result<()> {
    let parent = file.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(parent)?.sync_all()
}
