//! Values of requests and responses.

mod ids;
mod list;
mod reason;
mod time;

use chrono::NaiveDate;
use serde::Serialize;
use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, SchemaFormat};
use utoipa::openapi::{RefOr, Schema, Type};

pub use self::ids::{EventCursor, EventType};
pub use self::list::{ALL_VENUES, AnyVenue, Item, List};
pub use self::reason::{REASONS, ReasonCode, Word, lower_case_words};
pub use self::time::{AsOf, LocalTime, Moment, VenueTime};
use crate::form::Form;
use crate::request::{Scalar, text};

/// One line of 1 to `MAX` characters, at least one of which is not white space, without control characters.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Line<const MAX: usize>(String);

/// Like [`Line`], but with line breaks and tabs.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct Prose<const MAX: usize>(String);

/// A stable code of 1 to `MAX` letters, digits and `_ - .`, which events may contain.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Code<const MAX: usize>(String);

/// A secret of `MIN` to `MAX` characters, none of which is a control character: a password or a code. A fault never contains
/// it, and it is not printed.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Secret<const MIN: usize, const MAX: usize>(String);

impl<const MIN: usize, const MAX: usize> Secret<MIN, MAX> {
    /// The secret for a text that the receiver checks.
    #[must_use]
    pub fn known(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The secret.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl<const MIN: usize, const MAX: usize> std::fmt::Debug for Secret<MIN, MAX> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("***")
    }
}

impl<const MIN: usize, const MAX: usize> Scalar for Secret<MIN, MAX> {
    fn take(form: &mut Form, name: &str) -> Option<Self> {
        form.optional_secret(name, MIN, MAX).map(Self)
    }

    fn schema() -> Schema {
        let format = SchemaFormat::KnownFormat(KnownFormat::Password);
        let text = text().min_length(Some(MIN)).max_length(Some(MAX)).pattern(Some(SECRET_PATTERN));
        text.format(Some(format)).into()
    }
}

/// Characters of which none is a control character.
const SECRET_PATTERN: &str = r"^[^\x00-\x1F\x7F-\x9F]+$";

/// An integer from `MIN` to `MAX`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct Whole<const MIN: i64, const MAX: i64>(i64);

macro_rules! text_value {
    ($($name:ident),*) => {$(
        impl<const MAX: usize> $name<MAX> {
            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl<const MAX: usize> From<$name<MAX>> for String {
            fn from(value: $name<MAX>) -> Self {
                value.0
            }
        }
    )*};
}

text_value!(Line, Prose, Code);

impl<const MIN: i64, const MAX: i64> Whole<MIN, MAX> {
    /// A number of this program, which is known to be in the range.
    #[must_use]
    pub fn known(number: i64) -> Self {
        debug_assert!((MIN..=MAX).contains(&number), "{number} is from {MIN} to {MAX}");
        Self(number)
    }
}

impl<const MAX: usize> Line<MAX> {
    /// The line for a text that the receiver checks.
    #[must_use]
    pub fn known(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

impl<const MAX: usize> Code<MAX> {
    /// The code for a text of this program, which is known to be one.
    #[must_use]
    pub fn known(text: impl Into<String>) -> Self {
        let text = text.into();
        debug_assert!(is_code(&text) && text.chars().count() <= MAX, "{text:?} is a code");
        Self(text)
    }
}

/// The type of the fault of a text that does not match its pattern.
const PATTERN_MISMATCH: &str = "string_pattern_mismatch";
/// A line with a character that is neither white space nor a control character.
const LINE_PATTERN: &str = r"^[^\x00-\x1F\x7F-\x9F]*[^\s\x00-\x1F\x7F-\x9F][^\x00-\x1F\x7F-\x9F]*$";
/// The same with line breaks and tabs.
const PROSE_PATTERN: &str =
    r"^[^\x00-\x08\x0B-\x1F\x7F-\x9F]*[^\s\x00-\x1F\x7F-\x9F][^\x00-\x08\x0B-\x1F\x7F-\x9F]*$";

/// The schema of one line of text, 1 to `max_chars` characters.
pub(crate) fn line_schema(max_chars: usize) -> ObjectBuilder {
    text().min_length(Some(1)).max_length(Some(max_chars)).pattern(Some(LINE_PATTERN))
}

impl<const MAX: usize> Scalar for Line<MAX> {
    fn take(form: &mut Form, name: &str) -> Option<Self> {
        form.optional_text(name, MAX).map(Self)
    }

    fn schema() -> Schema {
        line_schema(MAX).into()
    }
}

impl<const MAX: usize> list::Item for Line<MAX> {
    const CHARS_MAX: usize = MAX;

    fn read(text: &str) -> Result<Self, String> {
        match text.trim().is_empty() || text.chars().any(char::is_control) {
            true => Err(format!("{text:?} is not one line of text")),
            false => Ok(Self(text.to_owned())),
        }
    }

    fn schema() -> RefOr<Schema> {
        line_schema(MAX).into()
    }
}

impl<const MAX: usize> Scalar for Prose<MAX> {
    fn take(form: &mut Form, name: &str) -> Option<Self> {
        form.optional_prose(name, MAX).map(Self)
    }

    fn schema() -> Schema {
        line_schema(MAX).pattern(Some(PROSE_PATTERN)).into()
    }
}

impl<const MAX: usize> Scalar for Code<MAX> {
    fn take(form: &mut Form, name: &str) -> Option<Self> {
        form.optional_parsed_as(name, MAX, PATTERN_MISMATCH, <Self as list::Item>::read)
    }

    fn schema() -> Schema {
        text().min_length(Some(1)).max_length(Some(MAX)).pattern(Some("^[A-Za-z0-9_.-]+$")).into()
    }
}

impl<const MAX: usize> list::Item for Code<MAX> {
    const CHARS_MAX: usize = MAX;

    fn read(text: &str) -> Result<Self, String> {
        match is_code(text) {
            true => Ok(Self(text.to_owned())),
            false => {
                Err(format!("{text:?} is not a code of letters, digits and _ - . such as guest_request"))
            }
        }
    }

    fn schema() -> RefOr<Schema> {
        <Self as Scalar>::schema().into()
    }
}

fn is_code(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.'))
}

impl<const MIN: i64, const MAX: i64> Whole<MIN, MAX> {
    /// The number.
    #[must_use]
    pub fn get(self) -> i64 {
        self.0
    }
}

macro_rules! from_whole {
    ($($number:ty),*) => {$(
        impl<const MIN: i64, const MAX: i64> From<Whole<MIN, MAX>> for $number {
            /// The number, or the nearest number that the type has.
            fn from(value: Whole<MIN, MAX>) -> Self {
                Self::try_from(value.0.max(0)).unwrap_or(Self::MAX)
            }
        }
    )*};
}

from_whole!(u32, u64, usize);

impl<const MIN: i64, const MAX: i64> Scalar for Whole<MIN, MAX> {
    fn take(form: &mut Form, name: &str) -> Option<Self> {
        form.optional_integer(name, MIN, MAX).map(Self)
    }

    fn schema() -> Schema {
        ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(MIN)).maximum(Some(MAX)).into()
    }
}

impl Scalar for bool {
    fn take(form: &mut Form, name: &str) -> Option<Self> {
        form.optional_flag(name)
    }

    fn schema() -> Schema {
        ObjectBuilder::new().schema_type(Type::Boolean).into()
    }
}

/// A day, `YYYY-MM-DD`.
impl Scalar for NaiveDate {
    fn take(form: &mut Form, name: &str) -> Option<Self> {
        form.optional_parsed_as(name, 10, "date_parsing", |text| match (text.len(), text.parse::<Self>()) {
            (10, Ok(date)) => Ok(date),
            _ => Err(format!("{text:?} is not a date such as 2026-12-24")),
        })
    }

    fn schema() -> Schema {
        text().format(Some(SchemaFormat::KnownFormat(KnownFormat::Date))).into()
    }
}

#[cfg(test)]
mod tests;
