//! Identifiers. Each kind has its own type, so that one cannot be passed for another.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A text that is not a valid id of its kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{value:?} is not a valid {kind}: {rule}")]
pub struct InvalidId {
    /// What the text should have been, for example `table id`.
    pub kind: &'static str,
    /// The rejected text.
    pub value: String,
    /// What a valid text looks like.
    pub rule: &'static str,
}

macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident, $kind:literal) => {
        $(#[$doc])*
        #[derive(
            Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
        )]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                Uuid::try_parse(text).map(Self).map_err(|_| InvalidId {
                    kind: $kind,
                    value: text.to_owned(),
                    rule: "a UUID such as 01939f3e-7b2a-7c3d-9e4f-5a6b7c8d9e0f",
                })
            }
        }

        #[cfg(feature = "openapi")]
        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
                use utoipa::openapi::schema::{KnownFormat, SchemaFormat};
                crate::openapi::text()
                    .format(Some(SchemaFormat::KnownFormat(KnownFormat::Uuid)))
                    .examples(["01939f3e-7b2a-7c3d-9e4f-5a6b7c8d9e0f"])
                    .into()
            }
        }

        #[cfg(feature = "openapi")]
        impl utoipa::ToSchema for $name {}
    };
}

uuid_id!(
    /// A reservation: one party, one visit.
    ReservationId,
    "reservation id"
);
uuid_id!(
    /// One assignment of one table to one reservation.
    AssignmentId,
    "assignment id"
);
uuid_id!(
    /// One payment: a deposit or a fee, whatever its outcome.
    PaymentId,
    "payment id"
);
impl PaymentId {
    /// The payment of a deposit that is requested again, after the payment `self` was closed. Derived from it, so that
    /// repeated requests name the same payment.
    #[must_use]
    pub fn renewed(self) -> Self {
        Self(Uuid::new_v5(&self.0, b"renewed"))
    }

    /// The payment of a reservation's no-show fee. Derived from the reservation id, so that repeated
    /// requests for the fee name the same payment.
    #[must_use]
    pub fn of_fee(reservation: ReservationId) -> Self {
        Self(Uuid::new_v5(&reservation.0, b"no_show_fee"))
    }
}

uuid_id!(
    /// One entry in a venue's waitlist.
    WaitlistId,
    "waitlist id"
);
uuid_id!(
    /// A member of the staff of a restaurant.
    StaffId,
    "staff id"
);
uuid_id!(
    /// One session of a member of staff: from a sign-in to its end.
    SessionId,
    "session id"
);
uuid_id!(
    /// A device at the stand of a venue.
    DeviceId,
    "device id"
);
uuid_id!(
    /// A closure: a time at which a venue, or a part of it, takes no parties.
    ClosureId,
    "closure id"
);
uuid_id!(
    /// Identifies one log. A log that replaces it has a new id.
    LogId,
    "log id"
);

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident, $kind:literal, $max:literal, $allowed:expr, $rule:literal, $pattern:literal, $example:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// The longest valid id, in characters.
            pub const MAX_CHARS: usize = $max;

            /// The id as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidId;

            fn try_from(text: String) -> Result<Self, InvalidId> {
                let allowed: fn(&str) -> bool = $allowed;
                let chars = text.chars().count();
                if chars == 0 || chars > $max || !allowed(&text) {
                    return Err(InvalidId { kind: $kind, value: text, rule: $rule });
                }
                Ok(Self(text))
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                Self::try_from(text.to_owned())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        #[cfg(feature = "openapi")]
        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
                crate::openapi::text()
                    .min_length(Some(1))
                    .max_length(Some($max))
                    .pattern(Some($pattern))
                    .examples([$example])
                    .into()
            }
        }

        #[cfg(feature = "openapi")]
        impl utoipa::ToSchema for $name {}
    };
}

text_id!(
    /// A restaurant. Used in URLs, tags and file names.
    VenueId,
    "venue id",
    64,
    |text| text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-'),
    "1 to 64 characters of a-z, 0-9 and -",
    "^[a-z0-9-]+$",
    "bandung-dago"
);
text_id!(
    /// A table within a venue. Never contains `/`, which separates the parts of a tag.
    TableId,
    "table id",
    64,
    // With a space at either end it would look like another table of the venue.
    |text| {
        text.trim() == text && text.chars().all(|c| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | ' '))
    },
    "1 to 64 letters, digits, - _ . and spaces between them",
    r"^([A-Za-z0-9_.-]|[^\x00-\x9F\s])( *([A-Za-z0-9_.-]|[^\x00-\x9F\s]))*$",
    "T3"
);
text_id!(
    /// The customer, as the caller names them. Events contain it, so that it must not be an e-mail address or a phone number.
    CustomerId,
    "customer id",
    64,
    |text| {
        !text.starts_with('+')
            && !text.starts_with(char::is_whitespace)
            && !text.chars().any(|c| c.is_control() || c == '@')
    },
    "1 to 64 characters without @ and control characters, the first of them neither + nor a space; events contain it, so do not use a phone number or an e-mail address",
    r"^[^@+\s\x00-\x1F\x7F-\x9F][^@\x00-\x1F\x7F-\x9F]*$",
    "cust-42"
);

text_id!(
    /// A key: the part of a credential that is not secret.
    KeyId,
    "key id",
    32,
    |text| text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit()),
    "1 to 32 characters of a-z and 0-9",
    "^[a-z0-9]+$",
    "4f1c09ab77de"
);

/// A position in a log: 1, 2, 3 … without gaps. Zero is the position before the first event.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Position(pub u64);

impl Position {
    /// Before the first event.
    pub const START: Self = Self(0);
    /// Positions are zero-padded to this many digits, so that their order as text is the order of the log.
    pub const DIGITS: usize = 20;

    /// The position after this one.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The CloudEvents `id`: `<position, 20 digits>-<uuid>`.
///
/// Ids sort in the order of the log. A cursor into a log that was rewound or replaced is recognised, because the
/// UUID at that position differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventId {
    /// The position of the event.
    pub position: Position,
    /// The UUID of the event.
    pub uuid: Uuid,
}

impl EventId {
    /// The length of every event id, in bytes.
    pub const LEN: usize = Position::DIGITS + 1 + 36;
}

#[cfg(feature = "openapi")]
impl utoipa::PartialSchema for EventId {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
        crate::openapi::text()
            .pattern(Some("^[0-9]{20}-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"))
            .examples(["00000000000000000042-01939f3e-7b2a-7c3d-9e4f-5a6b7c8d9e0f"])
            .into()
    }
}

#[cfg(feature = "openapi")]
impl utoipa::ToSchema for EventId {}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:020}-{}", self.position.0, self.uuid)
    }
}

impl FromStr for EventId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let invalid = || InvalidId {
            kind: "event id",
            value: text.chars().take(80).collect(),
            rule: "20 digits, a hyphen and a UUID",
        };
        let (digits, uuid) = text.split_at_checked(Position::DIGITS).ok_or_else(invalid)?;
        if !digits.bytes().all(|b| b.is_ascii_digit()) {
            return Err(invalid());
        }
        let position = digits.parse().map_err(|_| invalid())?;
        let uuid = uuid.strip_prefix('-').filter(|u| u.len() == 36).ok_or_else(invalid)?;
        let uuid = Uuid::try_parse(uuid).map_err(|_| invalid())?;
        Ok(Self { position: Position(position), uuid })
    }
}

impl Serialize for EventId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for EventId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_id_survives_text_and_sorts_like_the_log() {
        let id = |position| EventId { position: Position(position), uuid: Uuid::from_u128(7) };
        for position in [0, 1, 9, 10, u64::from(u32::MAX), u64::MAX] {
            assert_eq!(id(position).to_string().parse(), Ok(id(position)));
            assert_eq!(id(position).to_string().len(), EventId::LEN);
        }
        assert!(id(9).to_string() < id(10).to_string());
    }

    #[test]
    fn a_malformed_event_id_is_refused() {
        let uuid = Uuid::from_u128(7).to_string();
        for text in [
            "",
            "1",
            "42-x",
            &uuid,
            &format!("+0000000000000000001-{uuid}"),
            &format!("00000000000000000001-{uuid}0"),
        ] {
            assert!(text.parse::<EventId>().is_err(), "{text}");
        }
    }

    #[test]
    fn text_ids_hold_their_limits() {
        assert!("bandung-dago".parse::<VenueId>().is_ok());
        for bad in ["", "Bandung", "a/b", &"x".repeat(65)] {
            assert!(bad.parse::<VenueId>().is_err(), "{bad}");
        }
        assert!("T1".parse::<TableId>().is_ok());
        for bad in ["", "a/b", "a:b", " T1", "T1 ", &"x".repeat(65)] {
            assert!(bad.parse::<TableId>().is_err(), "{bad}");
        }
        assert!(CustomerId::try_from("é".repeat(64)).is_ok());
        assert!(CustomerId::try_from("é".repeat(65)).is_err());
        for bad in ["", "sari@example.com", "+6281234567890", " +62812", "+ 62 812", "a\nb"] {
            assert!(bad.parse::<CustomerId>().is_err(), "{bad}");
        }
        // A log can contain such ids from earlier versions.
        assert!(serde_json::from_str::<CustomerId>(r#""sari@example.com""#).is_ok());
    }
}
