//! Bookings from other systems.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What another system said about a booking that was imported from it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Imported {
    /// The status there. The reservation begins with it.
    pub status: ImportedStatus,
    /// When it was booked there, if that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub booked_at: Option<DateTime<Utc>>,
}

/// The status of a booking in another system.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ImportedStatus {
    /// The restaurant expects the party.
    Confirmed,
    /// The party came and left.
    Completed,
    /// Cancelled.
    Cancelled,
    /// The party never arrived.
    NoShow,
}

impl ImportedStatus {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Confirmed, Self::Completed, Self::Cancelled, Self::NoShow];

    /// The status as a word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Confirmed => "confirmed",
            Self::Completed => "completed",
            Self::Cancelled => "cancelled",
            Self::NoShow => "no_show",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Stored events keep their meaning.
    #[test]
    fn stored_imports_are_read_and_written_as_they_are() {
        for (text, status) in [
            (r#"{"status":"confirmed"}"#, ImportedStatus::Confirmed),
            (r#"{"status":"completed","booked_at":"2025-02-01T00:00:00Z"}"#, ImportedStatus::Completed),
            (r#"{"status":"cancelled"}"#, ImportedStatus::Cancelled),
            (r#"{"status":"no_show"}"#, ImportedStatus::NoShow),
        ] {
            let imported: Imported = serde_json::from_str(text).unwrap();
            assert_eq!(imported.status, status);
            assert_eq!(serde_json::to_string(&imported).unwrap(), text);
            assert_eq!(serde_json::to_value(status).unwrap(), status.word());
        }
    }
}
