//! The service put together: outbox, gateways, and what runs beside the requests.

use std::sync::Arc;

use chassis::environment::SharedEnvironment;
use chassis::secret::Token;
use chassis::serve::Shutdown;
use events::Position;
use events::feed::Lag;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

use crate::breaker::Breakers;
use crate::decider::{self, Decision};
use crate::follow::{self, Following};
use crate::hooks::Hooks;
use crate::outbox::Outbox;
use crate::perform::Performer;
use crate::tills::Tills;
use crate::upstream::Upstream;
use crate::watch;
use crate::worker::{self, Pace};

/// What requests work with. Cheap to clone.
#[derive(Clone)]
pub struct App {
    /// What is to be done and what became of it.
    pub outbox: Arc<Outbox>,
    /// How the following of the feed goes.
    pub following: Following,
    /// The reservation service, for guests who answer an offer.
    pub upstream: Upstream,
    /// Who takes money.
    pub tills: Arc<Tills>,
    /// Systems of the restaurant that are told of events.
    pub hooks: Arc<Hooks>,
    /// How it goes with everybody outside.
    pub breakers: Arc<Breakers>,
    /// One reconciliation at a time.
    pub reconciling: Arc<Semaphore>,
    /// What must be shown for refunds and retries.
    pub service_token: Option<Token>,
    /// Time and ids.
    pub clock: SharedEnvironment,
    /// Whether the service stops.
    pub shutdown: Shutdown,
}

impl App {
    /// Starts what runs beside the requests: following the feed, performing effects, looking after open payments, and the
    /// simulated guest's mind. The worker ends once the effects under way are done.
    #[must_use]
    pub fn start(&self, performer: Performer, pace: Pace, decision: Option<Decision>) -> JoinHandle<()> {
        let upstream = performer.upstream.clone();
        let outbox = || Arc::clone(&self.outbox);
        let (clock, shutdown) = (|| Arc::clone(&self.clock), || self.shutdown.clone());
        let (tills, breakers) = (|| Arc::clone(&self.tills), || Arc::clone(&self.breakers));
        let (habits, following) = (performer.habits.clone(), self.following.clone());
        let hooks = Arc::clone(&self.hooks);
        tokio::spawn(follow::run(upstream, outbox(), habits, hooks, following, shutdown()));
        tokio::spawn(watch::run(outbox(), tills(), breakers(), clock(), shutdown()));
        if let Some(decision) = decision {
            let simulated = Arc::clone(&self.tills.simulated);
            tokio::spawn(decider::run(outbox(), simulated, clock(), decision, shutdown()));
        }
        tokio::spawn(worker::run(outbox(), Arc::new(performer), breakers(), clock(), pace, shutdown()))
    }

    /// How far behind the feed the notifier is.
    #[must_use]
    pub fn lag(&self) -> Lag {
        let position = self.outbox.cursor().map_or(Position::START, |cursor| cursor.last_event_id.position);
        Lag { position, head: self.following.seen().head.max(position) }
    }

    /// How old the last event is that was reacted to, in seconds; zero when there is none to come.
    #[must_use]
    pub fn lag_seconds(&self) -> f64 {
        match self.outbox.cursor() {
            Some(cursor) if self.lag().events() > 0 => {
                (self.clock.now() - cursor.time).as_seconds_f64().max(0.0)
            }
            _ => 0.0,
        }
    }

    /// Brings the gauges up to date, before they are read.
    pub fn measure(&self) {
        for (state, count) in self.outbox.counts() {
            metrics::gauge!("meja_effects", "state" => state).set(count as f64);
        }
        for (who, breaker) in self.breakers.seen() {
            metrics::gauge!("meja_breaker_open", "who" => who).set(f64::from(breaker.open_until.is_some()));
        }
        metrics::gauge!("meja_notifier_lag_events").set(self.lag().events() as f64);
        metrics::gauge!("meja_notifier_lag_seconds").set(self.lag_seconds());
    }
}
