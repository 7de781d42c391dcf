//! The journal added up, entry by entry. No rules, no failure: what is written down, happened.

use std::collections::{BTreeSet, HashMap};

use chrono::{DateTime, Utc};
use events::{PaymentId, Position};

use super::Cursor;
use crate::effect::{Effect, EffectKey, Planned};
use crate::journal::{Author, Entry, Scheduled};
use crate::payment::{Payment, PaymentStatus};

/// An effect and what became of it.
#[derive(Debug, Clone)]
pub struct Tracked {
    /// What and why.
    pub scheduled: Scheduled,
    /// How far it is.
    pub state: EffectState,
    /// Tries that failed.
    pub attempts: u32,
    /// How often it was brought back from the dead.
    pub retries: u32,
    /// What the last try said.
    pub last_error: Option<String>,
    /// Whom it reached, masked.
    pub recipient: Option<String>,
    /// When that changed last.
    pub updated_at: DateTime<Utc>,
    /// Since this position nothing may have finished it.
    pub(super) since: Position,
}

/// How far an effect is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EffectState {
    /// To be done, not before this.
    Waiting(DateTime<Utc>),
    /// Done; or in words why there was nothing to do any more.
    Done(String),
    /// It can not be done, as a stable code.
    Dead(String),
}

impl EffectState {
    /// The word that stands in answers and metrics.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Waiting(_) => "waiting",
            Self::Done(outcome) if outcome == "done" => "done",
            Self::Done(_) => "skipped",
            Self::Dead(_) => "dead",
        }
    }
}

impl Tracked {
    /// At whose end it stands.
    #[must_use]
    pub fn author(&self) -> Author {
        Author {
            correlation_id: self.scheduled.correlation_id.clone(),
            causation_id: self.scheduled.event_id.clone(),
            traceparent: self.scheduled.traceparent.clone(),
            actor: events::values::Actor::system("worker"),
        }
    }

    /// The effect that follows from it, for the same reason.
    #[must_use]
    pub fn follow_up(&self, planned: Planned) -> Entry {
        Entry::EffectScheduled(Scheduled {
            key: planned.key,
            effect: planned.effect,
            due_at: planned.due_at,
            event_id: self.scheduled.event_id.clone(),
            correlation_id: self.scheduled.correlation_id.clone(),
            traceparent: self.scheduled.traceparent.clone(),
        })
    }
}

#[derive(Default)]
pub(super) struct State {
    pub(super) effects: HashMap<EffectKey, Tracked>,
    /// Waiting effects that nobody works on, by when they are due.
    pub(super) queue: BTreeSet<(DateTime<Utc>, EffectKey)>,
    pub(super) payments: HashMap<PaymentId, (Payment, Position)>,
    pub(super) by_reference: HashMap<String, PaymentId>,
    pub(super) cursor: Option<Cursor>,
    pub(super) cursor_position: Position,
}

impl State {
    pub(super) fn apply(&mut self, entry: &Entry, at: Position, time: DateTime<Utc>) {
        match entry {
            Entry::EffectScheduled(scheduled) => self.schedule(scheduled, at, time),
            Entry::AttemptFailed(failed) => self.track(&failed.key, time, |tracked| {
                tracked.attempts += 1;
                tracked.last_error = Some(failed.error.clone());
                tracked.state = EffectState::Waiting(failed.next_attempt_at);
            }),
            Entry::EffectSucceeded(succeeded) => self.track(&succeeded.key, time, |tracked| {
                tracked.recipient.clone_from(&succeeded.recipient);
                tracked.state = EffectState::Done(succeeded.outcome.clone());
            }),
            Entry::EffectDied(died) => self.track(&died.key, time, |tracked| {
                tracked.last_error = Some(died.error.clone());
                tracked.state = EffectState::Dead(died.reason_code.clone());
            }),
            Entry::EffectRetried(retried) => self.track(&retried.key, time, |tracked| {
                tracked.attempts = 0;
                tracked.retries += 1;
                tracked.since = at;
                tracked.state = EffectState::Waiting(time);
            }),
            Entry::PaymentOpened(opened) => {
                self.by_reference.insert(opened.provider_reference.clone(), opened.payment_id);
                let payment =
                    Payment { opened: opened.clone(), status: PaymentStatus::Pending, refunded_minor: 0 };
                self.payments.insert(opened.payment_id, (payment, at));
            }
            Entry::PaymentDecided(decided) => {
                if let Some((payment, since)) = self.payments.get_mut(&decided.payment_id) {
                    payment.status = if decided.paid { PaymentStatus::Paid } else { PaymentStatus::Refused };
                    *since = at;
                }
            }
            Entry::PaymentReturned(returned) => {
                if let Some((payment, since)) = self.payments.get_mut(&returned.payment_id) {
                    payment.refunded_minor += returned.amount.amount_minor;
                    *since = at;
                }
            }
            Entry::CursorMoved(moved) => {
                self.cursor = Some(Cursor { last_event_id: moved.last_event_id, time: moved.time });
                self.cursor_position = at;
            }
        }
    }

    fn schedule(&mut self, scheduled: &Scheduled, at: Position, time: DateTime<Utc>) {
        self.queue.insert((scheduled.due_at, scheduled.key.clone()));
        let tracked = Tracked {
            scheduled: scheduled.clone(),
            state: EffectState::Waiting(scheduled.due_at),
            attempts: 0,
            retries: 0,
            last_error: None,
            recipient: None,
            updated_at: time,
            since: at,
        };
        self.effects.insert(scheduled.key.clone(), tracked);
    }

    fn track(&mut self, key: &EffectKey, time: DateTime<Utc>, change: impl FnOnce(&mut Tracked)) {
        let Some(tracked) = self.effects.get_mut(key) else { return };
        if let EffectState::Waiting(before) = tracked.state {
            self.queue.remove(&(before, key.clone()));
        }
        change(tracked);
        tracked.updated_at = time;
        if let EffectState::Waiting(next) = tracked.state {
            self.queue.insert((next, key.clone()));
        }
    }

    /// Refunds of a payment: whether each is done, and how much it is. The dead do not count.
    pub(super) fn refunds_of(&self, wanted: PaymentId) -> impl Iterator<Item = (bool, i64)> {
        self.effects.values().filter_map(move |tracked| match &tracked.scheduled.effect {
            Effect::Refund { payment_id, amount, .. } if *payment_id == wanted => {
                let done = !matches!(tracked.state, EffectState::Waiting(_));
                Some((done, amount.amount_minor))
            }
            _ => None,
        })
    }
}
