//! Bookings from a file of another system: how the file is read.
//!
//! A file is read as a whole before the first booking is recorded, so that all its faults are found at once.

mod dates;
mod mapping;
mod row;

use chassis::environment::Environment;
use csv::StringRecord;
use events::TableId;
use events::event::ReservationCreated;

pub use self::mapping::Mapping;
use super::confidential::Contact;
use super::request_context::IdempotencyKey;
use crate::domain::venue::Venue;

/// Maximum size of a file.
pub const FILE_BYTES_MAX: u64 = 64 << 20;
/// Maximum number of bookings in a file.
const BOOKINGS_MAX: usize = 200_000;

/// The columns of a file, by their own names.
pub const COLUMNS: [&str; 20] = [
    "reference",
    "start_time",
    "date",
    "time",
    "duration_minutes",
    "party_size",
    "name",
    "phone",
    "email",
    "status",
    "area",
    "tables",
    "table_preference",
    "special_requests",
    "allergies",
    "high_chairs",
    "staff_notes",
    "customer_id",
    "locale",
    "booked_at",
];

/// A booking in a file.
#[derive(Debug, Clone)]
pub struct FileBooking {
    /// The line of the file, from 1.
    pub line: u64,
    /// The booking, still without a digest of its contact.
    pub created: ReservationCreated,
    /// The tables that the file names.
    pub tables: Vec<TableId>,
    /// The contact and the wishes of the guest.
    pub contact: Contact,
    /// By which a second run recognises the booking.
    pub key: IdempotencyKey,
}

/// What a file contains.
#[derive(Debug, Default)]
pub struct FileOfBookings {
    /// The bookings, in the order of the file.
    pub bookings: Vec<FileBooking>,
    /// The columns that were not read.
    pub columns_ignored: Vec<String>,
}

/// Reads a file of bookings at `venue`.
///
/// # Errors
/// All faults of the file.
pub fn read(
    bytes: &[u8],
    mapping: &Mapping,
    venue: &Venue,
    env: &dyn Environment,
) -> Result<FileOfBookings, Vec<String>> {
    // After CR LF the reader names the line before.
    let text = mapping.decode(bytes)?.replace("\r\n", "\n");
    let mut reader =
        csv::ReaderBuilder::new().delimiter(mapping.delimiter()).flexible(true).from_reader(text.as_bytes());
    let header = reader.headers().map_err(|error| vec![format!("line 1: {error}")])?.clone();
    let columns = mapping.columns(&header)?;
    let mut rows = row::Rows::new(mapping, venue, env);
    let (mut bookings, mut faults) = (Vec::new(), Vec::new());
    for record in reader.records() {
        let record = match record {
            Ok(record) => record,
            Err(error) => {
                faults.push(error.to_string());
                continue;
            }
        };
        let line = record.position().map_or(0, csv::Position::line);
        if record.iter().all(|cell| cell.trim().is_empty()) {
            continue;
        }
        match width(&record, &header).and_then(|()| rows.read(line, &columns.cells(&record))) {
            Ok(booking) => bookings.push(booking),
            Err(found) => faults.extend(found.into_iter().map(|fault| format!("line {line}: {fault}"))),
        }
        if bookings.len() > BOOKINGS_MAX {
            return Err(vec![format!("there are more than {BOOKINGS_MAX} bookings: split the file")]);
        }
    }
    if faults.is_empty() && bookings.is_empty() {
        faults.push("there is no booking below the header".to_owned());
    }
    let columns_ignored = columns.ignored;
    if faults.is_empty() { Ok(FileOfBookings { bookings, columns_ignored }) } else { Err(faults) }
}

fn width(record: &StringRecord, header: &StringRecord) -> Result<(), Vec<String>> {
    let (cells, columns) = (record.len(), header.len());
    if cells == columns {
        return Ok(());
    }
    Err(vec![format!(
        "it has {cells} column(s), and the header has {columns}: put text with separators into quotes"
    )])
}
