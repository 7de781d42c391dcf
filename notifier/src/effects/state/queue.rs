//! The order of effects. In each lane the effects of every venue and source come in turn, so that many effects of one source
//! delay those of another by one at most; within a turn the earliest comes first. Effects of one lane with the same subject form
//! a sequence and run one after the other, so that a guest never gets the cancellation before the confirmation. The effects of each
//! payment form a sequence of their own.

mod turns;

use std::collections::{HashMap, HashSet, VecDeque};

use chrono::{DateTime, Utc};

use self::turns::Turns;
use super::tracked::{Sequence, TrackedEffect};
use crate::domain::effect::{EffectKey, Lane};

#[derive(Default)]
pub(super) struct Queue {
    /// Waiting effects; of each sequence only the first.
    lanes: HashMap<Lane, Turns>,
    /// The sequences. The first effect of each waits or is under way.
    sequences: HashMap<Sequence, VecDeque<EffectKey>>,
    /// The effects under way.
    taken: HashSet<EffectKey>,
}

impl Queue {
    /// Appends an effect to its sequence.
    pub(super) fn join(&mut self, sequence: Sequence, key: &EffectKey) {
        self.sequences.entry(sequence).or_default().push_back(key.clone());
    }

    /// Lets an effect wait until `at`, unless others of its sequence come first or it is under way.
    pub(super) fn wait(&mut self, effect: &TrackedEffect, at: DateTime<Utc>) {
        let key = &effect.scheduled.key;
        let first = effect.sequence().and_then(|sequence| self.sequences.get(&sequence)?.front());
        if first.is_none_or(|first| first == key) && !self.taken.contains(key) {
            self.lanes.entry(effect.lane()).or_default().add(effect.turn(), at, key.clone());
        }
    }

    /// Takes up to `most` due effects of `lane`.
    pub(super) fn take(&mut self, lane: Lane, now: DateTime<Utc>, most: usize) -> Vec<EffectKey> {
        let turns = self.lanes.entry(lane).or_default();
        let taken: Vec<_> = std::iter::from_fn(|| turns.take(now)).take(most).collect();
        self.taken.extend(taken.iter().cloned());
        taken
    }

    /// The effect is no longer under way.
    pub(super) fn give_back(&mut self, key: &EffectKey) {
        self.taken.remove(key);
    }

    /// Removes an effect from its sequence. Returns the first one of the sequence.
    pub(super) fn leave(&mut self, sequence: Option<Sequence>, key: &EffectKey) -> Option<EffectKey> {
        let sequence = sequence?;
        let keys = self.sequences.get_mut(&sequence)?;
        keys.retain(|other| other != key);
        let first = keys.front().cloned();
        if first.is_none() {
            self.sequences.remove(&sequence);
        }
        first
    }

    /// The effect no longer waits until `at`.
    pub(super) fn unwait(&mut self, effect: &TrackedEffect, at: DateTime<Utc>) {
        if let Some(turns) = self.lanes.get_mut(&effect.lane()) {
            turns.remove(&effect.turn(), at, &effect.scheduled.key);
        }
    }

    /// The time of the next effect of `lane`.
    pub(super) fn next_due(&self, lane: Lane) -> Option<DateTime<Utc>> {
        self.lanes.get(&lane)?.next_due()
    }
}
