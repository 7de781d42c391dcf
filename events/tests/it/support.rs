//! Stores for the tests, and the helpers of the contract suite.

pub use events::store::contract::{anyway, numbered, numbers, payload, tagged, unless, with_payload};
use events::store::log::StoredLog;
use events::store::sled::{self, Options};

/// Options without a space reserve, because the disk of a test machine may be small.
pub fn options(dir: &std::path::Path) -> Options {
    Options { reserve_bytes: 0, cache_bytes: 8 << 20, ..Options::new(dir, "test") }
}

pub fn open(dir: &std::path::Path) -> StoredLog {
    sled::open(&options(dir)).unwrap()
}
