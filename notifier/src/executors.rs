//! Carries out one effect.

pub mod breaker;
mod message;
mod payment;
pub mod rate_limit;
mod send_again;
mod staff_message;
mod webhook;

use std::sync::Arc;

use chassis::environment::SharedEnvironment;
use chrono::{DateTime, TimeDelta, Utc};
use events::{EventId, Recorded};
use serde_json::value::RawValue;

pub use self::message::still_true;
use self::rate_limit::RateLimiter;
use crate::domain::effect::{
    Effect, EffectKey, Lane, NotificationOutcome, NotificationResult, Planned, Template,
};
use crate::domain::reaction::NotificationPolicy;
use crate::domain::webhooks::Webhooks;
use crate::effects::entry::Entry;
use crate::effects::from_event::effects_of;
use crate::effects::{EffectLog, TrackedEffect};
use crate::failpoint;
use crate::messages::Messages;
use crate::ports::payment::PaymentProvider;
use crate::ports::payment_providers::PaymentProviders;
use crate::ports::reservation_api::{ReservationApi, ReservationError};
use crate::ports::{MailSender, ProviderError, SmsSender, WebhookSender};

/// The reason code of a message that was no longer true or possible.
const NOT_SENT: &str = "not_sent";

/// Carries out effects at the systems outside.
pub struct EffectExecutor {
    /// The reservation service.
    pub reservation_api: Arc<dyn ReservationApi>,
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
    pub webhook_sender: Arc<dyn WebhookSender>,
    /// The rate limits of messages.
    pub rate_limiter: RateLimiter,
    /// Which messages guests get, and when.
    pub policy: NotificationPolicy,
    /// The base URL of the pages for guests.
    pub public_url: String,
    /// Time, timers, tasks, ids and randomness.
    pub env: SharedEnvironment,
}

/// The external system that carries out an effect. The reservation service is none.
#[derive(Clone)]
pub enum System {
    /// A payment provider.
    Payment(Arc<dyn PaymentProvider>),
    /// Mail, text messages, or the receiver of a webhook, by its name.
    Named(String),
}

impl System {
    /// The name of the system, which is that of its breaker.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Payment(provider) => provider.name(),
            Self::Named(name) => name,
        }
    }
}

/// The payment provider that `system` is. `name` is its name in the settings.
fn provider<'a>(system: Option<&'a System>, name: &str) -> Result<&'a dyn PaymentProvider, Failure> {
    match system {
        Some(System::Payment(provider)) => Ok(provider.as_ref()),
        Some(System::Named(_)) | None => Err(unknown_provider(name)),
    }
}

fn unknown_provider(name: &str) -> Failure {
    let error = format!("the provider {name:?} is not in the settings: add it again, then retry this effect");
    Failure::permanent("unknown_provider", error)
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

impl From<ReservationError> for Failure {
    fn from(error: ReservationError) -> Self {
        let (advice, reason_code) = match error {
            ReservationError::Unavailable(_) | ReservationError::Limited(_) => {
                (RetryAdvice::WaitForReservationService, "refused_by_reservation")
            }
            ReservationError::Unreadable(_) => {
                (RetryAdvice::TryAgain { new_key: false, after: TimeDelta::zero() }, "unreadable")
            }
            ReservationError::Refused { .. } => (RetryAdvice::None, "refused_by_reservation"),
        };
        Self { advice, reason_code, error: error.to_string() }
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
    /// The external system that carries out `effect`. `None` for the reservation service, and for a payment
    /// provider that is not in the settings.
    #[must_use]
    pub fn system_of(&self, effect: &Effect) -> Option<System> {
        match effect.lane() {
            Lane::Money => self.provider_of(effect).map(System::Payment),
            Lane::Mail => Some(System::Named("mail".into())),
            Lane::Sms => Some(System::Named("sms".into())),
            Lane::Webhooks => match effect {
                Effect::SendWebhook(webhook) => Some(System::Named(format!("hook:{}", webhook.hook))),
                _ => None,
            },
            Lane::Results => None,
        }
    }

    /// Makes one attempt at `effect` at its `system`.
    ///
    /// # Errors
    /// [`Failure`]. The effect may still have happened; repeating it with the same key is safe.
    pub async fn execute(
        &self,
        effect: &TrackedEffect,
        system: Option<&System>,
    ) -> Result<Execution, Failure> {
        let (key, by) = (&effect.scheduled.key, effect.author());
        match &effect.scheduled.effect {
            Effect::TakeDeposit(deposit) => self.take_deposit(effect, deposit, system, &by).await,
            Effect::ClosePayments { reservation_id, payment_id: Some(id), if_not_owed: true } => {
                self.close_if_not_owed(*reservation_id, *id, &by).await
            }
            Effect::ClosePayments { payment_id: Some(id), .. } => self.close_one(*id).await,
            Effect::ClosePayments { reservation_id, payment_id: None, .. } => {
                Ok(self.close_all(key, *reservation_id))
            }
            Effect::SendAgain { reservation_id, media } => {
                self.send_again(effect, *reservation_id, media, &by).await
            }
            Effect::RenewPayLinks { reservation_id } => self.renew_pay_links(*reservation_id, &by).await,
            Effect::Refund { reservation_id, payment_id, amount } => {
                self.refund(effect, system, *reservation_id, *payment_id, *amount).await
            }
            Effect::Message { .. } => Ok(self.with_report(effect, self.message(effect, &by).await?)),
            Effect::EraseCopies { about } => {
                self.mail.erase(*about).await?;
                Ok(Execution::done())
            }
            Effect::StaffMessage { staff_id, template, number } => {
                self.staff_message(effect, *staff_id, *template, *number, &by).await
            }
            Effect::PostPayment { reservation_id, result } => {
                self.post_payment(key, *reservation_id, result, &by).await
            }
            Effect::PostNotification { about, result } => {
                failpoint::hit("post.before");
                self.reservation_api.report_notification(*about, key, result, &by).await?;
                failpoint::hit("post.after");
                Ok(Execution::done())
            }
            Effect::SendWebhook(webhook) => self.send_webhook(webhook).await,
            Effect::React { after } => self.react(*after).await,
        }
    }

    /// The reservation service keeps the contact of a waiting party until it knows what became of the message that its offer is
    /// over. So it is told also if that message is not sent.
    fn with_report(&self, effect: &TrackedEffect, execution: Execution) -> Execution {
        let Effect::Message { about, template: Template::OfferOver, medium, .. } = &effect.scheduled.effect
        else {
            return execution;
        };
        if !execution.then.is_empty() {
            return execution;
        }
        let outcome = NotificationOutcome::Failed { reason_code: NOT_SENT.to_owned() };
        let (notification_id, template) = (effect.scheduled.key.clone(), Template::OfferOver);
        let result = NotificationResult { notification_id, template, medium: *medium, outcome };
        let told = Effect::PostNotification { about: *about, result };
        Execution { then: vec![self.plan(effect.scheduled.key.then("not-sent"), told)], ..execution }
    }

    /// Schedules the effects of an event that could not be decoded before.
    async fn react(&self, after: Option<EventId>) -> Result<Execution, Failure> {
        let event = self.event_after(after).await?;
        let unreadable =
            |error: String| Failure::permanent("unreadable", format!("the event cannot be decoded: {error}"));
        let recorded =
            Recorded::parse(event.get().as_bytes()).map_err(|error| unreadable(error.to_string()))?;
        let scheduled = effects_of(&recorded, &self.policy).map_err(unreadable)?;
        let new = scheduled.into_iter().filter(|scheduled| !self.effect_log.is_known(&scheduled.key));
        let entries = new.map(Entry::EffectScheduled).collect();
        Ok(Execution { entries, ..Execution::done() })
    }

    /// The event that follows `after` in the feed.
    async fn event_after(&self, after: Option<EventId>) -> Result<Box<RawValue>, Failure> {
        let event = self.reservation_api.event_after(after).await?;
        event.ok_or_else(|| Failure::permanent("unreadable", "the event is no longer in the feed"))
    }

    fn plan(&self, key: EffectKey, effect: Effect) -> Planned {
        Planned { key, effect, due_at: self.env.now() }
    }
}
