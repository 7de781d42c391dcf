//! Questions to guests, and their answers.

use chrono::{DateTime, Utc};
use events::event::{GuestAnswer, GuestQuestion};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::request::requests;
use crate::values::Whole;

requests! {
    /// The answer of a guest.
    body AnswerQuestion {
        /// `not_coming` cancels nothing: the page of the booking and `cancel` do.
        #[example = "late"]
        required answer: GuestAnswer,
        /// By how many minutes the party is late. Only with `late`.
        #[example = 15]
        optional late_minutes: Whole<1, 240>,
    }
}

/// What a guest was asked last, and the answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AttendanceView {
    /// The question.
    pub question: GuestQuestion,
    /// When it was asked last.
    pub asked_at: DateTime<Utc>,
    /// The answer; null until there is one.
    pub answer: Option<GuestAnswer>,
    /// By how many minutes the party is late, if the guest said so.
    pub late_minutes: Option<u32>,
    /// When the answer arrived.
    pub answered_at: Option<DateTime<Utc>>,
}
