//! The file and sync operations of the writer and the watchdog, behind one interface.
//!
//! The order in which they are called is what makes an acknowledged append durable. A test observes that
//! order, and a simulation of disk failures can stand in for the real disk.

use std::fmt::Debug;
use std::fs::File;
use std::io;
use std::path::PathBuf;

use super::super::engine::Forgotten;
use super::super::frame::ConfidentialPayloads;
use super::super::witness::{Mark, Witness};
use super::groups::SledGroups;
use crate::ids::Position;

/// The operations on files that the writer and the watchdog need.
pub(super) trait Disk: Debug + Send + Sync + 'static {
    /// Stores the confidential payloads of the group that starts at `first`. Not durable before [`Self::sync`].
    fn put_payloads(&self, first: Position, payloads: &ConfidentialPayloads) -> io::Result<()>;

    /// Stores the group that starts at `first`. Not durable before [`Self::sync`].
    fn put_group(&self, first: Position, value: &[u8]) -> io::Result<()>;

    /// Removes a confidential payload. Not durable before [`Self::sync`].
    fn forget_payload(&self, forgotten: Forgotten) -> io::Result<()>;

    /// Makes everything stored so far durable. Returns the length of the database file in bytes. After an
    /// error no event may be acknowledged: a later call can succeed without the data being durable.
    fn sync(&self) -> io::Result<u64>;

    /// Free space of the file system in bytes; `None` if it is unknown.
    fn free_bytes(&self) -> Option<u64>;

    /// Overwrites the mark of the head, without a sync.
    fn set_mark(&self, witness: &Witness) -> io::Result<()>;

    /// Replaces the head witness. Durable when this returns.
    fn store_witness(&self, witness: &Witness) -> io::Result<()>;
}

/// The real disk: the sled database, and descriptors of our own for its file and for the mark.
#[derive(Debug)]
pub(super) struct SledDisk {
    pub(super) db: sled::Db,
    pub(super) groups: SledGroups,
    /// Our own descriptor of sled's file, which is synced before anything is acknowledged.
    pub(super) file: File,
    pub(super) mark: Mark,
    pub(super) data_dir: PathBuf,
}

impl Disk for SledDisk {
    fn put_payloads(&self, first: Position, payloads: &ConfidentialPayloads) -> io::Result<()> {
        self.groups.payloads.put(first, payloads).map_err(io::Error::other)
    }

    fn put_group(&self, first: Position, value: &[u8]) -> io::Result<()> {
        self.groups.log.insert(first.0.to_be_bytes(), value).map(drop).map_err(io::Error::other)
    }

    fn forget_payload(&self, forgotten: Forgotten) -> io::Result<()> {
        self.groups.payloads.forget(forgotten.position, forgotten.group).map_err(io::Error::other)
    }

    fn sync(&self) -> io::Result<u64> {
        self.db.flush().map_err(io::Error::other)?;
        self.file.sync_data()?;
        Ok(self.file.metadata()?.len())
    }

    fn free_bytes(&self) -> Option<u64> {
        let stat = rustix::fs::fstatvfs(&self.file).ok()?;
        Some(stat.f_bavail.saturating_mul(stat.f_frsize))
    }

    fn set_mark(&self, witness: &Witness) -> io::Result<()> {
        self.mark.set(witness)
    }

    fn store_witness(&self, witness: &Witness) -> io::Result<()> {
        witness.store(&self.data_dir)
    }
}
