//! The receipt of a booking: what the guest was promised, with the proof that it is in the log.

use std::io;

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
        let (promises, left_out) = self.promises(id).await?;
        let covered = promises.last().map_or(0, |(position, _)| position.0).max(since.unwrap_or(0));
        let (store, tree) = (self.store.as_ref(), &self.log_tree);
        let key = tree.verifiers().first().ok_or(NoCheckpoint::NotSigned)?.clone();
        let checkpoint = match since {
            Some(since) if since > store.known_head().0 => {
                return Err(NoReceipt::Shorter { size: store.known_head().0, since });
            }
            _ => tree.checkpoint_over(covered, store).await?,
        };
        let made = tree.blocking(move |tree| {
            let size = checkpoint.unverified().size;
            let proved = promises
                .into_iter()
                .map(|(position, event)| Ok((event, tree.prove(position, &checkpoint)?)))
                .collect::<io::Result<_>>()?;
            let behind = since.map(|since| tree.prove_behind(since, size)).transpose()?;
            Ok(Receipt::new(&key, proved, left_out, since.zip(behind)))
        });
        Ok(made.await?.map_err(NoCheckpoint::Storage)?)
    }

    /// The events that are promises, as they are stored, and the number of those that are too many.
    async fn promises(&self, id: ReservationId) -> Result<(Vec<(Position, String)>, u64), QueryError> {
        let (query, mut after) = (Query::any_tag([Tag::reservation(id)]), Position::START);
        let (mut promises, mut left_out) = (Vec::new(), 0);
        loop {
            let page = self.store.read(&query, after, PROMISES_MAX).await?;
            for stored in page.iter() {
                let at = stored.position;
                let recorded =
                    Recorded::parse(stored.json).map_err(|source| RepositoryError::Parse { at, source })?;
                let event = recorded.event().map_err(|source| RepositoryError::Decode { at, source })?;
                if !is_promise(&event) {
                    continue;
                }
                match promises.len() < PROMISES_MAX {
                    true => promises.push((at, String::from_utf8_lossy(stored.json).into_owned())),
                    false => left_out += 1,
                }
            }
            if page.len() < PROMISES_MAX {
                return Ok((promises, left_out));
            }
            after = page.scanned_to;
        }
    }
}

/// Whether an event is about the agreement of the guest and the restaurant, the visit, or the payments. Notes of the staff,
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
