//! Compares a log with an older checkpoint of it.

use std::fmt::Write as _;

use proof::{Checkpoint, Growing, Hash, Leaves, leaf_hash};

/// A log, event by event, and what it is compared with.
pub(crate) struct Comparison {
    checkpoint: Checkpoint,
    /// The leaves of the stored tree. One that cannot be read counts as that of the log.
    stored: Option<Leaves>,
    /// The tree of the log as it is, up to the size of the checkpoint.
    found: Growing,
    /// The tree of the stored leaves, and of the events of the log behind them.
    kept: Growing,
    /// The position of the first event that is not the one of the stored tree.
    differs_at: Option<u64>,
}

impl Comparison {
    /// Compares the log with `checkpoint`, and its events with the leaves of a stored tree.
    pub(crate) fn new(checkpoint: Checkpoint, stored: Option<Leaves>) -> Self {
        Self { checkpoint, stored, found: Growing::default(), kept: Growing::default(), differs_at: None }
    }

    /// Adds the next event of the log.
    pub(crate) fn add(&mut self, event: &[u8]) {
        let index = self.found.size();
        if index >= self.checkpoint.size {
            return;
        }
        let leaf = leaf_hash(event);
        self.found.push(leaf);
        let kept =
            self.stored.as_mut().filter(|stored| index < stored.size()).map(|stored| stored.leaf(index));
        let kept = kept.and_then(Result::ok).unwrap_or(leaf);
        self.kept.push(kept);
        if kept != leaf {
            self.differs_at.get_or_insert(index + 1);
        }
    }

    /// Number of events in the checkpoint.
    pub(crate) fn size(&self) -> u64 {
        self.checkpoint.size
    }

    /// Whether the log begins with everything that was signed; `None` as long as too little was read.
    pub(crate) fn is_kept(&self) -> Option<bool> {
        let is_complete = self.found.size() >= self.checkpoint.size;
        is_complete.then(|| self.found.root() == self.checkpoint.root)
    }

    /// What the log proves, in words.
    pub(crate) fn verdict(&self) -> String {
        format!("the log begins with the {} events that were signed", self.checkpoint.size)
    }

    /// Why the log is not the one that was signed.
    pub(crate) fn fault(&self) -> Option<String> {
        let (size, there) = (self.checkpoint.size, self.found.size());
        let differs =
            self.differs_at.map(|at| format!("the event at {at} is not the one in the stored tree"));
        if there < size {
            let mut fault = format!(
                "{size} events were signed, but the log has {there}: the event at {} and everything behind it is missing",
                there + 1
            );
            if let Some(differs) = differs {
                let _ = write!(fault, "; {differs}");
            }
            return Some(fault);
        }
        let origin = &self.checkpoint.origin;
        let is = |root: Hash| root == self.checkpoint.root;
        match differs {
            _ if is(self.found.root()) => None,
            Some(differs) if is(self.kept.root()) => Some(format!(
                "{differs}, which is the tree that was signed: it was changed, and so may be everything behind it"
            )),
            Some(differs) => Some(format!(
                "the log is not the one that was signed as {origin} with {size} events; {differs}, but that tree is not the one that was signed either. Check that the checkpoint is of this log"
            )),
            None => Some(format!(
                "the log is not the one that was signed as {origin} with {size} events. Check that the checkpoint is of this log. `log verify --tree` with a copy of log-tree from that time, such as log-tree.differs-1, names the event that was changed"
            )),
        }
    }
}
