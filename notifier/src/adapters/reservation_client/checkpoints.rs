//! Reading the newest checkpoint of the log.

use events::recorded::EventMetadata;

use super::{ReservationClient, unavailable};
use crate::domain::checkpoint::LogCheckpoint;
use crate::ports::reservation_api::ReservationError;

impl ReservationClient {
    /// The newest checkpoint, a C2SP signed note: the name of the log, the number of its events, and the root of its tree, a line
    /// each, before the signatures.
    pub(super) async fn newest_checkpoint(
        &self,
        by: &EventMetadata,
    ) -> Result<LogCheckpoint, ReservationError> {
        let request = self.client.get(format!("{}/log/checkpoint", self.base_url));
        let response = self.check(self.signed(request, by)?.send().await).await?;
        let note = response.text().await.map_err(unavailable)?;
        let mut lines = note.lines();
        let origin = lines.next().unwrap_or_default().to_owned();
        let size = lines.next().and_then(|size| size.parse().ok());
        let size = size.ok_or_else(|| ReservationError::Unreadable("it is no checkpoint".to_owned()))?;
        Ok(LogCheckpoint { origin, size, note })
    }
}
