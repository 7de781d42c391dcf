//! `log restore`: replaces a log by a backup.

use std::fs::{self, File};
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use events::store::backup::{BackupHeader, BackupReader};
use events::store::groups::Chain;
use events::store::load::{BulkLoad, Usage};
use events::store::place::Place;
use events::store::postgres::{Server, set_aside};
use events::store::sled::{LockedDataDir, lock_data_dir, read_witness};
use events::{LogId, Position};
use serde_json::json;
use tokio::runtime::Runtime;

use super::verify::examine;
use crate::Context;
use crate::source::Source;
use crate::terminal::{Progress, say};

/// Options of `log restore`.
#[derive(Debug, clap::Args)]
pub struct Restore {
    /// The backup to restore
    file: PathBuf,
    /// Restore even if the existing log is another log, has other or more events, or cannot be identified
    #[arg(long)]
    force: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// A backup that was verified.
struct Verified {
    header: BackupHeader,
    /// The end of the log, as the backup states it.
    end: Chain,
}

impl Restore {
    pub(super) fn run(&self, context: &Context<'_>) -> anyhow::Result<ExitCode> {
        let restored = match &context.place {
            Place::Directory(data_dir) => self.restore_directory(context, data_dir),
            Place::Database(server) => self.restore_database(context, server),
        };
        let (chain, kept) = restored.with_context(|| format!("{} was not restored", self.file.display()))?;
        if self.json {
            let notice = context.restore_notice;
            let result =
                json!({"events": chain.last().0, "hash": chain.hash_hex(), "kept": kept, "notice": notice});
            say(&result.to_string());
            return Ok(ExitCode::SUCCESS);
        }
        say(&format!("{} holds the log up to {}, hash {}", context.place, chain.last(), chain.hash_hex()));
        if let Some(notice) = context.restore_notice {
            say(notice);
        }
        let is_shared = matches!(context.place, Place::Database(_));
        if is_shared {
            say(
                "An instance that has read more of the previous log, or another log, does not start: remove head-witness.json and \
                 head-mark from its data directory.",
            );
        }
        if let Some(kept) = &kept {
            say(&format!("The previous log was moved to {kept}. Remove it once it is no longer needed."));
        }
        if is_shared || kept.is_some() {
            say("Contacts that were erased after the backup exist again: erase them again.");
        }
        Ok(ExitCode::SUCCESS)
    }

    /// Returns the end of the restored log, and where the previous one is.
    fn restore_directory(
        &self,
        context: &Context<'_>,
        data_dir: &Path,
    ) -> anyhow::Result<(Chain, Option<String>)> {
        File::open(&self.file)?;
        let held = lock_data_dir(data_dir)?;
        let new_dir = data_dir.join("restoring");
        let done = self.replace(context, data_dir, &held, &new_dir);
        // It contains confidential payloads. After a successful restore the directory no longer exists.
        let _ = fs::remove_dir_all(&new_dir);
        let (chain, kept) = done?;
        Ok((chain, kept.map(|kept| kept.display().to_string())))
    }

    fn replace(
        &self,
        context: &Context<'_>,
        data_dir: &Path,
        held: &LockedDataDir,
        new_dir: &Path,
    ) -> anyhow::Result<(Chain, Option<PathBuf>)> {
        let Verified { header, end } = self.verify(context)?;
        if !self.force {
            self.check_replaceable(data_dir, header.log_id, end.last())?;
        }
        if new_dir.exists() {
            fs::remove_dir_all(new_dir).with_context(|| format!("could not remove {}", new_dir.display()))?;
        }
        let loader = Place::Directory(new_dir.to_owned()).loader(&context.settings, Some(header.log_id))?;
        let chain = self.load(loader, &end)?;
        Ok((chain.clone(), held.replace_log(new_dir, &chain)?))
    }

    /// A log of which the backup is a continuation is continued, as after an interrupted restore. Another one is set aside, if that is
    /// forced.
    fn restore_database(
        &self,
        context: &Context<'_>,
        server: &Server,
    ) -> anyhow::Result<(Chain, Option<String>)> {
        let Verified { header, end } = self.verify(context)?;
        let loader = context.place.loader(&context.settings, Some(header.log_id));
        let refusal = match &loader {
            Ok(there) if there.log_id() != header.log_id => format!(
                "it holds the log {}, but the backup contains {}: use --force to set it aside",
                there.log_id(),
                header.log_id
            ),
            Ok(there) if there.usage() == Usage::Moved => {
                "its log was moved to another place, where it can have grown: use --force to set it aside"
                    .into()
            }
            Ok(there) => match self.continues(&**there, &end)? {
                true => return Ok((self.load(loader?, &end)?, None)),
                false => format!(
                    "it holds a log up to {}, and the backup ends at {}: use --force to set the existing log aside. Events that \
                     only that log has are lost for the service then",
                    there.chain().last(),
                    end.last()
                ),
            },
            Err(error) if error.is_damaged() => format!("{error}: use --force to set it aside"),
            Err(_) => return Ok((self.load(loader?, &end)?, None)),
        };
        if !self.force {
            bail!("{}: {refusal}", context.place);
        }
        drop(loader);
        let kept = Runtime::new()?.block_on(set_aside(server, context.source(), header.log_id))?;
        let loader = context.place.loader(&context.settings, Some(header.log_id))?;
        Ok((self.load(loader, &end)?, Some(format!("the schema {kept}"))))
    }

    /// Reads the whole backup and verifies it.
    fn verify(&self, context: &Context<'_>) -> anyhow::Result<Verified> {
        let (seen, found) = examine(&Source::Backup(self.file.clone()), context, None)?;
        if let Some(fault) = found.faults().first.first() {
            bail!("the backup failed its verification: {fault}");
        }
        let header = self.open()?.header().clone();
        if header.source != context.source() {
            bail!("it contains a log of {}, not of {}", header.source, context.source());
        }
        let Some(end) = seen.and_then(|seen| seen.promised) else {
            bail!("it contains only the part of a log after {}", header.after);
        };
        Ok(Verified { header, end })
    }

    /// Loads the groups of the backup that are not loaded yet.
    fn load(&self, mut loader: Box<dyn BulkLoad>, end: &Chain) -> anyhow::Result<Chain> {
        let (mut backup, there) = (self.open()?, loader.chain().last());
        let progress = Progress::begin("restoring");
        while let Some(group) = backup.next_group()? {
            if group.last() > there {
                loader.push(&group)?;
                progress.at(group.last());
            }
        }
        drop(progress);
        if loader.chain() != end {
            bail!("its end record does not match its events: the backup was changed");
        }
        Ok(loader.finish()?)
    }

    /// Whether the backup begins with the events of `there`, and nothing can be appended to it meanwhile.
    fn continues(&self, there: &dyn BulkLoad, end: &Chain) -> anyhow::Result<bool> {
        let chain = there.chain();
        if chain.last() == Position::START {
            return Ok(true);
        }
        let fits = match there.usage() {
            Usage::Services => chain.last() == end.last(),
            Usage::None | Usage::Moved => chain.last() <= end.last(),
        };
        Ok(fits && self.hash_at(chain.last())? == Some(chain.hash_hex()))
    }

    fn open(&self) -> anyhow::Result<BackupReader<BufReader<File>>> {
        Ok(BackupReader::open(BufReader::new(File::open(&self.file)?))?)
    }

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
        let mut backup = self.open()?;
        let mut chain = Chain::default();
        while let Some(group) = backup.next_group()? {
            if let found @ Some(_) = chain.link_past(&group, position)? {
                return Ok(found);
            }
        }
        Ok(None)
    }
}
