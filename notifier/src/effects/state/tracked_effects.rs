//! All effects with their states, and the order in which they are carried out.

use std::collections::{HashMap, HashSet, VecDeque};

use chrono::{DateTime, TimeDelta, Utc};
use contract::notifier::words::EffectStatus;
use events::{PaymentId, Position, ReservationId};
use sha2::{Digest as _, Sha256};

use super::queue::Queue;
use super::tracked::{EffectState, TrackedEffect};
use crate::domain::effect::{Effect, EffectKey, Lane};
use crate::effects::entry::{AttemptFailed, Died, Discarded, Scheduled, Succeeded};

/// Effects that are due within this time count as due now, because the clocks of the services differ.
const SOON: TimeDelta = TimeDelta::minutes(1);

/// Number of ended effects that stay in memory. Older ones are only in the log.
const ENDED_EFFECTS_MAX: usize = 50_000;

fn short_hash(key: &EffectKey) -> [u8; 16] {
    let hash: [u8; 32] = Sha256::digest(&key.0).into();
    std::array::from_fn(|i| hash[i])
}

/// The effects.
#[derive(Default)]
pub(in crate::effects) struct Effects {
    queue: Queue,
    all: HashMap<EffectKey, TrackedEffect>,
    /// The refunds of each payment, in the order in which they were scheduled.
    refunds: HashMap<PaymentId, Vec<EffectKey>>,
    /// Reservations for which a payment was requested.
    with_payment: HashSet<ReservationId>,
    /// Number of effects by the word of their state, including those removed from `all`.
    counts: HashMap<EffectStatus, usize>,
    /// Effects that may be removed from `all`, in the order in which they ended.
    ended: VecDeque<EffectKey>,
    /// SHA-256, the first 128 bits, of the keys that were removed from `all`.
    removed: HashSet<[u8; 16]>,
}

impl Effects {
    /// The effect with this key, unless it ended long ago and is only in the log.
    pub(in crate::effects) fn get(&self, key: &EffectKey) -> Option<&TrackedEffect> {
        self.all.get(key)
    }

    /// The effects in memory, in no order.
    pub(in crate::effects) fn iter(&self) -> impl Iterator<Item = &TrackedEffect> {
        self.all.values()
    }

    /// Takes up to `most` due effects of `lane`.
    pub(in crate::effects) fn take_due(
        &mut self,
        lane: Lane,
        now: DateTime<Utc>,
        most: usize,
    ) -> Vec<TrackedEffect> {
        let taken = self.queue.take(lane, now, most);
        taken.iter().filter_map(|key| self.all.get(key).cloned()).collect()
    }

    /// The time of the next effect of `lane`.
    pub(in crate::effects) fn next_due(&self, lane: Lane) -> Option<DateTime<Utc>> {
        self.queue.next_due(lane)
    }

    /// Returns a taken effect, to be tried again at `at`. `tried` tells whether an attempt may have been made.
    pub(in crate::effects) fn put_back(
        &mut self,
        key: &EffectKey,
        at: DateTime<Utc>,
        error: String,
        tried: bool,
    ) {
        self.queue.give_back(key);
        if let Some(tracked) = self.all.get_mut(key) {
            tracked.state = EffectState::Waiting(at);
            tracked.last_error = Some(error);
            tracked.tried |= tried;
            self.queue.wait(tracked, at);
        }
    }

    /// Effects that were due when the log ended may have been attempted.
    pub(in crate::effects) fn mark_possibly_attempted(&mut self, ended: DateTime<Utc>) {
        for tracked in self.all.values_mut() {
            tracked.tried |= matches!(tracked.state, EffectState::Waiting(at) if at <= ended + SOON);
        }
    }

    /// Adds an effect. Returns whether it is new: an effect is scheduled once per key.
    pub(super) fn schedule(&mut self, scheduled: &Scheduled, at: Position, time: DateTime<Utc>) -> bool {
        if self.is_known(&scheduled.key) {
            return false;
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
            is_in_sequence: scheduled.due_at <= time + SOON,
            since: at,
        };
        if let Effect::TakeDeposit(deposit) = &scheduled.effect {
            self.with_payment.insert(deposit.reservation_id);
        }
        if let Effect::Refund { payment_id, .. } = &scheduled.effect {
            self.refunds.entry(*payment_id).or_default().push(scheduled.key.clone());
        }
        if let Some(sequence) = tracked.sequence() {
            self.queue.join(sequence, &scheduled.key);
        }
        self.queue.wait(&tracked, scheduled.due_at);
        *self.counts.entry(tracked.state.status()).or_default() += 1;
        self.all.insert(scheduled.key.clone(), tracked);
        true
    }

    /// A retried effect goes to the end of its sequence, because later ones have run meanwhile.
    pub(super) fn retry(&mut self, key: &EffectKey, at: Position, time: DateTime<Utc>) {
        if let Some(tracked) = self.all.get_mut(key) {
            tracked.is_in_sequence = true;
            if let Some(sequence) = tracked.sequence() {
                self.queue.join(sequence, key);
            }
        }
        self.track(key, time, |tracked| {
            tracked.attempts = 0;
            tracked.failing_since = None;
            tracked.retries += 1;
            tracked.since = at;
            tracked.state = EffectState::Waiting(time);
        });
    }

    /// An attempt failed, and another one follows.
    pub(super) fn attempt_failed(&mut self, failed: &AttemptFailed, time: DateTime<Utc>) {
        self.track(&failed.key, time, |tracked| {
            tracked.attempts += u32::from(!failed.uncounted);
            tracked.key_changes += u32::from(failed.new_key);
            tracked.tried = true;
            tracked.failing_since = tracked.failing_since.or(Some(time));
            tracked.last_error = Some(failed.error.clone());
            tracked.state = EffectState::Waiting(failed.next_attempt_at);
        });
    }

    /// An effect was carried out, or was no longer needed.
    pub(super) fn succeeded(&mut self, succeeded: &Succeeded, time: DateTime<Utc>) {
        self.track(&succeeded.key, time, |tracked| {
            tracked.recipient.clone_from(&succeeded.recipient);
            tracked.state = EffectState::Done(succeeded.outcome.clone());
        });
    }

    /// An effect failed permanently.
    pub(super) fn died(&mut self, died: &Died, time: DateTime<Utc>) {
        self.track(&died.key, time, |tracked| {
            tracked.tried = true;
            tracked.last_error = Some(died.error.clone());
            tracked.state = EffectState::Dead(died.reason_code.clone());
        });
    }

    /// An operator discarded a dead letter.
    pub(super) fn discarded(&mut self, discarded: &Discarded, at: Position, time: DateTime<Utc>) {
        self.track(&discarded.key, time, |tracked| {
            tracked.since = at;
            tracked.state = EffectState::Discarded(discarded.reason.clone());
        });
    }

    fn track(&mut self, key: &EffectKey, time: DateTime<Utc>, change: impl FnOnce(&mut TrackedEffect)) {
        self.queue.give_back(key);
        let Some(tracked) = self.all.get_mut(key) else { return };
        if let EffectState::Waiting(before) = tracked.state {
            self.queue.unwait(tracked, before);
        }
        let status_before = tracked.state.status();
        change(tracked);
        tracked.updated_at = time;
        let status = tracked.state.status();
        if status_before != status {
            *self.counts.entry(status_before).or_default() -= 1;
            *self.counts.entry(status).or_default() += 1;
        }
        if let EffectState::Waiting(next) = tracked.state {
            return self.queue.wait(tracked, next);
        }
        let sequence = tracked.sequence();
        tracked.is_in_sequence = false;
        let first = self.queue.leave(sequence, key);
        if let Some(first) = first.and_then(|key| self.all.get(&key))
            && let EffectState::Waiting(at) = first.state
        {
            self.queue.wait(first, at);
        }
        self.end(key);
    }

    /// The refunds of a payment: key, state and amount in minor units.
    pub(in crate::effects) fn refunds_of(
        &self,
        payment: PaymentId,
    ) -> impl Iterator<Item = (&EffectKey, &EffectState, i64)> {
        let keys = self.refunds.get(&payment).into_iter().flatten();
        keys.filter_map(|key| self.all.get(key)).filter_map(|tracked| match &tracked.scheduled.effect {
            Effect::Refund { amount, .. } => {
                Some((&tracked.scheduled.key, &tracked.state, amount.amount_minor))
            }
            _ => None,
        })
    }

    /// Number of effects by the word of their state.
    pub(in crate::effects) fn counts(&self) -> &HashMap<EffectStatus, usize> {
        &self.counts
    }

    /// Whether an effect with this key was ever scheduled.
    pub(in crate::effects) fn is_known(&self, key: &EffectKey) -> bool {
        self.all.contains_key(key) || self.removed.contains(&short_hash(key))
    }

    /// Notes that the effect `key` ended, and removes the effects that ended before the last
    /// [`ENDED_EFFECTS_MAX`]. Refunds stay, because later ones depend on them.
    fn end(&mut self, key: &EffectKey) {
        let Some(tracked) = self.all.get(key) else { return };
        let can_be_removed = matches!(tracked.state, EffectState::Done(_) | EffectState::Discarded(_))
            && !matches!(tracked.scheduled.effect, Effect::Refund { .. });
        if !can_be_removed {
            return;
        }
        self.ended.push_back(key.clone());
        while self.ended.len() > ENDED_EFFECTS_MAX {
            let Some(oldest) = self.ended.pop_front() else { return };
            self.all.remove(&oldest);
            self.removed.insert(short_hash(&oldest));
        }
    }

    /// Whether `effect` is unnecessary because no payment was ever requested.
    pub(in crate::effects) fn is_idle(
        &self,
        effect: &Effect,
        requested_with_it: &HashSet<ReservationId>,
    ) -> bool {
        match effect {
            Effect::ClosePayments { reservation_id, .. } | Effect::RenewPayLinks { reservation_id } => {
                !self.with_payment.contains(reservation_id) && !requested_with_it.contains(reservation_id)
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use events::values::{Currency, Money, Purpose};

    use super::*;
    use crate::domain::effect::TakeDeposit;

    fn scheduled(n: usize) -> Scheduled {
        Scheduled {
            key: EffectKey(format!("effect-{n}")),
            effect: Effect::React { after: None },
            due_at: DateTime::UNIX_EPOCH,
            event_id: None,
            correlation_id: "c".into(),
            traceparent: None,
            turn: None,
        }
    }

    #[test]
    fn a_payment_by_another_channel_does_not_wait_for_the_first_one() {
        let deposit = |n: u128| {
            let [reservation_id, payment_id] = [1, n].map(uuid::Uuid::from_u128);
            let deposit = TakeDeposit {
                reservation_id: ReservationId(reservation_id),
                payment_id: PaymentId(payment_id),
                amount: Money { amount_minor: 1, currency: Currency::from_code("IDR").unwrap() },
                channel: None,
                purpose: Purpose::Deposit,
            };
            let key = EffectKey(format!("deposit-{n}"));
            Scheduled { key, effect: Effect::TakeDeposit(deposit), ..scheduled(0) }
        };
        let (mut effects, at, time) = (Effects::default(), Position::START, DateTime::UNIX_EPOCH);
        effects.schedule(&deposit(2), at, time);
        let taken = |effects: &mut Effects| -> Vec<String> {
            effects.take_due(Lane::Money, time, 9).into_iter().map(|taken| taken.scheduled.key.0).collect()
        };
        assert_eq!(taken(&mut effects), ["deposit-2"]);
        // The first provider has not answered yet.
        effects.schedule(&deposit(4), at, time);
        assert_eq!(taken(&mut effects), ["deposit-4"]);
        // Its refund waits for nothing of the first one either, but for its own effects.
        let Effect::TakeDeposit(second) = deposit(4).effect else { unreachable!() };
        let TakeDeposit { reservation_id, payment_id, amount, .. } = second;
        let refund = Effect::Refund { reservation_id, payment_id, amount };
        effects.schedule(
            &Scheduled { key: EffectKey("refund".into()), effect: refund, ..scheduled(0) },
            at,
            time,
        );
        assert!(taken(&mut effects).is_empty());
        let done =
            |key: &str| Succeeded { key: EffectKey(key.into()), outcome: "done".into(), recipient: None };
        effects.succeeded(&done("deposit-4"), time);
        assert_eq!(taken(&mut effects), ["refund"]);
    }

    #[test]
    fn ended_effects_leave_the_memory_and_are_still_known_and_counted() {
        let (mut effects, at, time) = (Effects::default(), Position::START, DateTime::UNIX_EPOCH);
        let total = ENDED_EFFECTS_MAX + 100;
        for n in 0..total {
            let effect = scheduled(n);
            let succeeded = Succeeded { key: effect.key.clone(), outcome: "done".into(), recipient: None };
            effects.schedule(&effect, at, time);
            effects.succeeded(&succeeded, time);
        }
        assert_eq!(effects.all.len(), ENDED_EFFECTS_MAX);
        assert_eq!(effects.counts()[&EffectStatus::Done], total);
        effects.schedule(&scheduled(0), at, time);
        assert!(effects.next_due(scheduled(0).effect.lane()).is_none(), "it is not carried out again");
        assert!(!effects.is_known(&scheduled(total).key));
    }
}
