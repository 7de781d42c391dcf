//! One notifier acts on a log, and others stand by.
//!
//! A standby follows the log. When it takes over, it appends the number of its term behind everything that it has read.
//! Every append has the condition that its term was not superseded, so that a notifier that was replaced without knowing
//! it, for example because its machine was paused, appends nothing more.

use std::sync::Arc;
use std::time::Duration;

use chassis::environment::SharedEnvironment;
use chrono::{DateTime, TimeDelta, Utc};
use events::recorded::{EventMetadata, Recorded};
use events::store::{AppendCondition, AppendError, EventStore};
use events::{Position, Query};
use parking_lot::Mutex;
use tokio::sync::watch;

use super::entry::{Entry, TookOver, superseded_tag};
use super::state::State;
use super::{EffectLog, EffectLogError, Inner};

/// Number of entries that are read at once.
const PAGE_ENTRIES: usize = 1_000;

impl EffectLog {
    /// Builds the state from the entries in `store`, for a notifier that does not act yet.
    ///
    /// # Errors
    /// [`EffectLogError`] when an entry cannot be read.
    pub async fn standing_by(
        store: Arc<dyn EventStore>,
        env: SharedEnvironment,
    ) -> Result<Self, EffectLogError> {
        let inner = Inner {
            store,
            env,
            state: Mutex::new(State::default()),
            changed: watch::Sender::new(0),
            tenure: Mutex::new(Tenure::Unlimited),
            superseded: watch::Sender::new(false),
        };
        let effect_log = Self { inner: Arc::new(inner) };
        effect_log.follow().await?;
        Ok(effect_log)
    }

    /// Adds the entries that another notifier has appended.
    ///
    /// # Errors
    /// [`EffectLogError`] when an entry cannot be read.
    pub async fn follow(&self) -> Result<(), EffectLogError> {
        let mut after = self.state().added_to();
        while after < self.inner.store.known_head() {
            let page = self.inner.store.read(&Query::all(), after, PAGE_ENTRIES).await?;
            for stored in page.iter() {
                let time = Recorded::parse(stored.json)?.time;
                self.state().add(stored.position, vec![Entry::decode(stored.json)?], time);
            }
            after = page.scanned_to;
        }
        Ok(())
    }

    /// Begins a new term, and returns its number. No other notifier can append behind it, and the state holds everything
    /// before it. `None` if the previous notifier, or another one that takes over, appended an entry meanwhile: then this one
    /// must ask for the lease again, because it may have lost it.
    ///
    /// # Errors
    /// [`EffectLogError`]; another attempt is possible.
    pub async fn take_over(&self) -> Result<Option<u64>, EffectLogError> {
        self.follow().await?;
        let entry = Entry::TookOver(TookOver { term: self.term() + 1 });
        let unchanged = AppendCondition::unchanged(Query::all(), self.state().added_to());
        match self.write(vec![entry], &EventMetadata::system("takeover"), unchanged).await {
            Ok(()) => {}
            Err(EffectLogError::Append(AppendError::Conflict { .. }) | EffectLogError::Superseded) => {
                self.inner.superseded.send_replace(false);
                return Ok(None);
            }
            Err(error) => return Err(error),
        }
        self.continue_effects();
        Ok(Some(self.term()))
    }

    /// Why an append failed because of the entry at `at`: another notifier has taken over, or something else has changed.
    pub(super) async fn conflict(&self, at: Position) -> Result<EffectLogError, EffectLogError> {
        let ended = Query::any_tag([superseded_tag(self.term())]);
        if self.inner.store.read(&ended, Position::START, 1).await?.is_empty() {
            return Ok(AppendError::Conflict { at }.into());
        }
        self.inner.superseded.send_replace(true);
        Ok(EffectLogError::Superseded)
    }

    /// Waits until an append shows that another notifier has taken over.
    pub async fn superseded(&self) {
        // The sender lives as long as the effect log.
        let _ = self.inner.superseded.subscribe().wait_for(|superseded| *superseded).await;
    }

    /// Marks the effects that the process before may have attempted without recording it.
    pub(super) fn continue_effects(&self) {
        let mut state = self.state();
        let ended = state.ended;
        state.effects.mark_possibly_attempted(ended);
    }

    /// The number of takeovers in the log.
    pub(super) fn term(&self) -> u64 {
        self.state().term
    }

    /// The moment from which a tenure counts.
    #[must_use]
    pub fn moment(&self) -> Moment {
        Moment { elapsed: self.inner.env.elapsed(), time: self.inner.env.now() }
    }

    /// Effects may begin for `duration` after `from`.
    pub fn act_for(&self, duration: Duration, from: Moment) {
        *self.inner.tenure.lock() = Tenure::Limited { from, duration };
        // Workers that found no effect look again.
        self.inner.changed.send_modify(|changes| *changes += 1);
    }

    /// Whether effects may begin. Those under way end in any case.
    #[must_use]
    pub fn may_act(&self) -> bool {
        match *self.inner.tenure.lock() {
            Tenure::Unlimited => true,
            Tenure::Limited { from, duration } => {
                let now = self.moment();
                let age = TimeDelta::from_std(duration).unwrap_or(TimeDelta::MAX);
                now.elapsed < from.elapsed + duration && now.time < from.time + age
            }
        }
    }
}

/// A moment by two clocks: elapsed time does not go on while the machine is suspended, and the time of day can be set.
#[derive(Debug, Clone, Copy)]
pub struct Moment {
    elapsed: Duration,
    time: DateTime<Utc>,
}

/// How long effects may begin.
#[derive(Debug, Clone, Copy)]
pub(super) enum Tenure {
    /// No other process can open the log.
    Unlimited,
    /// Until one of the clocks says that `duration` has passed.
    Limited { from: Moment, duration: Duration },
}
