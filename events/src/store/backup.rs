//! The byte stream of a backup.
//!
//! ```text
//! archive := "MEJALOG" 2:u8 log_id:[u8; 16] source_len:u8 source after:u64  record*  end
//! record  := first:u64 value_len:u32 payload_len:u32 value confidential
//! end     := 0:u64 head:u64 hash:[u8; 32] digest:[u8; 32]
//! ```
//!
//! `head` is the last position and `hash` the chain hash there; both are zero in a part of a log. `digest` is
//! the SHA-256 of all records. It is needed because the hash chain covers only the JSON of events, not their
//! tags or confidential payloads.
//!
//! Numbers are little-endian. A stream without `end` is truncated. A stream with a non-zero `after` is
//! a part of a log; only a complete log can be restored.

use std::io::{self, Read, Write};

use bytes::Bytes;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::groups::{Chain, StoredGroup};
use crate::ids::{LogId, Position};

const MAGIC: &[u8; 8] = b"MEJALOG\x02";

/// Maximum length of a stored value, in bytes.
const VALUE_BYTES_MAX: u32 = 8 << 20;

/// The header of a backup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackupHeader {
    /// The log that was backed up.
    pub log_id: LogId,
    /// The service that wrote the log.
    pub source: String,
    /// The backup starts with the group that contains the first event after this position. That group may also contain
    /// earlier events.
    pub after: Position,
}

/// Writes a backup.
pub struct BackupWriter<W> {
    to: W,
    digest: Sha256,
}

impl<W: Write> BackupWriter<W> {
    /// Writes the header.
    ///
    /// # Errors
    /// Any error of the writer.
    pub fn begin(mut to: W, header: &BackupHeader) -> io::Result<Self> {
        to.write_all(MAGIC)?;
        to.write_all(header.log_id.0.as_bytes())?;
        let source = header.source.as_bytes();
        to.write_all(&[u8::try_from(source.len()).map_err(io::Error::other)?])?;
        to.write_all(source)?;
        to.write_all(&header.after.0.to_le_bytes())?;
        Ok(Self { to, digest: Sha256::new() })
    }

    /// Writes one group.
    ///
    /// # Errors
    /// Any error of the writer.
    pub fn group(&mut self, group: &StoredGroup) -> io::Result<()> {
        self.put(&group.first().0.to_le_bytes())?;
        for part in [&group.value, &group.payloads_value] {
            self.put(&u32::try_from(part.len()).map_err(io::Error::other)?.to_le_bytes())?;
        }
        self.put(&group.value)?;
        self.put(&group.payloads_value)
    }

    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.digest.update(bytes);
        self.to.write_all(bytes)
    }

    /// Writes the end record with the last position and the chain hash at that position. For a part of a log, pass
    /// `Chain::default()`: both are then zero. Returns the underlying writer.
    ///
    /// # Errors
    /// Any error of the writer.
    pub fn finish(mut self, chain: &Chain) -> io::Result<W> {
        self.to.write_all(&0_u64.to_le_bytes())?;
        self.to.write_all(&chain.last.0.to_le_bytes())?;
        self.to.write_all(&chain.hash)?;
        self.to.write_all(&self.digest.finalize())?;
        Ok(self.to)
    }
}

/// Reads a backup.
#[derive(Debug)]
pub struct BackupReader<R> {
    from: R,
    header: BackupHeader,
    digest: Sha256,
    end: Option<Chain>,
}

impl<R: Read> BackupReader<R> {
    /// Reads the header.
    ///
    /// # Errors
    /// [`io::ErrorKind::InvalidData`] when the stream does not start with the header of a backup,
    /// [`io::ErrorKind::UnexpectedEof`] when it ends within the header, or an error of the reader.
    pub fn open(mut from: R) -> io::Result<Self> {
        let magic: [u8; 8] = read_array(&mut from)?;
        if &magic != MAGIC {
            return Err(damaged("this is not a backup of a log, or it was written by another version"));
        }
        let log_id = LogId(Uuid::from_bytes(read_array(&mut from)?));
        let [source_len] = read_array(&mut from)?;
        let mut source = vec![0; usize::from(source_len)];
        from.read_exact(&mut source).map_err(cut_off)?;
        let source = String::from_utf8(source).map_err(damaged)?;
        let after = Position(u64::from_le_bytes(read_array(&mut from)?));
        Ok(Self { from, header: BackupHeader { log_id, source, after }, digest: Sha256::new(), end: None })
    }

    /// The header of the backup.
    pub fn header(&self) -> &BackupHeader {
        &self.header
    }

    /// The next group, or `None` at the end.
    ///
    /// # Errors
    /// [`io::ErrorKind::InvalidData`] when the backup is damaged, [`io::ErrorKind::UnexpectedEof`] when it is
    /// truncated, or an error of the reader.
    pub fn next_group(&mut self) -> io::Result<Option<StoredGroup>> {
        if self.end.is_some() {
            return Ok(None);
        }
        let first = Position(u64::from_le_bytes(read_array(&mut self.from)?));
        if first == Position::START {
            let last = Position(u64::from_le_bytes(read_array(&mut self.from)?));
            let chain = Chain { last, hash: read_array(&mut self.from)? };
            let digest: [u8; 32] = read_array(&mut self.from)?;
            if digest[..] != self.digest.clone().finalize()[..] {
                return Err(damaged("the digest does not match: the backup was changed"));
            }
            if self.from.read(&mut [0])? != 0 {
                return Err(damaged("there are bytes after the end record: this is not a single backup"));
            }
            self.end = Some(chain);
            return Ok(None);
        }
        let lengths: [u8; 8] = read_array(&mut self.from)?;
        self.digest.update(first.0.to_le_bytes());
        self.digest.update(lengths);
        let [a, b, c, d, rest @ ..] = lengths;
        let (value_len, payload_len) = (u32::from_le_bytes([a, b, c, d]), u32::from_le_bytes(rest));
        let value = self.read_bytes(value_len)?;
        let confidential = self.read_bytes(payload_len)?;
        StoredGroup::decode(first, value, confidential).map(Some).map_err(damaged)
    }

    /// The state of the chain at the end of the backup; `None` until all groups have been read.
    pub fn end(&self) -> Option<&Chain> {
        self.end.as_ref()
    }

    fn read_bytes(&mut self, len: u32) -> io::Result<Bytes> {
        if len > VALUE_BYTES_MAX {
            return Err(damaged("a group is longer than any valid group"));
        }
        let mut bytes = vec![0; len as usize];
        self.from.read_exact(&mut bytes).map_err(cut_off)?;
        self.digest.update(&bytes);
        Ok(bytes.into())
    }
}

fn read_array<const N: usize>(from: &mut impl Read) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    from.read_exact(&mut bytes).map_err(cut_off)?;
    Ok(bytes)
}

fn damaged(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}

fn cut_off(error: io::Error) -> io::Error {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => io::Error::new(error.kind(), "the backup is truncated"),
        _ => error,
    }
}
