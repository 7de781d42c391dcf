//! `log backup`, `log restore`, `log compact`: writing, restoring and rewriting a whole log.

use std::fs::{self, File};
use std::io::{BufReader, BufWriter};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use events::store::backup::{BackupHeader, BackupReader, BackupWriter};
use events::store::groups::Chain;
use events::store::place::Place;
use events::store::sled::{LockedDataDir, lock_data_dir, read_witness};
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
    /// The file to create; it must not exist
    file: PathBuf,
    #[command(flatten)]
    from: From,
}

impl Backup {
    pub(super) fn run(&self, context: &Context<'_>) -> anyhow::Result<ExitCode> {
        if self.file.exists() {
            bail!(
                "{} already exists, and a backup never overwrites a file: choose another name",
                self.file.display()
            );
        }
        let source = Source::open(context, self.from.from.as_deref())?;
        let partial = partial(&self.file);
        let (mut chain, progress) = (Chain::default(), Progress::begin("backing up"));
        let log_id = source.log_id()?;
        let header = BackupHeader { log_id, source: context.source().into(), after: Position::START };
        let mut backup = BackupWriter::begin(BufWriter::new(create_owner_only(&partial)?), &header)?;
        let seen = source.each(Position::START, &progress, |group| {
            chain.link(group)?;
            backup.group(group)?;
            Ok(ControlFlow::Continue(()))
        })?;
        drop(progress);
        if seen.log_id != log_id || seen.promised.as_ref().is_some_and(|promised| *promised != chain) {
            bail!("the log was read only up to {}: try again", chain.last());
        }
        let file = backup.finish(&chain)?.into_inner()?;
        file.sync_all()?;
        let mut read_back = BackupReader::open(BufReader::new(File::open(&partial)?))?;
        while read_back.next_group()?.is_some() {}
        if read_back.end() != Some(&chain) {
            bail!("{} differs when read back: check the disk", partial.display());
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
            say("It contains confidential payloads: keep it where only you can read it.");
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// Options of `log restore`.
#[derive(Debug, clap::Args)]
pub struct Restore {
    /// The backup to restore
    file: PathBuf,
    /// Restore even if the existing log is another log, has more events, or cannot be identified
    #[arg(long)]
    force: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Restore {
    pub(super) fn run(&self, context: &Context<'_>) -> anyhow::Result<ExitCode> {
        let named = || format!("{} was not restored", self.file.display());
        File::open(&self.file).with_context(named)?;
        let data_dir = context.directory("restore")?;
        let held = lock_data_dir(data_dir).with_context(named)?;
        let new_dir = data_dir.join("restoring");
        let done = self.restore(context, &held, &new_dir).with_context(named);
        // It contains confidential payloads. After a successful restore the directory no longer exists.
        let _ = fs::remove_dir_all(&new_dir);
        let (chain, kept) = done?;
        if self.json {
            let notice = context.restore_notice;
            let result =
                json!({"events": chain.last().0, "hash": chain.hash_hex(), "kept": kept, "notice": notice});
            say(&result.to_string());
            return Ok(ExitCode::SUCCESS);
        }
        say(&format!(
            "{} holds the log up to {}, hash {}",
            context.data_dir.display(),
            chain.last(),
            chain.hash_hex()
        ));
        if let Some(notice) = context.restore_notice {
            say(notice);
        }
        if let Some(kept) = kept {
            say(&format!(
                "The previous log was moved to {}. Remove it once it is no longer needed.",
                kept.display()
            ));
            say("Contacts that were erased after the backup exist again: erase them again.");
        }
        Ok(ExitCode::SUCCESS)
    }

    fn restore(
        &self,
        context: &Context<'_>,
        held: &LockedDataDir,
        new_dir: &Path,
    ) -> anyhow::Result<(Chain, Option<PathBuf>)> {
        let (seen, found) = examine(&Source::Backup(self.file.clone()), context, None)?;
        if let Some(fault) = found.faults().first.first() {
            bail!("the backup failed its verification: {fault}");
        }
        let mut backup = BackupReader::open(BufReader::new(File::open(&self.file)?))?;
        let header = backup.header().clone();
        if header.source != context.source() {
            bail!("it contains a log of {}, not of {}", header.source, context.source());
        }
        let Some(promised) = seen.and_then(|seen| seen.promised) else {
            bail!("it contains only the part of a log after {}", header.after);
        };
        if !self.force {
            self.check_replaceable(&context.data_dir, header.log_id, promised.last())?;
        }
        if new_dir.exists() {
            fs::remove_dir_all(new_dir).with_context(|| format!("could not remove {}", new_dir.display()))?;
        }
        let mut loader =
            Place::Directory(new_dir.to_owned()).loader(&context.settings, Some(header.log_id))?;
        let progress = Progress::begin("restoring");
        while let Some(group) = backup.next_group()? {
            loader.push(&group)?;
            progress.at(group.last());
        }
        drop(progress);
        let chain = loader.finish()?;
        if chain != promised {
            bail!("its end record does not match its events: the backup was changed");
        }
        Ok((chain.clone(), held.replace_log(new_dir, &chain)?))
    }
}

impl Restore {
    /// Refuses the restore if replacing the log in `data_dir` by one that ends at `last` would lose events.
    fn check_replaceable(&self, data_dir: &Path, log_id: LogId, last: Position) -> anyhow::Result<()> {
        match read_witness(data_dir) {
            Ok(Some(there)) if there.log_id != log_id => bail!(
                "the existing log is {}, but the backup contains {log_id}: use --force to replace it",
                there.log_id
            ),
            Ok(Some(there)) if there.position > last => bail!(
                "the existing log ends at {}, but the backup ends at {last}: use --force to discard the later events",
                there.position
            ),
            Ok(Some(there))
                if there.position > Position::START
                    && self.hash_at(there.position)?.as_ref() != Some(&there.hash) =>
            {
                bail!(
                    "the existing log and the backup contain different events up to {}: use --force to discard the existing ones",
                    there.position
                )
            }
            Ok(Some(_)) => Ok(()),
            Ok(None) if !data_dir.join("log").exists() => Ok(()),
            Ok(None) => bail!(
                "the existing log has no head witness, so its end is unknown: use --force to replace it"
            ),
            Err(error) => bail!(
                "the head witness of the existing log cannot be read ({error}): use --force to replace the log"
            ),
        }
    }

    /// The hash of the chain at `position` of the backup.
    fn hash_at(&self, position: Position) -> anyhow::Result<Option<String>> {
        let mut backup = BackupReader::open(BufReader::new(File::open(&self.file)?))?;
        let mut chain = Chain::default();
        while let Some(group) = backup.next_group()? {
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
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Compact {
    pub(super) fn run(&self, context: &Context<'_>) -> anyhow::Result<ExitCode> {
        let data_dir = context.directory("compact")?;
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

/// The name of a file while it is being written.
fn partial(file: &Path) -> PathBuf {
    let mut name = file.file_name().unwrap_or_default().to_owned();
    name.push(".partial");
    file.with_file_name(name)
}

/// Creates a file that only its owner may read, because it will contain confidential payloads.
fn create_owner_only(path: &Path) -> anyhow::Result<File> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let created = File::options().write(true).create_new(true).mode(0o600).open(path);
    created.map_err(|error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => {
            anyhow::anyhow!("{} already exists: if no other backup is in progress, remove it", path.display())
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
