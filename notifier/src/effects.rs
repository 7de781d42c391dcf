//! The effect log: what the notifier must do and has done. Its state is built from its entries.
//!
//! **Invariant:** this file contains the only `.append(` of the service.

pub mod catalogue;
pub mod entry;
pub mod from_event;
pub mod payment;
mod payments;
mod state;
mod takeover;
pub mod trail;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use chassis::environment::SharedEnvironment;
use chrono::{DateTime, Utc};
use contract::notifier::words::EffectStatus;
use events::recorded::EventMetadata;
use events::store::{AppendCondition, AppendError, EventStore, ReadError};
use events::{EventId, PaymentId, Query, QueryItem, ReservationId};
use parking_lot::{Mutex, MutexGuard};
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;

pub use self::payments::OrderedRefund;
use self::state::State;
pub use self::state::{EffectState, TrackedEffect, WebhookState};
use self::takeover::Tenure;
use crate::domain::effect::{Effect, EffectKey, Lane};
use crate::effects::entry::{
    CursorMoved, Died, Discarded, Entry, Retried, Scheduled, WebhookSwitched, cursor_tag, effect_tag,
    hook_tag, superseded_tag,
};
use crate::failpoint;

/// Why an operation on the effect log failed.
#[derive(Debug, thiserror::Error)]
pub enum EffectLogError {
    /// The log refused the append.
    #[error("could not append to the notifier's log")]
    Append(#[from] AppendError),
    /// Another notifier has taken over, and this one must end: its state is no longer that of the log.
    #[error("another notifier has taken over, so this one appends nothing more")]
    Superseded,
    /// The append panicked. Whether the events were appended is unknown.
    #[error("an append to the notifier's log panicked; restart the notifier to read what was appended")]
    Panicked,
    /// The log could not be read.
    #[error("could not read the notifier's log")]
    Read(#[from] ReadError),
    /// An entry cannot be decoded or encoded.
    #[error(
        "an entry of the notifier's log cannot be decoded: run the version that wrote it, or a later one"
    )]
    Entry(#[from] serde_json::Error),
    /// The payment does not exist.
    #[error("there is no payment with the reference or id {0:?}")]
    UnknownPayment(String),
    /// The effect does not exist.
    #[error("there is no effect {0}")]
    UnknownEffect(EffectKey),
    /// Only a dead letter can be retried or discarded.
    #[error("the effect {0} is not a dead letter: it is {1}")]
    NotDead(EffectKey, EffectStatus),
    /// A refund of the payment is a dead letter, which must be retried or discarded first.
    #[error("the refund {0} of the payment is a dead letter: retry or discard it first")]
    DeadRefund(EffectKey),
    /// The refund was requested before with another amount.
    #[error("the refund {0} was requested before with another amount")]
    OtherRefund(EffectKey),
    /// The amount exceeds what can be refunded.
    #[error("{left_minor} minor units of the payment {payment_id} can be refunded, not {asked_minor}")]
    NotRefundable {
        /// The payment.
        payment_id: PaymentId,
        /// What can be refunded, in minor units.
        left_minor: i64,
        /// What was requested, in minor units.
        asked_minor: i64,
    },
}

/// The cursor in the feed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor {
    /// The last processed event.
    pub last_event_id: EventId,
    /// The time of that event.
    pub time: DateTime<Utc>,
}

/// The effect log.
pub struct EffectLog {
    inner: Arc<Inner>,
}

struct Inner {
    store: Arc<dyn EventStore>,
    env: SharedEnvironment,
    state: Mutex<State>,
    changed: watch::Sender<u64>,
    tenure: Mutex<Tenure>,
    /// Whether another notifier has taken over.
    superseded: watch::Sender<bool>,
}

impl Inner {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }
}

impl EffectLog {
    /// Builds the state from the entries in `store`.
    ///
    /// # Errors
    /// [`EffectLogError`] when an entry cannot be read.
    pub async fn open(store: Arc<dyn EventStore>, env: SharedEnvironment) -> Result<Self, EffectLogError> {
        let effect_log = Self::standing_by(store, env).await?;
        effect_log.continue_effects();
        Ok(effect_log)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.inner.state()
    }

    /// A receiver that is notified of every change.
    #[must_use]
    pub fn watch(&self) -> watch::Receiver<u64> {
        self.inner.changed.subscribe()
    }

    /// Appends all `entries` or none.
    ///
    /// Completes even if the caller is dropped, because the state must contain everything that is in the log.
    async fn write(
        &self,
        entries: Vec<Entry>,
        by: &EventMetadata,
        mut condition: AppendCondition,
    ) -> Result<(), EffectLogError> {
        // A notifier that has lost its place, perhaps without knowing it, appends nothing.
        condition.fail_if_any.items.extend(Query::any_tag([superseded_tag(self.term())]).items);
        let (inner, time) = (Arc::clone(&self.inner), self.inner.env.now());
        let env = inner.env.as_ref();
        let events: Result<Vec<_>, _> =
            entries.iter().map(|e| e.clone().into_new_event(env.new_id(), time, by)).collect();
        let events = events?;
        let (mut changed, (reply, written)) = (self.watch(), oneshot::channel());
        let task = self.inner.env.spawn(Box::pin(async move {
            let appended = inner.store.append(events, condition).await;
            if let Ok(appended) = &appended {
                inner.state().add(appended.first, entries, time);
                inner.changed.send_modify(|changes| *changes += 1);
            }
            // The caller may have been dropped.
            let _ = reply.send(appended);
        }));
        let last = match written.await {
            Ok(Ok(appended)) => appended.last,
            Ok(Err(AppendError::Conflict { at })) => return Err(self.conflict(at).await?),
            Ok(Err(error)) => return Err(error.into()),
            Err(_) => return Err(interrupted(task).await),
        };
        // An append can return before an earlier one. The caller must see its own entries in the state.
        let _ = changed.wait_for(|_| self.state().added_to() >= last).await;
        Ok(())
    }

    /// Schedules the effects of events up to `cursor` and moves the cursor, in one append. Those in `dead` are dead
    /// letters from the start.
    ///
    /// # Errors
    /// [`EffectLogError`]; nothing was appended.
    pub async fn react(
        &self,
        effects: Vec<Scheduled>,
        dead: Vec<Died>,
        cursor: Cursor,
        by: &EventMetadata,
    ) -> Result<(), EffectLogError> {
        let (mut entries, condition) = {
            let state = self.state();
            let asked: HashSet<_> = effects.iter().filter_map(asks).collect();
            // The effects of events that are read again exist already, and two events can have the same effect.
            let mut seen = HashSet::new();
            let new = effects.into_iter().filter(|s| {
                !state.effects.is_known(&s.key)
                    && !state.effects.is_idle(&s.effect, &asked)
                    && seen.insert(s.key.clone())
            });
            let entries: Vec<_> = new.map(Entry::EffectScheduled).collect();
            (entries, AppendCondition::unchanged(Query::any_tag([cursor_tag()]), state.cursor_position))
        };
        entries.extend(dead.into_iter().map(Entry::EffectDied));
        entries
            .push(Entry::CursorMoved(CursorMoved { last_event_id: cursor.last_event_id, time: cursor.time }));
        failpoint::hit("follow.before_append");
        self.write(entries, by, condition).await?;
        failpoint::hit("follow.after_append");
        Ok(())
    }

    /// Up to `most` due effects of `lane`. They belong to the caller until [`EffectLog::finish`] or
    /// [`EffectLog::put_back`].
    pub fn take_due(&self, lane: Lane, most: usize) -> Vec<TrackedEffect> {
        if !self.may_act() {
            return Vec::new();
        }
        self.state().effects.take_due(lane, self.inner.env.now(), most)
    }

    /// The time of the next effect of `lane`.
    pub fn next_due(&self, lane: Lane) -> Option<DateTime<Utc>> {
        self.may_act().then(|| self.state().effects.next_due(lane)).flatten()
    }

    /// Appends the result of an effect together with the effects that follow.
    ///
    /// # Errors
    /// [`EffectLogError`]; nothing was appended.
    pub async fn finish(&self, effect: &TrackedEffect, entries: Vec<Entry>) -> Result<(), EffectLogError> {
        let tag = effect_tag(&effect.scheduled.key);
        let types = vec!["meja.effect.succeeded.v1".to_owned(), "meja.effect.died.v1".to_owned()];
        let finished = Query { items: vec![QueryItem { types, tags: vec![tag] }] };
        failpoint::hit("finish.before_append");
        self.write(entries, &effect.author(), AppendCondition::unchanged(finished, effect.since)).await?;
        failpoint::hit("finish.after_append");
        Ok(())
    }

    /// Returns an effect, to be tried again at `at`. Nothing is appended, because a restart needs to know nothing.
    pub fn put_back(&self, key: &EffectKey, at: DateTime<Utc>, error: String) {
        self.state().effects.put_back(key, at, error, false);
        self.inner.changed.send_modify(|changes| *changes += 1);
    }

    /// The same for an effect with an attempt whose result could not be appended.
    pub fn put_back_tried(&self, key: &EffectKey, at: DateTime<Utc>, error: String) {
        self.state().effects.put_back(key, at, error, true);
        self.inner.changed.send_modify(|changes| *changes += 1);
    }

    /// Retries a dead letter, for a reason if there is one.
    ///
    /// # Errors
    /// [`EffectLogError`] when the effect is not a dead letter.
    pub async fn retry(
        &self,
        key: &EffectKey,
        reason: Option<String>,
        by: &EventMetadata,
    ) -> Result<(), EffectLogError> {
        self.end_death(key, Entry::EffectRetried(Retried { key: key.clone(), reason }), by).await
    }

    /// Discards a dead letter for a reason.
    ///
    /// # Errors
    /// [`EffectLogError`] when the effect is not a dead letter.
    pub async fn discard(
        &self,
        key: &EffectKey,
        reason: String,
        by: &EventMetadata,
    ) -> Result<(), EffectLogError> {
        self.end_death(key, Entry::EffectDiscarded(Discarded { key: key.clone(), reason }), by).await
    }

    async fn end_death(
        &self,
        key: &EffectKey,
        entry: Entry,
        by: &EventMetadata,
    ) -> Result<(), EffectLogError> {
        let tracked = self.effect(key).ok_or_else(|| EffectLogError::UnknownEffect(key.clone()))?;
        if !matches!(tracked.state, EffectState::Dead(_)) {
            return Err(EffectLogError::NotDead(key.clone(), tracked.state.status()));
        }
        let types = vec!["meja.effect.retried.v1".to_owned(), "meja.effect.discarded.v1".to_owned()];
        let decided = Query { items: vec![QueryItem { types, tags: vec![effect_tag(key)] }] };
        self.write(vec![entry], by, AppendCondition::unchanged(decided, tracked.since)).await
    }

    /// The state of a webhook subscription; `None` if no event was sent to it.
    pub fn hook(&self, id: &str) -> Option<WebhookState> {
        self.state().webhooks.get(id)
    }

    /// Enables a webhook subscription again.
    ///
    /// # Errors
    /// [`EffectLogError`]; nothing was appended.
    pub async fn enable_hook(&self, id: &str, by: &EventMetadata) -> Result<(), EffectLogError> {
        let Some(state) = self.hook(id).filter(|state| state.is_disabled) else { return Ok(()) };
        let entry = Entry::WebhookSwitched(WebhookSwitched { hook: id.to_owned(), enabled: true });
        let unchanged = AppendCondition::unchanged(Query::any_tag([hook_tag(id)]), state.since);
        self.write(vec![entry], by, unchanged).await
    }

    /// The cursor in the feed.
    pub fn cursor(&self) -> Option<Cursor> {
        self.state().cursor
    }

    /// Whether an effect with this key was ever scheduled.
    pub fn is_known(&self, key: &EffectKey) -> bool {
        self.state().effects.is_known(key)
    }

    /// The effect with this key, unless it ended long ago and is only in the log.
    pub fn effect(&self, key: &EffectKey) -> Option<TrackedEffect> {
        self.state().effects.get(key).cloned()
    }

    /// At most `limit` effects that match `wanted`, by [`TrackedEffect::place`].
    pub fn effects(&self, wanted: impl Fn(&TrackedEffect) -> bool, limit: usize) -> Vec<TrackedEffect> {
        let state = self.state();
        let mut found: Vec<_> = state.effects.iter().filter(|tracked| wanted(tracked)).collect();
        found.sort_by_cached_key(|tracked| tracked.place());
        found.into_iter().take(limit).cloned().collect()
    }

    /// Number of effects by state.
    pub fn counts(&self) -> HashMap<EffectStatus, usize> {
        let mut counts: HashMap<_, _> = EffectStatus::ALL.iter().map(|status| (*status, 0)).collect();
        counts.extend(self.state().effects.counts());
        counts
    }
}

/// Why the task of an append ended without a result.
async fn interrupted(task: JoinHandle<()>) -> EffectLogError {
    match task.await {
        Err(error) if error.is_panic() => EffectLogError::Panicked,
        // The runtime is shutting down.
        _ => AppendError::Closed.into(),
    }
}

/// The reservation for which an effect requests a payment.
fn asks(scheduled: &Scheduled) -> Option<ReservationId> {
    match &scheduled.effect {
        Effect::TakeDeposit(deposit) => Some(deposit.reservation_id),
        _ => None,
    }
}
