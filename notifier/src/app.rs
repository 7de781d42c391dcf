//! The application put together: the effect log, the adapters, and the tasks in the background.

use std::sync::Arc;

use chassis::environment::SharedEnvironment;
use chassis::secret::Token;
use chassis::serve::Shutdown;
use events::Position;
use events::feed::Lag;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

use crate::adapters::payment_providers::PaymentProviders;
use crate::adapters::reservation_client::ReservationClient;
use crate::domain::webhooks::Webhooks;
use crate::effects::EffectLog;
use crate::executors::EffectExecutor;
use crate::executors::breaker::Breakers;
use crate::workers::effect_worker::{self, RetrySettings};
use crate::workers::feed_consumer::{self, FeedStatus};
use crate::workers::payment_poller;
use crate::workers::simulated_guest::{self, Decision};

/// The application. Cheap to clone.
#[derive(Clone)]
pub struct App {
    /// The log of effects and their results.
    pub effect_log: Arc<EffectLog>,
    /// The status of the feed consumer.
    pub feed_status: FeedStatus,
    /// The client of the reservation service.
    pub reservation_client: ReservationClient,
    /// The payment providers.
    pub payment_providers: Arc<PaymentProviders>,
    /// The webhook subscriptions.
    pub hooks: Arc<Webhooks>,
    /// The circuit breakers.
    pub breakers: Arc<Breakers>,
    /// Permits one reconciliation at a time.
    pub reconciling: Arc<Semaphore>,
    /// The token for refunds and retries.
    pub service_token: Option<Token>,
    /// Time, timers, tasks, ids and randomness.
    pub clock: SharedEnvironment,
    /// The shutdown signal.
    pub shutdown: Shutdown,
}

impl App {
    /// Starts the tasks in the background: the feed consumer, the effect worker, the payment poller and the simulated
    /// guest. The returned worker ends when the effects under way have ended.
    #[must_use]
    pub fn start(
        &self,
        executor: EffectExecutor,
        retry_settings: RetrySettings,
        decision: Option<Decision>,
    ) -> JoinHandle<()> {
        let reservation_client = executor.reservation_client.clone();
        let effect_log = || Arc::clone(&self.effect_log);
        let (clock, shutdown) = (|| Arc::clone(&self.clock), || self.shutdown.clone());
        let (payment_providers, breakers) =
            (|| Arc::clone(&self.payment_providers), || Arc::clone(&self.breakers));
        let (policy, feed_status) = (executor.policy.clone(), self.feed_status.clone());
        let hooks = Arc::clone(&self.hooks);
        tokio::spawn(feed_consumer::run(
            reservation_client,
            effect_log(),
            policy,
            hooks,
            feed_status,
            shutdown(),
        ));
        tokio::spawn(payment_poller::run(effect_log(), payment_providers(), breakers(), clock(), shutdown()));
        if let Some(decision) = decision {
            let simulated = Arc::clone(&self.payment_providers.simulated);
            tokio::spawn(simulated_guest::run(effect_log(), simulated, clock(), decision, shutdown()));
        }
        tokio::spawn(effect_worker::run(
            effect_log(),
            Arc::new(executor),
            breakers(),
            clock(),
            retry_settings,
            shutdown(),
        ))
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
                (self.clock.now() - cursor.time).as_seconds_f64().max(0.0)
            }
            _ => 0.0,
        }
    }

    /// Updates the gauges. Called before they are read.
    pub fn measure(&self) {
        for (state, count) in self.effect_log.counts() {
            metrics::gauge!("meja_effects", "state" => state).set(count as f64);
        }
        for (who, breaker) in self.breakers.seen() {
            metrics::gauge!("meja_breaker_open", "who" => who).set(f64::from(breaker.open_until.is_some()));
        }
        metrics::gauge!("meja_notifier_lag_events").set(self.lag().events() as f64);
        metrics::gauge!("meja_notifier_lag_seconds").set(self.lag_seconds());
    }
}
