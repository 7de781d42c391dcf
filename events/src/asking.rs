//! The events about questions to guests and their answers. Part of [`crate::event`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Staff asked the guest something by a message with a link to answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct GuestAsked {
    /// The question.
    pub question: GuestQuestion,
}

/// The guest answered, or staff did so for the guest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct GuestAnswered {
    /// The answer.
    pub answer: GuestAnswer,
    /// By how many minutes the guest is late, if the guest said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub late_minutes: Option<u32>,
}

/// A question to a guest.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum GuestQuestion {
    /// Your table is ready: are you coming? For a waiting party.
    TableReady,
    /// Are you still coming? For a booked party.
    StillComing,
}

/// The answer of a guest.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum GuestAnswer {
    /// The party comes.
    Coming,
    /// The party comes late.
    Late,
    /// The party does not come. The booking stays until it is cancelled.
    NotComing,
}

impl GuestQuestion {
    /// The word in events and responses.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::TableReady => "table_ready",
            Self::StillComing => "still_coming",
        }
    }
}

impl GuestAnswer {
    /// Every answer.
    pub const ALL: [Self; 3] = [Self::Coming, Self::Late, Self::NotComing];

    /// The word in events, requests and responses.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Coming => "coming",
            Self::Late => "late",
            Self::NotComing => "not_coming",
        }
    }
}
