//! The receipt of a booking: what the guest was promised, with the proof that it is in the log.

use std::sync::Arc;

use access::Caller;
use events::event::Event;
use events::recorded::Recorded;
use events::{Position, Query, ReservationId, Tag};
use proof::Receipt;

use super::QueryError;
use crate::app::App;
use crate::app::log_tree::NoCheckpoint;
use crate::app::repository::RepositoryError;

/// Maximum number of promises in a receipt. The oldest are in it if there are more.
pub const PROMISES_MAX: usize = 500;

/// Why there is no receipt.
#[derive(Debug, thiserror::Error)]
pub enum NoReceipt {
    /// The reservation cannot be read.
    #[error(transparent)]
    Query(#[from] QueryError),
    /// The log is not signed.
    #[error(transparent)]
    Checkpoint(#[from] NoCheckpoint),
    /// The older checkpoint is of a longer log.
    #[error("the log has {size} events, but a checkpoint of {since} events was signed")]
    Shorter {
        /// The number of events of the log.
        size: u64,
        /// The number of events in the older checkpoint.
        since: u64,
    },
}

impl App {
    /// The receipt of a reservation, with the proof that the log begins with its first `since` events.
    ///
    /// # Errors
    /// [`NoReceipt`].
    pub async fn receipt(
        &self,
        id: ReservationId,
        since: Option<u64>,
        caller: &Caller,
    ) -> Result<Receipt, NoReceipt> {
        self.require(id, caller).await?;
        let store = self.store.as_ref();
        let promises = self.promises(id).await?;
        let tree = Arc::clone(&self.log_tree);
        // Signed after the events were read, so that it is over all of them.
        let checkpoint = tree.checkpoint_now(store).await?;
        let size = checkpoint.unverified().size;
        let proved: Result<Vec<_>, _> = promises
            .into_iter()
            .map(|(position, event)| Ok((event, tree.prove(position, &checkpoint)?)))
            .collect();
        let proved = proved.map_err(NoCheckpoint::Storage)?;
        let behind = match since {
            Some(since) if since > size => return Err(NoReceipt::Shorter { size, since }),
            Some(since) => Some((since, tree.prove_behind(since, size).map_err(NoCheckpoint::Storage)?)),
            None => None,
        };
        let key = tree.verifiers().first().ok_or(NoCheckpoint::NotSigned)?;
        Ok(Receipt::new(key, proved, behind))
    }

    /// The events that are promises, as they are stored.
    async fn promises(&self, id: ReservationId) -> Result<Vec<(Position, String)>, QueryError> {
        let (query, mut after) = (Query::any_tag([Tag::reservation(id)]), Position::START);
        let mut promises = Vec::new();
        loop {
            let page = self.store.read(&query, after, PROMISES_MAX).await?;
            for stored in page.iter() {
                let at = stored.position;
                let recorded =
                    Recorded::parse(stored.json).map_err(|source| RepositoryError::Parse { at, source })?;
                let event = recorded.event().map_err(|source| RepositoryError::Decode { at, source })?;
                if is_promise(&event) && promises.len() < PROMISES_MAX {
                    promises.push((at, String::from_utf8_lossy(stored.json).into_owned()));
                }
            }
            if page.len() < PROMISES_MAX || promises.len() == PROMISES_MAX {
                return Ok(promises);
            }
            after = page.scanned_to;
        }
    }
}

/// Whether an event says what the guest and the restaurant agreed on, what came of it, or what was paid. Notes of the staff,
/// messages, and the reasons for which staff overruled a rule are none of these.
fn is_promise(event: &Event) -> bool {
    matches!(
        event,
        Event::ReservationCreated(_)
            | Event::ReservationConfirmed(_)
            | Event::ReservationRescheduled(_)
            | Event::PartySizeChanged(_)
            | Event::VisitEndChanged(_)
            | Event::ReservationCheckedIn(_)
            | Event::ReservationCompleted(_)
            | Event::ReservationCancelled(_)
            | Event::ReservationNoShow(_)
            | Event::ReservationUndone(_)
            | Event::PaymentRequested(_)
            | Event::PaymentCompleted(_)
            | Event::PaymentFailed(_)
            | Event::PaymentRefunded(_)
    )
}
