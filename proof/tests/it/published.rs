//! The receipts that the verifiers in other languages are tested with: the page of the guest, and a program in Python.

use std::path::Path;

use proof::{Receipt, SigningKey, consistency};
use serde_json::{Value, json};

use crate::support::{ORIGIN, checkpoint, event, proof_of, tree};

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/golden/receipts.json");

/// A key that signs nothing else: with it the file is the same each time.
const KEY: &str = "PRIVATE+KEY+meja.example/log+6357e243+AQABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f";

/// Sizes of logs: all small ones, and those around a power of two.
const SIZES: [u64; 24] =
    [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 31, 32, 33, 100, 255, 256, 257];

/// A receipt of a log with `size` events, and a checkpoint from before.
fn receipt(folder: &Path, size: u64, key: &SigningKey) -> Value {
    let tree = tree(folder, size);
    let (signed, old_size) = (checkpoint(&tree, size, key), (size * 2 / 3).max(1));
    let mut numbers = vec![0, size / 2, size - 1];
    numbers.dedup();
    let promises = numbers.into_iter().map(|number| (event(number), proof_of(&tree, number, &signed)));
    let since = (old_size, consistency(&tree, old_size, size).unwrap());
    let receipt = Receipt::new(key.verifier(), promises.collect(), 0, Some(since));
    json!({"receipt": receipt, "older": checkpoint(&tree, old_size, key).to_string()})
}

/// `UPDATE_GOLDEN=1` writes the file.
#[test]
fn the_receipts_for_other_verifiers_are_those_that_are_made() {
    let key: SigningKey = KEY.parse().unwrap();
    assert_eq!(key.verifier().name(), ORIGIN);
    let folder = tempfile::tempdir().unwrap();
    let receipts: Vec<_> = SIZES.iter().map(|size| receipt(folder.path(), *size, &key)).collect();
    let leaves: Vec<_> = (0..SIZES[SIZES.len() - 1]).map(event).collect();
    let made = json!({"key": key.verifier().to_string(), "leaves": leaves, "receipts": receipts});
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(FILE, serde_json::to_string_pretty(&made).unwrap() + "\n").unwrap();
    }
    let kept: Value = serde_json::from_slice(&std::fs::read(FILE).unwrap()).unwrap();
    assert!(kept == made, "{FILE} is not what is made: other verifiers would refuse receipts from before");
}
