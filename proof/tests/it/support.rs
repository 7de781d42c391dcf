//! A log with a tree, a key and receipts.

use std::path::Path;

use proof::{Checkpoint, SignedCheckpoint, SigningKey, Stored, TlogProof, Tree, inclusion, leaf_hash, root};
use sha2::{Digest as _, Sha256};

pub(crate) const ORIGIN: &str = "meja.example/log";

/// The hash of the chain before the first event.
pub(crate) const START: [u8; 32] = [0; 32];

/// The hash of the chain behind an event.
pub(crate) fn chained(previous: [u8; 32], event: &[u8]) -> [u8; 32] {
    Sha256::new().chain_update(previous).chain_update(event).finalize().into()
}

/// The content of a leaf.
pub(crate) fn event(number: u64) -> String {
    format!(
        r#"{{"sequence":"{:020}","type":"meja.test.v1","subject":"reservation/7","data":{{"number":{number}}}}}"#,
        number + 1
    )
}

/// A tree in `folder` whose leaves are events from zero, with what is there already compared with them.
pub(crate) fn tree(folder: &Path, size: u64) -> Tree {
    tree_of(folder, &(0..size).map(event).collect::<Vec<_>>())
}

pub(crate) fn tree_of(folder: &Path, events: &[String]) -> Tree {
    let mut tree = compared(folder, events).finish().unwrap();
    let from = usize::try_from(tree.size()).unwrap();
    for event in &events[from..] {
        tree.push(leaf_hash(event.as_bytes()), chained(tree.chain(), event.as_bytes())).unwrap();
    }
    tree
}

/// The stored tiles, compared with the events of a log.
pub(crate) fn compared(folder: &Path, events: &[String]) -> Stored {
    let mut stored = Stored::open(&folder.join("tree"), START).unwrap();
    let mut chain = START;
    for (index, event) in (0..).zip(events) {
        chain = chained(chain, event.as_bytes());
        stored.compare(index, &chain).unwrap();
    }
    stored
}

pub(crate) fn checkpoint(tree: &Tree, size: u64, key: &SigningKey) -> SignedCheckpoint {
    let checkpoint = Checkpoint { origin: ORIGIN.to_owned(), size, root: root(tree, size).unwrap() };
    checkpoint.sign(std::slice::from_ref(key)).unwrap()
}

pub(crate) fn proof_of(tree: &Tree, index: u64, checkpoint: &SignedCheckpoint) -> TlogProof {
    let path = inclusion(tree, index, checkpoint.unverified().size).unwrap();
    TlogProof { index, path, checkpoint: checkpoint.clone() }
}
