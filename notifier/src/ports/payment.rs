//! What a payment provider can be asked to do, and its answers.

use chrono::{DateTime, TimeDelta, Utc};
use events::values::Money;
use events::{PaymentId, ReservationId};
use futures::future::BoxFuture;

use super::ProviderError;
use crate::domain::effect::EffectKey;

/// Takes money and gives it back.
pub trait PaymentProvider: Send + Sync + 'static {
    /// Its name in settings, in the journal and in answers.
    fn name(&self) -> &'static str;

    /// Lets the guest pay. However often the same order is given, it is one payment; an order that may have been given
    /// before is looked up first.
    fn open<'a>(&'a self, order: &'a PaymentOrder) -> BoxFuture<'a, Result<OpenedPayment, ProviderError>>;

    /// The payment of an order that may have been given before, if the provider has it.
    fn find<'a>(
        &'a self,
        order: &'a PaymentOrder,
    ) -> BoxFuture<'a, Result<Option<OpenedPayment>, ProviderError>>;

    /// How far the payment `reference` is.
    fn standing<'a>(&'a self, reference: &'a str) -> BoxFuture<'a, Result<ProviderStatus, ProviderError>>;

    /// Lets nobody pay `reference` any more, and tells how far it is then: it may have been paid already.
    fn close<'a>(&'a self, reference: &'a str) -> BoxFuture<'a, Result<ProviderStatus, ProviderError>>;

    /// Gives money back and answers the provider's name for that. However often the same order is given, it is one
    /// refund.
    fn refund<'a>(&'a self, order: &'a RefundOrder) -> BoxFuture<'a, Result<String, ProviderError>>;

    /// What the page needs on which the guest pays `reference`.
    fn checkout<'a>(&'a self, reference: &'a str) -> BoxFuture<'a, Result<Checkout, ProviderError>>;

    /// Every payment since `since` as the provider has it in its own books.
    fn ledger(&self, since: DateTime<Utc>) -> BoxFuture<'_, Result<Vec<LedgerEntry>, ProviderError>>;

    /// How often open payments are looked at, for a webhook that never comes; `None`: nobody has to.
    fn poll_every(&self) -> Option<TimeDelta>;
}

/// How something is asked for that may have been asked for before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asking {
    /// The key of the effect: our own reference, kept by the provider.
    pub key: EffectKey,
    /// How often the provider failed on it, so that it may answer the same to the same idempotency key for ever.
    pub key_changes: u32,
    /// Whether it may have happened already: it is looked up by our own reference before it is asked for.
    pub tried: bool,
    /// It can not have happened before this.
    pub since: DateTime<Utc>,
}

impl Asking {
    /// The Idempotency-Key to ask with.
    #[must_use]
    pub fn idempotency_key(&self) -> String {
        match self.key_changes {
            0 => self.key.0.clone(),
            n => format!("{}.again-{n}", self.key),
        }
    }
}

/// A payment that a guest is to make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaymentOrder {
    /// How it is asked for.
    pub asking: Asking,
    /// Our own reference.
    pub payment_id: PaymentId,
    /// What it is for.
    pub reservation_id: ReservationId,
    /// How much.
    pub amount: Money,
    /// The provider's name for the way to pay, if the channel has one.
    pub method: Option<String>,
}

/// Money that is to go back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefundOrder {
    /// How it is asked for.
    pub asking: Asking,
    /// Our own reference of the payment.
    pub payment_id: PaymentId,
    /// The provider's.
    pub reference: String,
    /// How much of it.
    pub amount: Money,
}

/// A way for the guest to pay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenedPayment {
    /// The provider's name for it.
    pub reference: String,
    /// Where to pay.
    pub url: String,
}

/// How far a payment is at its provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProviderStatus {
    /// The guest can pay.
    Open,
    /// The guest has paid this.
    Paid(Money),
    /// The guest refused.
    Refused,
    /// It can not be paid any more.
    Closed,
}

/// What a checkout page is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Checkout {
    /// Two buttons: pay, refuse.
    Buttons,
    /// The form of Stripe's own script.
    StripeForm {
        /// Where the script is.
        script_url: String,
        /// The key that the script shows.
        publishable_key: String,
        /// What lets it pay this one payment.
        client_secret: String,
    },
}

/// A payment in the books of its provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerEntry {
    /// The provider's name for it.
    pub reference: String,
    /// Our own reference, if it has one.
    pub payment_id: Option<PaymentId>,
    /// When it was opened.
    pub at: DateTime<Utc>,
    /// How far it is.
    pub standing: ProviderStatus,
    /// What went back so far, in minor units.
    pub refunded_minor: i64,
}
