//! Tables as CSV: RFC 4180, with a header, and safe to open in a spreadsheet.

use csv::{Terminator, WriterBuilder};

/// A cell of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cell {
    /// Text that may come from outside.
    Text(String),
    /// A number or a time that this service writes.
    Own(String),
    /// Nothing.
    Empty,
}

impl Cell {
    /// Text that may come from outside; nothing without one.
    pub fn text(text: Option<impl Into<String>>) -> Self {
        text.map_or(Self::Empty, |text| Self::Text(text.into()))
    }

    /// A number or a time that this service writes; nothing without one.
    pub fn own(value: Option<impl ToString>) -> Self {
        value.map_or(Self::Empty, |value| Self::Own(value.to_string()))
    }

    /// The content. Spreadsheets run text that begins with one of a few characters as a formula; an apostrophe before it
    /// makes it text (OWASP, CSV injection).
    fn content(self) -> String {
        match self {
            Self::Text(text) if text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']) => {
                format!("'{text}")
            }
            Self::Text(text) | Self::Own(text) => text,
            Self::Empty => String::new(),
        }
    }
}

/// A table with the columns `header`. Every row has as many cells.
///
/// # Errors
/// When a row has another number of cells.
pub fn table(header: &[&str], rows: impl IntoIterator<Item = Vec<Cell>>) -> Result<Vec<u8>, csv::Error> {
    let mut writer = WriterBuilder::new().terminator(Terminator::CRLF).from_writer(Vec::new());
    writer.write_record(header)?;
    for row in rows {
        writer.write_record(row.into_iter().map(Cell::content))?;
    }
    writer.into_inner().map_err(|error| csv::Error::from(error.into_error()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_that_looks_like_a_formula_stays_text() {
        let rows = ["=1+1", "+62", "-1", "@x", "\tx", "a\"b", "a,b", "a\nb", "plain"];
        let rows = rows.map(|text| vec![Cell::Text(text.into()), Cell::Own("-1".into())]);
        let table = String::from_utf8(table(&["text", "number"], rows).unwrap()).unwrap();
        let expected = "text,number\r\n'=1+1,-1\r\n'+62,-1\r\n'-1,-1\r\n'@x,-1\r\n'\tx,-1\r\n\"a\"\"b\",-1\r\n\"a,b\",-1\r\n\"a\nb\",-1\r\nplain,-1\r\n";
        assert_eq!(table, expected);
    }

    #[test]
    fn a_row_of_another_length_is_refused() {
        assert!(table(&["one"], [vec![Cell::Empty, Cell::Empty]]).is_err());
    }
}
