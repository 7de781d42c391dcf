//! A log as a stream of bytes.
//!
//! ```text
//! archive := "MEJALOG" 2:u8 log_id:[u8; 16] source_len:u8 source after:u64  record*  end
//! record  := first:u64 value_len:u32 private_len:u32 value private
//! end     := 0:u64 head:u64 hash:[u8; 32] digest:[u8; 32]
//! ```
//!
//! `hash` is the chain's, at the head. `digest` is the SHA-256 of all records: the chain is about events,
//! and what they are filed under must not change on the way either.
//!
//! Numbers are little-endian. A stream without its end was cut off. One that begins after zero is a
//! part of a log; only a whole one can be restored.

use std::io::{self, Read, Write};

use bytes::Bytes;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::{Chain, StoredGroup};
use crate::ids::{LogId, Position};

const MAGIC: &[u8; 8] = b"MEJALOG\x02";

/// No value is longer, in bytes.
const VALUE_BYTES_MAX: u32 = 8 << 20;

/// What an archive says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// Which log it is of.
    pub log_id: LogId,
    /// The service that wrote the log.
    pub source: String,
    /// It holds what follows this position, from the group on that has it.
    pub after: Position,
}

/// Writes an archive.
pub struct ArchiveWriter<W> {
    to: W,
    digest: Sha256,
}

impl<W: Write> ArchiveWriter<W> {
    /// Writes the beginning.
    ///
    /// # Errors
    /// What the writer said.
    pub fn begin(mut to: W, header: &Header) -> io::Result<Self> {
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
    /// What the writer said.
    pub fn group(&mut self, group: &StoredGroup) -> io::Result<()> {
        self.put(&group.first().0.to_le_bytes())?;
        for part in [&group.value, &group.private_value] {
            self.put(&u32::try_from(part.len()).map_err(io::Error::other)?.to_le_bytes())?;
        }
        self.put(&group.value)?;
        self.put(&group.private_value)
    }

    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.digest.update(bytes);
        self.to.write_all(bytes)
    }

    /// Writes the end: how far the archive goes, and the hash there (zeros in a part of a log). Gives back
    /// what was written to.
    ///
    /// # Errors
    /// What the writer said.
    pub fn finish(mut self, chain: &Chain) -> io::Result<W> {
        self.to.write_all(&0_u64.to_le_bytes())?;
        self.to.write_all(&chain.last.0.to_le_bytes())?;
        self.to.write_all(&chain.hash)?;
        self.to.write_all(&self.digest.finalize())?;
        Ok(self.to)
    }
}

/// Reads an archive.
#[derive(Debug)]
pub struct ArchiveReader<R> {
    from: R,
    header: Header,
    digest: Sha256,
    end: Option<Chain>,
}

impl<R: Read> ArchiveReader<R> {
    /// Reads the beginning.
    ///
    /// # Errors
    /// When it is not the beginning of an archive.
    pub fn open(mut from: R) -> io::Result<Self> {
        let magic: [u8; 8] = read_array(&mut from)?;
        if &magic != MAGIC {
            return Err(io::Error::other("this is not a backup of a log, or one of another version"));
        }
        let log_id = LogId(Uuid::from_bytes(read_array(&mut from)?));
        let [source_len] = read_array(&mut from)?;
        let mut source = vec![0; usize::from(source_len)];
        from.read_exact(&mut source).map_err(cut_off)?;
        let source = String::from_utf8(source).map_err(io::Error::other)?;
        let after = Position(u64::from_le_bytes(read_array(&mut from)?));
        Ok(Self { from, header: Header { log_id, source, after }, digest: Sha256::new(), end: None })
    }

    /// What the archive says of itself.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The next group, or `None` at the end.
    ///
    /// # Errors
    /// When the archive is damaged or was cut off.
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
                return Err(io::Error::other("its digest does not fit: it was changed"));
            }
            if self.from.read(&mut [0])? != 0 {
                return Err(io::Error::other("something follows behind its end: it is not one backup"));
            }
            self.end = Some(chain);
            return Ok(None);
        }
        let lengths: [u8; 8] = read_array(&mut self.from)?;
        self.digest.update(first.0.to_le_bytes());
        self.digest.update(lengths);
        let [a, b, c, d, rest @ ..] = lengths;
        let (value_len, private_len) = (u32::from_le_bytes([a, b, c, d]), u32::from_le_bytes(rest));
        let value = self.read_bytes(value_len)?;
        let private = self.read_bytes(private_len)?;
        StoredGroup::decode(first, value, private).map(Some).map_err(io::Error::other)
    }

    /// Where the log stood when the archive was made; known once all groups were read.
    pub fn end(&self) -> Option<&Chain> {
        self.end.as_ref()
    }

    fn read_bytes(&mut self, len: u32) -> io::Result<Bytes> {
        if len > VALUE_BYTES_MAX {
            return Err(io::Error::other("a group of an impossible length"));
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

fn cut_off(error: io::Error) -> io::Error {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => io::Error::new(error.kind(), "it was cut off before its end"),
        _ => error,
    }
}
