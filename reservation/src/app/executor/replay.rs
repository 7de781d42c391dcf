//! Repeated requests: the outcome of an earlier request with the same Idempotency-Key.

use access::{Caller, Denied, Intent, Object};
use events::{ClosureId, KeyId, Position, Query, ReservationId, Tag, VenueId, WaitlistId};

use super::{CommandError, Executor};
use crate::app::objects::{object_of, object_of_entry};
use crate::app::outcome::{ClosureOutcome, KeyOutcome, ReservationOutcome, WaitlistOutcome};
use crate::app::repository::{self, AsOf};
use crate::app::request_context::IdempotencyKey;

/// The outcome of an earlier request with the same Idempotency-Key.
#[derive(Debug, Clone)]
pub enum EarlierOutcome {
    /// It concerned a reservation.
    Reservation(Box<ReservationOutcome>),
    /// It concerned a waitlist entry.
    Waitlist(Box<WaitlistOutcome>),
    /// It concerned a key.
    Key(Box<KeyOutcome>),
    /// It concerned a closure.
    Closure(Box<ClosureOutcome>),
}

impl EarlierOutcome {
    /// The outcome of a request about a reservation.
    pub(crate) fn reservation(self) -> Result<ReservationOutcome, CommandError> {
        match self {
            Self::Reservation(outcome) => Ok(*outcome),
            Self::Waitlist(_) | Self::Key(_) | Self::Closure(_) => Err(CommandError::KeyReused),
        }
    }

    /// The outcome of a request about a waitlist entry.
    pub(crate) fn waitlist(self) -> Result<WaitlistOutcome, CommandError> {
        match self {
            Self::Waitlist(outcome) => Ok(*outcome),
            Self::Reservation(_) | Self::Key(_) | Self::Closure(_) => Err(CommandError::KeyReused),
        }
    }
}

impl Executor {
    /// The outcome of an earlier request with `key`. Also sets [`IdempotencyKey::unused_up_to`] if there was
    /// none, so that the executor has to examine only later events.
    ///
    /// # Errors
    /// [`CommandError::KeyReused`] when it was a different request.
    pub async fn first_outcome(
        &self,
        key: Option<&mut IdempotencyKey>,
        caller: &Caller,
    ) -> Result<Option<EarlierOutcome>, CommandError> {
        let Some(key) = key else { return Ok(None) };
        let read_position = self.store.known_head();
        let earlier = self.earlier_outcome(Some(key), None).await?;
        match &earlier {
            Some(earlier) => self.authorize_replay(earlier, caller).await?,
            None => key.unused_up_to = read_position,
        }
        Ok(earlier)
    }

    /// A caller who may no longer read what a request changed does not get its outcome either. The outcome is of then; what
    /// counts for the caller is the state of now, with the link that is valid now.
    async fn authorize_replay(&self, earlier: &EarlierOutcome, caller: &Caller) -> Result<(), CommandError> {
        let (now, store) = (self.env.now(), self.store.as_ref());
        let (reservation, entry);
        let (object, hidden) = match earlier {
            EarlierOutcome::Reservation(outcome) => {
                let id = outcome.reservation.id;
                let unknown = || CommandError::UnknownReservation(id);
                reservation = repository::load(store, id, AsOf::Now).await?.0.ok_or_else(unknown)?;
                (object_of(&reservation), unknown())
            }
            EarlierOutcome::Waitlist(outcome) => {
                let id = outcome.entry.id;
                let unknown = || CommandError::UnknownWaitlistEntry(id);
                entry = repository::load_waitlist_entry(store, id, AsOf::Now).await?.0.ok_or_else(unknown)?;
                (object_of_entry(&entry), unknown())
            }
            EarlierOutcome::Key(_) => return Ok(caller.is_valid_at(now)?),
            EarlierOutcome::Closure(outcome) => {
                let hidden = CommandError::HiddenVenue(outcome.venue_id.clone());
                (Object { venue_id: &outcome.venue_id, guest: None }, hidden)
            }
        };
        match caller.may(Intent::Read, &object, now) {
            Err(Denied::Hidden) => Err(hidden),
            other => Ok(other?),
        }
    }

    /// The outcome of an earlier request with `key` that was recorded after [`IdempotencyKey::unused_up_to`].
    /// Nothing is read if an append condition guards the key from `guarded_from` on, and it is known to be
    /// unused up to there.
    pub(super) async fn earlier_outcome(
        &self,
        key: Option<&IdempotencyKey>,
        guarded_from: Option<Position>,
    ) -> Result<Option<EarlierOutcome>, CommandError> {
        let Some(key) = key else { return Ok(None) };
        if guarded_from.is_some_and(|position| position <= key.unused_up_to) {
            return Ok(None);
        }
        if let Some(recorded) = self.recorded_request(&key.key, key).await? {
            return match recorded.same_request {
                true => Ok(Some(self.outcome_of(recorded).await?)),
                false => Err(CommandError::KeyReused),
            };
        }
        // Under its former name a key was shared by all anonymous callers, so another request under it says
        // nothing about this caller.
        let Some(former) = &key.former_key else { return Ok(None) };
        match self.recorded_request(former, key).await? {
            Some(recorded) if recorded.same_request => Ok(Some(self.outcome_of(recorded).await?)),
            _ => Ok(None),
        }
    }

    /// What was recorded under the key `name` after [`IdempotencyKey::unused_up_to`].
    async fn recorded_request(
        &self,
        name: &str,
        key: &IdempotencyKey,
    ) -> Result<Option<RecordedRequest>, CommandError> {
        let mut found: Option<RecordedRequest> = None;
        let query = Query::any_tag([Tag::command(name)]);
        repository::each(self.store.as_ref(), &query, key.unused_up_to, |recorded, event| {
            let found = found.get_or_insert(RecordedRequest::new());
            found.same_request &= key.is_of(recorded.metadata().request_digest.as_deref());
            found.last = recorded.id.position;
            found.reservation = found.reservation.or_else(|| repository::reservation_of(recorded));
            if found.closure.is_none() {
                found.closure = event.closed_venue().cloned().zip(event.closure_id());
            }
            if found.key.is_none() {
                found.key = repository::key_of(recorded);
            }
            found.waitlist_entry = found.waitlist_entry.or_else(|| repository::waitlist_entry_of(recorded));
        })
        .await?;
        Ok(found)
    }

    async fn outcome_of(&self, recorded: RecordedRequest) -> Result<EarlierOutcome, CommandError> {
        let (store, as_of) = (self.store.as_ref(), AsOf::Position(recorded.last));
        match (recorded.reservation, recorded.waitlist_entry) {
            // Accepting an offer has events of both; its outcome is the reservation.
            (Some(id), _) => {
                let (reservation, _) = repository::load(store, id, as_of).await?;
                let reservation = reservation.ok_or(CommandError::UnknownReservation(id))?;
                let outcome = ReservationOutcome { reservation, recorded: true, replayed: true };
                Ok(EarlierOutcome::Reservation(Box::new(outcome)))
            }
            (None, Some(id)) => {
                let (entry, _) = repository::load_waitlist_entry(store, id, as_of).await?;
                let entry = entry.ok_or(CommandError::UnknownWaitlistEntry(id))?;
                Ok(EarlierOutcome::Waitlist(Box::new(WaitlistOutcome {
                    entry,
                    recorded: true,
                    replayed: true,
                })))
            }
            (None, None) if recorded.closure.is_some() => {
                self.projections.wait_until(recorded.last).await;
                let closure = recorded.closure.and_then(|(venue_id, id)| {
                    let state = self.projections.closure(&venue_id, id)?;
                    Some(ClosureOutcome { venue_id, closure: state.closure, replayed: true })
                });
                Ok(EarlierOutcome::Closure(Box::new(closure.ok_or(CommandError::KeyReused)?)))
            }
            (None, None) => {
                let key = recorded.key.and_then(|id| self.projections.access().key(&id));
                let key = key.ok_or(CommandError::KeyReused)?;
                Ok(EarlierOutcome::Key(Box::new(KeyOutcome { key, replayed: true })))
            }
        }
    }
}

/// What an earlier request with the same key recorded.
struct RecordedRequest {
    /// Whether all of its events carry the fingerprint of this request.
    same_request: bool,
    /// The position of its last event.
    last: Position,
    reservation: Option<ReservationId>,
    waitlist_entry: Option<WaitlistId>,
    key: Option<KeyId>,
    closure: Option<(VenueId, ClosureId)>,
}

impl RecordedRequest {
    fn new() -> Self {
        Self {
            same_request: true,
            last: Position::START,
            reservation: None,
            waitlist_entry: None,
            key: None,
            closure: None,
        }
    }
}
