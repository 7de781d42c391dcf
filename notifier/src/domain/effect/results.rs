//! Results of payments and messages, as they are reported to the reservation service. Part of [`super`].

use events::PaymentId;
use events::values::{Medium, Money};
use serde::{Deserialize, Serialize};

use super::{EffectKey, Template};

/// The result of a payment, as it is reported.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaymentResult {
    /// The payment.
    pub payment_id: PaymentId,
    /// The result.
    #[serde(flatten)]
    pub outcome: PaymentOutcome,
}

/// The result of a payment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum PaymentOutcome {
    /// The guest paid.
    Completed {
        /// The amount.
        #[serde(flatten)]
        amount: Money,
        /// The payment channel.
        channel: String,
        /// The provider's reference.
        provider_reference: String,
    },
    /// It failed.
    Failed {
        /// The reason as a stable code.
        reason_code: String,
    },
    /// Some or all of it was refunded.
    Refunded {
        /// The amount.
        #[serde(flatten)]
        amount: Money,
        /// The provider's reference of the refund.
        provider_reference: String,
    },
}

/// The result of a message, as it is reported.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotificationResult {
    /// The key of the message.
    pub notification_id: EffectKey,
    /// The template.
    pub template: Template,
    /// The medium.
    pub medium: Medium,
    /// The result.
    #[serde(flatten)]
    pub outcome: NotificationOutcome,
}

/// The result of a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum NotificationOutcome {
    /// It was sent.
    Sent,
    /// It could not be sent.
    Failed {
        /// The reason as a stable code.
        reason_code: String,
    },
}
