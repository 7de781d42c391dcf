//! The events about messages to guests. Part of [`crate::event`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::values::Medium;

/// A message was sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NotificationSent {
    /// The notifier's id of the message.
    pub notification_id: String,
    /// The template of the message, for example `confirmed`.
    pub template: String,
    /// The medium it was sent by.
    pub medium: Medium,
}

/// A message could not be sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NotificationFailed {
    /// The notifier's id of the message.
    pub notification_id: String,
    /// The template of the message.
    pub template: String,
    /// The medium it would have been sent by.
    pub medium: Medium,
    /// The reason as a stable code.
    pub reason_code: String,
}
