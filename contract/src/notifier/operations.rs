//! For operators: the feed, the systems outside, webhook subscriptions, readiness.

use chrono::{DateTime, Utc};
use events::EventId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::words::{BreakerState, SubscriptionStatus};

/// The distance to the end of the feed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct CursorView {
    /// The last processed event.
    pub last_event_id: Option<EventId>,
    /// Its position.
    #[schema(example = 42)]
    pub position: u64,
    /// The end of the log when the feed was last read.
    #[schema(example = 42)]
    pub head: u64,
    /// The number of events to process.
    #[schema(example = 0)]
    pub lag_events: u64,
    /// The age of the oldest of them, in seconds.
    #[schema(example = 0.0)]
    pub lag_seconds: f64,
    /// Why the feed cannot be read at the moment; null if it can.
    pub trouble: Option<String>,
}

/// The systems outside.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ProviderViews {
    /// By name.
    pub items: Vec<ProviderView>,
}

/// The state of a system outside.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ProviderView {
    /// The name.
    #[schema(example = "stripe")]
    pub name: String,
    /// While it is open, no requests are made until `retry_at`.
    pub breaker: BreakerState,
    /// Consecutive failures.
    pub failures: u32,
    /// The time of the next request, if the breaker is not closed.
    pub retry_at: Option<DateTime<Utc>>,
    /// Why the last request failed.
    pub last_error: Option<String>,
}

/// Webhook subscriptions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Subscriptions {
    /// In the order of the settings.
    pub items: Vec<SubscriptionView>,
}

/// A webhook subscription.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SubscriptionView {
    /// Its id.
    #[schema(example = "pos")]
    pub id: String,
    /// The URL without its path, which may be secret.
    #[schema(example = "https://pos.example.com")]
    pub url: String,
    /// The types of its events; empty: all types.
    pub types: Vec<String>,
    /// The status.
    pub status: SubscriptionStatus,
    /// The position of the last event that was scheduled for it; null after it was disabled.
    pub last_position: Option<u64>,
}

/// The state of a service that is ready.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Readiness {
    /// Always `ready`: a service that is not responds with a problem.
    #[schema(pattern = "^ready$", example = "ready")]
    pub status: String,
    /// Why the feed cannot be read at the moment; null if it can.
    pub trouble: Option<String>,
}
