//! A log as a stream of bytes.
//!
//! ```text
//! archive := "MEJALOG" 2:u8 log_id:[u8; 16] source_len:u8 source after:u64  record*  end
//! record  := first:u64 value_len:u32 private_len:u32 value private
//! end     := 0:u64 head:u64 hash:[u8; 32]
//! ```
//!
//! Numbers are little-endian. A stream without its end was cut off. One that begins after zero is a
//! part of a log; only a whole one can be restored.

use std::io::{self, Read, Write};

use bytes::Bytes;
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

/// Writes the beginning of an archive.
///
/// # Errors
/// What the writer said.
pub fn write_header(to: &mut impl Write, header: &Header) -> io::Result<()> {
    to.write_all(MAGIC)?;
    to.write_all(header.log_id.0.as_bytes())?;
    let source = header.source.as_bytes();
    to.write_all(&[u8::try_from(source.len()).map_err(io::Error::other)?])?;
    to.write_all(source)?;
    to.write_all(&header.after.0.to_le_bytes())
}

/// Writes one group.
///
/// # Errors
/// What the writer said.
pub fn write_group(to: &mut impl Write, group: &StoredGroup) -> io::Result<()> {
    to.write_all(&group.first().0.to_le_bytes())?;
    for part in [&group.value, &group.private_value] {
        to.write_all(&u32::try_from(part.len()).map_err(io::Error::other)?.to_le_bytes())?;
    }
    to.write_all(&group.value)?;
    to.write_all(&group.private_value)
}

/// Writes the end of an archive: how far it goes, and the hash there (zeros in a part of a log).
///
/// # Errors
/// What the writer said.
pub fn write_end(to: &mut impl Write, chain: &Chain) -> io::Result<()> {
    to.write_all(&0_u64.to_le_bytes())?;
    to.write_all(&chain.last.0.to_le_bytes())?;
    to.write_all(&chain.hash)
}

/// Reads an archive.
#[derive(Debug)]
pub struct ArchiveReader<R> {
    from: R,
    header: Header,
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
        Ok(Self { from, header: Header { log_id, source, after }, end: None })
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
            self.end = Some(Chain { last, hash: read_array(&mut self.from)? });
            return Ok(None);
        }
        let value_len = u32::from_le_bytes(read_array(&mut self.from)?);
        let private_len = u32::from_le_bytes(read_array(&mut self.from)?);
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
