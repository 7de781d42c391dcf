//! How the ids and values of events are read from requests. Part of [`crate::values`].

use events::event::{GuestAnswer, UndoneChange};
use events::ids::InvalidId;
use events::values::{Currency, Initiator, Locale, Medium, PartySize, ReservationCode};
use events::{
    ClosureId, CustomerId, DeviceId, Event, EventId, KeyId, PaymentId, Position, ReservationId, SessionId,
    StaffId, TableId, VenueId, WaitlistId,
};
use utoipa::PartialSchema;
use utoipa::openapi::schema::ObjectBuilder;
use utoipa::openapi::{RefOr, Schema, Type};

use super::{PATTERN_MISMATCH, line_schema};
use crate::form::Form;
use crate::request::{Scalar, text};

/// The longest form of a UUID, `urn:uuid:…`, in characters.
const UUID_CHARS_MAX: usize = 45;

/// The schema of a type of the crate `events`.
fn of_event_type<T: PartialSchema>() -> Schema {
    match T::schema() {
        RefOr::T(schema) => schema,
        RefOr::Ref(_) => ObjectBuilder::new().into(),
    }
}

macro_rules! id {
    ($($name:ident, $max_chars:expr, $kind:expr);* $(;)?) => {$(
        impl Scalar for $name {
            fn take(form: &mut Form, name: &str) -> Option<Self> {
                form.optional_parsed_as(name, $max_chars, $kind, str::parse)
            }

            fn schema() -> Schema {
                of_event_type::<Self>()
            }
        }
    )*};
}

id! {
    VenueId, VenueId::MAX_CHARS, PATTERN_MISMATCH;
    KeyId, KeyId::MAX_CHARS, PATTERN_MISMATCH;
}

macro_rules! uuid {
    ($($name:ident),*) => {$(
        /// A UUID with hyphens. Other notations are refused, so that an id has one text.
        impl Scalar for $name {
            fn take(form: &mut Form, name: &str) -> Option<Self> {
                form.optional_parsed_as(name, UUID_CHARS_MAX, "uuid_parsing", |text| {
                    let id = text.parse::<Self>()?;
                    match text.len() {
                        36 => Ok(id),
                        _ => Err(InvalidId { value: text.to_owned(), ..invalid_uuid() }),
                    }
                })
            }

            fn schema() -> Schema {
                of_event_type::<Self>()
            }
        }
    )*};
}

uuid!(ReservationId, PaymentId, WaitlistId, StaffId, SessionId, DeviceId, ClosureId);

fn invalid_uuid() -> InvalidId {
    let rule = "a UUID such as 01939f3e-7b2a-7c3d-9e4f-5a6b7c8d9e0f";
    InvalidId { kind: "id", value: String::new(), rule }
}

/// The pattern of the schema cannot name all letters and digits of Unicode, so that another character beyond ASCII
/// breaks a rule and not the schema.
impl Scalar for TableId {
    fn take(form: &mut Form, name: &str) -> Option<Self> {
        let in_pattern = |c: char| match c.is_ascii() {
            true => c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | ' '),
            false => !c.is_control() && !c.is_whitespace(),
        };
        let matches_pattern = |text: &str| text.trim() == text && text.chars().all(in_pattern);
        let kind = match form.peek(name).is_some_and(matches_pattern) {
            true => "value_error",
            false => PATTERN_MISMATCH,
        };
        form.optional_parsed_as(name, Self::MAX_CHARS, kind, str::parse)
    }

    fn schema() -> Schema {
        of_event_type::<Self>()
    }
}

/// A position of a log, from 0. A number beyond the last position means the last one.
impl Scalar for Position {
    fn take(form: &mut Form, name: &str) -> Option<Self> {
        form.optional_unsigned(name).map(Self)
    }

    fn schema() -> Schema {
        ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(0)).into()
    }
}

/// The type of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(transparent)]
pub struct EventType(pub &'static str);

impl Scalar for EventType {
    fn take(form: &mut Form, name: &str) -> Option<Self> {
        form.optional_word(name, Event::TYPES, |event_type| event_type).map(Self)
    }

    fn schema() -> Schema {
        text().enum_values(Some(Event::TYPES.iter().copied())).into()
    }
}

impl Scalar for CustomerId {
    fn take(form: &mut Form, name: &str) -> Option<Self> {
        form.optional_parsed_as(name, Self::MAX_CHARS, PATTERN_MISMATCH, str::parse)
    }

    fn schema() -> Schema {
        of_event_type::<Self>()
    }
}

impl Scalar for PartySize {
    fn take(form: &mut Form, name: &str) -> Option<Self> {
        form.optional_integer(name, 1, i64::from(Self::MAX)).and_then(|guests| Self::try_from(guests).ok())
    }

    fn schema() -> Schema {
        ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(1)).maximum(Some(Self::MAX)).into()
    }
}

impl Scalar for Currency {
    fn take(form: &mut Form, name: &str) -> Option<Self> {
        form.optional_parsed(name, 3, |text| {
            Self::from_code(text)
                .ok_or_else(|| format!("{text:?} is not an ISO 4217 currency code such as IDR"))
        })
    }

    fn schema() -> Schema {
        of_event_type::<Self>()
    }
}

impl Scalar for Locale {
    fn take(form: &mut Form, name: &str) -> Option<Self> {
        form.optional_parsed_as(name, 35, PATTERN_MISMATCH, |tag| {
            let subtag = |part: &str| {
                (1..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric())
            };
            let is_tag = tag.split(['-', '_']).all(subtag);
            let known = is_tag.then(|| Self::from_tag(tag)).flatten();
            known.ok_or_else(|| format!("{tag:?} is not a supported language: id or en"))
        })
    }

    fn schema() -> Schema {
        text().max_length(Some(35)).pattern(Some("^([iI][dD]|[eE][nN])([-_][A-Za-z0-9]{1,8})*$")).into()
    }
}

impl Scalar for Medium {
    fn take(form: &mut Form, name: &str) -> Option<Self> {
        form.optional_word(name, &[Self::Mail, Self::Sms], Self::word)
    }

    fn schema() -> Schema {
        of_event_type::<Self>()
    }
}

/// A guest or a member of the staff: the system cancels by itself.
impl Scalar for Initiator {
    fn take(form: &mut Form, name: &str) -> Option<Self> {
        form.optional_word(name, &[Self::Guest, Self::Staff], Self::word)
    }

    fn schema() -> Schema {
        text().enum_values(Some(["guest", "staff"])).into()
    }
}

/// In any notation: the schema of responses names the one that services write.
impl Scalar for ReservationCode {
    fn take(form: &mut Form, name: &str) -> Option<Self> {
        form.optional_parsed_as(name, Self::MAX_CHARS, "value_error", str::parse)
    }

    fn schema() -> Schema {
        line_schema(Self::MAX_CHARS).into()
    }
}

impl Scalar for GuestAnswer {
    fn take(form: &mut Form, name: &str) -> Option<Self> {
        form.optional_word(name, &Self::ALL, Self::word)
    }

    fn schema() -> Schema {
        of_event_type::<Self>()
    }
}

impl Scalar for UndoneChange {
    fn take(form: &mut Form, name: &str) -> Option<Self> {
        form.optional_word(name, &Self::ALL, Self::word)
    }

    fn schema() -> Schema {
        of_event_type::<Self>()
    }
}

/// The id of an event, as a cursor of the feed. A malformed cursor is not a fault of the form: HTTP Feeds
/// distinguishes it from an invalid value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventCursor(pub Result<EventId, InvalidId>);

impl serde::Serialize for EventCursor {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.0 {
            Ok(id) => serializer.collect_str(id),
            Err(invalid) => serializer.serialize_str(&invalid.value),
        }
    }
}

impl Scalar for EventCursor {
    fn take(form: &mut Form, name: &str) -> Option<Self> {
        form.optional_text(name, 100).map(|text| Self(text.parse()))
    }

    fn schema() -> Schema {
        text().pattern(Some("^[0-9]{20}-[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$")).into()
    }
}
