//! Times. Part of [`crate::values`].

use std::fmt;

use chrono::{DateTime, FixedOffset, NaiveDateTime, SecondsFormat, Utc};
use events::Position;
use serde::{Deserialize, Serialize};
use utoipa::openapi::schema::{AnyOfBuilder, KnownFormat, ObjectBuilder, SchemaFormat};
use utoipa::openapi::{RefOr, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

use crate::form::Form;
use crate::request::{Scalar, text};

/// The type of the fault of a text that is not a time.
const PARSING: &str = "datetime_parsing";
/// The longest text of a time, in characters.
const CHARS_MAX: usize = 40;

/// A time in a request, as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VenueTime {
    /// Its meaning.
    pub moment: Moment,
    text: String,
}

/// The meaning of a time in a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// With an offset.
    Instant(DateTime<Utc>),
    /// Without an offset: a local time of the venue.
    Local(NaiveDateTime),
}

/// A time such as 2026-12-24T19:30, with or without seconds and an offset.
const TIME_PATTERN: &str = r"^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])[T ]([01]\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d{1,9})?)?([+-]([01]\d|2[0-3]):[0-5]\d)?$";

fn date_time() -> ObjectBuilder {
    text().format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)))
}

impl VenueTime {
    /// The time for a text; `None` if it is not one.
    #[must_use]
    pub fn from_text(text: &str) -> Option<Self> {
        let with_offset = DateTime::parse_from_rfc3339(text)
            .or_else(|_| DateTime::parse_from_str(text, "%Y-%m-%dT%H:%M%:z"))
            .or_else(|_| DateTime::parse_from_str(text, "%Y-%m-%d %H:%M%:z"));
        let local = || {
            ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%d %H:%M"]
                .iter()
                .find_map(|format| NaiveDateTime::parse_from_str(text, format).ok())
        };
        let moment = match with_offset {
            Ok(time) => Moment::Instant(time.to_utc()),
            Err(_) => Moment::Local(local()?),
        };
        has_two_digits(text).then(|| Self { moment, text: text.to_owned() })
    }
}

/// Whether a text begins like `2026-12-24T19:30`. chrono also reads times with fewer digits.
fn has_two_digits(text: &str) -> bool {
    let begin = text.as_bytes().get(..16).unwrap_or_default();
    let is_separator = |place: usize| matches!(place, 4 | 7 | 10 | 13);
    begin.len() == 16
        && begin.iter().enumerate().all(|(place, byte)| is_separator(place) || byte.is_ascii_digit())
}

impl Scalar for VenueTime {
    fn take(form: &mut Form, name: &str) -> Option<Self> {
        // A text of the right shape can still be a day that its month does not have.
        let is_shaped = form.peek(name).is_some_and(has_two_digits);
        let kind = if is_shaped { "value_error" } else { PARSING };
        form.optional_parsed_as(name, CHARS_MAX, kind, |text| {
            Self::from_text(text).ok_or_else(|| {
                format!("{text:?} is not a time such as 2026-12-24T19:30 or 2026-12-24T19:30:00+07:00")
            })
        })
    }

    fn schema() -> Schema {
        AnyOfBuilder::new().item(date_time()).item(text().pattern(Some(TIME_PATTERN))).into()
    }
}

impl fmt::Display for VenueTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Serialize for VenueTime {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

/// A time with an offset.
impl Scalar for DateTime<Utc> {
    fn take(form: &mut Form, name: &str) -> Option<Self> {
        form.optional_parsed_as(name, CHARS_MAX, PARSING, |text| {
            // In a query a plus means a space, which is the most common mistake.
            DateTime::parse_from_rfc3339(text)
                .map(|time| time.to_utc())
                .map_err(|_| format!("{text:?} is not a time such as 2026-12-24T19:30:00Z; write + as %2B"))
        })
    }

    fn schema() -> Schema {
        date_time().into()
    }
}

/// A state of the past: after the event at a position, or at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum AsOf {
    /// After the event at this position.
    Position(Position),
    /// At this time.
    Time(DateTime<Utc>),
}

impl Scalar for AsOf {
    fn take(form: &mut Form, name: &str) -> Option<Self> {
        let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        if form.peek(name).is_some_and(is_number) {
            return <Position as Scalar>::take(form, name).map(Self::Position);
        }
        form.optional_parsed_as(name, CHARS_MAX, PARSING, |text| {
            DateTime::parse_from_rfc3339(text).map(|time| Self::Time(time.to_utc())).map_err(|_| {
                format!(
                    "{text:?} is neither a position nor a time such as 2026-12-24T19:30:00Z; write + as %2B"
                )
            })
        })
    }

    fn schema() -> Schema {
        let position = ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(0));
        AnyOfBuilder::new().item(position).item(date_time()).into()
    }
}

/// A time in a response: RFC 3339 with the offset of the venue, in whole seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct LocalTime(pub DateTime<FixedOffset>);

impl fmt::Display for LocalTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0.to_rfc3339_opts(SecondsFormat::Secs, false))
    }
}

impl Serialize for LocalTime {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0.to_rfc3339_opts(SecondsFormat::Secs, false))
    }
}

impl<'de> Deserialize<'de> for LocalTime {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        DateTime::deserialize(deserializer).map(Self)
    }
}

impl PartialSchema for LocalTime {
    fn schema() -> RefOr<Schema> {
        date_time()
            .description(Some("RFC 3339 with the offset of the venue"))
            .examples(["2026-12-24T19:30:00+07:00"])
            .into()
    }
}

impl ToSchema for LocalTime {}
