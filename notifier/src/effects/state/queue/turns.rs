//! Waiting effects of one lane, in turn: round robin.
//!
//! A turn gets the next number when it has a due effect, and again after each effect that is taken. The smallest number is next.
//! So an effect waits for at most one effect of each other turn, and no turn is passed twice.

use std::collections::{BTreeSet, HashMap};

use chrono::{DateTime, Utc};

use crate::domain::effect::EffectKey;
use crate::effects::entry::Turn;

/// The waiting effects of one lane.
#[derive(Debug, Default)]
pub(super) struct Turns {
    turns: HashMap<Turn, Waiting>,
    /// The turns by the time of their first effect, unless they are in `ready`.
    by_due: BTreeSet<(DateTime<Utc>, Turn)>,
    /// The turns that had a due effect at the last check, by their number.
    ready: BTreeSet<(u64, Turn)>,
    /// The largest number.
    last: u64,
}

/// The waiting effects of one turn, the earliest first.
#[derive(Debug, Default)]
struct Waiting {
    effects: BTreeSet<(DateTime<Utc>, EffectKey)>,
    number: u64,
    is_ready: bool,
}

impl Turns {
    /// Adds an effect that waits until `at`.
    pub(super) fn add(&mut self, turn: Turn, at: DateTime<Utc>, key: EffectKey) {
        self.change(turn, |waiting| {
            waiting.effects.insert((at, key));
        });
    }

    /// Removes an effect that waits until `at`.
    pub(super) fn remove(&mut self, turn: &Turn, at: DateTime<Utc>, key: &EffectKey) {
        self.change(turn.clone(), |waiting| {
            waiting.effects.remove(&(at, key.clone()));
        });
    }

    /// Takes the next due effect.
    pub(super) fn take(&mut self, now: DateTime<Utc>) -> Option<EffectKey> {
        while self.by_due.first().is_some_and(|(at, _)| *at <= now) {
            let (_, turn) = self.by_due.pop_first()?;
            if let Some(waiting) = self.turns.get_mut(&turn) {
                self.last += 1;
                (waiting.is_ready, waiting.number) = (true, self.last);
                self.ready.insert((waiting.number, turn));
            }
        }
        while let Some((_, turn)) = self.ready.pop_first() {
            let Some(waiting) = self.turns.get_mut(&turn) else { continue };
            waiting.is_ready = false;
            let is_due = waiting.effects.first().is_some_and(|(at, _)| *at <= now);
            let taken = if is_due { waiting.effects.pop_first() } else { None };
            waiting.is_ready = waiting.effects.first().is_some_and(|(at, _)| *at <= now);
            if waiting.is_ready {
                self.last += 1;
                waiting.number = self.last;
                self.ready.insert((waiting.number, turn.clone()));
            }
            self.change(turn, |_| {});
            if let Some((_, key)) = taken {
                return Some(key);
            }
        }
        None
    }

    /// The time of the first effect; the epoch if it may have passed.
    pub(super) fn next_due(&self) -> Option<DateTime<Utc>> {
        match self.ready.is_empty() {
            true => self.by_due.first().map(|(at, _)| *at),
            false => Some(DateTime::UNIX_EPOCH),
        }
    }

    /// Changes the effects of a turn, and puts it in its place.
    fn change(&mut self, turn: Turn, change: impl FnOnce(&mut Waiting)) {
        let waiting = self.turns.entry(turn.clone()).or_default();
        let before = waiting.effects.first().map(|(at, _)| *at);
        change(waiting);
        let after = waiting.effects.first().map(|(at, _)| *at);
        let (number, is_ready) = (waiting.number, waiting.is_ready);
        if let Some(at) = before {
            self.by_due.remove(&(at, turn.clone()));
        }
        match after {
            None => {
                self.turns.remove(&turn);
                self.ready.remove(&(number, turn));
            }
            Some(at) if !is_ready => drop(self.by_due.insert((at, turn))),
            Some(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn turn(source: &str) -> Turn {
        Turn { venue: Some("v".into()), source: source.into() }
    }

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(seconds, 0).unwrap()
    }

    fn key(text: &str) -> EffectKey {
        EffectKey(text.into())
    }

    fn take_all(turns: &mut Turns, now: i64) -> Vec<String> {
        std::iter::from_fn(|| turns.take(at(now))).map(|key| key.0).collect()
    }

    #[test]
    fn an_effect_of_another_source_waits_for_one_effect_at_most() {
        let mut turns = Turns::default();
        for n in 0..1_300 {
            turns.add(turn("junk"), at(0), key(&format!("junk-{n:04}")));
        }
        for n in 0..100 {
            assert_eq!(turns.take(at(1)), Some(key(&format!("junk-{n:04}"))));
        }
        turns.add(turn("honest"), at(1), key("honest"));
        let next = [turns.take(at(1)).unwrap(), turns.take(at(1)).unwrap()];
        assert!(next.contains(&key("honest")), "{next:?}");
        assert_eq!(take_all(&mut turns, 1).len(), 1_199);
        assert!(turns.next_due().is_none() && turns.turns.is_empty());
    }

    #[test]
    fn sources_come_in_turn_and_within_one_the_earliest_first() {
        let mut turns = Turns::default();
        for (source, time, name) in
            [("a", 3, "a3"), ("a", 1, "a1"), ("a", 2, "a2"), ("b", 1, "b1"), ("b", 9, "b9"), ("c", 2, "c2")]
        {
            turns.add(turn(source), at(time), key(name));
        }
        assert_eq!(turns.next_due(), Some(at(1)));
        assert_eq!(turns.take(at(0)), None);
        let taken = take_all(&mut turns, 5);
        assert_eq!(taken.len(), 5);
        let place = |name: &str| taken.iter().position(|taken| taken == name).unwrap();
        assert!(place("a1") < place("a2") && place("a2") < place("a3"), "{taken:?}");
        assert!(place("b1") < place("a2") && place("c2") < place("a2"), "{taken:?}");
        assert_eq!(turns.next_due(), Some(at(9)));
        turns.remove(&turn("b"), at(9), &key("b9"));
        assert!(turns.next_due().is_none() && turns.turns.is_empty());
    }

    #[test]
    fn a_source_that_had_nothing_to_do_does_not_catch_up() {
        let mut turns = Turns::default();
        for n in 0..50 {
            turns.add(turn("steady"), at(0), key(&format!("s{n:02}")));
        }
        (0..30).for_each(|_| drop(turns.take(at(0))));
        for n in 0..20 {
            turns.add(turn("new"), at(0), key(&format!("n{n:02}")));
        }
        let taken = take_all(&mut turns, 0);
        let new_among_first = taken[..20].iter().filter(|name| name.starts_with('n')).count();
        assert!((9..=11).contains(&new_among_first), "{taken:?}");
    }

    #[test]
    fn no_turn_is_passed_twice() {
        let mut turns = Turns::default();
        for n in 0..10 {
            turns.add(turn("patient"), at(0), key(&format!("p{n}")));
        }
        // One that always has a new effect, and new ones whose names come first.
        turns.add(turn("a"), at(0), key("a"));
        let mut taken = Vec::new();
        for n in 0..40 {
            turns.add(turn(&format!("0{n:02}")), at(0), key(&format!("new{n:02}")));
            let next = turns.take(at(0)).unwrap().0;
            if next == "a" {
                turns.add(turn("a"), at(0), key("a"));
            }
            taken.push(next);
        }
        assert!(taken.iter().filter(|name| name.starts_with('p')).count() >= 3, "{taken:?}");
        assert!(taken.iter().filter(|name| *name == "a").count() >= 3, "{taken:?}");
        assert!(taken.contains(&"new00".to_owned()), "{taken:?}");
    }
}
