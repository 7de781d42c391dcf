//! `log backup`, `log restore`, `log compact`: a log as a whole, kept, put back, written anew.

use std::fs::{self, File};
use std::io::{BufReader, BufWriter};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use events::store::archive::{ArchiveReader, ArchiveWriter, Chain, Header};
use events::store::sled::{Held, Loader, Options, hold, witnessed};
use events::{LogId, Position};
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
        let partial = partial(&self.file);
        let (mut chain, progress) = (Chain::default(), Progress::begin("backing up"));
        let log_id = source.log_id()?;
        let header = Header { log_id, source: context.source.into(), after: Position::START };
        let mut archive = ArchiveWriter::begin(BufWriter::new(create_private(&partial)?), &header)?;
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
        let mut read_back = ArchiveReader::open(BufReader::new(File::open(&partial)?))?;
        while read_back.next_group()?.is_some() {}
        if read_back.end() != Some(&chain) {
            bail!("{} reads back as something else: look at the disk", partial.display());
        }
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
    /// Also when the log that is there is another one, has more events, or can not be told
    #[arg(long)]
    force: bool,
    /// Print JSON, for a machine
    #[arg(long)]
    json: bool,
}

impl Restore {
    pub(super) fn run(&self, context: &Context<'_>) -> anyhow::Result<ExitCode> {
        let named = || format!("{} was not restored", self.file.display());
        let held = hold(&context.data_dir).with_context(named)?;
        let new_dir = context.data_dir.join("restoring");
        let done = self.restore(context, &held, &new_dir).with_context(named);
        // It holds private parts; what was put in place is not there any more.
        let _ = fs::remove_dir_all(&new_dir);
        let (chain, kept) = done?;
        if self.json {
            say(&json!({"events": chain.last().0, "hash": chain.hash_hex(), "kept": kept}).to_string());
            return Ok(ExitCode::SUCCESS);
        }
        say(&format!(
            "{} holds the log up to {}, hash {}",
            context.data_dir.display(),
            chain.last(),
            chain.hash_hex()
        ));
        if let Some(kept) = kept {
            say(&format!("What was there before is in {}: remove it when you are sure.", kept.display()));
            say("Contacts that were erased since the backup are there again: erase them once more.");
        }
        Ok(ExitCode::SUCCESS)
    }

    fn restore(
        &self,
        context: &Context<'_>,
        held: &Held,
        new_dir: &Path,
    ) -> anyhow::Result<(Chain, Option<PathBuf>)> {
        let (seen, found) = examine(&Source::Archive(self.file.clone()), context)?;
        if let Some(fault) = found.faults.first() {
            bail!("it does not prove itself: {fault}");
        }
        let mut archive = ArchiveReader::open(BufReader::new(File::open(&self.file)?))?;
        let header = archive.header().clone();
        if header.source != context.source {
            bail!("it is a log of {}, not of {}", header.source, context.source);
        }
        let Some(promised) = seen.and_then(|seen| seen.promised) else {
            bail!("it is only a part of a log, after {}", header.after);
        };
        if !self.force {
            self.check_replaceable(&context.data_dir, header.log_id, promised.last())?;
        }
        if new_dir.exists() {
            fs::remove_dir_all(new_dir).with_context(|| format!("could not remove {}", new_dir.display()))?;
        }
        let options = Options {
            log_id: Some(header.log_id),
            cache_bytes: context.cache_bytes,
            ..Options::new(new_dir, context.source)
        };
        let (mut loader, progress) = (Loader::open(&options)?, Progress::begin("restoring"));
        while let Some(group) = archive.next_group()? {
            loader.push(&group)?;
            progress.at(group.last());
        }
        drop(progress);
        let chain = loader.finish()?;
        if chain != promised {
            bail!("its end does not fit its events: it was changed");
        }
        Ok((chain.clone(), held.replace_log(new_dir, &chain)?))
    }
}

impl Restore {
    /// Whether nothing is given up when a log that ends at `last` takes the place of the one in `data_dir`.
    fn check_replaceable(&self, data_dir: &Path, log_id: LogId, last: Position) -> anyhow::Result<()> {
        match witnessed(data_dir) {
            Ok(Some(there)) if there.log_id != log_id => bail!(
                "the log that is there is {}, the backup is of {log_id}: --force puts it in its place",
                there.log_id
            ),
            Ok(Some(there)) if there.position > last => bail!(
                "the log that is there goes to {}, the backup to {last}: --force gives up what came after",
                there.position
            ),
            Ok(Some(there))
                if there.position > Position::START
                    && self.hash_at(there.position)?.as_ref() != Some(&there.hash) =>
            {
                bail!(
                    "the log that is there has other events than the backup up to {}: --force gives them up",
                    there.position
                )
            }
            Ok(Some(_)) => Ok(()),
            Ok(None) if !data_dir.join("log").exists() => Ok(()),
            Ok(None) => bail!(
                "the log that is there has no head witness, so how far it goes is not known: --force puts the backup in its place"
            ),
            Err(error) => bail!(
                "the head witness of the log that is there can not be read ({error}): --force puts the backup in its place"
            ),
        }
    }

    /// The chain's hash at `position` of the backup.
    fn hash_at(&self, position: Position) -> anyhow::Result<Option<String>> {
        let mut archive = ArchiveReader::open(BufReader::new(File::open(&self.file)?))?;
        let mut chain = Chain::default();
        while let Some(group) = archive.next_group()? {
            if let found @ Some(_) = chain.link_past(&group, position)? {
                return Ok(found);
            }
        }
        Ok(None)
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
        let source = Source::open(context, None).map_err(|error| match Source::is_in_use(&error) {
            true => {
                anyhow::anyhow!("{} belongs to a running service: stop it first", context.data_dir.display())
            }
            false => error,
        })?;
        let before = bytes_in(&context.data_dir.join("log"))?;
        let new_dir = context.data_dir.join("compacting");
        if new_dir.exists() {
            fs::remove_dir_all(&new_dir)
                .with_context(|| format!("could not remove {}", new_dir.display()))?;
        }
        let options = Options {
            log_id: Some(source.log_id()?),
            cache_bytes: context.cache_bytes,
            ..Options::new(&new_dir, context.source)
        };
        let (mut loader, progress) = (Loader::open(&options)?, Progress::begin("compacting"));
        source.each(Position::START, &progress, |group| {
            loader.push(group)?;
            Ok(ControlFlow::Continue(()))
        })?;
        drop(progress);
        let chain = loader.finish()?;
        // Gives the directory free, and takes it again.
        drop(source);
        let held = hold(&context.data_dir)?;
        if witnessed(&context.data_dir)?.is_some_and(|there| there.position != chain.last()) {
            bail!(
                "a service has worked in {} meanwhile: stop it, then try again",
                context.data_dir.display()
            );
        }
        let kept = held.replace_log(&new_dir, &chain)?;
        if let Some(kept) = kept {
            fs::remove_dir_all(&kept).with_context(|| format!("could not remove {}", kept.display()))?;
        }
        let after = bytes_in(&context.data_dir.join("log"))?;
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

/// Where a file is written before it has its name.
fn partial(file: &Path) -> PathBuf {
    let mut name = file.file_name().unwrap_or_default().to_owned();
    name.push(".partial");
    file.with_file_name(name)
}

/// A new file that nobody else may read: it holds private parts.
fn create_private(path: &Path) -> anyhow::Result<File> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let created = File::options().write(true).create_new(true).mode(0o600).open(path);
    created.map_err(|error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => {
            anyhow::anyhow!("{} is there already: if no other backup is under way, remove it", path.display())
        }
        _ => anyhow::Error::from(error).context(format!("could not create {}", path.display())),
    })
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
