//! The world outside: a trait for each kind of it.

pub mod files;
pub mod hook;
pub mod payment;
pub mod simulated;
pub mod smtp;
pub mod stripe;
pub mod text;

use chrono::TimeDelta;
use futures::future::BoxFuture;

use crate::effect::EffectKey;

/// Why something did not happen outside.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GatewayError {
    /// It may work later. Whether it happened is not known.
    #[error("{0}")]
    Passing(String),
    /// The other side is busy and wants to be asked again after a while.
    #[error("{words}")]
    Busy {
        /// What it said.
        words: String,
        /// How long it wants to be left alone.
        after: TimeDelta,
    },
    /// The other side failed on its own. Whether it happened is not known, and the same idempotency key may get the same
    /// answer for ever.
    #[error("{0}")]
    Failed(String),
    /// It never will.
    #[error("{0}")]
    Final(String),
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
