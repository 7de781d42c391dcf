//! What the journal adds up to: effects that wait, are done or are dead, payments, the cursor.
//!
//! **Invariant:** the only `.append(` of this service stands here.

mod state;

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chassis::clock::SharedClock;
use chrono::{DateTime, Utc};
use events::store::{AppendCondition, AppendError, EventStore, ReadError};
use events::{EventId, PaymentId, Position, Query, QueryItem};
use tokio::sync::watch;

use self::state::State;
pub use self::state::{EffectState, Tracked};
use crate::effect::{Effect, EffectKey, Lane, PaymentOutcome, PaymentResult};
use crate::journal::{Author, CursorMoved, Entry, PaymentDecided, Scheduled, cursor_tag, effect_tag};
use crate::payment::{Payment, PaymentStatus};

/// Why something was not written down.
#[derive(Debug, thiserror::Error)]
pub enum OutboxError {
    /// The log took nothing.
    #[error("could not append to the notifier's log")]
    Append(#[from] AppendError),
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
pub struct Outbox {
    inner: Arc<Inner>,
}

struct Inner {
    store: Arc<dyn EventStore>,
    clock: SharedClock,
    state: Mutex<State>,
    changed: watch::Sender<u64>,
}

impl Inner {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Outbox {
    /// Adds up the journal in `store`.
    ///
    /// # Errors
    /// [`OutboxError`] when it can not be read.
    pub async fn open(store: Arc<dyn EventStore>, clock: SharedClock) -> Result<Self, OutboxError> {
        let (mut state, mut after) = (State::default(), Position::START);
        loop {
            let page = store.read(&Query::all(), after, 1_000).await?;
            for stored in page.iter() {
                let recorded = events::Recorded::parse(stored.json)?;
                state.add(stored.position, vec![Entry::decode(stored.json)?], recorded.time);
            }
            after = page.scanned_to;
            if after >= store.head() {
                break;
            }
        }
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
        by: &Author,
        condition: AppendCondition,
    ) -> Result<(), OutboxError> {
        let (inner, time) = (Arc::clone(&self.inner), self.inner.clock.now());
        let clock = inner.clock.as_ref();
        let events: Result<Vec<_>, _> = entries.iter().map(|e| e.clone().into_new_event(clock, by)).collect();
        let events = events?;
        let mut changed = self.watch();
        let written = tokio::spawn(async move {
            let appended = inner.store.append(events, condition).await?;
            inner.state().add(appended.first, entries, time);
            inner.changed.send_modify(|changes| *changes += 1);
            Ok(appended.last)
        });
        let last = written.await.unwrap_or(Err(OutboxError::Append(AppendError::Closed)))?;
        // Appends may come back before earlier ones do: whoever wrote must find what they wrote.
        let _ = changed.wait_for(|_| self.state().added_to() >= last).await;
        Ok(())
    }

    /// Schedules effects of events up to `cursor`, and moves the cursor, in one append.
    ///
    /// # Errors
    /// [`OutboxError`]; neither happened then.
    pub async fn react(
        &self,
        effects: Vec<Scheduled>,
        cursor: Cursor,
        by: &Author,
    ) -> Result<(), OutboxError> {
        let (mut entries, condition) = {
            let state = self.state();
            // A feed that is read again has its effects already; two events may have the same one.
            let mut seen = HashSet::new();
            let new = effects
                .into_iter()
                .filter(|s| !state.effects.contains_key(&s.key) && seen.insert(s.key.clone()));
            let entries: Vec<_> = new.map(Entry::EffectScheduled).collect();
            (entries, AppendCondition::unchanged(Query::any_tag([cursor_tag()]), state.cursor_position))
        };
        entries
            .push(Entry::CursorMoved(CursorMoved { last_event_id: cursor.last_event_id, time: cursor.time }));
        self.write(entries, by, condition).await
    }

    /// Up to `most` effects of `lane` that are due. They are the caller's until [`Outbox::finish`] or
    /// [`Outbox::put_back`].
    pub fn take_due(&self, lane: Lane, most: usize) -> Vec<Tracked> {
        self.state().take_due(lane, self.inner.clock.now(), most)
    }

    /// When the next effect of `lane` is due.
    pub fn next_due(&self, lane: Lane) -> Option<DateTime<Utc>> {
        self.state().next_due(lane)
    }

    /// Writes down what became of an effect, with what follows from it.
    ///
    /// # Errors
    /// [`OutboxError`]; nothing was written down then.
    pub async fn finish(&self, effect: &Tracked, entries: Vec<Entry>) -> Result<(), OutboxError> {
        let tag = effect_tag(&effect.scheduled.key);
        let types = vec!["meja.effect.succeeded.v1".to_owned(), "meja.effect.died.v1".to_owned()];
        let finished = Query { items: vec![QueryItem { types, tags: vec![tag] }] };
        self.write(entries, &effect.author(), AppendCondition::unchanged(finished, effect.since)).await
    }

    /// Gives an effect back to be tried again at `at`, without a word in the log: nothing is
    /// known of it that a restart would have to know.
    pub fn put_back(&self, key: &EffectKey, at: DateTime<Utc>, error: String) {
        self.state().put_back(key, at, error);
        self.inner.changed.send_modify(|changes| *changes += 1);
    }

    /// Notes what the guest decided at the provider, and schedules to tell the reservation service.
    /// The first decision stands.
    ///
    /// # Errors
    /// [`OutboxError`]; nothing was written down then.
    pub async fn decide(&self, reference: &str, paid: bool) -> Result<Payment, OutboxError> {
        loop {
            let (payment, since) = self
                .payment_by_reference(reference)
                .ok_or_else(|| OutboxError::UnknownPayment(reference.to_owned()))?;
            if payment.status != PaymentStatus::Pending {
                return Ok(payment);
            }
            let opened = &payment.opened;
            let payment_id = opened.payment_id;
            let outcome = if paid {
                let (channel, provider_reference) =
                    (opened.channel.clone(), opened.provider_reference.clone());
                PaymentOutcome::Completed { amount: opened.amount, channel, provider_reference }
            } else {
                PaymentOutcome::Failed { reason_code: "refused".into() }
            };
            let result = PaymentResult { payment_id, outcome };
            let told = Scheduled {
                key: EffectKey(format!("{payment_id}.{}", if paid { "completed" } else { "failed" })),
                effect: Effect::PostPayment { reservation_id: opened.reservation_id, result },
                due_at: self.inner.clock.now(),
                event_id: None,
                correlation_id: opened.correlation_id.clone(),
                traceparent: None,
            };
            let entries = vec![
                Entry::PaymentDecided(PaymentDecided { payment_id, paid }),
                Entry::EffectScheduled(told),
            ];
            let by = Author { correlation_id: opened.correlation_id.clone(), ..Author::system("provider") };
            let unchanged =
                AppendCondition::unchanged(Query::any_tag([events::Tag::payment(payment_id)]), since);
            match self.write(entries, &by, unchanged).await {
                // Somebody else decided in the same moment; theirs stands, once it is added up.
                Err(OutboxError::Append(AppendError::Conflict { .. })) => tokio::task::yield_now().await,
                Err(error) => return Err(error),
                Ok(()) => {}
            }
        }
    }

    /// Schedules to give `amount_minor` of a payment back, or all that is left of it.
    ///
    /// # Errors
    /// [`OutboxError`] when that can not go back; nothing was scheduled then.
    pub async fn refund(
        &self,
        payment_id: PaymentId,
        amount_minor: Option<i64>,
        by: &Author,
    ) -> Result<EffectKey, OutboxError> {
        let (scheduled, since) = {
            let state = self.state();
            let (payment, since) = state
                .payments
                .get(&payment_id)
                .ok_or_else(|| OutboxError::UnknownPayment(payment_id.to_string()))?;
            let refunds: Vec<_> = state.refunds_of(payment_id).collect();
            let on_their_way: i64 = refunds.iter().filter(|(done, _)| !done).map(|(_, minor)| minor).sum();
            let left = payment.refundable().map_or(0, |left| left.amount_minor) - on_their_way;
            let asked_minor = amount_minor.unwrap_or(left);
            if asked_minor < 1 || asked_minor > left {
                return Err(OutboxError::NotRefundable { payment_id, left_minor: left, asked_minor });
            }
            let amount = events::values::Money { amount_minor: asked_minor, ..payment.opened.amount };
            let effect = Effect::Refund { reservation_id: payment.reservation_id(), payment_id, amount };
            let key = EffectKey(format!("{payment_id}.refund-{}", refunds.len() + 1));
            let (due_at, correlation_id) = (self.inner.clock.now(), by.correlation_id.clone());
            (
                Scheduled {
                    key,
                    effect,
                    due_at,
                    event_id: None,
                    correlation_id,
                    traceparent: by.traceparent.clone(),
                },
                *since,
            )
        };
        let key = scheduled.key.clone();
        let tags = [events::Tag::payment(payment_id), effect_tag(&key)];
        self.write(
            vec![Entry::EffectScheduled(scheduled)],
            by,
            AppendCondition::unchanged(Query::any_tag(tags), since),
        )
        .await?;
        Ok(key)
    }

    /// Brings a dead effect back.
    ///
    /// # Errors
    /// [`OutboxError`] when it is not dead.
    pub async fn retry(&self, key: &EffectKey, by: &Author) -> Result<(), OutboxError> {
        let tracked = self.effect(key).ok_or_else(|| OutboxError::UnknownEffect(key.clone()))?;
        if !matches!(tracked.state, EffectState::Dead(_)) {
            return Err(OutboxError::NotDead(key.clone(), tracked.state.word()));
        }
        let types = vec!["meja.effect.retried.v1".to_owned()];
        let retried = Query { items: vec![QueryItem { types, tags: vec![effect_tag(key)] }] };
        let entry = Entry::EffectRetried(crate::journal::Retried { key: key.clone() });
        self.write(vec![entry], by, AppendCondition::unchanged(retried, tracked.since)).await
    }

    /// How far the feed was read.
    pub fn cursor(&self) -> Option<Cursor> {
        self.state().cursor
    }

    /// One effect.
    pub fn effect(&self, key: &EffectKey) -> Option<Tracked> {
        self.state().effects.get(key).cloned()
    }

    /// Effects that `wanted` takes, the latest first, at most `limit`.
    pub fn effects(&self, wanted: impl Fn(&Tracked) -> bool, limit: usize) -> Vec<Tracked> {
        let state = self.state();
        let mut found: Vec<_> = state.effects.values().filter(|tracked| wanted(tracked)).collect();
        found.sort_by(|a, b| {
            b.updated_at.cmp(&a.updated_at).then_with(|| a.scheduled.key.cmp(&b.scheduled.key))
        });
        found.into_iter().take(limit).cloned().collect()
    }

    /// How many effects there are of each state.
    pub fn counts(&self) -> HashMap<&'static str, usize> {
        let mut counts = HashMap::from([("waiting", 0), ("done", 0), ("skipped", 0), ("dead", 0)]);
        for tracked in self.state().effects.values() {
            *counts.entry(tracked.state.word()).or_default() += 1;
        }
        counts
    }

    /// Payments that `wanted` takes, by id, at most `limit`.
    pub fn payments(&self, wanted: impl Fn(&Payment) -> bool, limit: usize) -> Vec<Payment> {
        let state = self.state();
        let mut found: Vec<_> =
            state.payments.values().map(|(payment, _)| payment).filter(|p| wanted(p)).collect();
        found.sort_by_key(|payment| std::cmp::Reverse(payment.id()));
        found.into_iter().take(limit).cloned().collect()
    }

    /// One payment.
    pub fn payment(&self, id: PaymentId) -> Option<Payment> {
        self.state().payments.get(&id).map(|(payment, _)| payment.clone())
    }

    fn payment_by_reference(&self, reference: &str) -> Option<(Payment, Position)> {
        let state = self.state();
        let id = state.by_reference.get(reference)?;
        state.payments.get(id).cloned()
    }

    /// The payment that the provider knows by this name.
    pub fn payment_of(&self, reference: &str) -> Option<Payment> {
        self.payment_by_reference(reference).map(|(payment, _)| payment)
    }
}
