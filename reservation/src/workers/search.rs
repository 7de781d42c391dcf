//! Keeps the search index in step with the log.

use std::time::Duration;

use chrono::TimeDelta;

use crate::app::App;
use crate::app::indexing::VISITS_PER_STEP;

/// How often changes are added. A search adds them itself before it looks.
const INTERVAL: Duration = Duration::from_secs(1);
/// How often the keys of contacts that were erased or corrected are removed.
const PURGE_INTERVAL: TimeDelta = TimeDelta::seconds(10);
/// Pause after an error.
const RETRY_AFTER: Duration = Duration::from_secs(5);

/// Runs until the service stops.
pub async fn run(app: App) {
    fill(&app).await;
    let mut purged_at = app.env.now();
    loop {
        let changed = match app.index_changes().await {
            Ok(changed) => changed,
            Err(error) => {
                report(&error, "the search index cannot be updated; trying again");
                app.env.sleep(RETRY_AFTER).await;
                0
            }
        };
        let now = app.env.now();
        let purges = now - purged_at >= PURGE_INTERVAL;
        if purges {
            purged_at = now;
        }
        if changed > 0 || purges {
            tidy(&app, purges).await;
        }
        tokio::select! {
            () = app.env.sleep(INTERVAL) => {}
            () = app.shutdown.requested() => return,
        }
    }
}

/// Adds the visits that exist, last ones first.
async fn fill(app: &App) {
    let started = app.env.now();
    let visits = app.projections.note_changes();
    for ids in visits.chunks(VISITS_PER_STEP) {
        while let Err(error) = app.index_visits(ids).await {
            report(&error, "the search index cannot be filled; trying again");
            app.env.sleep(RETRY_AFTER).await;
        }
        tidy(app, false).await;
    }
    app.search_index.set_complete();
    let milliseconds = (app.env.now() - started).num_milliseconds();
    tracing::info!(visits = visits.len(), milliseconds, "the search index is complete");
}

/// Merging and purging can take a second for millions of visits, and therefore run on a thread for blocking work.
async fn tidy(app: &App, purges: bool) {
    let app = app.clone();
    if let Err(error) = tokio::task::spawn_blocking(move || app.search_index.tidy(purges)).await {
        report(&error, "the search index was not tidied");
    }
}

fn report(error: &(dyn std::error::Error + 'static), what: &str) {
    tracing::error!(error, "{what}");
}
