//! What the journal adds up to: effects that wait, are done or are dead, payments, the cursor.
//!
//! **Invariant:** the only `.append(` of this service stands here.

pub mod entry;
pub mod from_event;
pub mod payment;
mod payments;
mod queue;
mod state;

use events::recorded::EventMetadata;
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chassis::environment::SharedEnvironment;
use chrono::{DateTime, Utc};
use events::store::{AppendCondition, AppendError, EventStore, ReadError};
use events::{EventId, PaymentId, Position, Query, QueryItem, ReservationId};
use tokio::sync::watch;

use self::state::State;
pub use self::state::{EffectState, TrackedEffect, WebhookState};
use crate::domain::effect::{Effect, EffectKey, Lane};
use crate::effects::entry::{
    CursorMoved, Died, Discarded, Entry, Retried, Scheduled, WebhookSwitched, cursor_tag, effect_tag,
    hook_tag,
};
use crate::failpoint;

/// The words for the states of an effect.
pub const EFFECT_STATES: [&str; 5] = ["waiting", "done", "skipped", "dead", "discarded"];

/// Why something was not written down.
#[derive(Debug, thiserror::Error)]
pub enum EffectLogError {
    /// The log took nothing.
    #[error("could not append to the notifier's log")]
    Append(#[from] AppendError),
    /// The append panicked. Whether the events were appended is unknown.
    #[error("an append to the notifier's log panicked; restart the notifier to read what was appended")]
    Panicked,
    /// The log gave nothing.
    #[error("could not read the notifier's log")]
    Read(#[from] ReadError),
    /// An entry can not be read or written.
    #[error("an entry of the notifier's log can not be read: run the version that wrote it, or a later one")]
    Entry(#[from] serde_json::Error),
    /// There is no such payment.
    #[error("there is no payment with the reference or id {0:?}")]
    UnknownPayment(String),
    /// There is no such effect.
    #[error("there is no effect {0}")]
    UnknownEffect(EffectKey),
    /// Only what has died can be tried again by hand.
    #[error("the effect {0} is not dead: it is {1}")]
    NotDead(EffectKey, &'static str),
    /// A refund of that payment can not be done, and somebody has to decide about it first.
    #[error("the refund {0} of that payment is a dead letter: retry or discard it first")]
    DeadRefund(EffectKey),
    /// A refund of this name was ordered with another amount.
    #[error("the refund {0} was ordered before, with another amount")]
    OtherRefund(EffectKey),
    /// Nothing, or not that much, can go back.
    #[error("of the payment {payment_id} {left_minor} minor units can go back, not {asked_minor}")]
    NotRefundable {
        /// Which payment.
        payment_id: PaymentId,
        /// What can.
        left_minor: i64,
        /// What was asked for.
        asked_minor: i64,
    },
}

/// How far the feed was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor {
    /// The last event that was reacted to.
    pub last_event_id: EventId,
    /// When that happened.
    pub time: DateTime<Utc>,
}

/// What the journal adds up to.
pub struct EffectLog {
    inner: Arc<Inner>,
}

struct Inner {
    store: Arc<dyn EventStore>,
    clock: SharedEnvironment,
    state: Mutex<State>,
    changed: watch::Sender<u64>,
}

impl Inner {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl EffectLog {
    /// Adds up the journal in `store`.
    ///
    /// # Errors
    /// [`EffectLogError`] when it can not be read.
    pub async fn open(store: Arc<dyn EventStore>, clock: SharedEnvironment) -> Result<Self, EffectLogError> {
        let (mut state, mut after, mut ended) = (State::default(), Position::START, DateTime::UNIX_EPOCH);
        loop {
            let page = store.read(&Query::all(), after, 1_000).await?;
            for stored in page.iter() {
                let recorded = events::Recorded::parse(stored.json)?;
                ended = recorded.time;
                state.add(stored.position, vec![Entry::decode(stored.json)?], ended);
            }
            after = page.scanned_to;
            if after >= store.known_head() {
                break;
            }
        }
        state.mark_possibly_attempted(ended);
        let (state, changed) = (Mutex::new(state), watch::Sender::new(0));
        Ok(Self { inner: Arc::new(Inner { store, clock, state, changed }) })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.inner.state()
    }

    /// Tells of every change. Each who waits has a receiver of their own.
    #[must_use]
    pub fn watch(&self) -> watch::Receiver<u64> {
        self.inner.changed.subscribe()
    }

    /// Writes all of `entries` down, or none.
    ///
    /// Runs to its end also when the caller goes away: what is in the log must be in memory too.
    async fn write(
        &self,
        entries: Vec<Entry>,
        by: &EventMetadata,
        condition: AppendCondition,
    ) -> Result<(), EffectLogError> {
        let (inner, time) = (Arc::clone(&self.inner), self.inner.clock.now());
        let clock = inner.clock.as_ref();
        let events: Result<Vec<_>, _> =
            entries.iter().map(|e| e.clone().into_new_event(clock.new_id(), time, by)).collect();
        let events = events?;
        let mut changed = self.watch();
        let written = tokio::spawn(async move {
            let appended = inner.store.append(events, condition).await?;
            inner.state().add(appended.first, entries, time);
            inner.changed.send_modify(|changes| *changes += 1);
            Ok(appended.last)
        });
        let last = written.await.unwrap_or_else(|error| match error.is_panic() {
            true => Err(EffectLogError::Panicked),
            // The runtime is shutting down.
            false => Err(AppendError::Closed.into()),
        })?;
        // Appends may come back before earlier ones do: whoever wrote must find what they wrote.
        let _ = changed.wait_for(|_| self.state().added_to() >= last).await;
        Ok(())
    }

    /// Schedules effects of events up to `cursor`, and moves the cursor, in one append. Those of `dead` are dead letters
    /// from the start.
    ///
    /// # Errors
    /// [`EffectLogError`]; neither happened then.
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
            // A feed that is read again has its effects already; two events may have the same one.
            let mut seen = HashSet::new();
            let new = effects.into_iter().filter(|s| {
                !state.is_known(&s.key) && !state.is_idle(&s.effect, &asked) && seen.insert(s.key.clone())
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

    /// Up to `most` effects of `lane` that are due. They are the caller's until [`EffectLog::finish`] or
    /// [`EffectLog::put_back`].
    pub fn take_due(&self, lane: Lane, most: usize) -> Vec<TrackedEffect> {
        self.state().take_due(lane, self.inner.clock.now(), most)
    }

    /// When the next effect of `lane` is due.
    pub fn next_due(&self, lane: Lane) -> Option<DateTime<Utc>> {
        self.state().next_due(lane)
    }

    /// Writes down what became of an effect, with what follows from it.
    ///
    /// # Errors
    /// [`EffectLogError`]; nothing was written down then.
    pub async fn finish(&self, effect: &TrackedEffect, entries: Vec<Entry>) -> Result<(), EffectLogError> {
        let tag = effect_tag(&effect.scheduled.key);
        let types = vec!["meja.effect.succeeded.v1".to_owned(), "meja.effect.died.v1".to_owned()];
        let finished = Query { items: vec![QueryItem { types, tags: vec![tag] }] };
        failpoint::hit("finish.before_append");
        self.write(entries, &effect.author(), AppendCondition::unchanged(finished, effect.since)).await?;
        failpoint::hit("finish.after_append");
        Ok(())
    }

    /// Gives an effect back to be tried again at `at`, without a word in the log: nothing is
    /// known of it that a restart would have to know.
    pub fn put_back(&self, key: &EffectKey, at: DateTime<Utc>, error: String) {
        self.state().put_back(key, at, error, false);
        self.inner.changed.send_modify(|changes| *changes += 1);
    }

    /// The same of an effect that was tried, though what became of it could not be written down.
    pub fn put_back_tried(&self, key: &EffectKey, at: DateTime<Utc>, error: String) {
        self.state().put_back(key, at, error, true);
        self.inner.changed.send_modify(|changes| *changes += 1);
    }

    /// Brings a dead effect back.
    ///
    /// # Errors
    /// [`EffectLogError`] when it is not dead.
    pub async fn retry(&self, key: &EffectKey, by: &EventMetadata) -> Result<(), EffectLogError> {
        self.end_death(key, Entry::EffectRetried(Retried { key: key.clone() }), by).await
    }

    /// Lets a dead effect rest for ever, for a reason.
    ///
    /// # Errors
    /// [`EffectLogError`] when it is not dead.
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
            return Err(EffectLogError::NotDead(key.clone(), tracked.state.word()));
        }
        let types = vec!["meja.effect.retried.v1".to_owned(), "meja.effect.discarded.v1".to_owned()];
        let decided = Query { items: vec![QueryItem { types, tags: vec![effect_tag(key)] }] };
        self.write(vec![entry], by, AppendCondition::unchanged(decided, tracked.since)).await
    }

    /// How it stands with a system of the restaurant; `None` if it was never told anything.
    pub fn hook(&self, id: &str) -> Option<WebhookState> {
        self.state().hooks.get(id).copied()
    }

    /// Has a system of the restaurant be told again.
    ///
    /// # Errors
    /// [`EffectLogError`]; nothing has changed then.
    pub async fn enable_hook(&self, id: &str, by: &EventMetadata) -> Result<(), EffectLogError> {
        let Some(state) = self.hook(id).filter(|state| state.is_disabled) else { return Ok(()) };
        let entry = Entry::WebhookSwitched(WebhookSwitched { hook: id.to_owned(), enabled: true });
        let unchanged = AppendCondition::unchanged(Query::any_tag([hook_tag(id)]), state.since);
        self.write(vec![entry], by, unchanged).await
    }

    /// How far the feed was read.
    pub fn cursor(&self) -> Option<Cursor> {
        self.state().cursor
    }

    /// Whether an effect with this key was ever scheduled.
    pub fn is_known(&self, key: &EffectKey) -> bool {
        self.state().is_known(key)
    }

    /// The effect with this key, unless it ended long ago and is only in the log.
    pub fn effect(&self, key: &EffectKey) -> Option<TrackedEffect> {
        self.state().effects.get(key).cloned()
    }

    /// Effects that `wanted` takes, the latest first, at most `limit`.
    pub fn effects(&self, wanted: impl Fn(&TrackedEffect) -> bool, limit: usize) -> Vec<TrackedEffect> {
        let state = self.state();
        let mut found: Vec<_> = state.effects.values().filter(|tracked| wanted(tracked)).collect();
        found.sort_by(|a, b| {
            b.updated_at.cmp(&a.updated_at).then_with(|| a.scheduled.key.cmp(&b.scheduled.key))
        });
        found.into_iter().take(limit).cloned().collect()
    }

    /// How many effects there are of each state.
    pub fn counts(&self) -> HashMap<&'static str, usize> {
        let mut counts = HashMap::from(EFFECT_STATES.map(|word| (word, 0)));
        counts.extend(self.state().counts());
        counts
    }
}

/// The reservation for which an effect asks for money.
fn asks(scheduled: &Scheduled) -> Option<ReservationId> {
    match &scheduled.effect {
        Effect::TakeDeposit(deposit) => Some(deposit.reservation_id),
        _ => None,
    }
}
