//! The service put together: outbox, gateways, and what runs beside the requests.

use std::sync::Arc;

use chassis::clock::SharedClock;
use chassis::secret::Token;
use chassis::serve::Shutdown;
use events::Position;
use events::feed::Lag;
use tokio::task::JoinHandle;

use crate::decider::{self, Decision};
use crate::follow::{self, Following};
use crate::outbox::Outbox;
use crate::perform::Performer;
use crate::reaction::Habits;
use crate::upstream::Upstream;
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
    /// What must be shown for refunds and retries.
    pub service_token: Option<Token>,
    /// Time and ids.
    pub clock: SharedClock,
    /// Whether the service stops.
    pub shutdown: Shutdown,
}

impl App {
    /// Starts what runs beside the requests: following the feed, performing effects, and the
    /// simulated provider's own mind. The worker ends once the effects under way are done.
    #[must_use]
    pub fn start(
        &self,
        performer: Performer,
        habits: Habits,
        pace: Pace,
        decision: Option<Decision>,
    ) -> JoinHandle<()> {
        let upstream = performer.upstream.clone();
        let (outbox, following, shutdown) =
            (Arc::clone(&self.outbox), self.following.clone(), self.shutdown.clone());
        tokio::spawn(follow::run(upstream, outbox, habits, following, shutdown));
        if let Some(decision) = decision {
            tokio::spawn(decider::run(
                Arc::clone(&self.outbox),
                Arc::clone(&self.clock),
                decision,
                self.shutdown.clone(),
            ));
        }
        tokio::spawn(worker::run(
            Arc::clone(&self.outbox),
            performer,
            Arc::clone(&self.clock),
            pace,
            self.shutdown.clone(),
        ))
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
        metrics::gauge!("meja_notifier_lag_events").set(self.lag().events() as f64);
        metrics::gauge!("meja_notifier_lag_seconds").set(self.lag_seconds());
    }
}
