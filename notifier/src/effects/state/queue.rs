//! The order of effects: in each lane the earliest first. Effects of one lane with the same subject form a sequence
//! and run one after the other, so that a guest never gets the cancellation before the confirmation.

use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};

use chrono::{DateTime, Utc};

use crate::domain::effect::{About, EffectKey, Lane};

/// Identifies a sequence of effects.
pub(super) type Sequence = (Lane, About);

#[derive(Default)]
pub(super) struct Queue {
    /// Waiting effects by their time; of each sequence only the first.
    due: HashMap<Lane, BTreeSet<(DateTime<Utc>, EffectKey)>>,
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
    pub(super) fn wait(
        &mut self,
        lane: Lane,
        sequence: Option<Sequence>,
        key: &EffectKey,
        at: DateTime<Utc>,
    ) {
        let first = sequence.and_then(|sequence| self.sequences.get(&sequence)?.front());
        if first.is_none_or(|first| first == key) && !self.taken.contains(key) {
            self.due.entry(lane).or_default().insert((at, key.clone()));
        }
    }

    /// Takes up to `most` due effects of `lane`.
    pub(super) fn take(&mut self, lane: Lane, now: DateTime<Utc>, most: usize) -> Vec<EffectKey> {
        let due = self.due.entry(lane).or_default();
        let mut taken = Vec::new();
        while taken.len() < most && due.first().is_some_and(|(at, _)| *at <= now) {
            taken.extend(due.pop_first().map(|(_, key)| key));
        }
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
    pub(super) fn unwait(&mut self, lane: Lane, key: &EffectKey, at: DateTime<Utc>) {
        if let Some(due) = self.due.get_mut(&lane) {
            due.remove(&(at, key.clone()));
        }
    }

    /// The time of the next effect of `lane`.
    pub(super) fn next_due(&self, lane: Lane) -> Option<DateTime<Utc>> {
        self.due.get(&lane)?.first().map(|(at, _)| *at)
    }
}
