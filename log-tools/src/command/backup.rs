//! `log backup`: writes a whole log to a file.

use std::fs::{self, File};
use std::io::{BufReader, BufWriter};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::bail;
use events::Position;
use events::store::backup::{BackupHeader, BackupReader, BackupWriter};
use events::store::groups::Chain;
use serde_json::json;

use super::From;
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

fn sync_parent(file: &Path) -> std::io::Result<()> {
    let parent = file.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(parent)?.sync_all()
}
