//! Events of payments: part of the published language.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ids::PaymentId;
use crate::values::{Money, Purpose};

/// A payment to refund in full or in part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Refund {
    /// The payment to refund.
    pub payment_id: PaymentId,
    /// The amount to refund.
    pub amount: Money,
}

/// A deposit or a no-show fee is due.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PaymentRequested {
    /// This payment.
    pub payment_id: PaymentId,
    /// The amount due.
    pub amount: Money,
    /// The payment channel chosen by the guest, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<String>,
    /// When the hold ends if the deposit is unpaid; for a fee, the last time to pay it.
    pub expires_at: DateTime<Utc>,
    /// What the payment is for.
    #[serde(default, skip_serializing_if = "Purpose::is_deposit")]
    pub purpose: Purpose,
    /// The payment that this one replaces: the guest pays by another channel, or tries again. The one that is paid first
    /// counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaces: Option<PaymentId>,
}

/// A payment was completed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PaymentCompleted {
    /// The payment.
    pub payment_id: PaymentId,
    /// The amount received.
    pub amount: Money,
    /// The payment channel it was received through.
    pub channel: String,
    /// The provider's reference.
    pub provider_reference: String,
    /// The refund due immediately, because the money arrived too late to hold the table.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refund: Option<Refund>,
    /// The payment that was due in place of this one, and is not any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closes: Option<PaymentId>,
}

/// A payment failed or expired.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PaymentFailed {
    /// The payment.
    pub payment_id: PaymentId,
    /// The reason as a stable code, for example `refused` or `provider_unavailable`.
    pub reason_code: String,
}

/// Money was refunded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PaymentRefunded {
    /// The payment.
    pub payment_id: PaymentId,
    /// The amount refunded.
    pub amount: Money,
    /// The provider's reference for the refund.
    pub provider_reference: String,
}
