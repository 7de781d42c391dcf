//! Notes when this process last knew everything that the database holds.

use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Weak};
use std::thread;
use std::time::Duration;

use tokio::time::Instant;

use super::super::engine::{Availability, Engine as _};
use super::super::log::Shared;
use super::groups::PostgresGroups;

/// How often the end of the log is compared with what this process knows.
const EVERY: Duration = Duration::from_secs(1);

/// How long the process gets to follow to the end that was read.
const FOLLOW_MAX: Duration = Duration::from_secs(1);

/// How often that is checked.
const FOLLOW_POLL: Duration = Duration::from_millis(5);

/// Starts the thread, which ends when the returned sender is dropped. It has connections of its own, so that a commit that takes
/// long does not make the process look out of date.
pub(super) fn start(
    groups: &Arc<PostgresGroups>,
    shared: &Arc<Shared>,
    availability: &Arc<Availability>,
) -> std::io::Result<Sender<()>> {
    let (stop, stopped) = channel();
    let (groups, shared) = (Arc::downgrade(groups), Arc::downgrade(shared));
    let availability = Arc::clone(availability);
    thread::Builder::new().name("log-pulse".to_owned()).spawn(move || {
        while stopped.recv_timeout(EVERY) == Err(RecvTimeoutError::Timeout) {
            let asked = Instant::now();
            if knows_all(&groups, &shared) {
                availability.heard(asked);
            }
        }
    })?;
    Ok(stop)
}

/// Whether this process knows everything up to the present end of the log.
fn knows_all(groups: &Weak<PostgresGroups>, shared: &Weak<Shared>) -> bool {
    let Some(head) = groups.upgrade().and_then(|groups| groups.head().ok()) else { return false };
    let began = Instant::now();
    loop {
        match shared.upgrade() {
            Some(shared) if *shared.head.borrow() >= head => return true,
            Some(_) if began.elapsed() < FOLLOW_MAX => thread::sleep(FOLLOW_POLL),
            Some(_) | None => return false,
        }
    }
}
