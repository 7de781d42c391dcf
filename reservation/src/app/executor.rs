//! The one way from a command to the log: load, authorise, decide, append, and again after a conflict.
//!
//! **Invariant:** this file contains the only `.append(` of the service.

mod alternatives;
mod error;
mod refused;
mod replay;

use std::sync::Arc;

use access::{Denied, Intent, Object};
use chassis::environment::SharedEnvironment;
use chrono::{DateTime, Utc};
use events::event::Event;
use events::recorded::NewEvent;
use events::store::{AppendCondition, AppendError, Appended, EventStore};
use events::values::{Scopes, TimeWindow};
use events::{AssignmentId, Position, Query, Tag, VenueId};

pub use self::error::CommandError;
pub(super) use self::refused::including;
pub use self::refused::{AlternativeTime, Alternatives, RefusedRequest};
pub use self::replay::EarlierOutcome;
use super::evening_locks::{EveningGuard, EveningLocks};
use super::guest_locks::GuestLocks;
use super::projections::{ContactKeys, Projections};
use super::refusals::{PendingRefusals, Refused};
use super::request_context::RequestContext;
use super::venues::Venues;
use super::waitlist_progress::WaitlistProgress;
use crate::domain::RecordedAt;
use crate::domain::availability::TABLES_PER_PARTY_MAX;

/// Maximum number of attempts at one command. An attempt is repeated when its append condition fails.
pub(super) const ATTEMPTS_MAX: u32 = 16;

/// Executes commands. Cheap to clone.
#[derive(Clone)]
pub struct Executor {
    pub(super) store: Arc<dyn EventStore>,
    pub(super) projections: Arc<Projections>,
    pub(super) venues: Venues,
    pub(super) env: SharedEnvironment,
    /// How far the offers to waitlists have progressed.
    pub waitlist_progress: Arc<WaitlistProgress>,
    /// Counts of refused requests that are not in the log yet.
    pub refusals: Arc<PendingRefusals>,
    locks: Arc<EveningLocks>,
    guest_locks: Arc<GuestLocks>,
}

/// A party for which a place is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NewParty {
    /// It comes later.
    Expected,
    /// It is at the door.
    AtDoor,
}

/// A command that the executor can run.
pub(super) trait Operation: Sync {
    /// What the command changes.
    type Subject: Send + Sync;
    /// What the result needs besides the events.
    type Details: Default + Send + Sync;
    /// The result of the command.
    type Outcome: Send;

    /// Loads the subject.
    fn load(
        &self,
        executor: &Executor,
    ) -> impl Future<Output = Result<Loaded<Self::Subject>, CommandError>> + Send;

    /// The venue and the time for which other commands compete, if there are any.
    fn contended(&self, _executor: &Executor, _subject: &Self::Subject) -> Option<(VenueId, TimeWindow)> {
        None
    }

    /// The guest who may have only one booking for a time, if the command checks that.
    fn guest(&self, _executor: &Executor, _subject: &Self::Subject) -> Option<ContactKeys> {
        None
    }

    /// What the command reads or changes, as far as authorisation depends on it; `None` if it belongs to no venue, or if
    /// the venue does not exist.
    fn object<'s>(&'s self, subject: &'s Self::Subject) -> Option<Object<'s>>;

    /// The scopes that the command needs in addition to that of its route.
    fn needs(&self) -> Scopes {
        Scopes::NONE
    }

    /// Whether a person must have proved the identity just now.
    fn needs_proof(&self) -> bool {
        false
    }

    /// The new party for which it asks for a place, if it does. Only then a refusal is counted.
    fn new_party(&self) -> Option<NewParty> {
        None
    }

    /// The error when the object of the command does not exist. A caller who may not use it gets the same.
    fn hidden(&self) -> CommandError {
        Denied::Hidden.into()
    }

    /// The version that `If-Match` is compared with, if the subject has one.
    fn version(&self, _subject: &Self::Subject) -> Option<u64> {
        None
    }

    /// Decides which events follow, and which consistency tags the decision depends on.
    fn decide(
        &self,
        executor: &Executor,
        subject: &Self::Subject,
        attempt: Attempt,
    ) -> impl Future<Output = Result<Decision<Self::Details>, CommandError>> + Send;

    /// The result, after the events of the decision were appended. `at` is when and where the first one was
    /// recorded; `None` if there was nothing to append.
    fn outcome(
        &self,
        executor: &Executor,
        subject: Self::Subject,
        decision: Decision<Self::Details>,
        at: Option<RecordedAt>,
    ) -> impl Future<Output = Result<Self::Outcome, CommandError>> + Send;

    /// The result for a repeated request, from the outcome of the first one.
    ///
    /// # Errors
    /// [`CommandError::KeyReused`] when the first request was of another kind.
    fn replay(&self, earlier: EarlierOutcome) -> Result<Self::Outcome, CommandError>;
}

/// A loaded subject.
pub(super) struct Loaded<T> {
    /// The subject.
    pub(super) subject: T,
    /// The position up to which the log was read for it; `None` if nothing was read.
    pub(super) read_position: Option<Position>,
}

/// One attempt at a command.
#[derive(Debug, Clone, Copy)]
pub(super) struct Attempt {
    /// The time of the decision.
    pub(super) now: DateTime<Utc>,
    /// Whether this is the last attempt.
    pub(super) is_last: bool,
}

/// What an operation decided.
#[derive(Debug, Default)]
pub(super) struct Decision<D = ()> {
    /// The decided events. None: the command is already fulfilled.
    pub(super) events: Vec<Event>,
    /// The same events, ready to be appended.
    pub(super) new_events: Vec<NewEvent>,
    /// The consistency tags: what was read to decide, and therefore guards the append.
    pub(super) tags: Vec<Tag>,
    /// The position up to which further state was read to decide; `None` if only the subject was read.
    pub(super) read_position: Option<Position>,
    /// What the result needs besides the events.
    pub(super) details: D,
}

impl Executor {
    /// An executor that appends to `store` and decides by the rules in `venues` and the state in
    /// `projections`.
    pub fn new(
        store: Arc<dyn EventStore>,
        projections: Arc<Projections>,
        venues: Venues,
        env: SharedEnvironment,
    ) -> Self {
        Self {
            store,
            projections,
            venues,
            env,
            waitlist_progress: Arc::default(),
            refusals: Arc::default(),
            locks: Arc::default(),
            guest_locks: Arc::default(),
        }
    }

    /// Runs `operation`.
    ///
    /// # Errors
    /// [`CommandError`]; nothing was appended, except that the outcome of a closed log is unknown.
    pub(super) async fn execute<O: Operation>(
        &self,
        operation: &O,
        context: &RequestContext,
    ) -> Result<O::Outcome, CommandError> {
        let mut locks = None;
        for attempt in 1..=ATTEMPTS_MAX {
            let Loaded { subject, read_position } = operation.load(self).await?;
            self.authorize(operation, &subject, context)?;
            if locks.is_none() {
                // Acquire the guest lock before the evening lock to avoid deadlock.
                let guest = self.guest_locks.lock(operation.guest(self, &subject)).await;
                self.projections.wait_until(guest.known_from()).await;
                locks = Some((guest, self.lock(operation.contended(self, &subject)).await));
            }
            let attempt = Attempt { now: self.env.now(), is_last: attempt == ATTEMPTS_MAX };
            let decided = operation.decide(self, &subject, attempt).await;
            // Again, after everything was read. Whatever ends the credential later is a conflict with the append.
            context.caller.is_valid_at(self.env.now())?;
            let decision_position = decided.as_ref().ok().and_then(|decision| decision.read_position);
            let read_position = [read_position, decision_position].into_iter().flatten().min();
            let read_position = read_position.unwrap_or(Position::START);
            // After everything was read: a concurrent request with the same key that is not found here
            // appends after the read position, so that the append condition detects it. A refusal has no
            // append condition, so the key must then be looked up in any case.
            let guarded_from = decided.is_ok().then_some(read_position);
            if let Some(earlier) = self.earlier_outcome(context.key.as_ref(), guarded_from).await? {
                return operation.replay(earlier);
            }
            check_version(context, operation.version(&subject))?;
            let mut decision = decided.map_err(|error| {
                if let Some(party) = operation.new_party() {
                    self.count_refusal(&error, party);
                }
                self.with_alternatives(error)
            })?;
            if decision.new_events.is_empty() {
                return operation.outcome(self, subject, decision, None).await;
            }
            let key_tag = context.key.as_ref().map(|key| Tag::command(&key.key));
            let guards = key_tag.into_iter().chain(context.caller.guards());
            let guard = Query::any_tag(std::mem::take(&mut decision.tags).into_iter().chain(guards));
            let new_events = std::mem::take(&mut decision.new_events);
            let time = attempt.now;
            let condition = AppendCondition::unchanged(guard, read_position);
            if let Some(appended) = self.try_append(new_events, condition).await? {
                if let Some((guest, _)) = &mut locks {
                    guest.appended(appended.last);
                }
                let at = RecordedAt { position: appended.first, time };
                return operation.outcome(self, subject, decision, Some(at)).await;
            }
            // The next attempt must know what prevented this one, for example that the key of the caller was revoked.
            self.catch_up().await?;
        }
        Err(CommandError::Contended)
    }

    /// Decides whether the caller may run `operation` on the loaded subject.
    fn authorize<O: Operation>(
        &self,
        operation: &O,
        subject: &O::Subject,
        context: &RequestContext,
    ) -> Result<(), CommandError> {
        let (caller, now) = (&context.caller, self.env.now());
        let object = operation.object(subject);
        match object.map_or(Ok(()), |object| caller.may(Intent::Change, &object, now)) {
            Err(Denied::Hidden) => return Err(operation.hidden()),
            other => other?,
        }
        let venue = object.map(|object| object.venue_id);
        operation.needs().iter().try_for_each(|scope| caller.needs(scope, venue))?;
        if operation.needs_proof() {
            caller.is_fresh()?;
        }
        Ok(caller.is_valid_at(now)?)
    }

    /// Counts a request for a place, if the venue turned the party away.
    fn count_refusal(&self, error: &CommandError, party: NewParty) {
        let CommandError::Refused { refusal, request, .. } = error else { return };
        let venue = self.venues.get(Some(&request.venue_id));
        let Some(venue) = venue.filter(|_| refusal.turns_away()) else { return };
        let kind =
            (venue.date_of(request.window.start), refusal.code().to_owned(), party == NewParty::AtDoor);
        self.refusals.count(&venue.id, kind, Refused { requests: 1, guests: request.size.get().into() });
    }

    async fn lock(&self, contended: Option<(VenueId, TimeWindow)>) -> Option<EveningGuard<'_>> {
        match contended {
            Some((venue, window)) => Some(self.locks.lock(&venue, &window).await),
            None => None,
        }
    }

    /// Appends, and returns `None` if the condition does not hold.
    async fn try_append(
        &self,
        new_events: Vec<NewEvent>,
        condition: AppendCondition,
    ) -> Result<Option<Appended>, CommandError> {
        match self.store.append(new_events, condition).await {
            Ok(appended) => Ok(Some(appended)),
            Err(AppendError::Conflict { .. }) => {
                metrics::counter!("meja_conflicts_total", "reason" => "append_condition").increment(1);
                Ok(None)
            }
            Err(error) => Err(CommandError::Append(error)),
        }
    }

    /// Ids for the table assignments of one party.
    pub(super) fn assignment_ids(&self) -> [AssignmentId; TABLES_PER_PARTY_MAX] {
        std::array::from_fn(|_| AssignmentId(self.env.new_id()))
    }

    /// Waits until the projections contain everything that was durable when this was called.
    pub(super) async fn catch_up(&self) -> Result<(), CommandError> {
        let head = self.store.head().await.map_err(super::repository::RepositoryError::from)?;
        self.projections.wait_until(head).await;
        Ok(())
    }
}

/// Compares `If-Match` with the current version of the subject.
///
/// # Errors
/// [`CommandError::Stale`].
pub(super) fn check_version(context: &RequestContext, current: Option<u64>) -> Result<(), CommandError> {
    match (&context.if_match, current) {
        (Some(seen), Some(current)) if !seen.contains(&current) => Err(CommandError::Stale { current }),
        _ => Ok(()),
    }
}
