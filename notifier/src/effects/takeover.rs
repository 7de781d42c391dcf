//! One notifier acts on a log, and others stand by.
//!
//! A standby follows the log. When it takes over, it appends the number of its term behind everything that it has read.
//! Every append has the condition that its term was not superseded, so that a notifier that was replaced without knowing
//! it, for example because its machine was paused, appends nothing more.

use std::sync::Arc;
use std::time::Duration;

use chassis::environment::SharedEnvironment;
use events::Query;
use events::recorded::{EventMetadata, Recorded};
use events::store::{AppendCondition, AppendError, EventStore};
use parking_lot::Mutex;
use tokio::sync::watch;

use super::entry::{Entry, TookOver};
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
            may_act_until: Mutex::default(),
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
    /// before it.
    ///
    /// # Errors
    /// [`EffectLogError`]; another attempt is possible.
    pub async fn take_over(&self) -> Result<u64, EffectLogError> {
        loop {
            self.follow().await?;
            let entry = Entry::TookOver(TookOver { term: self.term() + 1 });
            let unchanged = AppendCondition::unchanged(Query::all(), self.state().added_to());
            match self.write(vec![entry], &EventMetadata::system("takeover"), unchanged).await {
                Ok(()) => break,
                // The one before has appended a last entry.
                Err(EffectLogError::Append(AppendError::Conflict { .. })) => {}
                Err(error) => return Err(error),
            }
        }
        self.continue_effects();
        Ok(self.term())
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

    /// Effects may begin until the elapsed time `until` of the environment.
    pub fn act_until(&self, until: Duration) {
        let could_act = self.may_act();
        *self.inner.may_act_until.lock() = Some(until);
        if !could_act {
            // Workers look again for due effects.
            self.inner.changed.send_modify(|changes| *changes += 1);
        }
    }

    /// Whether effects may begin. Those under way end in any case.
    #[must_use]
    pub fn may_act(&self) -> bool {
        let until = *self.inner.may_act_until.lock();
        until.is_none_or(|until| self.inner.env.elapsed() < until)
    }
}
