//! The journal added up, entry by entry. No rules, no failure: what is written down, happened.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use chrono::{DateTime, Utc};
use events::{PaymentId, Position};

use super::Cursor;
use crate::effect::{Effect, EffectKey, Lane, Planned};
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
    /// Everything up to here is added up.
    added_to: Position,
    /// Appends that came back before an earlier one did.
    early: BTreeMap<Position, (Vec<Entry>, DateTime<Utc>)>,
    /// Effects that somebody works on.
    taken: HashSet<EffectKey>,
    pub(super) effects: HashMap<EffectKey, Tracked>,
    /// Waiting effects that nobody works on, by when they are due.
    pub(super) queue: BTreeSet<(DateTime<Utc>, EffectKey)>,
    pub(super) payments: HashMap<PaymentId, (Payment, Position)>,
    pub(super) by_reference: HashMap<String, PaymentId>,
    pub(super) cursor: Option<Cursor>,
    pub(super) cursor_position: Position,
}

impl State {
    /// Adds what was appended from `first` on, in the order of the log: what comes early waits.
    pub(super) fn add(&mut self, first: Position, entries: Vec<Entry>, time: DateTime<Utc>) {
        self.early.insert(first, (entries, time));
        while let Some((entries, time)) = self.early.remove(&self.added_to.next()) {
            for entry in entries {
                self.added_to = self.added_to.next();
                self.apply(&entry, self.added_to, time);
            }
        }
    }

    /// Everything up to here is added up.
    pub(super) fn added_to(&self) -> Position {
        self.added_to
    }

    /// Takes up to `most` effects of `lane` that are due. Refunds of one payment go one after the
    /// other, so that each knows what the one before has left.
    pub(super) fn take_due(&mut self, lane: Lane, now: DateTime<Utc>, most: usize) -> Vec<Tracked> {
        let due: Vec<_> = self.queue.iter().take_while(|(at, _)| *at <= now).cloned().collect();
        let mut taken = Vec::new();
        for entry in due {
            let Some(tracked) = self.effects.get(&entry.1).filter(|t| t.scheduled.effect.lane() == lane)
            else {
                continue;
            };
            if taken.len() == most {
                break;
            }
            if self.is_being_refunded(&tracked.scheduled.effect) {
                continue;
            }
            taken.push(tracked.clone());
            self.taken.insert(entry.1.clone());
            self.queue.remove(&entry);
        }
        taken
    }

    pub(super) fn next_due(&self, lane: Lane) -> Option<DateTime<Utc>> {
        let of_lane = |key: &EffectKey| {
            self.effects.get(key).is_some_and(|t| {
                t.scheduled.effect.lane() == lane && !self.is_being_refunded(&t.scheduled.effect)
            })
        };
        self.queue.iter().find(|(_, key)| of_lane(key)).map(|(at, _)| *at)
    }

    fn is_being_refunded(&self, effect: &Effect) -> bool {
        let payment = |effect: &Effect| match effect {
            Effect::Refund { payment_id, .. } => Some(*payment_id),
            _ => None,
        };
        let wanted = payment(effect);
        wanted.is_some()
            && self
                .taken
                .iter()
                .any(|key| self.effects.get(key).is_some_and(|t| payment(&t.scheduled.effect) == wanted))
    }

    pub(super) fn put_back(&mut self, key: &EffectKey, at: DateTime<Utc>, error: String) {
        self.taken.remove(key);
        if let Some(tracked) = self.effects.get_mut(key) {
            tracked.state = EffectState::Waiting(at);
            tracked.last_error = Some(error);
            self.queue.insert((at, key.clone()));
        }
    }

    fn apply(&mut self, entry: &Entry, at: Position, time: DateTime<Utc>) {
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
        self.taken.remove(key);
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
