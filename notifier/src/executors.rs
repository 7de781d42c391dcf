//! Doing one effect, outside.

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
use crate::adapters::payment_providers::PaymentProviders;
use crate::adapters::reservation_client::{ReservationClient, ReservationClientError};
use crate::adapters::webhook_sender::WebhookSender;
use crate::domain::effect::{Effect, EffectKey, Lane, Planned};
use crate::domain::reaction::NotificationPolicy;
use crate::domain::webhooks::Webhooks;
use crate::effects::entry::Entry;
use crate::effects::from_event::effects_of;
use crate::effects::{EffectLog, TrackedEffect};
use crate::executors::rate_limit::RateLimiter;
use crate::failpoint;
use crate::messages::Messages;
use crate::ports::{MailSender, ProviderError, SmsSender};

/// Does effects through the gateways.
pub struct EffectExecutor {
    /// The reservation service.
    pub reservation_client: ReservationClient,
    /// What is known of payments.
    pub effect_log: Arc<EffectLog>,
    /// Who takes money.
    pub payment_providers: Arc<PaymentProviders>,
    /// Sends mail.
    pub mail: Arc<dyn MailSender>,
    /// Sends text messages.
    pub sms: Option<Arc<dyn SmsSender>>,
    /// The words.
    pub messages: Messages,
    /// Systems of the restaurant that are told of events.
    pub hooks: Arc<Webhooks>,
    /// Tells them.
    pub webhook_sender: WebhookSender,
    /// How many messages go out.
    pub rate_limiter: RateLimiter,
    /// What the house wants to be told and when.
    pub policy: NotificationPolicy,
    /// Where guests reach the notifier's pages.
    pub public_url: String,
    /// Time.
    pub clock: SharedEnvironment,
}

/// What a execution effect leads to.
#[derive(Debug)]
pub struct Execution {
    /// `done`, or why there was nothing to do any more.
    pub outcome: &'static str,
    /// Whom it reached, masked.
    pub recipient: Option<String>,
    /// What else is to be written down.
    pub entries: Vec<Entry>,
    /// What is to be done next.
    pub then: Vec<Planned>,
}

impl Execution {
    fn done() -> Self {
        Self { outcome: "done", recipient: None, entries: vec![], then: vec![] }
    }

    /// There was nothing to do any more.
    fn skipped(why: &'static str) -> Self {
        Self { outcome: why, ..Self::done() }
    }
}

/// A try that failed.
#[derive(Debug)]
pub struct Failure {
    /// What helps.
    pub advice: RetryAdvice,
    /// Why, as a stable code.
    pub reason_code: &'static str,
    /// Why, in words.
    pub error: String,
}

/// What helps against a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RetryAdvice {
    /// WaitlistEntry for the reservation service, however long that takes.
    WaitForReservationService,
    /// WaitlistEntry until there is room for it.
    WaitUntil(DateTime<Utc>),
    /// Another try, a bounded number of times.
    TryAgain {
        /// Under another idempotency key.
        new_key: bool,
        /// Not sooner than after this.
        after: TimeDelta,
    },
    /// Nothing.
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
    /// Too many went out already.
    fn no_room(until: DateTime<Utc>) -> Self {
        let error = format!("as many messages as may go out have gone out: the next ones after {until}");
        Self { advice: RetryAdvice::WaitUntil(until), reason_code: "too_many_messages", error }
    }

    /// Whether the other side is there and wants less.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        matches!(self.advice, RetryAdvice::TryAgain { after, .. } if after > TimeDelta::zero())
    }

    fn final_one(reason_code: &'static str, error: impl Into<String>) -> Self {
        Self { advice: RetryAdvice::None, reason_code, error: error.into() }
    }
}

impl EffectExecutor {
    /// Who outside is asked for `effect`, apart from the reservation service.
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

    /// Does `effect` once.
    ///
    /// # Errors
    /// [`Failure`]; whether something happened outside is not known then, and a repeat under the
    /// same key does no harm.
    pub async fn perform(&self, effect: &TrackedEffect) -> Result<Execution, Failure> {
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
            Effect::SendWebhook(tell) => self.tell_hook(tell).await,
            Effect::React { after } => self.react_after_all(*after).await,
        }
    }

    /// To an event that could not be read before.
    async fn react_after_all(&self, after: Option<EventId>) -> Result<Execution, Failure> {
        let event = self.event_after(after).await?;
        let unreadable =
            |error: String| Failure::final_one("unreadable", format!("the event can not be read: {error}"));
        let recorded = Recorded::parse(event.as_bytes()).map_err(|error| unreadable(error.to_string()))?;
        let scheduled = effects_of(&recorded, &self.policy).map_err(unreadable)?;
        let new = scheduled.into_iter().filter(|scheduled| self.effect_log.effect(&scheduled.key).is_none());
        let entries = new.map(Entry::EffectScheduled).collect();
        Ok(Execution { entries, ..Execution::done() })
    }

    /// An event of the feed, by the one before it.
    async fn event_after(&self, after: Option<EventId>) -> Result<String, Failure> {
        let event = self.reservation_client.event_after(after).await?;
        event.ok_or_else(|| Failure::final_one("unreadable", "the event is not in the feed any more"))
    }

    fn plan(&self, key: EffectKey, effect: Effect) -> Planned {
        Planned { key, effect, due_at: self.clock.now() }
    }
}
