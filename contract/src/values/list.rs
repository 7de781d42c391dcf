//! Lists of texts in requests. Part of [`crate::values`].

use events::values::Scope;
use events::{TableId, VenueId};
use serde::Serialize;
use utoipa::PartialSchema;
use utoipa::openapi::schema::{ArrayBuilder, OneOfBuilder};
use utoipa::openapi::{RefOr, Schema};

use crate::form::Form;
use crate::request::{Scalar, text};

/// `MIN` to `MAX` values, each written as a text. A value that is listed twice counts once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct List<T, const MIN: usize, const MAX: usize>(pub Vec<T>);

/// A value in a [`List`].
pub trait Item: Ord {
    /// The longest text, in characters.
    const CHARS_MAX: usize;

    /// Reads a value.
    ///
    /// # Errors
    /// A description of the fault.
    fn read(text: &str) -> Result<Self, String>
    where
        Self: Sized;

    /// The schema of the text.
    fn schema() -> RefOr<Schema>;
}

impl<T: Item, const MIN: usize, const MAX: usize> Scalar for List<T, MIN, MAX> {
    fn take(form: &mut Form, name: &str) -> Option<Self> {
        let is_given = form.has(name);
        let mut values = form.texts_parsed(name, MAX, T::CHARS_MAX, T::read);
        if !is_given || form.has_fault_in(name) {
            return None;
        }
        if values.len() < MIN {
            form.fault(
                name,
                "too_short",
                format_args!("Input should be a list of {MIN} to {MAX} texts"),
                None,
            );
            return None;
        }
        values.sort_unstable();
        values.dedup();
        Some(Self(values))
    }

    fn schema() -> Schema {
        ArrayBuilder::new().items(T::schema()).min_items(Some(MIN)).max_items(Some(MAX)).into()
    }
}

impl Item for Scope {
    const CHARS_MAX: usize = 16;

    fn read(text: &str) -> Result<Self, String> {
        text.parse().map_err(|error: events::values::UnknownScope| error.to_string())
    }

    fn schema() -> RefOr<Schema> {
        text().enum_values(Some(Self::ALL.iter().map(|scope| scope.word()))).into()
    }
}

/// A venue, or `*` for all.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(into = "String")]
pub enum AnyVenue {
    /// Every venue, later ones included.
    All,
    /// This one.
    One(VenueId),
}

impl From<AnyVenue> for String {
    fn from(venue: AnyVenue) -> Self {
        match venue {
            AnyVenue::All => ALL_VENUES.to_owned(),
            AnyVenue::One(id) => id.to_string(),
        }
    }
}

/// The text for all venues, later ones included.
pub const ALL_VENUES: &str = "*";

impl Item for AnyVenue {
    const CHARS_MAX: usize = VenueId::MAX_CHARS;

    fn read(text: &str) -> Result<Self, String> {
        if text == ALL_VENUES { Ok(Self::All) } else { VenueId::read(text).map(Self::One) }
    }

    fn schema() -> RefOr<Schema> {
        let one = <VenueId as PartialSchema>::schema();
        OneOfBuilder::new().item(text().enum_values(Some([ALL_VENUES]))).item(one).into()
    }
}

impl Item for TableId {
    const CHARS_MAX: usize = Self::MAX_CHARS;

    fn read(text: &str) -> Result<Self, String> {
        text.parse().map_err(|error: events::ids::InvalidId| error.to_string())
    }

    fn schema() -> RefOr<Schema> {
        <Self as PartialSchema>::schema()
    }
}

impl Item for VenueId {
    const CHARS_MAX: usize = Self::MAX_CHARS;

    fn read(text: &str) -> Result<Self, String> {
        text.parse().map_err(|error: events::ids::InvalidId| error.to_string())
    }

    fn schema() -> RefOr<Schema> {
        <Self as PartialSchema>::schema()
    }
}
