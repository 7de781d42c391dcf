//! Notes that the service can be used, for all of its instances.

use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::app::App;
use crate::app::uptime::{self, NOTE_EVERY, Standing};

/// How often a wrong clock is reported.
const REPORT_EVERY: Duration = Duration::from_secs(60);

/// Runs until the service stops. `started` is the start of this process.
pub async fn run(app: App, started: DateTime<Utc>) {
    let mut reported_at = None;
    loop {
        match uptime::note(&app.notes, app.store.is_writable(), started, || app.env.now()).await {
            Ok(Standing::WrongClock(ahead))
                if reported_at.is_none_or(|at| app.env.elapsed() - at >= REPORT_EVERY) =>
            {
                reported_at = Some(app.env.elapsed());
                tracing::error!(
                    ahead_seconds = ahead.as_seconds_f64(),
                    "the clock of this machine differs from that of the database, so this instance executes no deadlines: \
                     synchronise both clocks"
                );
            }
            Ok(_) => {}
            // The log reports that its database is away.
            Err(error) if error.is_outage() => {}
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::error!(
                    error,
                    "could not note that the service can be used, so this instance executes no deadlines"
                );
            }
        }
        tokio::select! {
            () = app.env.sleep(NOTE_EVERY) => {}
            () = app.shutdown.requested() => return,
        }
    }
}
