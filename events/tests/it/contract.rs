//! Every store of this crate passes the contract suite.

use std::sync::Arc;

use events::store::contract::Subject;
use events::store::log::StoredLog;
use events::store::memory::MemoryStore;
use events::store::sled::Options;

use crate::database::{One, Two, WithoutMemory};
use crate::support::*;

struct Memory;
impl Subject for Memory {
    type Store = MemoryStore;
    type Guard = ();
    fn fresh() -> (Arc<MemoryStore>, ()) {
        (Arc::new(MemoryStore::new("test")), ())
    }
}

struct Sled;
impl Subject for Sled {
    type Store = StoredLog;
    type Guard = tempfile::TempDir;
    fn fresh() -> (Arc<StoredLog>, tempfile::TempDir) {
        let dir = tempfile::tempdir().unwrap();
        (Arc::new(open(dir.path())), dir)
    }
}

/// sled without recent groups in memory, so that every read goes to the disk.
struct SledWithoutMemory;
impl Subject for SledWithoutMemory {
    type Store = StoredLog;
    type Guard = tempfile::TempDir;
    fn fresh() -> (Arc<StoredLog>, tempfile::TempDir) {
        let dir = tempfile::tempdir().unwrap();
        let options = Options { recent_bytes: 0, ..options(dir.path()) };
        (Arc::new(events::store::sled::open(&options).unwrap()), dir)
    }
}

events::store_contract!(
    Memory => memory,
    Sled => sled,
    SledWithoutMemory => sled_without_memory,
    One => postgres,
    WithoutMemory => postgres_without_memory,
    Two => two_competing_on_postgres,
);
