//! The commands: each is a fold over the groups of a log.

mod backup;
mod export;
mod import;
mod show;
mod stats;
mod verify;

use std::process::ExitCode;

use crate::Context;

/// What can be done with a log.
#[derive(Debug, clap::Subcommand)]
pub enum LogCommand {
    /// Check a log from end to end: chain, positions, decoding, append conditions, private parts, witness
    Verify(verify::Verify),
    /// Print events
    Show(show::Show),
    /// Count events by type and day, and say where the space goes
    Stats(stats::Stats),
    /// Write the events as lines of CloudEvents JSON; goes on where an earlier export ended
    Export(export::Export),
    /// Make a log of the lines of an export; goes on where an earlier import ended
    Import(import::Import),
    /// Keep the whole log in one file, also while the service runs (--from its URL)
    Backup(backup::Backup),
    /// Put a backup in the place of the log, after proving it against its hash chain
    Restore(backup::Restore),
    /// Rewrite the log of a stopped service into a fresh database, to give back space
    Compact(backup::Compact),
}

/// Where the log is.
#[derive(Debug, clap::Args)]
pub struct From {
    /// A data directory, a backup, or the URL of a running service; the service's own directory by default
    #[arg(long, value_name = "WHERE")]
    pub from: Option<String>,
    /// Print JSON, for a machine
    #[arg(long)]
    pub json: bool,
}

impl LogCommand {
    /// Does it.
    ///
    /// # Errors
    /// In words for the person who asked.
    pub fn run(&self, context: &Context<'_>) -> anyhow::Result<ExitCode> {
        match self {
            Self::Verify(verify) => verify.run(context),
            Self::Show(show) => show.run(context),
            Self::Stats(stats) => stats.run(context),
            Self::Export(export) => export.run(context),
            Self::Import(import) => import.run(context),
            Self::Backup(backup) => backup.run(context),
            Self::Restore(restore) => restore.run(context),
            Self::Compact(compact) => compact.run(context),
        }
    }
}
