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
    /// Where pages draw it, if the rules say so.
    pub place: Option<Place>,
}

/// The place of a table on the plan of its area.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The distance of its centre from the left edge, in centimetres.
    pub x_cm: u32,
    /// The distance of its centre from the top, in centimetres.
    pub y_cm: u32,
    /// How it looks from above.
    pub shape: TableShape,
}

/// How a table looks from above.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum TableShape {
    /// A circle.
    Round,
    /// A square.
    #[default]
    Square,
    /// A rectangle, wider than high.
    Rectangle,
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
