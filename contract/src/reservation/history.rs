//! The audit trail of a reservation.

use std::fmt;

use chrono::{DateTime, Utc};
use events::{EventId, ReservationId};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::words::{ActorKind, EffectKind};

/// The events of a reservation, oldest first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct History {
    /// The id of the reservation.
    pub reservation_id: ReservationId,
    /// The entries, oldest first.
    pub entries: Vec<HistoryEntry>,
    /// The `after` of the next page; null on the last one.
    pub next_after: Option<u64>,
}

/// One event.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct HistoryEntry {
    /// The position of the event.
    #[schema(example = 42)]
    pub position: u64,
    /// The event.
    pub event_id: EventId,
    /// The event type without `meja.` and without its version.
    #[schema(example = "reservation.created")]
    pub action: String,
    /// A description.
    #[schema(example = "Booking requested for 4 guests at 2026-12-24T19:30:00+07:00")]
    pub note: String,
    /// The actor.
    pub who: ActorView,
    /// The time.
    pub at: DateTime<Utc>,
    /// The reason: the actor that requested it, or the event it belongs to or follows from.
    #[schema(example = "Follows from reservation.created at 41")]
    pub why: String,
    /// The changed members of the representation.
    pub changed: Vec<Change>,
    /// The external effects: payments, mail, text messages.
    pub effects: Vec<EffectView>,
    /// The id of the original request, across both services.
    pub correlation_id: String,
    /// The event that caused this one, if any.
    pub causation_id: Option<String>,
}

/// The actor.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ActorView {
    /// The kind.
    pub kind: ActorKind,
    /// The id of the credential or of the component; null without one.
    #[schema(example = "notifier")]
    pub id: Option<String>,
}

/// A changed member.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Change {
    /// The path of the member in the representation.
    #[schema(example = "deposit.status")]
    pub field: String,
    /// The previous value; null if the member did not exist.
    pub from: Value,
    /// The new value; null if the member no longer exists.
    pub to: Value,
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} → {}", self.field, plain(&self.from), plain(&self.to))
    }
}

fn plain(value: &Value) -> String {
    match value {
        Value::Null => "–".into(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// An external effect of an event.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct EffectView {
    /// The position of the event that reports the effect.
    #[schema(example = 44)]
    pub position: u64,
    /// The kind.
    pub kind: EffectKind,
    /// A description.
    #[schema(example = "IDR 300000.00 received by qris (sim_1)")]
    pub note: String,
    /// The time.
    pub at: DateTime<Utc>,
}
