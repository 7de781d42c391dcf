//! Copies checkpoints of the log to a directory, where the log cannot be rewritten without them.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use proof::SignedCheckpoint;

use crate::app::App;

/// How often a checkpoint is copied, if anything happened: 3 MB in a year.
const INTERVAL: Duration = Duration::from_secs(60 * 60);
/// Pause until there is a checkpoint.
const SOON: Duration = Duration::from_secs(1);
/// Pause after a failure.
const RETRY: Duration = Duration::from_secs(60);

/// Runs until the service stops.
pub async fn run(app: App, dir: PathBuf) {
    loop {
        let pause = match app.log_tree.latest() {
            Ok(checkpoint) => {
                let dir = dir.clone();
                match app.log_tree.blocking(move |_| copy(&dir, &checkpoint)).await {
                    Ok(Ok(())) => INTERVAL,
                    Ok(Err(error)) => failed(&error),
                    Err(error) => failed(&error),
                }
            }
            Err(_) => SOON,
        };
        tokio::select! {
            () = app.env.sleep(pause) => {}
            () = app.shutdown.requested() => return,
        }
    }
}

fn failed(error: &(dyn std::error::Error + 'static)) -> Duration {
    tracing::error!(
        error,
        "a checkpoint could not be copied to RESERVATION_CHECKPOINTS_DIR: check that directory"
    );
    RETRY
}

/// Writes a checkpoint under its log and size. One that is there already stays: it is never changed. The directory is not created, because it
/// can be one of another machine that is not mounted.
fn copy(dir: &Path, checkpoint: &SignedCheckpoint) -> io::Result<()> {
    let what = checkpoint.unverified();
    let log = what.origin.rsplit('/').next().unwrap_or_default();
    let name = format!("{log}-{:020}.checkpoint", what.size);
    let (path, new) = (dir.join(&name), dir.join(format!("{name}.new")));
    if path.exists() {
        return Ok(());
    }
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).open(&new)?;
    file.write_all(checkpoint.to_string().as_bytes())?;
    file.sync_all()?;
    fs::rename(&new, path)?;
    File::open(dir)?.sync_all()
}
