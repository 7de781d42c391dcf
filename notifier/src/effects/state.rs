//! The state of the effect log, built entry by entry. Without rules and without failures: entries are facts.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};

use chrono::{DateTime, TimeDelta, Utc};
use events::{PaymentId, Position, ReservationId};
use sha2::{Digest as _, Sha256};

use super::Cursor;
use super::queue::Queue;
use super::tracked::{EffectState, TrackedEffect, WebhookState};
use crate::domain::effect::{Effect, EffectKey, Lane};
use crate::effects::entry::{Entry, Scheduled};
use crate::effects::payment::{Payment, PaymentStatus};

/// Effects that are due within this time count as due now, because the clocks of the services differ.
const SOON: TimeDelta = TimeDelta::minutes(1);

/// Number of ended effects that stay in memory. Older ones are only in the log.
pub(super) const ENDED_EFFECTS_MAX: usize = 50_000;

fn short_hash(key: &EffectKey) -> [u8; 16] {
    let hash: [u8; 32] = Sha256::digest(&key.0).into();
    std::array::from_fn(|i| hash[i])
}

#[derive(Default)]
pub(super) struct State {
    /// The position of the last entry in the state.
    added_to: Position,
    /// Appends that returned before an earlier one.
    early: BTreeMap<Position, (Vec<Entry>, DateTime<Utc>)>,
    queue: Queue,
    pub(super) effects: HashMap<EffectKey, TrackedEffect>,
    pub(super) payments: HashMap<PaymentId, (Payment, Position)>,
    pub(super) by_reference: HashMap<String, PaymentId>,
    by_reservation: HashMap<ReservationId, Vec<PaymentId>>,
    /// The refunds of each payment, in the order in which they were scheduled.
    refunds: HashMap<PaymentId, Vec<EffectKey>>,
    /// Number of effects by the word of their state, including those removed from `effects`.
    counts: HashMap<&'static str, usize>,
    /// Effects that may be removed from `effects`, in the order in which they ended.
    ended: VecDeque<EffectKey>,
    /// SHA-256, the first 128 bits, of the keys that were removed from `effects`.
    removed: HashSet<[u8; 16]>,
    /// Payments without a decision.
    pub(super) pending: BTreeSet<PaymentId>,
    /// The webhook subscriptions that events were sent to.
    pub(super) hooks: HashMap<String, WebhookState>,
    /// Reservations for which a payment was requested.
    asked: HashSet<ReservationId>,
    pub(super) cursor: Option<Cursor>,
    pub(super) cursor_position: Position,
}

impl State {
    /// Adds entries that were appended from `first` on. They are applied in the order of the log, so early ones wait.
    pub(super) fn add(&mut self, first: Position, entries: Vec<Entry>, time: DateTime<Utc>) {
        self.early.insert(first, (entries, time));
        while let Some((entries, time)) = self.early.remove(&self.added_to.next()) {
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

    /// Takes up to `most` due effects of `lane`.
    pub(super) fn take_due(&mut self, lane: Lane, now: DateTime<Utc>, most: usize) -> Vec<TrackedEffect> {
        let taken = self.queue.take(lane, now, most);
        taken.iter().filter_map(|key| self.effects.get(key).cloned()).collect()
    }

    pub(super) fn next_due(&self, lane: Lane) -> Option<DateTime<Utc>> {
        self.queue.next_due(lane)
    }

    pub(super) fn put_back(&mut self, key: &EffectKey, at: DateTime<Utc>, error: String, tried: bool) {
        self.queue.give_back(key);
        if let Some(tracked) = self.effects.get_mut(key) {
            tracked.state = EffectState::Waiting(at);
            tracked.last_error = Some(error);
            tracked.tried |= tried;
            self.queue.wait(tracked.lane(), tracked.line(), key, at);
        }
    }

    /// Effects that were due when the log ended may have been attempted.
    pub(super) fn mark_possibly_attempted(&mut self, ended: DateTime<Utc>) {
        for tracked in self.effects.values_mut() {
            tracked.tried |= matches!(tracked.state, EffectState::Waiting(at) if at <= ended + SOON);
        }
    }

    fn apply(&mut self, entry: &Entry, at: Position, time: DateTime<Utc>) {
        match entry {
            Entry::EffectScheduled(scheduled) => self.schedule(scheduled, at, time),
            Entry::AttemptFailed(failed) => self.track(&failed.key, time, |tracked| {
                tracked.attempts += u32::from(!failed.uncounted);
                tracked.key_changes += u32::from(failed.new_key);
                tracked.tried = true;
                tracked.failing_since = tracked.failing_since.or(Some(time));
                tracked.last_error = Some(failed.error.clone());
                tracked.state = EffectState::Waiting(failed.next_attempt_at);
            }),
            Entry::EffectSucceeded(succeeded) => self.track(&succeeded.key, time, |tracked| {
                tracked.recipient.clone_from(&succeeded.recipient);
                tracked.state = EffectState::Done(succeeded.outcome.clone());
            }),
            Entry::EffectDied(died) => self.track(&died.key, time, |tracked| {
                tracked.tried = true;
                tracked.last_error = Some(died.error.clone());
                tracked.state = EffectState::Dead(died.reason_code.clone());
            }),
            Entry::EffectRetried(retried) => self.retry(&retried.key, time, |tracked| {
                tracked.attempts = 0;
                tracked.failing_since = None;
                tracked.retries += 1;
                tracked.since = at;
                tracked.state = EffectState::Waiting(time);
            }),
            Entry::EffectDiscarded(discarded) => self.track(&discarded.key, time, |tracked| {
                tracked.since = at;
                tracked.state = EffectState::Discarded(discarded.reason.clone());
            }),
            Entry::PaymentOpened(opened) => {
                self.by_reference.insert(opened.provider_reference.clone(), opened.payment_id);
                self.by_reservation.entry(opened.reservation_id).or_default().push(opened.payment_id);
                self.pending.insert(opened.payment_id);
                let (opened, status) = (opened.clone(), PaymentStatus::Pending);
                let payment = Payment { opened, opened_at: time, status, refunded_minor: 0 };
                self.payments.insert(payment.id(), (payment, at));
            }
            Entry::PaymentDecided(decided) => {
                self.pending.remove(&decided.payment_id);
                if let Some((payment, since)) = self.payments.get_mut(&decided.payment_id) {
                    payment.status = match (decided.paid, decided.closed) {
                        (true, _) => PaymentStatus::Paid,
                        (false, false) => PaymentStatus::Refused,
                        (false, true) => PaymentStatus::Expired,
                    };
                    if let Some(amount) = decided.amount {
                        payment.opened.amount = amount;
                    }
                    *since = at;
                }
            }
            Entry::PaymentReturned(returned) => {
                if let Some((payment, since)) = self.payments.get_mut(&returned.payment_id) {
                    payment.refunded_minor += returned.amount.amount_minor;
                    *since = at;
                }
            }
            Entry::WebhookSwitched(switched) => {
                // The events missed while it is disabled are unknown, so the next event has no previous one.
                let state = WebhookState { is_disabled: !switched.enabled, last: None, since: at };
                self.hooks.insert(switched.hook.clone(), state);
            }
            Entry::CursorMoved(moved) => {
                self.cursor = Some(Cursor { last_event_id: moved.last_event_id, time: moved.time });
                self.cursor_position = at;
            }
        }
    }

    fn schedule(&mut self, scheduled: &Scheduled, at: Position, time: DateTime<Utc>) {
        if self.is_known(&scheduled.key) {
            return;
        }
        let tracked = TrackedEffect {
            scheduled: scheduled.clone(),
            state: EffectState::Waiting(scheduled.due_at),
            attempts: 0,
            retries: 0,
            last_error: None,
            recipient: None,
            updated_at: time,
            tried: false,
            key_changes: 0,
            failing_since: None,
            // An effect for later, such as a reminder, must not delay others. The clock of the other service may be ahead.
            in_line: scheduled.due_at <= time + SOON,
            since: at,
        };
        if let Effect::TakeDeposit(deposit) = &scheduled.effect {
            self.asked.insert(deposit.reservation_id);
        }
        if let Effect::Refund { payment_id, .. } = &scheduled.effect {
            self.refunds.entry(*payment_id).or_default().push(scheduled.key.clone());
        }
        if let Effect::SendWebhook(tell) = &scheduled.effect {
            self.hooks.entry(tell.hook.clone()).or_default().last = Some(tell.position);
        }
        if let Some(line) = tracked.line() {
            self.queue.join(line, &scheduled.key);
        }
        self.queue.wait(tracked.lane(), tracked.line(), &scheduled.key, scheduled.due_at);
        *self.counts.entry(tracked.state.word()).or_default() += 1;
        self.effects.insert(scheduled.key.clone(), tracked);
    }

    /// A retried effect goes to the end of its sequence, because later ones have run meanwhile.
    fn retry(&mut self, key: &EffectKey, time: DateTime<Utc>, change: impl FnOnce(&mut TrackedEffect)) {
        if let Some(tracked) = self.effects.get_mut(key) {
            tracked.in_line = true;
            if let Some(line) = tracked.line() {
                self.queue.join(line, key);
            }
        }
        self.track(key, time, change);
    }

    fn track(&mut self, key: &EffectKey, time: DateTime<Utc>, change: impl FnOnce(&mut TrackedEffect)) {
        self.queue.give_back(key);
        let Some(tracked) = self.effects.get_mut(key) else { return };
        if let EffectState::Waiting(before) = tracked.state {
            self.queue.unwait(tracked.lane(), key, before);
        }
        let word_before = tracked.state.word();
        change(tracked);
        tracked.updated_at = time;
        let word = tracked.state.word();
        if word_before != word {
            *self.counts.entry(word_before).or_default() -= 1;
            *self.counts.entry(word).or_default() += 1;
        }
        if let EffectState::Waiting(next) = tracked.state {
            return self.queue.wait(tracked.lane(), tracked.line(), key, next);
        }
        let line = tracked.line();
        tracked.in_line = false;
        let first = self.queue.leave(line, key);
        if let Some(first) = first.and_then(|key| self.effects.get(&key))
            && let EffectState::Waiting(at) = first.state
        {
            self.queue.wait(first.lane(), first.line(), &first.scheduled.key, at);
        }
        self.end(key);
    }

    /// The refunds of a payment: key, state and amount in minor units.
    pub(super) fn refunds_of(
        &self,
        payment: PaymentId,
    ) -> impl Iterator<Item = (&EffectKey, &EffectState, i64)> {
        let keys = self.refunds.get(&payment).into_iter().flatten();
        keys.filter_map(|key| self.effects.get(key)).filter_map(|tracked| match &tracked.scheduled.effect {
            Effect::Refund { amount, .. } => {
                Some((&tracked.scheduled.key, &tracked.state, amount.amount_minor))
            }
            _ => None,
        })
    }

    /// Number of effects by the word of their state.
    pub(super) fn counts(&self) -> &HashMap<&'static str, usize> {
        &self.counts
    }

    /// Whether an effect with this key was ever scheduled.
    pub(super) fn is_known(&self, key: &EffectKey) -> bool {
        self.effects.contains_key(key) || self.removed.contains(&short_hash(key))
    }

    /// Notes that the effect `key` ended, and removes the effects that ended before the last
    /// [`ENDED_EFFECTS_MAX`]. Refunds stay, because later ones depend on them.
    fn end(&mut self, key: &EffectKey) {
        let Some(tracked) = self.effects.get(key) else { return };
        let can_be_removed = matches!(tracked.state, EffectState::Done(_) | EffectState::Discarded(_))
            && !matches!(tracked.scheduled.effect, Effect::Refund { .. });
        if !can_be_removed {
            return;
        }
        self.ended.push_back(key.clone());
        while self.ended.len() > ENDED_EFFECTS_MAX {
            let Some(oldest) = self.ended.pop_front() else { return };
            self.effects.remove(&oldest);
            self.removed.insert(short_hash(&oldest));
        }
    }

    /// The payments of a reservation.
    pub(super) fn payments_of(&self, reservation_id: ReservationId) -> impl Iterator<Item = &Payment> {
        let ids = self.by_reservation.get(&reservation_id).into_iter().flatten();
        ids.filter_map(|id| self.payments.get(id)).map(|(payment, _)| payment)
    }

    /// Whether `effect` is unnecessary because no payment was ever requested.
    pub(super) fn is_idle(&self, effect: &Effect, asked_with_it: &HashSet<ReservationId>) -> bool {
        match effect {
            Effect::ClosePayments { reservation_id } => {
                !self.asked.contains(reservation_id) && !asked_with_it.contains(reservation_id)
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::effects::entry::Succeeded;

    fn scheduled(n: usize) -> Scheduled {
        Scheduled {
            key: EffectKey(format!("effect-{n}")),
            effect: Effect::React { after: None },
            due_at: DateTime::UNIX_EPOCH,
            event_id: None,
            correlation_id: "c".into(),
            traceparent: None,
        }
    }

    #[test]
    fn ended_effects_leave_the_memory_and_are_still_known_and_counted() {
        let mut state = State::default();
        let total = ENDED_EFFECTS_MAX + 100;
        for n in 0..total {
            let effect = scheduled(n);
            let succeeded = Succeeded { key: effect.key.clone(), outcome: "done".into(), recipient: None };
            let entries = vec![Entry::EffectScheduled(effect), Entry::EffectSucceeded(succeeded)];
            state.add(state.added_to().next(), entries, DateTime::UNIX_EPOCH);
        }
        assert_eq!(state.effects.len(), ENDED_EFFECTS_MAX);
        assert_eq!(state.counts()["done"], total);
        state.add(state.added_to().next(), vec![Entry::EffectScheduled(scheduled(0))], DateTime::UNIX_EPOCH);
        assert!(state.next_due(scheduled(0).effect.lane()).is_none(), "it is not carried out again");
        assert!(!state.is_known(&scheduled(total).key));
    }
}
