//! A table of a venue.

use events::TableId;

/// A table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// The id.
    pub id: TableId,
    /// The area the table is in.
    pub area: String,
    /// Number of guests it seats.
    pub seats: u8,
    /// Smallest party it is given to.
    pub min_party: u8,
}
