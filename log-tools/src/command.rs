//! The commands. Each folds over the groups of a log.

mod against;
mod backup;
mod compact;
mod export;
mod import;
mod init;
mod relocate;
mod restore;
mod show;
mod stats;
mod verify;

use std::process::ExitCode;

use crate::Context;

/// The commands for a log.
#[derive(Debug, clap::Subcommand)]
pub enum LogCommand {
    /// Verify a log from end to end: hash chain, positions, decoding, append conditions, confidential payloads, witness
    Verify(verify::Verify),
    /// Print events
    Show(show::Show),
    /// Count events by type and day, and show how much space they take
    Stats(stats::Stats),
    /// Write the events as lines of CloudEvents JSON; continues an earlier export
    Export(export::Export),
    /// Create a log from the lines of an export, in a directory or a database; continues an interrupted import
    Import(import::Import),
    /// Write the whole log to one file; with --from the URL of a running service, while it runs
    Backup(backup::Backup),
    /// Replace the log by a backup, after verifying the backup's hash chain; in a database, continues an interrupted restore
    Restore(restore::Restore),
    /// Create the log in a database that --store names, or give a role the rights of the service
    Init(init::Init),
    /// Move the log of a stopped service to a database or to a directory, with the same id and bytes; continues an
    /// interrupted move
    #[command(name = "move")]
    Relocate(relocate::Relocate),
    /// Free space: rewrite the log of a stopped service, or the confidential payloads in a database
    Compact(compact::Compact),
}

/// Options that name the log.
#[derive(Debug, clap::Args)]
pub struct From {
    /// A data directory, a backup, or the URL of a running service [default: the service's own log]
    #[arg(long, value_name = "WHERE")]
    pub from: Option<String>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

impl LogCommand {
    /// Runs the command.
    ///
    /// # Errors
    /// A description for the operator.
    pub fn run(&self, context: &Context<'_>) -> anyhow::Result<ExitCode> {
        match self {
            Self::Verify(verify) => verify.run(context),
            Self::Show(show) => show.run(context),
            Self::Stats(stats) => stats.run(context),
            Self::Export(export) => export.run(context),
            Self::Import(import) => import.run(context),
            Self::Backup(backup) => backup.run(context),
            Self::Restore(restore) => restore.run(context),
            Self::Init(init) => init.run(context),
            Self::Relocate(relocate) => relocate.run(context),
            Self::Compact(compact) => compact.run(context),
        }
    }
}
