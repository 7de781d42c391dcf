//! What the notifier needs from a payment provider.

use chrono::{DateTime, TimeDelta, Utc};
use events::values::Money;
use events::{PaymentId, ReservationId};
use futures::future::BoxFuture;

use super::ProviderError;
use crate::domain::effect::EffectKey;

/// A payment provider.
pub trait PaymentProvider: Send + Sync + 'static {
    /// The name in settings, in the log and in responses.
    fn name(&self) -> &'static str;

    /// Opens a payment. The same order always means the same payment; an order that may have been placed before is looked
    /// up first.
    fn open<'a>(&'a self, order: &'a PaymentOrder) -> BoxFuture<'a, Result<OpenedPayment, ProviderError>>;

    /// The payment of an order that may have been placed before, if the provider has it.
    fn find<'a>(
        &'a self,
        order: &'a PaymentOrder,
    ) -> BoxFuture<'a, Result<Option<OpenedPayment>, ProviderError>>;

    /// The status of the payment `reference`.
    fn status<'a>(&'a self, reference: &'a str) -> BoxFuture<'a, Result<ProviderStatus, ProviderError>>;

    /// Closes the payment `reference`. Returns its status, because it may have been paid already.
    fn close<'a>(&'a self, reference: &'a str) -> BoxFuture<'a, Result<ProviderStatus, ProviderError>>;

    /// Refunds a payment. Returns the provider's reference. The same order always means the same refund.
    fn refund<'a>(&'a self, order: &'a RefundOrder) -> BoxFuture<'a, Result<String, ProviderError>>;

    /// The content of the checkout page for `reference`.
    fn checkout<'a>(&'a self, reference: &'a str) -> BoxFuture<'a, Result<Checkout, ProviderError>>;

    /// All payments since `since` in the provider's records.
    fn ledger(&self, since: DateTime<Utc>) -> BoxFuture<'_, Result<Vec<LedgerEntry>, ProviderError>>;

    /// The minimum interval at which open payments are checked in case a webhook was lost; `None`: they need no check.
    fn poll_every(&self) -> Option<TimeDelta>;
}

/// How a request is made that may have been made before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asking {
    /// The key of the effect: our reference, stored by the provider.
    pub key: EffectKey,
    /// Number of failures that the provider may repeat for the same idempotency key.
    pub key_changes: u32,
    /// Whether it may have been made already, so that it must be looked up by our reference first.
    pub tried: bool,
    /// The earliest time at which it can have been made.
    pub since: DateTime<Utc>,
}

impl Asking {
    /// The Idempotency-Key.
    #[must_use]
    pub fn idempotency_key(&self) -> String {
        match self.key_changes {
            0 => self.key.0.clone(),
            n => format!("{}.again-{n}", self.key),
        }
    }
}

/// An order to open a payment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaymentOrder {
    /// How the request is made.
    pub asking: Asking,
    /// Our reference.
    pub payment_id: PaymentId,
    /// The reservation.
    pub reservation_id: ReservationId,
    /// The amount.
    pub amount: Money,
    /// The provider's name of the payment method, if the channel has one.
    pub method: Option<String>,
}

/// An order to refund a payment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefundOrder {
    /// How the request is made.
    pub asking: Asking,
    /// Our reference of the payment.
    pub payment_id: PaymentId,
    /// The provider's reference of the payment.
    pub reference: String,
    /// The amount.
    pub amount: Money,
}

/// An opened payment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenedPayment {
    /// The provider's reference.
    pub reference: String,
    /// The URL of the payment page.
    pub url: String,
}

/// The status of a payment at its provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProviderStatus {
    /// The guest can pay it.
    Open,
    /// The guest paid this amount.
    Paid(Money),
    /// The guest refused.
    Refused,
    /// It can no longer be paid.
    Closed,
}

/// The content of a checkout page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Checkout {
    /// Two buttons: pay, refuse.
    Buttons,
    /// The form of Stripe's script.
    StripeForm {
        /// The URL of the script.
        script_url: String,
        /// The publishable key for the script.
        publishable_key: String,
        /// The secret for this payment.
        client_secret: String,
    },
}

/// A payment in the records of its provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerEntry {
    /// The provider's reference.
    pub reference: String,
    /// Our reference, if it has one.
    pub payment_id: Option<PaymentId>,
    /// When it was opened.
    pub at: DateTime<Utc>,
    /// The status.
    pub status: ProviderStatus,
    /// The refunded amount, in minor units.
    pub refunded_minor: i64,
}
