//! Carries out one effect.

pub mod breaker;
mod message;
mod payment;
pub mod rate_limit;
mod webhook;

use std::sync::Arc;

use chassis::environment::SharedEnvironment;
use chrono::{DateTime, TimeDelta, Utc};
use events::{EventId, Recorded};

pub use self::message::still_true;
use self::rate_limit::RateLimiter;
use crate::adapters::payment_providers::PaymentProviders;
use crate::adapters::reservation_client::{ReservationClient, ReservationClientError};
use crate::adapters::webhook_sender::WebhookSender;
use crate::domain::effect::{Effect, EffectKey, Lane, Planned};
use crate::domain::reaction::NotificationPolicy;
use crate::domain::webhooks::Webhooks;
use crate::effects::entry::Entry;
use crate::effects::from_event::effects_of;
use crate::effects::{EffectLog, TrackedEffect};
use crate::failpoint;
use crate::messages::Messages;
use crate::ports::{MailSender, ProviderError, SmsSender};

/// Carries out effects with the adapters.
pub struct EffectExecutor {
    /// The reservation service.
    pub reservation_client: ReservationClient,
    /// The log of effects and payments.
    pub effect_log: Arc<EffectLog>,
    /// The payment providers.
    pub payment_providers: Arc<PaymentProviders>,
    /// Sends mail.
    pub mail: Arc<dyn MailSender>,
    /// Sends text messages.
    pub sms: Option<Arc<dyn SmsSender>>,
    /// The texts.
    pub messages: Messages,
    /// The subscriptions to webhooks.
    pub hooks: Arc<Webhooks>,
    /// Sends webhooks.
    pub webhook_sender: WebhookSender,
    /// The rate limits of messages.
    pub rate_limiter: RateLimiter,
    /// Which messages guests get, and when.
    pub policy: NotificationPolicy,
    /// The base URL of the pages for guests.
    pub public_url: String,
    /// Time, timers, tasks, ids and randomness.
    pub clock: SharedEnvironment,
}

/// The result of carrying out an effect.
#[derive(Debug)]
pub struct Execution {
    /// `done`, or why nothing had to be done.
    pub outcome: &'static str,
    /// The recipient, masked.
    pub recipient: Option<String>,
    /// Further entries for the log.
    pub entries: Vec<Entry>,
    /// Effects that follow.
    pub then: Vec<Planned>,
}

impl Execution {
    fn done() -> Self {
        Self { outcome: "done", recipient: None, entries: vec![], then: vec![] }
    }

    /// Nothing had to be done.
    fn skipped(why: &'static str) -> Self {
        Self { outcome: why, ..Self::done() }
    }
}

/// A failed attempt.
#[derive(Debug)]
pub struct Failure {
    /// Whether and when to try again.
    pub advice: RetryAdvice,
    /// The reason as a stable code.
    pub reason_code: &'static str,
    /// The reason as text.
    pub error: String,
}

/// Whether and when to try again after a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RetryAdvice {
    /// When the reservation service responds, however long that takes.
    WaitForReservationService,
    /// At this time, when the rate limit permits it.
    WaitUntil(DateTime<Utc>),
    /// After a delay, a limited number of times.
    TryAgain {
        /// Whether to use a new idempotency key.
        new_key: bool,
        /// The minimum delay.
        after: TimeDelta,
    },
    /// Never.
    None,
}

impl From<ReservationClientError> for Failure {
    fn from(error: ReservationClientError) -> Self {
        let advice = match error {
            ReservationClientError::Unavailable(_) => RetryAdvice::WaitForReservationService,
            ReservationClientError::Refused { .. } => RetryAdvice::None,
        };
        Self { advice, reason_code: "refused_by_reservation", error: error.to_string() }
    }
}

impl From<ProviderError> for Failure {
    fn from(error: ProviderError) -> Self {
        let again = |new_key, after| (RetryAdvice::TryAgain { new_key, after }, "provider_unavailable");
        let (advice, reason_code) = match error {
            ProviderError::Transient(_) => again(false, TimeDelta::zero()),
            ProviderError::Busy { after, .. } => again(false, after),
            ProviderError::Failed(_) => again(true, TimeDelta::zero()),
            ProviderError::Final(_) => (RetryAdvice::None, "provider_refused"),
        };
        Self { advice, reason_code, error: error.to_string() }
    }
}

impl Failure {
    /// A rate limit was reached.
    fn rate_limited(until: DateTime<Utc>) -> Self {
        let error = format!("the limit of messages is reached: the next one can be sent at {until}");
        Self { advice: RetryAdvice::WaitUntil(until), reason_code: "too_many_messages", error }
    }

    /// Whether the provider works, but asked for fewer requests.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        matches!(self.advice, RetryAdvice::TryAgain { after, .. } if after > TimeDelta::zero())
    }

    fn permanent(reason_code: &'static str, error: impl Into<String>) -> Self {
        Self { advice: RetryAdvice::None, reason_code, error: error.into() }
    }
}

impl EffectExecutor {
    /// The system that carries out `effect`, apart from the reservation service.
    #[must_use]
    pub fn outside(&self, effect: &Effect) -> Option<String> {
        match effect.lane() {
            Lane::Money => self.provider_of(effect).map(|provider| provider.name().to_owned()),
            Lane::Mail => Some("mail".into()),
            Lane::Sms => Some("sms".into()),
            Lane::Webhooks => match effect {
                Effect::SendWebhook(tell) => Some(format!("hook:{}", tell.hook)),
                _ => None,
            },
            Lane::Results => None,
        }
    }

    /// Makes one attempt at `effect`.
    ///
    /// # Errors
    /// [`Failure`]. The effect may still have happened; repeating it with the same key is safe.
    pub async fn execute(&self, effect: &TrackedEffect) -> Result<Execution, Failure> {
        let (key, by) = (&effect.scheduled.key, effect.author());
        match &effect.scheduled.effect {
            Effect::TakeDeposit(deposit) => self.take_deposit(effect, deposit, &by).await,
            Effect::ClosePayments { reservation_id } => self.close_payments(*reservation_id).await,
            Effect::Refund { reservation_id, payment_id, amount } => {
                self.refund(effect, *reservation_id, *payment_id, *amount).await
            }
            Effect::Message { .. } => self.message(effect, &by).await,
            Effect::PostPayment { reservation_id, result } => {
                self.post_payment(key, *reservation_id, result, &by).await
            }
            Effect::PostNotification { about, result } => {
                failpoint::hit("post.before");
                self.reservation_client.post(*about, "notification-results", key, result, &by).await?;
                failpoint::hit("post.after");
                Ok(Execution::done())
            }
            Effect::SendWebhook(tell) => self.send_webhook(tell).await,
            Effect::React { after } => self.react(*after).await,
        }
    }

    /// Schedules the effects of an event that could not be decoded before.
    async fn react(&self, after: Option<EventId>) -> Result<Execution, Failure> {
        let event = self.event_after(after).await?;
        let unreadable =
            |error: String| Failure::permanent("unreadable", format!("the event cannot be decoded: {error}"));
        let recorded = Recorded::parse(event.as_bytes()).map_err(|error| unreadable(error.to_string()))?;
        let scheduled = effects_of(&recorded, &self.policy).map_err(unreadable)?;
        let new = scheduled.into_iter().filter(|scheduled| !self.effect_log.is_known(&scheduled.key));
        let entries = new.map(Entry::EffectScheduled).collect();
        Ok(Execution { entries, ..Execution::done() })
    }

    /// The event that follows `after` in the feed.
    async fn event_after(&self, after: Option<EventId>) -> Result<String, Failure> {
        let event = self.reservation_client.event_after(after).await?;
        event.ok_or_else(|| Failure::permanent("unreadable", "the event is no longer in the feed"))
    }

    fn plan(&self, key: EffectKey, effect: Effect) -> Planned {
        Planned { key, effect, due_at: self.clock.now() }
    }
}
