//! An effect with its state.

use std::cmp::Reverse;

use chrono::{DateTime, Utc};
use contract::notifier::words::EffectStatus;
use events::recorded::EventMetadata;
use events::{PaymentId, Position};

use crate::domain::effect::{About, Lane, Planned};
use crate::effects::entry::{Entry, Scheduled, Turn};

/// Identifies a sequence of effects.
pub(super) type Sequence = (Lane, About, Option<PaymentId>);

/// An effect with its state.
#[derive(Debug, Clone)]
pub struct TrackedEffect {
    /// The effect and its cause.
    pub scheduled: Scheduled,
    /// The status.
    pub state: EffectState,
    /// Number of failed attempts.
    pub attempts: u32,
    /// Number of retries by operators.
    pub retries: u32,
    /// The error of the last attempt.
    pub last_error: Option<String>,
    /// The recipient, masked.
    pub recipient: Option<String>,
    /// The time of the last change.
    pub updated_at: DateTime<Utc>,
    /// Whether an attempt may have been made whose result is unknown.
    pub tried: bool,
    /// Number of failures that the provider may repeat for the same idempotency key.
    pub key_changes: u32,
    /// The time of the first failure, if the effect has been failing since then.
    pub failing_since: Option<DateTime<Utc>>,
    /// Whether it is part of a sequence.
    pub(super) is_in_sequence: bool,
    /// The position after which nothing may have ended it.
    pub(in crate::effects) since: Position,
}

/// The state of an effect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EffectState {
    /// It waits until this time.
    Waiting(DateTime<Utc>),
    /// `done`, or why nothing had to be done.
    Done(String),
    /// It failed permanently, with a reason as a stable code.
    Dead(String),
    /// An operator discarded it, for this reason.
    Discarded(String),
}

impl EffectState {
    /// The state as used in responses and metrics.
    #[must_use]
    pub fn status(&self) -> EffectStatus {
        match self {
            Self::Waiting(_) => EffectStatus::Waiting,
            Self::Done(outcome) if outcome == "done" => EffectStatus::Done,
            Self::Done(_) => EffectStatus::Skipped,
            Self::Dead(_) => EffectStatus::Dead,
            Self::Discarded(_) => EffectStatus::Discarded,
        }
    }
}

impl TrackedEffect {
    /// Its place in a list: the latest first, in microseconds, then by key.
    #[must_use]
    pub fn place(&self) -> (Reverse<i64>, String) {
        (Reverse(self.updated_at.timestamp_micros()), self.scheduled.key.0.clone())
    }

    /// The metadata of entries about this effect.
    #[must_use]
    pub fn author(&self) -> EventMetadata {
        EventMetadata {
            correlation_id: self.scheduled.correlation_id.clone(),
            causation_id: self.scheduled.event_id.clone(),
            traceparent: self.scheduled.traceparent.clone(),
            actor: events::values::Actor::system("worker"),
            request_digest: None,
            venue_id: None,
            client_group: None,
        }
    }

    pub(super) fn lane(&self) -> Lane {
        self.scheduled.effect.lane()
    }

    /// The turn in which it is carried out. One without a recorded turn comes in turn by its subject.
    pub(super) fn turn(&self) -> Turn {
        let of_subject = || {
            let source = self.scheduled.effect.about().map(|about| about.path()).unwrap_or_default();
            Turn { venue: None, source }
        };
        self.scheduled.turn.clone().unwrap_or_else(of_subject)
    }

    pub(super) fn sequence(&self) -> Option<Sequence> {
        let effect = &self.scheduled.effect;
        Some((effect.lane(), effect.about()?, effect.payment())).filter(|_| self.is_in_sequence)
    }

    /// The entry that schedules an effect with the same cause.
    #[must_use]
    pub fn follow_up(&self, planned: Planned) -> Entry {
        Entry::EffectScheduled(Scheduled {
            key: planned.key,
            effect: planned.effect,
            due_at: planned.due_at,
            event_id: self.scheduled.event_id.clone(),
            correlation_id: self.scheduled.correlation_id.clone(),
            traceparent: self.scheduled.traceparent.clone(),
            turn: self.scheduled.turn.clone(),
        })
    }
}
