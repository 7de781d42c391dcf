//! Requests that come again.

use events::{Position, Query, ReservationId, Tag, WaitlistId};

use super::{HandleError, Handled, Handler, Waited};
use crate::record::CommandKey;
use crate::stream::{self, Until};

/// What an earlier request with the same Idempotency-Key led to.
#[derive(Debug, Clone)]
pub enum Earlier {
    /// To something with a reservation.
    Reservation(Box<Handled>),
    /// To something with a party that waits.
    Waiting(Box<Waited>),
}

impl Earlier {
    /// What a request about a reservation led to.
    pub(super) fn handled(self) -> Result<Handled, HandleError> {
        match self {
            Self::Reservation(handled) => Ok(*handled),
            Self::Waiting(_) => Err(HandleError::KeyReused),
        }
    }

    /// What a request about a party that waits led to.
    pub(super) fn waited(self) -> Result<Waited, HandleError> {
        match self {
            Self::Waiting(waited) => Ok(*waited),
            Self::Reservation(_) => Err(HandleError::KeyReused),
        }
    }
}

impl Handler {
    /// What an earlier request with this key led to.
    ///
    /// # Errors
    /// [`HandleError::KeyReused`] when it was another request.
    pub async fn earlier(&self, key: Option<&CommandKey>) -> Result<Option<Earlier>, HandleError> {
        let Some(CommandKey { key, digest }) = key else { return Ok(None) };
        let (mut reservation, mut waiting): (Option<ReservationId>, Option<WaitlistId>) = (None, None);
        let (mut same, mut last) = (true, None);
        let query = Query::any_tag([Tag::command(key)]);
        stream::each(self.store.as_ref(), &query, Position::START, |recorded, _| {
            same &= recorded.cause().request_digest.as_ref() == Some(digest);
            last = Some(recorded.id.position);
            reservation = reservation.or_else(|| stream::reservation_of(recorded));
            waiting = waiting.or_else(|| stream::waitlist_of(recorded));
        })
        .await?;
        let Some(last) = last else { return Ok(None) };
        if !same {
            return Err(HandleError::KeyReused);
        }
        let (store, until) = (self.store.as_ref(), Until::Position(last));
        match (reservation, waiting) {
            // Who takes an offer is answered with the reservation that came of it.
            (Some(id), _) => {
                let (reservation, _) = stream::load(store, id, until).await?;
                let reservation = reservation.ok_or(HandleError::NotFound(id))?;
                Ok(Some(Earlier::Reservation(Box::new(Handled { reservation, replayed: true }))))
            }
            (None, Some(id)) => {
                let (entry, _) = stream::load_waiting(store, id, until).await?;
                let entry = entry.ok_or(HandleError::NobodyWaits(id))?;
                Ok(Some(Earlier::Waiting(Box::new(Waited { entry, replayed: true }))))
            }
            (None, None) => Err(HandleError::KeyReused),
        }
    }
}
