//! The world outside: a trait for each kind of it.

pub mod files;
pub mod simulated;
pub mod smtp;
pub mod text;

use events::PaymentId;
use events::values::Money;
use futures::future::BoxFuture;

use crate::effect::EffectKey;

/// Why something did not happen outside.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GatewayError {
    /// It may work later.
    #[error("{0}")]
    Passing(String),
    /// It never will.
    #[error("{0}")]
    Final(String),
}

/// A way for the guest to pay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenedPayment {
    /// The provider's name for it.
    pub reference: String,
    /// Where to pay.
    pub url: String,
}

/// Takes money and gives it back.
pub trait PaymentGateway: Send + Sync + 'static {
    /// Lets the guest pay `amount`. The same `key` never opens a second payment that is charged.
    fn open(
        &self,
        key: &EffectKey,
        payment_id: PaymentId,
        amount: Money,
        channel: &str,
    ) -> BoxFuture<'_, Result<OpenedPayment, GatewayError>>;

    /// Gives `amount` of the payment `reference` back and answers the provider's name for that.
    /// The same `key` never pays twice.
    fn refund(
        &self,
        key: &EffectKey,
        reference: &str,
        amount: Money,
    ) -> BoxFuture<'_, Result<String, GatewayError>>;
}

/// Sends mail. The Message-ID is made of the key, so that a repeat can be told from a new one.
pub trait MailGateway: Send + Sync + 'static {
    /// Hands `mail` over; when `Ok` is returned, the other side has it.
    fn send(&self, key: &EffectKey, mail: lettre::Message) -> BoxFuture<'_, Result<(), GatewayError>>;
}

/// Sends text messages.
pub trait SmsGateway: Send + Sync + 'static {
    /// Sends `text` to the E.164 number `to`.
    fn send(&self, key: &EffectKey, to: &str, text: &str) -> BoxFuture<'_, Result<(), GatewayError>>;
}
