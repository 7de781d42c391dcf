//! Keeps the keys that this service accepts up to date: it reads them from the reservation service.

use std::sync::Arc;
use std::time::Duration;

use access::SnapshotDoor;
use chassis::environment::SharedEnvironment;
use chassis::serve::Shutdown;

use crate::ports::reservation_api::ReservationApi;

/// How often the keys are read. A revoked key is refused after this time, or after the age that the door allows.
const INTERVAL: Duration = Duration::from_secs(5);
/// How soon they are read again after a failure.
const RETRY_INTERVAL: Duration = Duration::from_secs(1);

/// Reads the keys until the service stops.
pub async fn run(
    reservation_api: Arc<dyn ReservationApi>,
    door: Arc<SnapshotDoor>,
    env: SharedEnvironment,
    shutdown: Shutdown,
) {
    let mut failed = false;
    loop {
        // The keys are at least as old as the request.
        let asked_at = env.now();
        let pause = match reservation_api.access_snapshot().await {
            Ok(snapshot) => {
                door.replace(snapshot.keys, snapshot.sessions, asked_at);
                failed = false;
                INTERVAL
            }
            Err(error) => {
                if !failed {
                    tracing::warn!(%error, "the keys cannot be read from the reservation service; trying again");
                }
                failed = true;
                RETRY_INTERVAL
            }
        };
        tokio::select! {
            () = env.sleep(pause) => {}
            () = shutdown.requested() => return,
        }
    }
}
