//! What a tree costs: adding the events of a log to it, comparing the stored tiles with the log at a start, and proving an event.
//!
//! `cargo run --release -p proof --example tree_cost -- 1000000` prints seconds per million events and microseconds per proof.

#![allow(clippy::print_stdout, reason = "the figures are the output")]

use std::io;
use std::time::Instant;

use proof::{Hash, Stored, inclusion, leaf_hash, root};

/// About the size of an event of a booking, in bytes.
const EVENT_BYTES: usize = 900;
const PROOFS: u64 = 10_000;

/// In place of the hash of the chain, which a log has at hand: comparing costs the same.
fn chain(index: u64) -> [u8; 32] {
    let mut chain = [0; 32];
    chain[..8].copy_from_slice(&index.to_le_bytes());
    chain
}

fn main() -> io::Result<()> {
    let events: u64 = std::env::args().nth(1).and_then(|count| count.parse().ok()).unwrap_or(1_000_000);
    let path = std::env::temp_dir().join(format!("tree-cost-{}", std::process::id()));
    let mut tree = Stored::open(&path, chain(0))?.finish()?;
    let per_million = |began: Instant| began.elapsed().as_secs_f64() * 1e6 / events as f64;
    let mut event = vec![b'x'; EVENT_BYTES];
    let began = Instant::now();
    for index in 0..events {
        event[..8].copy_from_slice(&index.to_le_bytes());
        tree.push(leaf_hash(&event), chain(index))?;
    }
    println!("adding:    {:.3} s per million events, hashing included", per_million(began));
    let before = root(&tree, events)?;
    drop(tree);
    let began = Instant::now();
    let mut stored = Stored::open(&path, chain(0))?;
    for index in 0..events {
        stored.compare(index, &chain(index))?;
    }
    let mut tree = stored.finish()?;
    println!("comparing: {:.3} s per million events, at a start", per_million(began));
    for index in tree.size()..events {
        event[..8].copy_from_slice(&index.to_le_bytes());
        tree.push(leaf_hash(&event), chain(index))?;
    }
    assert_eq!(root(&tree, events)?, before);
    let began = Instant::now();
    let mut hashes = 0;
    for proof in 0..PROOFS {
        let path: Vec<Hash> = inclusion(&tree, proof * (events / PROOFS.min(events)), events)?;
        hashes += path.len();
    }
    let micros = began.elapsed().as_secs_f64() * 1e6 / PROOFS as f64;
    println!("proving:   {micros:.1} µs per event, {} hashes on average", hashes as u64 / PROOFS);
    std::fs::remove_file(path)
}
