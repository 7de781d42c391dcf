//! The application put together: the effect log, the adapters, and the tasks in the background.

use std::sync::Arc;

use access::{AccessMode, Caller, ClientLimits, Link, SnapshotDoor, Venues};
use chassis::environment::SharedEnvironment;
use chassis::network::Hosts;
use chassis::serve::Shutdown;
use contract::reservation::view::ContactView;
use events::feed::Lag;
use events::recorded::EventMetadata;
use events::{PaymentId, Position, ReservationId};
use futures::future::BoxFuture;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

use crate::adapters::simulated::Simulated;
use crate::adapters::stripe::Stripe;
use crate::domain::retry_policy::RetrySettings;
use crate::domain::webhooks::Webhooks;
use crate::effects::EffectLog;
use crate::effects::payment::Payment;
use crate::effects::payment::pay_link_in;
use crate::executors::EffectExecutor;
use crate::executors::breaker::Breakers;
use crate::ports::payment_providers::PaymentProviders;
use crate::ports::reservation_api::{ReservationApi, ReservationError};
use crate::workers::checkpoint_mail::{CheckpointMail, CheckpointMailer};
use crate::workers::feed_consumer::{FeedConsumer, FeedStatus};
use crate::workers::payment_poller;
use crate::workers::simulated_guest::{self, Decision};
use crate::workers::{access_snapshot, effect_worker};

/// The application. Cheap to clone.
#[derive(Clone)]
pub struct App {
    /// The log of effects and their results.
    pub effect_log: Arc<EffectLog>,
    /// The status of the feed consumer.
    pub feed_status: FeedStatus,
    /// The reservation service.
    pub reservation_api: Arc<dyn ReservationApi>,
    /// The payment providers.
    pub payment_providers: Arc<PaymentProviders>,
    /// The simulated provider, which decides on our own pages.
    pub simulated: Arc<Simulated>,
    /// Stripe, which sends webhooks, if it is configured.
    pub stripe: Option<Arc<Stripe>>,
    /// The webhook subscriptions.
    pub hooks: Arc<Webhooks>,
    /// The circuit breakers.
    pub breakers: Arc<Breakers>,
    /// Permits one reconciliation at a time.
    pub reconciling: Arc<Semaphore>,
    /// Finds out who sent a request.
    pub door: Arc<SnapshotDoor>,
    /// Whether callers need credentials.
    pub access_mode: AccessMode,
    /// The names under which the service answers.
    pub hosts: Hosts,
    /// The limits of all clients.
    pub limits: Arc<ClientLimits>,
    /// Time, timers, tasks, ids and randomness.
    pub env: SharedEnvironment,
    /// The shutdown signal.
    pub shutdown: Shutdown,
}

impl App {
    /// Starts the tasks in the background: the feed consumer, the reader of keys, the effect worker, the payment poller,
    /// the mailer of checkpoints and the simulated guest. The returned worker ends when the effects under way have ended.
    #[must_use]
    pub fn start(
        &self,
        executor: EffectExecutor,
        retry_settings: RetrySettings,
        decision: Option<Decision>,
        checkpoints: Option<CheckpointMail>,
    ) -> JoinHandle<()> {
        let effect_log = || Arc::clone(&self.effect_log);
        let (env, shutdown) = (|| Arc::clone(&self.env), || self.shutdown.clone());
        let (payment_providers, breakers) =
            (|| Arc::clone(&self.payment_providers), || Arc::clone(&self.breakers));
        let feed_consumer = FeedConsumer {
            reservation_api: Arc::clone(&self.reservation_api),
            effect_log: effect_log(),
            policy: executor.policy.clone(),
            hooks: Arc::clone(&self.hooks),
            status: self.feed_status.clone(),
            env: env(),
        };
        // These run until the shutdown. Only the effect worker is waited for.
        let spawn = |task: BoxFuture<'static, ()>| drop(self.env.spawn(task));
        spawn(Box::pin(feed_consumer.run(shutdown())));
        let (api, door) = (Arc::clone(&self.reservation_api), Arc::clone(&self.door));
        spawn(Box::pin(access_snapshot::run(api, door, env(), shutdown())));
        spawn(Box::pin(payment_poller::run(
            effect_log(),
            payment_providers(),
            breakers(),
            env(),
            shutdown(),
        )));
        if let Some(setting) = checkpoints {
            let mailer = CheckpointMailer {
                setting,
                reservation_api: Arc::clone(&self.reservation_api),
                mail: Arc::clone(&executor.mail),
                messages: executor.messages.clone(),
                env: env(),
                shutdown: shutdown(),
            };
            spawn(Box::pin(mailer.run()));
        }
        if let Some(decision) = decision {
            let simulated = Arc::clone(&self.simulated);
            spawn(Box::pin(simulated_guest::run(effect_log(), simulated, env(), decision, shutdown())));
        }
        self.env.spawn(Box::pin(effect_worker::run(
            effect_log(),
            Arc::new(executor),
            breakers(),
            env(),
            retry_settings,
            shutdown(),
        )))
    }

    /// At most `limit` payments that match `wanted` and that `caller` may read, by their place in lists.
    #[must_use]
    pub fn payments(&self, caller: &Caller, wanted: impl Fn(&Payment) -> bool, limit: usize) -> Vec<Payment> {
        self.effect_log.payments(|payment| may_read(caller, payment) && wanted(payment), limit)
    }

    /// The payment `id`, if `caller` may read it.
    #[must_use]
    pub fn payment(&self, caller: &Caller, id: PaymentId) -> Option<Payment> {
        self.effect_log.payment(id).filter(|payment| may_read(caller, payment))
    }

    /// The URL on which the guest of `reservation_id` pays what is due; `None` if nothing can be paid. Also `None` after the
    /// link of the booking was renewed: the caller presents the link of the waitlist entry, which must not bring it back.
    ///
    /// # Errors
    /// [`ReservationError`].
    pub async fn pay_url(
        &self,
        reservation_id: ReservationId,
        by: &EventMetadata,
    ) -> Result<Option<String>, ReservationError> {
        let open = self.effect_log.open_payments_of(reservation_id);
        if open.is_empty() {
            return Ok(None);
        }
        let contact = self.reservation_api.contact(reservation_id.into(), by).await?;
        let is_first = |contact: &ContactView| {
            let link = contact.guest_link.as_ref().and_then(|link| Link::claimed_by(&link.token));
            link.is_none_or(|link| link.generation == 0)
        };
        let due = |contact: &ContactView| {
            let due = open.iter().find(|payment| pay_link_in(contact, payment.id()).is_some());
            // A reservation service of an earlier version names no links.
            let first = open.first().filter(|_| contact.pay_links.is_empty());
            due.or(first).map(|payment| payment.url_for(contact))
        };
        Ok(contact.filter(is_first).and_then(|contact| due(&contact)))
    }

    /// The distance to the end of the feed.
    #[must_use]
    pub fn lag(&self) -> Lag {
        let position =
            self.effect_log.cursor().map_or(Position::START, |cursor| cursor.last_event_id.position);
        Lag { position, head: self.feed_status.seen().head.max(position) }
    }

    /// The age of the last processed event in seconds; zero at the end of the feed.
    #[must_use]
    pub fn lag_seconds(&self) -> f64 {
        match self.effect_log.cursor() {
            Some(cursor) if self.lag().events() > 0 => {
                (self.env.now() - cursor.time).as_seconds_f64().max(0.0)
            }
            _ => 0.0,
        }
    }

    /// Updates the gauges. Called before they are read.
    pub fn measure(&self) {
        for (state, count) in self.effect_log.counts() {
            metrics::gauge!("meja_effects", "state" => state.word()).set(count as f64);
        }
        for (system, breaker) in self.breakers.seen() {
            metrics::gauge!("meja_breaker_open", "who" => system)
                .set(f64::from(breaker.open_until.is_some()));
        }
        metrics::gauge!("meja_notifier_active").set(f64::from(self.effect_log.may_act()));
        metrics::gauge!("meja_notifier_lag_events").set(self.lag().events() as f64);
        metrics::gauge!("meja_notifier_lag_seconds").set(self.lag_seconds());
    }
}

/// The venue of a payment that an earlier version opened is not known: only a caller for all venues may read it.
fn may_read(caller: &Caller, payment: &Payment) -> bool {
    match &payment.opened.venue_id {
        Some(venue) => caller.may_use(venue).is_ok(),
        None => caller.venues == Venues::All,
    }
}
