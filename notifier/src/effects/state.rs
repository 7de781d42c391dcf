//! The state of the effect log, built entry by entry. Without rules and without failures: entries are facts.

mod queue;
mod tracked;
mod tracked_effects;
mod tracked_payments;
mod tracked_webhooks;

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use events::Position;

pub use self::tracked::{EffectState, TrackedEffect};
use self::tracked_effects::Effects;
use self::tracked_payments::Payments;
pub use self::tracked_webhooks::WebhookState;
use self::tracked_webhooks::WebhookStates;
use super::Cursor;
use crate::domain::effect::Effect;
use crate::effects::entry::{Entry, Scheduled};

/// The state, by concern.
#[derive(Default)]
pub(super) struct State {
    /// The position of the last entry in the state.
    added_to: Position,
    /// Appends that returned before an earlier one.
    early: BTreeMap<Position, (Vec<Entry>, DateTime<Utc>)>,
    pub(super) effects: Effects,
    pub(super) payments: Payments,
    pub(super) webhooks: WebhookStates,
    pub(super) cursor: Option<Cursor>,
    /// The position of the entry that moved the cursor.
    pub(super) cursor_position: Position,
    /// The time of the last entry.
    pub(super) ended: DateTime<Utc>,
    /// The number of takeovers.
    pub(super) term: u64,
}

impl State {
    /// Adds entries that were appended from `first` on. They are applied in the order of the log, so early ones wait.
    pub(super) fn add(&mut self, first: Position, entries: Vec<Entry>, time: DateTime<Utc>) {
        self.early.insert(first, (entries, time));
        while let Some((entries, time)) = self.early.remove(&self.added_to.next()) {
            self.ended = time;
            for entry in entries {
                self.added_to = self.added_to.next();
                self.apply(&entry, self.added_to, time);
            }
        }
    }

    /// The position of the last entry in the state.
    pub(super) fn added_to(&self) -> Position {
        self.added_to
    }

    fn apply(&mut self, entry: &Entry, at: Position, time: DateTime<Utc>) {
        match entry {
            Entry::EffectScheduled(scheduled) => self.schedule(scheduled, at, time),
            Entry::AttemptFailed(failed) => self.effects.attempt_failed(failed, time),
            Entry::EffectSucceeded(succeeded) => self.effects.succeeded(succeeded, time),
            Entry::EffectDied(died) => self.effects.died(died, time),
            Entry::EffectRetried(retried) => self.effects.retry(&retried.key, at, time),
            Entry::EffectDiscarded(discarded) => self.effects.discarded(discarded, at, time),
            Entry::PaymentOpened(opened) => self.payments.opened(opened, at, time),
            Entry::PaymentDecided(decided) => self.payments.decided(decided, at),
            Entry::PaymentLinkRenewed(renewed) => self.payments.link_renewed(renewed, at),
            Entry::PaymentReturned(returned) => self.payments.returned(returned, at),
            Entry::WebhookSwitched(switched) => self.webhooks.switched(switched, at),
            Entry::CursorMoved(moved) => {
                self.cursor = Some(Cursor { last_event_id: moved.last_event_id, time: moved.time });
                self.cursor_position = at;
            }
            Entry::TookOver(took_over) => self.term = took_over.term,
        }
    }

    fn schedule(&mut self, scheduled: &Scheduled, at: Position, time: DateTime<Utc>) {
        let is_new = self.effects.schedule(scheduled, at, time);
        if let (true, Effect::SendWebhook(webhook)) = (is_new, &scheduled.effect) {
            self.webhooks.scheduled(webhook);
        }
    }
}
