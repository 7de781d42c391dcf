//! Imports venue files: at start, and at SIGHUP.
//!
//! All files are checked before any of them is used; if one has a fault, the rules stay as they are. A file is imported
//! if it differs from what was last imported, so that a change made through the interface survives a restart.

use std::path::PathBuf;

use events::event::RulesImport;
use events::{VenueId, WaitlistId};
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::app::App;
use crate::app::affected::AffectedBooking;
use crate::app::commands::RulesChange;
use crate::app::executor::CommandError;
use crate::app::request_context::RequestContext;
use crate::app::rule_changes::Settled;
use crate::app::venues::{VenueFiles, VenuesError};

/// A venue whose rules changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangedVenue {
    /// The venue.
    pub venue_id: VenueId,
    /// The version of its rules.
    pub version: u32,
    /// Whether it was removed.
    pub is_removed: bool,
    /// Future bookings that do not comply with the new rules, the earliest first.
    pub affected: Vec<AffectedBooking>,
}

/// The result of importing venue files.
#[derive(Debug, Default)]
pub struct ImportReport {
    /// Changes that were recorded in the log.
    pub changes: Vec<ChangedVenue>,
    /// Waiting parties whose offer does not comply with the new rules. They keep waiting.
    pub withdrawn: Vec<(VenueId, WaitlistId)>,
    /// Changes that could not be recorded.
    pub not_recorded: Vec<(VenueId, CommandError)>,
}

/// Receives SIGHUP from now on. A hangup before the application runs is handled once it does.
///
/// # Errors
/// When the signal cannot be received.
pub fn hangups() -> std::io::Result<Signal> {
    signal(SignalKind::hangup())
}

/// Imports the venue files in `dir` at each of `hangups`, until the service stops. Without a directory the rules are
/// only in the log.
pub async fn run(app: App, dir: Option<PathBuf>, mut hangups: Signal) {
    loop {
        tokio::select! {
            _ = hangups.recv() => {}
            () = app.shutdown.requested() => return,
        }
        let Some(dir) = dir.clone() else {
            tracing::info!("the rules of the venues are kept in the log: no files are read");
            continue;
        };
        match tokio::task::spawn_blocking(move || VenueFiles::load(&dir)).await {
            Ok(Ok(files)) => import(&app, &files).await.log(),
            Ok(Err(error)) => log_rejected(&error),
            Err(error) => tracing::error!("could not load the venue files: {error}"),
        }
    }
}

fn log_rejected(error: &VenuesError) {
    let error = error as &dyn std::error::Error;
    tracing::error!(error, "the venue files were not loaded; the rules did not change");
}

impl ImportReport {
    fn add_settled(&mut self, venue_id: &VenueId, settled: Settled) {
        self.withdrawn.extend(settled.withdrawn.into_iter().map(|entry| (venue_id.clone(), entry)));
        self.not_recorded.extend(settled.failed.into_iter().map(|error| (venue_id.clone(), error)));
    }

    /// Writes the report to the log of the process.
    pub fn log(&self) {
        if self.changes.is_empty() && self.not_recorded.is_empty() {
            tracing::info!("no venue file differs from what was last imported");
        }
        for ChangedVenue { venue_id, version, is_removed, affected } in &self.changes {
            let what = if *is_removed {
                "recorded that the venue was removed"
            } else {
                "recorded the rules of the venue"
            };
            tracing::info!(%venue_id, version, affected = affected.len(), "{what}");
            for AffectedBooking { reservation_id, reason, start, size, .. } in affected {
                tracing::warn!(%venue_id, %reservation_id, reason, %start, guests = %size, "a booking does not comply with the new rules: move or cancel it");
            }
        }
        for (venue_id, waitlist_id) in &self.withdrawn {
            tracing::warn!(%venue_id, %waitlist_id, "an offer does not comply with the new rules: it was withdrawn, and the party keeps waiting");
        }
        self.log_failures();
    }

    /// Writes what could not be recorded to the log of the process.
    pub fn log_failures(&self) {
        for (venue_id, error) in &self.not_recorded {
            let error = error as &dyn std::error::Error;
            tracing::error!(%venue_id, error, "could not record the rules of the venue or what follows from them: send SIGHUP again once the log accepts events");
        }
    }
}

/// Imports `files`, and removes the venues whose file was imported earlier and is gone.
pub async fn import(app: &App, files: &VenueFiles) -> ImportReport {
    let mut report = ImportReport::default();
    for file in &files.0 {
        let import = RulesImport { digest: Some(file.digest.clone()) };
        let venue_id = &file.rules.venue.id;
        change(app, &mut report, &RulesChange { venue_id, rules: Some(&file.rules), import: Some(&import) })
            .await;
    }
    for venue_id in app.projections.venue_ids() {
        let has_file = files.0.iter().any(|file| file.rules.venue.id == venue_id);
        let recorded = app.projections.recorded_rules(&venue_id);
        let was_imported = recorded.is_none_or(|recorded| recorded.is_from_file());
        if !has_file && was_imported {
            let change_of =
                RulesChange { venue_id: &venue_id, rules: None, import: Some(&RulesImport::default()) };
            change(app, &mut report, &change_of).await;
        }
    }
    report
}

async fn change(app: &App, report: &mut ImportReport, change: &RulesChange<'_>) {
    let last = app.projections.recorded_rules(change.venue_id);
    let edited = last.filter(|last| last.is_edited).map(|last| last.version);
    let context = RequestContext::system("venues", app.env.as_ref());
    match app.change_rules(change, &context).await {
        Ok((outcome, settled)) => {
            report.add_settled(change.venue_id, settled);
            if let Some(version) = edited.filter(|_| outcome.is_new) {
                let venue_id = change.venue_id;
                tracing::warn!(%venue_id, version, "the file replaced rules that were changed through the interface: compare both versions, and repeat that change if it is missing");
            }
            if outcome.is_new {
                report.changes.push(ChangedVenue {
                    venue_id: change.venue_id.clone(),
                    version: outcome.version,
                    is_removed: change.rules.is_none(),
                    affected: outcome.affected,
                });
            }
        }
        Err(error) => report.not_recorded.push((change.venue_id.clone(), error)),
    }
}

/// Continues what follows from rules that were recorded shortly before the service stopped. An import of `files` has
/// done so for its venues.
pub async fn settle(app: &App, files: Option<&VenueFiles>) -> ImportReport {
    let mut report = ImportReport::default();
    let is_imported =
        |id: &VenueId| files.is_some_and(|files| files.0.iter().any(|file| file.rules.venue.id == *id));
    for venue_id in app.projections.venue_ids().into_iter().filter(|id| !is_imported(id)) {
        report.add_settled(&venue_id, app.settle_rules(&venue_id).await);
    }
    report
}
