//! Keeps the keys in step with the log.

use events::event::Event;
use events::store::EventStore;

use super::Projections;
use crate::app::repository::RepositoryError;
use crate::domain::RecordedAt;

/// An event of a key.
#[derive(Debug)]
pub(super) struct AccessChange {
    pub(super) event: Event,
    pub(super) at: RecordedAt,
}

impl AccessChange {
    /// Whether its confidential payload gives the key a secret.
    fn has_secret(&self) -> bool {
        self.event.confidential_digest().is_some()
    }
}

impl Projections {
    /// Reads the secrets of `changes`, and applies the changes.
    pub(super) async fn apply_access<'a>(
        &self,
        store: &dyn EventStore,
        changes: impl Iterator<Item = &'a AccessChange>,
    ) -> Result<(), RepositoryError> {
        let changes: Vec<_> = changes.collect();
        let positions = changes.iter().filter(|change| change.has_secret()).map(|change| change.at.position);
        let positions: Vec<_> = positions.collect();
        let mut payloads = match positions.is_empty() {
            true => Vec::new(),
            false => store.confidential(positions).await?,
        }
        .into_iter();
        for change in changes {
            let payload = if change.has_secret() { payloads.next().flatten() } else { None };
            let AccessChange { event, at } = change;
            self.access.apply(event, at.time, at.position, payload.as_deref());
        }
        Ok(())
    }
}
