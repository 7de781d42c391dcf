//! Carries out due effects: many at a time, in one lane per system outside, so that a slow system does not delay the
//! others.

use std::sync::Arc;

use chassis::environment::SharedEnvironment;
use chassis::serve::Shutdown;
use chrono::{DateTime, TimeDelta, Utc};
use events::store::AppendError;
use tokio::sync::Semaphore;

use crate::domain::effect::{
    Effect, Lane, NotificationOutcome, NotificationResult, PaymentOutcome, PaymentResult, Planned,
};
use crate::effects::entry::{AttemptFailed, Died, Entry, Succeeded};
use crate::effects::{EffectLog, EffectLogError, TrackedEffect};
use crate::executors::breaker::{Breakers, RESERVATION};
use crate::executors::{EffectExecutor, Execution, Failure, RetryAdvice};

/// How effects are run and retried.
#[derive(Debug, Clone, Copy)]
pub struct RetrySettings {
    /// Maximum number of concurrent effects per lane.
    pub concurrency: usize,
    /// Maximum number of attempts before an effect is a dead letter.
    pub attempts_max: u32,
    /// The delay after the first failed attempt; doubled after each.
    pub backoff: TimeDelta,
    /// The maximum delay between attempts.
    pub backoff_max: TimeDelta,
}

/// The delay before another request to a reservation service that does not respond.
const UPSTREAM_AGAIN: TimeDelta = TimeDelta::seconds(1);
/// The delays between the attempts of a webhook: more than three days in all, as Standard Webhooks recommends.
const HOOK_WAITS: [TimeDelta; 9] = [
    TimeDelta::seconds(5),
    TimeDelta::minutes(5),
    TimeDelta::minutes(30),
    TimeDelta::hours(2),
    TimeDelta::hours(5),
    TimeDelta::hours(10),
    TimeDelta::hours(14),
    TimeDelta::hours(20),
    TimeDelta::hours(24),
];
/// Maximum age of a webhook. One whose receiver kept failing gets fewer attempts within this time.
const HOOK_AGE_MAX: TimeDelta = TimeDelta::days(4);
/// How long attempts at a provider that is down as a whole do not count.
const PROVIDER_DOWN_MAX: TimeDelta = TimeDelta::days(1);

/// Carries out effects until the service stops, and then waits for those under way.
pub async fn run(
    effect_log: Arc<EffectLog>,
    executor: Arc<EffectExecutor>,
    breakers: Arc<Breakers>,
    clock: SharedEnvironment,
    retry_settings: RetrySettings,
    shutdown: Shutdown,
) {
    let lanes = Lane::ALL
        .map(|lane| run_lane(lane, &effect_log, &executor, &breakers, &clock, retry_settings, &shutdown));
    futures::future::join_all(lanes).await;
}

async fn run_lane(
    lane: Lane,
    effect_log: &Arc<EffectLog>,
    executor: &Arc<EffectExecutor>,
    breakers: &Arc<Breakers>,
    clock: &SharedEnvironment,
    retry_settings: RetrySettings,
    shutdown: &Shutdown,
) {
    let slots = Arc::new(Semaphore::new(retry_settings.concurrency));
    let mut changed = effect_log.watch();
    while !shutdown.is_requested() {
        // Wait for a free slot before taking effects.
        tokio::select! {
            slot = slots.acquire() => drop(slot),
            () = shutdown.requested() => break,
        }
        changed.mark_unchanged();
        // Take only as many as the rate limit permits.
        let room = executor.rate_limiter.room(lane, clock.now());
        let most = slots.available_permits().min(room.unwrap_or(0));
        for effect in effect_log.take_due(lane, most) {
            let Ok(slot) = Arc::clone(&slots).acquire_owned().await else { return };
            let (effect_log, executor) = (Arc::clone(effect_log), Arc::clone(executor));
            let (breakers, clock) = (Arc::clone(breakers), Arc::clone(clock));
            let shutdown = shutdown.clone();
            tokio::spawn(async move {
                let (effect_log, executor, breakers, clock) = (&*effect_log, &*executor, &*breakers, &clock);
                Work { effect_log, executor, breakers, clock, retry_settings, shutdown }.on(effect).await;
                drop(slot);
            });
        }
        let due = async {
            match effect_log.next_due(lane) {
                Some(at) => clock.wait_until(room.map_or_else(|until| until.max(at), |_| at)).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = due => {}
            _ = changed.changed() => {}
            () = shutdown.requested() => {}
        }
    }
    // Every effect under way holds a slot.
    let all = u32::try_from(retry_settings.concurrency).unwrap_or(u32::MAX);
    let _ = slots.acquire_many(all).await;
}

/// The context of one attempt.
struct Work<'a> {
    effect_log: &'a EffectLog,
    executor: &'a EffectExecutor,
    breakers: &'a Breakers,
    clock: &'a SharedEnvironment,
    retry_settings: RetrySettings,
    shutdown: Shutdown,
}

impl Work<'_> {
    async fn on(&self, effect: TrackedEffect) {
        let key = effect.scheduled.key.clone();
        let request = effect.scheduled.correlation_id.clone();
        let who = self.executor.outside(&effect.scheduled.effect);
        if let Err(entries) = self.check_breakers(&effect, who.as_deref()) {
            return self.write_down(&effect, entries).await;
        }
        let execution = self.executor.execute(&effect).await;
        let now = self.clock.now();
        let closed_until = who.and_then(|who| self.judge(&who, &execution, now));
        let is_there =
            !matches!(&execution, Err(Failure { advice: RetryAdvice::WaitForReservationService, .. }));
        if is_there && effect.scheduled.effect.needs_reservation() {
            self.breakers.answered(RESERVATION);
        }
        let entries = match execution {
            Ok(execution) => {
                tracing::info!(request, %key, outcome = execution.outcome, "an effect was carried out");
                succeeded(&effect, execution)
            }
            Err(Failure { advice: RetryAdvice::WaitForReservationService, error, .. }) => {
                tracing::debug!(request, %key, error, "an effect waits for the reservation service");
                let until = self.breakers.failed(RESERVATION, &error, now).unwrap_or(now);
                return self.effect_log.put_back(&key, until.max(now + jittered(UPSTREAM_AGAIN)), error);
            }
            Err(Failure { advice: RetryAdvice::WaitUntil(until), error, .. }) => {
                return self.effect_log.put_back(&key, until, error);
            }
            Err(failure) => self.failed(&effect, failure, closed_until, now),
        };
        self.write_down(&effect, entries).await;
    }

    /// Checks the breakers of the systems that the effect needs. If one is open, the effect is put back, or fails with the
    /// returned entries.
    fn check_breakers(&self, effect: &TrackedEffect, who: Option<&str>) -> Result<(), Vec<Entry>> {
        let (key, now) = (&effect.scheduled.key, self.clock.now());
        let is_hook = effect.scheduled.effect.lane() == Lane::Webhooks;
        if is_hook && now - effect.scheduled.due_at > HOOK_AGE_MAX {
            let error = "the receiver did not respond for days".to_owned();
            let failure = Failure { advice: RetryAdvice::None, reason_code: "provider_unavailable", error };
            return Err(died(effect, failure, now));
        }
        let reservation = effect.scheduled.effect.needs_reservation().then_some(RESERVATION);
        for who in reservation.into_iter().chain(who) {
            if let Err(until) = self.breakers.ask(who, now) {
                if who != RESERVATION {
                    self.breakers.not_asked(RESERVATION);
                }
                self.effect_log.put_back(
                    key,
                    until,
                    format!("no requests to {who} until {until}, because it keeps failing"),
                );
                return Err(vec![]);
            }
        }
        Ok(())
    }

    /// Appends the result of an effect, however long that takes. The effect was carried out, and must not be repeated
    /// because of a full disk.
    async fn write_down(&self, effect: &TrackedEffect, entries: Vec<Entry>) {
        let (key, mut tries) = (&effect.scheduled.key, 0);
        while !entries.is_empty() {
            let error = match self.effect_log.finish(effect, entries.clone()).await {
                Ok(()) => return,
                Err(error) => error,
            };
            tracing::error!(%key, error = &error as &dyn std::error::Error, "the result of an effect could not be appended");
            if matches!(error, EffectLogError::Append(AppendError::Conflict { .. })) {
                // It was ended concurrently.
                let again = self.clock.now() + backoff(self.retry_settings, tries);
                return self.effect_log.put_back_tried(key, again, error.to_string());
            }
            tokio::select! {
                () = self.clock.wait_until(self.clock.now() + backoff(self.retry_settings, tries)) => tries += 1,
                () = self.shutdown.requested() => return,
            }
        }
    }

    /// Reports the attempt to the breaker of `who`. Returns until when it is open, if it is.
    fn judge(
        &self,
        who: &str,
        execution: &Result<Execution, Failure>,
        now: DateTime<Utc>,
    ) -> Option<DateTime<Utc>> {
        match execution {
            Ok(execution) if execution.outcome != "done" => self.breakers.not_asked(who),
            Ok(_) => self.breakers.answered(who),
            Err(failure) => match failure.advice {
                RetryAdvice::WaitForReservationService | RetryAdvice::WaitUntil(_) => {
                    self.breakers.not_asked(who);
                }
                // It responds and asks for fewer requests, which is not a failure.
                RetryAdvice::TryAgain { after, .. } if after > TimeDelta::zero() => {
                    self.breakers.not_asked(who);
                }
                RetryAdvice::TryAgain { .. } => return self.breakers.failed(who, &failure.error, now),
                RetryAdvice::None => self.breakers.answered(who),
            },
        }
        None
    }

    fn attempts_max(&self, lane: Lane) -> u32 {
        match lane {
            Lane::Webhooks => HOOK_WAITS.len() as u32 + 1,
            _ => self.retry_settings.attempts_max,
        }
    }

    fn failed(
        &self,
        effect: &TrackedEffect,
        failure: Failure,
        closed_until: Option<DateTime<Utc>>,
        now: DateTime<Utc>,
    ) -> Vec<Entry> {
        let (key, request) = (&effect.scheduled.key, &effect.scheduled.correlation_id);
        let lane = effect.scheduled.effect.lane();
        // Attempts at a provider that is down or busy do not count for a day.
        let is_down = closed_until.is_some() || failure.is_busy();
        let failing = now - effect.failing_since.unwrap_or(now);
        let uncounted = lane != Lane::Webhooks && is_down && failing < PROVIDER_DOWN_MAX;
        match failure.advice {
            RetryAdvice::TryAgain { new_key, after }
                if uncounted || effect.attempts + 1 < self.attempts_max(lane) =>
            {
                let wait = match lane {
                    Lane::Webhooks => hook_wait(effect.attempts),
                    _ => backoff(self.retry_settings, effect.attempts),
                };
                let wait = wait.max(after);
                let next_attempt_at = closed_until.unwrap_or(now).max(now + wait);
                tracing::warn!(request, %key, error = failure.error, %next_attempt_at, "an attempt at an effect failed and will be repeated");
                let (key, error) = (key.clone(), failure.error);
                vec![Entry::AttemptFailed(AttemptFailed { key, error, next_attempt_at, new_key, uncounted })]
            }
            _ => {
                tracing::error!(request, %key, error = failure.error, "an effect failed permanently: it is a dead letter, see /api/effects?status=dead");
                died(effect, failure, now)
            }
        }
    }
}

fn succeeded(effect: &TrackedEffect, execution: Execution) -> Vec<Entry> {
    let key = effect.scheduled.key.clone();
    let done = Entry::EffectSucceeded(Succeeded {
        key,
        outcome: execution.outcome.to_owned(),
        recipient: execution.recipient,
    });
    let then = execution.then.into_iter().map(|planned| effect.follow_up(planned));
    std::iter::once(done).chain(execution.entries).chain(then).collect()
}

/// The entries of a permanent failure, with its report to the reservation service.
fn died(effect: &TrackedEffect, failure: Failure, now: DateTime<Utc>) -> Vec<Entry> {
    let key = &effect.scheduled.key;
    let reason_code = failure.reason_code.to_owned();
    let report = match &effect.scheduled.effect {
        Effect::TakeDeposit(deposit) => Some(Effect::PostPayment {
            reservation_id: deposit.reservation_id,
            result: PaymentResult {
                payment_id: deposit.payment_id,
                outcome: PaymentOutcome::Failed { reason_code: reason_code.clone() },
            },
        }),
        Effect::Message { about, template, medium, .. } => Some(Effect::PostNotification {
            about: *about,
            result: NotificationResult {
                notification_id: key.clone(),
                template: *template,
                medium: *medium,
                outcome: NotificationOutcome::Failed { reason_code: reason_code.clone() },
            },
        }),
        Effect::Refund { .. }
        | Effect::ClosePayments { .. }
        | Effect::PostPayment { .. }
        | Effect::PostNotification { .. }
        | Effect::SendWebhook(_)
        | Effect::React { .. } => None,
    };
    let died = Entry::EffectDied(Died { key: key.clone(), reason_code, error: failure.error });
    // Each permanent failure is reported once, also after a retry.
    let told = format!("failed-{}", effect.retries);
    let report =
        report.map(|report| effect.follow_up(Planned { key: key.then(&told), effect: report, due_at: now }));
    std::iter::once(died).chain(report).collect()
}

/// The delay after this number of failed attempts, with up to a fifth added at random.
fn hook_wait(attempts: u32) -> TimeDelta {
    let wait = HOOK_WAITS[(attempts as usize).min(HOOK_WAITS.len() - 1)];
    wait + TimeDelta::milliseconds(fastrand::i64(0..=wait.num_milliseconds() / 5))
}

/// The delay after this number of failed attempts: doubled with each, limited, and randomised so that many effects do
/// not run at once.
fn backoff(retry_settings: RetrySettings, attempts: u32) -> TimeDelta {
    let doubled =
        retry_settings.backoff.checked_mul(1 << attempts.min(20)).unwrap_or(retry_settings.backoff_max);
    jittered(doubled.min(retry_settings.backoff_max))
}

fn jittered(wait: TimeDelta) -> TimeDelta {
    let millis = wait.num_milliseconds().max(1);
    TimeDelta::milliseconds(millis / 2 + fastrand::i64(0..=millis / 2 + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_webhook_is_tried_for_three_days() {
        let waits: Vec<_> = (0..HOOK_WAITS.len() as u32).map(hook_wait).collect();
        assert!(waits.iter().zip(HOOK_WAITS).all(|(wait, least)| *wait >= least && *wait <= least * 6 / 5));
        assert!(waits.iter().sum::<TimeDelta>() > TimeDelta::days(3));
        assert_ne!(hook_wait(8), hook_wait(8), "not all at once");
    }

    #[test]
    fn waits_grow_up_to_their_limit() {
        let retry_settings = RetrySettings {
            concurrency: 1,
            attempts_max: 8,
            backoff: TimeDelta::seconds(1),
            backoff_max: TimeDelta::seconds(60),
        };
        for (attempts, seconds) in [(0, 1), (1, 2), (5, 32), (6, 60), (400, 60)] {
            let wait = backoff(retry_settings, attempts);
            assert!(wait >= TimeDelta::seconds(seconds) / 2, "{attempts}: {wait}");
            assert!(wait <= TimeDelta::seconds(seconds) + TimeDelta::milliseconds(1), "{attempts}: {wait}");
        }
    }
}
