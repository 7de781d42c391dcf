//! Compares a log with an older checkpoint of it.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use proof::{Checkpoint, Growing, Hash, Leaves, SignedCheckpoint, VerifierKey, leaf_hash};

/// The file in a data directory with the tree of the log.
const TREE_FILE: &str = "log-tree";

/// Options that name what the log is compared with.
#[derive(Debug, clap::Args)]
pub(super) struct Against {
    /// A file with an older checkpoint: the log must still begin with everything that it contains
    #[arg(long, value_name = "FILE", requires = "key")]
    checkpoint: Option<PathBuf>,
    /// The public key that has signed the checkpoint; several if it was changed
    #[arg(long, requires = "checkpoint")]
    key: Vec<String>,
    /// A copy of the log's tree from that time, to name the first event that differs [default: log-tree in the data directory]
    #[arg(long, value_name = "FILE", requires = "checkpoint")]
    tree: Option<PathBuf>,
}

/// A log, event by event, and what it is compared with.
pub(super) struct Comparison {
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

impl Against {
    /// What the log in `data_dir` is compared with, if anything is named.
    pub(super) fn open(&self, data_dir: &Path) -> anyhow::Result<Option<Comparison>> {
        let Some(path) = &self.checkpoint else { return Ok(None) };
        let lines = self.key.iter().flat_map(|value| value.lines()).map(str::trim);
        let keys = lines.filter(|line| !line.is_empty()).map(str::parse::<VerifierKey>);
        let keys: Vec<_> = keys.collect::<Result<_, _>>().context("--key is no key of a log")?;
        let read = || {
            let signed: SignedCheckpoint = std::fs::read_to_string(path)?.parse()?;
            let mut checked = keys.iter().map(|key| signed.verify(key).cloned());
            let first = checked.next().context("--key is empty: name a key")?;
            anyhow::Ok(checked.find(Result::is_ok).filter(|_| first.is_err()).unwrap_or(first)?)
        };
        let checkpoint = read().with_context(|| format!("{} cannot be used", path.display()))?;
        let stored = match &self.tree {
            Some(tree) => {
                let stored = Leaves::open(tree)
                    .with_context(|| format!("could not read the tree {}", tree.display()))?;
                anyhow::ensure!(stored.size() > 0, "{} contains no tree of a log", tree.display());
                Some(stored)
            }
            None => Leaves::open(&data_dir.join(TREE_FILE)).ok(),
        };
        let (found, kept) = (Growing::default(), Growing::default());
        Ok(Some(Comparison { checkpoint, stored, found, kept, differs_at: None }))
    }
}

impl Comparison {
    /// Adds the next event of the log.
    pub(super) fn add(&mut self, event: &[u8]) {
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
    pub(super) fn size(&self) -> u64 {
        self.checkpoint.size
    }

    /// What the log proves, in words.
    pub(super) fn verdict(&self) -> String {
        format!("the log begins with the {} events that were signed", self.checkpoint.size)
    }

    /// Why the log is not the one that was signed.
    pub(super) fn fault(&self) -> Option<String> {
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
                "the log is not the one that was signed as {origin} with {size} events. Check that the checkpoint is of this log, and name a copy of log-tree from that time, such as log-tree.differs-1, with --tree to learn which event was changed"
            )),
        }
    }
}
