//! Payments and payment channels.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use events::values::Currency;
use events::{PaymentId, ReservationId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::words::{PaymentStatus, Unused};

/// The payment channels.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Channels {
    /// The channels, in the order in which they are offered.
    pub channels: Vec<ChannelView>,
}

/// A payment channel.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ChannelView {
    /// The code in requests and events.
    #[schema(example = "qris")]
    pub code: String,
    /// The name shown to people.
    pub label: Labels,
    /// A payment provider.
    #[schema(example = "simulated")]
    pub provider: String,
    /// ISO 4217.
    #[schema(example = json!(["IDR"]))]
    pub currencies: Vec<String>,
    /// The minimum and maximum amounts by currency.
    pub limits: BTreeMap<String, Limits>,
}

/// The name shown to people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Labels {
    /// In Indonesian.
    #[schema(example = "QRIS")]
    pub id: String,
    /// In English.
    #[schema(example = "QRIS")]
    pub en: String,
}

/// The range of amounts, in minor units.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Limits {
    /// The minimum.
    #[schema(example = 1)]
    pub min_minor: i64,
    /// The maximum.
    #[schema(example = 1_000_000_000)]
    pub max_minor: i64,
}

/// Payments.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Payments {
    /// The latest first.
    pub items: Vec<PaymentView>,
    /// The `cursor` of the next page; null on the last page.
    pub next_cursor: Option<String>,
}

/// A payment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PaymentView {
    /// Its id.
    pub payment_id: PaymentId,
    /// The reservation.
    pub reservation_id: ReservationId,
    /// The status.
    pub status: PaymentStatus,
    /// Minor units of the currency.
    #[schema(example = 30_000_000)]
    pub amount_minor: i64,
    /// ISO 4217.
    pub currency: Currency,
    /// The payment channel.
    #[schema(example = "qris")]
    pub channel: String,
    /// The payment provider.
    #[schema(example = "simulated")]
    pub provider: String,
    /// The provider's reference.
    pub provider_reference: String,
    /// The refunded amount, in minor units.
    pub refunded_minor: i64,
    /// When the guest was first asked to pay.
    pub opened_at: DateTime<Utc>,
    /// The URL of the checkout page.
    pub checkout_url: String,
}

/// A refund that was ordered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ScheduledRefund {
    /// The effect that makes the refund.
    #[schema(example = "01939f3e-7b2a-7c3d-9e4f-5a6b7c8d9e0f.refund-1")]
    pub effect: String,
}

/// The result of a webhook of a payment provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RecordedPayment {
    /// The status of the payment, or `ignored` for an event that requires no action.
    pub status: Recorded,
}

/// The status of a payment after a webhook, or that the webhook was not used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(untagged)]
pub enum Recorded {
    /// Nothing changed.
    Unused(Unused),
    /// The status of the payment.
    Payment(PaymentStatus),
}
