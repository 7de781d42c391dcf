//! The options that name an older checkpoint.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use proof::{Leaves, SignedCheckpoint, VerifierKey};

use crate::checkpoints::Comparison;

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
        Ok(Some(Comparison::new(checkpoint, stored)))
    }
}
