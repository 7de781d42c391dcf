//! Which effect is next: in each lane the one that is due first. Effects of a lane about one thing stand in a line and
//! go one after the other, so that a guest is never told of a cancellation before the confirmation.

use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};

use chrono::{DateTime, Utc};

use crate::domain::effect::{About, EffectKey, Lane};

/// Where effects wait for each other.
pub(super) type Line = (Lane, About);

#[derive(Default)]
pub(super) struct Queue {
    /// What nobody works on, by when it is due; of a line only the first.
    due: HashMap<Lane, BTreeSet<(DateTime<Utc>, EffectKey)>>,
    /// The first is due or being worked on.
    lines: HashMap<Line, VecDeque<EffectKey>>,
    /// What somebody works on.
    taken: HashSet<EffectKey>,
}

impl Queue {
    /// Puts an effect at the end of its line.
    pub(super) fn join(&mut self, line: Line, key: &EffectKey) {
        self.lines.entry(line).or_default().push_back(key.clone());
    }

    /// Makes an effect due at `at`, unless others of its line come first or somebody works on it.
    pub(super) fn wait(&mut self, lane: Lane, line: Option<Line>, key: &EffectKey, at: DateTime<Utc>) {
        let first = line.and_then(|line| self.lines.get(&line)?.front());
        if first.is_none_or(|first| first == key) && !self.taken.contains(key) {
            self.due.entry(lane).or_default().insert((at, key.clone()));
        }
    }

    /// Takes up to `most` effects of `lane` that are due.
    pub(super) fn take(&mut self, lane: Lane, now: DateTime<Utc>, most: usize) -> Vec<EffectKey> {
        let due = self.due.entry(lane).or_default();
        let mut taken = Vec::new();
        while taken.len() < most && due.first().is_some_and(|(at, _)| *at <= now) {
            taken.extend(due.pop_first().map(|(_, key)| key));
        }
        self.taken.extend(taken.iter().cloned());
        taken
    }

    /// Nobody works on it any more.
    pub(super) fn give_back(&mut self, key: &EffectKey) {
        self.taken.remove(key);
    }

    /// It waits no longer; tells who is first in its line now.
    pub(super) fn leave(&mut self, line: Option<Line>, key: &EffectKey) -> Option<EffectKey> {
        let line = line?;
        let keys = self.lines.get_mut(&line)?;
        keys.retain(|other| other != key);
        let first = keys.front().cloned();
        if first.is_none() {
            self.lines.remove(&line);
        }
        first
    }

    /// It is not due at `at` any more.
    pub(super) fn unwait(&mut self, lane: Lane, key: &EffectKey, at: DateTime<Utc>) {
        if let Some(due) = self.due.get_mut(&lane) {
            due.remove(&(at, key.clone()));
        }
    }

    /// When the next of `lane` is due.
    pub(super) fn next_due(&self, lane: Lane) -> Option<DateTime<Utc>> {
        self.due.get(&lane)?.first().map(|(at, _)| *at)
    }
}
