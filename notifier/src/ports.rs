//! The interfaces to other systems: a trait for each kind of system, and the registry of payment providers.

pub mod payment;
pub mod payment_providers;
pub mod reservation_api;

use chrono::{DateTime, TimeDelta, Utc};
use futures::future::BoxFuture;

use crate::domain::effect::{About, EffectKey};
use crate::domain::webhooks::Webhook;

/// Why a provider did not do something.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProviderError {
    /// A temporary failure. Whether the effect happened is unknown.
    #[error("{0}")]
    Transient(String),
    /// The provider asks to repeat the request later.
    #[error("{words}")]
    Busy {
        /// The response of the provider.
        words: String,
        /// The minimum time until the next request.
        after: TimeDelta,
    },
    /// The provider failed. Whether the effect happened is unknown, and it may repeat the same response for the same
    /// idempotency key.
    #[error("{0}")]
    Failed(String),
    /// The provider refused permanently.
    #[error("{0}")]
    Final(String),
}

/// Sends mail. The Message-ID is derived from the key, so that a repeated message can be recognised.
pub trait MailSender: Send + Sync + 'static {
    /// Sends `mail` about a guest, or to a member of staff. `Ok` means that the server has accepted it.
    fn send(
        &self,
        key: &EffectKey,
        about: Option<About>,
        mail: lettre::Message,
    ) -> BoxFuture<'_, Result<(), ProviderError>>;

    /// Erases the copies of all mails about a guest. A sender that keeps none has nothing to do.
    fn erase(&self, _about: About) -> BoxFuture<'_, Result<(), ProviderError>> {
        Box::pin(async { Ok(()) })
    }
}

/// Sends text messages.
pub trait SmsSender: Send + Sync + 'static {
    /// Sends `text` to the E.164 number `to`.
    fn send(&self, key: &EffectKey, to: &str, text: &str) -> BoxFuture<'_, Result<(), ProviderError>>;
}

/// The response of a webhook receiver.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivery {
    /// It accepted the event.
    Accepted,
    /// It wants no more events.
    Gone,
}

/// Sends webhooks.
pub trait WebhookSender: Send + Sync + 'static {
    /// Sends `body` to `hook`. `id` is the same for every attempt, `now` is the time of this attempt.
    fn send<'a>(
        &'a self,
        hook: &'a Webhook,
        id: &'a str,
        body: String,
        now: DateTime<Utc>,
    ) -> BoxFuture<'a, Result<Delivery, ProviderError>>;
}
