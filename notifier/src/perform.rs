//! Doing one effect, outside.

mod hook;
mod message;
mod money;

use std::sync::Arc;

use chassis::environment::SharedEnvironment;
use chrono::{DateTime, TimeDelta, Utc};
use events::{EventId, Recorded};

pub use self::message::still_true;
use crate::effect::{Effect, EffectKey, Lane, Planned};
use crate::failpoint;
use crate::follow::effects_of;
use crate::gateway::hook::HookSender;
use crate::gateway::{GatewayError, MailGateway, SmsGateway};
use crate::hooks::Hooks;
use crate::journal::Entry;
use crate::messages::Messages;
use crate::outbox::{Outbox, Tracked};
use crate::reaction::Habits;
use crate::throttle::Throttle;
use crate::tills::Tills;
use crate::upstream::{Upstream, UpstreamError};

/// Does effects through the gateways.
pub struct Performer {
    /// The reservation service.
    pub upstream: Upstream,
    /// What is known of payments.
    pub outbox: Arc<Outbox>,
    /// Who takes money.
    pub tills: Arc<Tills>,
    /// Sends mail.
    pub mail: Arc<dyn MailGateway>,
    /// Sends text messages.
    pub sms: Option<Arc<dyn SmsGateway>>,
    /// The words.
    pub messages: Messages,
    /// Systems of the restaurant that are told of events.
    pub hooks: Arc<Hooks>,
    /// Tells them.
    pub hook_sender: HookSender,
    /// How many messages go out.
    pub throttle: Throttle,
    /// What the house wants to be told and when.
    pub habits: Habits,
    /// Where guests reach the notifier's pages.
    pub public_url: String,
    /// Time.
    pub clock: SharedEnvironment,
}

/// What a performed effect leads to.
#[derive(Debug)]
pub struct Performed {
    /// `done`, or why there was nothing to do any more.
    pub outcome: &'static str,
    /// Whom it reached, masked.
    pub recipient: Option<String>,
    /// What else is to be written down.
    pub entries: Vec<Entry>,
    /// What is to be done next.
    pub then: Vec<Planned>,
}

impl Performed {
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
    pub remedy: Remedy,
    /// Why, as a stable code.
    pub reason_code: &'static str,
    /// Why, in words.
    pub error: String,
}

/// What helps against a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Remedy {
    /// Waiting for the reservation service, however long that takes.
    WaitForUpstream,
    /// Waiting until there is room for it.
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

impl From<UpstreamError> for Failure {
    fn from(error: UpstreamError) -> Self {
        let remedy = match error {
            UpstreamError::Unavailable(_) => Remedy::WaitForUpstream,
            UpstreamError::Refused { .. } => Remedy::None,
        };
        Self { remedy, reason_code: "refused_by_reservation", error: error.to_string() }
    }
}

impl From<GatewayError> for Failure {
    fn from(error: GatewayError) -> Self {
        let again = |new_key, after| (Remedy::TryAgain { new_key, after }, "provider_unavailable");
        let (remedy, reason_code) = match error {
            GatewayError::Passing(_) => again(false, TimeDelta::zero()),
            GatewayError::Busy { after, .. } => again(false, after),
            GatewayError::Failed(_) => again(true, TimeDelta::zero()),
            GatewayError::Final(_) => (Remedy::None, "provider_refused"),
        };
        Self { remedy, reason_code, error: error.to_string() }
    }
}

impl Failure {
    /// Too many went out already.
    fn no_room(until: DateTime<Utc>) -> Self {
        let error = format!("as many messages as may go out have gone out: the next ones after {until}");
        Self { remedy: Remedy::WaitUntil(until), reason_code: "too_many_messages", error }
    }

    /// Whether the other side is there and wants less.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        matches!(self.remedy, Remedy::TryAgain { after, .. } if after > TimeDelta::zero())
    }

    fn final_one(reason_code: &'static str, error: impl Into<String>) -> Self {
        Self { remedy: Remedy::None, reason_code, error: error.into() }
    }
}

impl Performer {
    /// Who outside is asked for `effect`, apart from the reservation service.
    #[must_use]
    pub fn outside(&self, effect: &Effect) -> Option<String> {
        match effect.lane() {
            Lane::Money => self.provider_of(effect).map(|provider| provider.name().to_owned()),
            Lane::Mail => Some("mail".into()),
            Lane::Sms => Some("sms".into()),
            Lane::Hooks => match effect {
                Effect::TellHook(tell) => Some(format!("hook:{}", tell.hook)),
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
    pub async fn perform(&self, effect: &Tracked) -> Result<Performed, Failure> {
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
                self.upstream.post(*about, "notification-results", key, result, &by).await?;
                failpoint::hit("post.after");
                Ok(Performed::done())
            }
            Effect::TellHook(tell) => self.tell_hook(tell).await,
            Effect::React { after } => self.react_after_all(*after).await,
        }
    }

    /// To an event that could not be read before.
    async fn react_after_all(&self, after: Option<EventId>) -> Result<Performed, Failure> {
        let event = self.event_after(after).await?;
        let unreadable =
            |error: String| Failure::final_one("unreadable", format!("the event can not be read: {error}"));
        let recorded = Recorded::parse(event.as_bytes()).map_err(|error| unreadable(error.to_string()))?;
        let scheduled = effects_of(&recorded, &self.habits).map_err(unreadable)?;
        let new = scheduled.into_iter().filter(|scheduled| self.outbox.effect(&scheduled.key).is_none());
        let entries = new.map(Entry::EffectScheduled).collect();
        Ok(Performed { entries, ..Performed::done() })
    }

    /// An event of the feed, by the one before it.
    async fn event_after(&self, after: Option<EventId>) -> Result<String, Failure> {
        let event = self.upstream.event_after(after).await?;
        event.ok_or_else(|| Failure::final_one("unreadable", "the event is not in the feed any more"))
    }

    fn plan(&self, key: EffectKey, effect: Effect) -> Planned {
        Planned { key, effect, due_at: self.clock.now() }
    }
}
