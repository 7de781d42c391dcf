//! Effects outside Meja.

use chrono::{DateTime, Utc};
use events::values::Medium;
use events::{ReservationId, WaitlistId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::words::{EffectKind, EffectStatus};

/// Effects.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Effects {
    /// The latest first.
    pub items: Vec<EffectView>,
    /// The `cursor` of the next page; null on the last page.
    pub next_cursor: Option<String>,
}

/// An effect.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct EffectView {
    /// The key.
    #[schema(example = "01939f3e-7b2a-7c3d-9e4f-5a6b7c8d9e0f.mail-confirmed")]
    pub id: String,
    /// The kind.
    pub kind: EffectKind,
    /// The reservation, if the effect has one.
    pub reservation_id: Option<ReservationId>,
    /// The waitlist entry, if the effect has one.
    pub waitlist_id: Option<WaitlistId>,
    /// The status.
    pub status: EffectStatus,
    /// Why it was skipped, failed or was discarded.
    pub reason: Option<String>,
    /// The template of a message.
    #[schema(example = "confirmed")]
    pub template: Option<String>,
    /// The medium of a message.
    pub medium: Option<Medium>,
    /// The recipient, masked.
    #[schema(example = "s***@e***.com")]
    pub recipient: Option<String>,
    /// The number of attempts.
    pub attempts: u32,
    /// Why the last attempt failed.
    pub last_error: Option<String>,
    /// The time of the next attempt.
    pub next_attempt_at: Option<DateTime<Utc>>,
    /// The time of the last change.
    pub updated_at: DateTime<Utc>,
    /// The event that caused it.
    pub event_id: Option<String>,
    /// The request that caused it.
    pub correlation_id: String,
}

/// An effect with everything that happened to it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct EffectTrail {
    /// The effect.
    pub effect: EffectView,
    /// The last 200 entries about it, oldest first.
    pub trail: Vec<TrailEntry>,
}

/// Something that happened to an effect.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TrailEntry {
    /// The position in the log of the notifier.
    pub position: u64,
    /// The time.
    pub at: DateTime<Utc>,
    /// The credential or the component that did it.
    pub by: Option<String>,
    /// What happened, with the reason.
    #[schema(example = "discarded by an operator: the guest was called")]
    pub what: String,
}
