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

/// The areas of `tables`, in their order.
#[must_use]
pub fn areas_of(tables: &[Table]) -> Vec<&str> {
    let mut areas: Vec<&str> = Vec::new();
    for table in tables {
        if !areas.contains(&table.area.as_str()) {
            areas.push(&table.area);
        }
    }
    areas
}
