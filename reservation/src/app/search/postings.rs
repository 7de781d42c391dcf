//! Which visits have which keys: sorted runs of pairs in memory, merged as they grow.

use std::sync::Arc;

/// The hash of a key and the number of a visit, in one number so that pairs sort by key, then by visit.
type Pair = u64;

/// Sorted pairs.
pub(super) type Run = Arc<Vec<Pair>>;

/// The number of a visit in the index of its venue.
pub(super) type Slot = u32;

/// Pairs of keys and visits. A pair that was added stays until it is purged.
#[derive(Debug, Default)]
pub(super) struct Postings {
    /// Sorted runs. Each is at least twice as long as all after it once they are merged.
    runs: Vec<Run>,
}

/// Runs at the end of the list that are merged into one.
pub(super) struct Merge {
    from: usize,
    runs: Vec<Run>,
}

fn pair(key: u32, slot: Slot) -> Pair {
    Pair::from(key) << 32 | Pair::from(slot)
}

fn slot_of(pair: Pair) -> Slot {
    // The lower half.
    (pair & Pair::from(u32::MAX)) as Slot
}

impl Postings {
    /// Adds the keys of visits.
    pub(super) fn add(&mut self, visits: impl IntoIterator<Item = (Slot, Vec<u32>)>) {
        let pairs = |(slot, keys): (Slot, Vec<u32>)| keys.into_iter().map(move |key| pair(key, slot));
        let mut run: Vec<_> = visits.into_iter().flat_map(pairs).collect();
        if run.is_empty() {
            return;
        }
        run.sort_unstable();
        run.dedup();
        self.runs.push(Arc::new(run));
    }

    /// Calls `visit` with the visits that have the key, some more than once.
    pub(super) fn each(&self, key: u32, visit: impl FnMut(Slot)) {
        let (first, last) = (pair(key, 0), pair(key, Slot::MAX));
        let with_key = |run: &Run| {
            let from = run.partition_point(|pair| *pair < first);
            let to = from + run[from..].partition_point(|pair| *pair <= last);
            (from, to)
        };
        let pairs = self.runs.iter().flat_map(|run| {
            let (from, to) = with_key(run);
            &run[from..to]
        });
        pairs.map(|pair| slot_of(*pair)).for_each(visit);
    }

    /// The runs to merge next, if there are any.
    pub(super) fn next_merge(&self) -> Option<Merge> {
        let mut after = 0;
        let mut from = None;
        for (place, run) in self.runs.iter().enumerate().rev() {
            if after > 0 && run.len() < 2 * after {
                from = Some(place);
            }
            after += run.len();
        }
        from.map(|from| Merge { from, runs: self.runs[from..].to_vec() })
    }

    /// Replaces the runs of `merge` by one. Runs that were added meanwhile stay.
    pub(super) fn replace(&mut self, merge: &Merge, merged: Run) {
        self.runs.splice(merge.from..merge.from + merge.runs.len(), [merged]);
    }

    /// All runs, to be purged one by one.
    pub(super) fn all(&self) -> Merge {
        Merge { from: 0, runs: self.runs.clone() }
    }

    /// Number of pairs.
    pub(super) fn len(&self) -> usize {
        self.runs.iter().map(|run| run.len()).sum()
    }
}

impl Merge {
    /// The merged run, without the visits for which `is_gone` holds.
    pub(super) fn merged(&self, is_gone: impl Fn(Slot) -> bool) -> Run {
        // From the shortest run on, so that few pairs are copied more than once.
        let merged = self.runs.iter().rev().fold(Vec::new(), |merged, run| {
            let mut both = Vec::with_capacity(run.len() + merged.len());
            let mut others = merged.into_iter().peekable();
            for pair in run.iter().copied().filter(|pair| !is_gone(slot_of(*pair))) {
                both.extend(std::iter::from_fn(|| others.next_if(|other| *other < pair)));
                both.push(pair);
            }
            both.extend(others);
            both
        });
        Arc::new(merged)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_visits_of_a_key_are_those_that_were_added_and_not_purged(
            batches in vec(vec((0_u32..40, vec(0_u32..8, 0..4)), 0..6), 1..30),
            gone in 0_u32..40,
        ) {
            let (mut postings, mut expected) = (Postings::default(), BTreeSet::new());
            for batch in batches {
                expected.extend(batch.iter().flat_map(|(slot, keys)| keys.iter().map(|key| (*key, *slot))));
                postings.add(batch);
                while let Some(merge) = postings.next_merge() {
                    postings.replace(&merge, merge.merged(|_| false));
                }
                // The longest run has more than half of all, and so on.
                prop_assert!(postings.runs.len() <= 10);
            }
            let all = postings.all();
            postings.replace(&all, all.merged(|slot| slot == gone));
            expected.retain(|(_, slot)| *slot != gone);
            for key in 0..8 {
                let mut found = BTreeSet::new();
                postings.each(key, |slot| {
                    found.insert(slot);
                });
                let of_key = expected.iter().filter(|(own, _)| *own == key).map(|(_, slot)| *slot);
                prop_assert_eq!(found, of_key.collect::<BTreeSet<_>>());
            }
        }
    }
}
