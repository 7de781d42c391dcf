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
    /// Identifies the booking in a second run.
    pub key: IdempotencyKey,
    /// Whether that is its number in the other system.
    pub has_reference: bool,
    /// Whether it is still confirmed there although the visit is over. Only a booking that an earlier run recorded can be.
    pub is_overdue: bool,
}

/// The bookings of a file.
#[derive(Debug, Default)]
pub struct FileOfBookings {
    /// The bookings, in the order of the file.
    pub bookings: Vec<FileBooking>,
    /// The faults of the other lines, each with its line.
    pub faults: Vec<(u64, String)>,
    /// The columns that were not read.
    pub columns_ignored: Vec<String>,
}

/// Reads a file of bookings at `venue`. Lines with faults are among [`FileOfBookings::faults`].
///
/// # Errors
/// Why no line can be read.
pub fn read(
    bytes: &[u8],
    mapping: &Mapping,
    venue: &Venue,
    env: &dyn Environment,
) -> Result<FileOfBookings, Vec<String>> {
    // The CSV reader counts the line after CR LF as the one before it.
    let text = mapping.decode(bytes)?.replace("\r\n", "\n");
    if let Some(line) = open_quote(&text, mapping.delimiter()) {
        return Err(vec![format!(
            "line {line}: a quote is not closed: close it, or write it twice within quotes"
        )]);
    }
    let mut reader =
        csv::ReaderBuilder::new().delimiter(mapping.delimiter()).flexible(true).from_reader(text.as_bytes());
    let header = reader.headers().map_err(|error| vec![format!("line 1: {error}")])?.clone();
    let columns = mapping.columns(&header)?;
    let mut rows = row::Rows::new(mapping, venue, env);
    let mut file = FileOfBookings { columns_ignored: columns.ignored.clone(), ..FileOfBookings::default() };
    for record in reader.records() {
        let record = record.map_err(|error| vec![error.to_string()])?;
        let line = record.position().map_or(0, csv::Position::line);
        if record.iter().all(|cell| cell.trim().is_empty()) {
            continue;
        }
        let whole = check_cells(&record, &header, mapping.delimiter());
        match whole.and_then(|()| rows.read(line, &columns.cells(&record))) {
            Ok(booking) => file.bookings.push(booking),
            Err(found) => file.faults.extend(found.into_iter().map(|fault| (line, fault))),
        }
        if file.bookings.len() > BOOKINGS_MAX {
            return Err(vec![format!("there are more than {BOOKINGS_MAX} bookings: split the file")]);
        }
    }
    match file.faults.is_empty() && file.bookings.is_empty() {
        true => Err(vec!["there is no booking below the header".to_owned()]),
        false => Ok(file),
    }
}

/// The line of a quote that is not closed: everything after it would be one cell.
fn open_quote(text: &str, delimiter: u8) -> Option<usize> {
    let (mut line, mut open, mut begins) = (1, None, true);
    let mut bytes = text.bytes().peekable();
    while let Some(byte) = bytes.next() {
        line += usize::from(byte == b'\n');
        match (open, byte) {
            // Two quotes within quotes are one.
            (Some(_), b'"') if bytes.peek() == Some(&b'"') => drop(bytes.next()),
            (Some(_), b'"') => open = None,
            (None, b'"') if begins => open = Some(line),
            _ => {}
        }
        begins = open.is_none() && (byte == delimiter || byte == b'\n');
    }
    open
}

/// A line has a cell for each column, and no cell contains further lines: a stray quote would swallow them.
fn check_cells(record: &StringRecord, header: &StringRecord, delimiter: u8) -> Result<(), Vec<String>> {
    let (cells, columns) = (record.len(), header.len());
    let is_line = |line: &str| line.bytes().filter(|byte| *byte == delimiter).count() + 1 >= columns;
    if columns > 1 && record.iter().any(|cell| cell.contains('\n') && cell.split('\n').any(is_line)) {
        return Err(vec![
            "a cell contains whole lines of the file: a quote before it is not closed".to_owned(),
        ]);
    }
    if cells == columns {
        return Ok(());
    }
    Err(vec![format!(
        "it has {cells} column(s), and the header has {columns}: put text with separators into quotes"
    )])
}

#[cfg(test)]
mod tests {
    use contract::reservation::imports::ImportedBooking;
    use utoipa::IntoParams as _;

    use super::*;

    #[test]
    fn the_columns_are_the_members_of_a_booking() {
        let members = ImportedBooking::into_params(|| None);
        assert_eq!(members.iter().map(|member| member.name.as_str()).collect::<Vec<_>>(), COLUMNS);
    }

    #[test]
    fn a_quote_that_is_not_closed_is_found_with_its_line() {
        for (text, line) in [
            ("a,b\n1,\"x\"\n", None),
            ("a,b\n1,\"x\"\"y\nz\"\n2,3\n", None),
            ("a,b\n1,5\" pipe\n", None),
            ("a,b\n1,2\n3,\"x\n4,5\n", Some(3)),
            ("a,b\n\"x\"\",1\n", Some(2)),
        ] {
            assert_eq!(open_quote(text, b','), line, "{text}");
        }
    }
}
