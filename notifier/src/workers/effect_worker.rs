//! Carries out due effects: many at a time, in one lane per system outside, so that a slow system does not delay the
//! others.

use std::sync::Arc;

use chassis::environment::{Environment, SharedEnvironment};
use chassis::serve::Shutdown;
use chassis::traces;
use chrono::{DateTime, TimeDelta, Utc};
use events::store::AppendError;
use tokio::sync::Semaphore;
use tracing::field::Empty;
use tracing::{Instrument as _, Span};

use crate::domain::effect::{
    Effect, Lane, NotificationOutcome, NotificationResult, PaymentOutcome, PaymentResult, Planned,
};
use crate::domain::retry_policy::{RetrySettings, WEBHOOK_ATTEMPTS_MAX, backoff, webhook_delay};
use crate::effects::entry::{AttemptFailed, Died, Entry, Scheduled, Succeeded};
use crate::effects::{EffectLog, EffectLogError, TrackedEffect};
use crate::executors::breaker::{Breakers, RESERVATION};
use crate::executors::{EffectExecutor, Execution, Failure, RetryAdvice, System};

/// The delay before another request to a reservation service that does not respond.
const RESERVATION_RETRY: TimeDelta = TimeDelta::seconds(1);
/// Maximum age of a webhook. One whose receiver kept failing gets fewer attempts within this time.
const HOOK_AGE_MAX: TimeDelta = TimeDelta::days(4);
/// How long attempts at a provider that is down as a whole do not count.
const PROVIDER_DOWN_MAX: TimeDelta = TimeDelta::days(1);

/// Carries out effects until the service stops, and then waits for those under way.
pub async fn run(
    effect_log: Arc<EffectLog>,
    executor: Arc<EffectExecutor>,
    breakers: Arc<Breakers>,
    env: SharedEnvironment,
    retry_settings: RetrySettings,
    shutdown: Shutdown,
) {
    let lanes = Lane::ALL
        .map(|lane| run_lane(lane, &effect_log, &executor, &breakers, &env, retry_settings, &shutdown));
    futures::future::join_all(lanes).await;
}

async fn run_lane(
    lane: Lane,
    effect_log: &Arc<EffectLog>,
    executor: &Arc<EffectExecutor>,
    breakers: &Arc<Breakers>,
    env: &SharedEnvironment,
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
        let room = executor.rate_limiter.room(lane, env.now());
        let most = slots.available_permits().min(room.unwrap_or(0));
        for effect in effect_log.take_due(lane, most) {
            let Ok(slot) = Arc::clone(&slots).acquire_owned().await else { return };
            let (effect_log, executor) = (Arc::clone(effect_log), Arc::clone(executor));
            let (breakers, shutdown) = (Arc::clone(breakers), shutdown.clone());
            let work =
                Work { effect_log, executor, breakers, env: Arc::clone(env), retry_settings, shutdown };
            // The result is in the effect log.
            drop(env.spawn(Box::pin(async move {
                let span = span_of(&effect);
                work.attempt(effect).instrument(span).await;
                drop(slot);
            })));
        }
        let due = async {
            match effect_log.next_due(lane) {
                Some(at) => env.wait_until(room.map_or_else(|until| until.max(at), |_| at)).await,
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

/// The span of an attempt, in the trace of the request that caused the effect; none without traces.
fn span_of(effect: &TrackedEffect) -> Span {
    if !traces::is_on() {
        return Span::none();
    }
    let Scheduled { key, effect, traceparent, .. } = &effect.scheduled;
    let name = format!("effect {}", effect.kind());
    let span = tracing::info_span!(
        "effect",
        otel.name = name,
        otel.status_code = Empty,
        effect.key = %key,
        effect.lane = ?effect.lane()
    );
    traces::continue_from(&span, traceparent.as_deref());
    span
}

/// The context of one attempt.
struct Work {
    effect_log: Arc<EffectLog>,
    executor: Arc<EffectExecutor>,
    breakers: Arc<Breakers>,
    env: SharedEnvironment,
    retry_settings: RetrySettings,
    shutdown: Shutdown,
}

impl Work {
    async fn attempt(&self, effect: TrackedEffect) {
        let key = effect.scheduled.key.clone();
        let request = effect.scheduled.correlation_id.clone();
        let system = self.executor.system_of(&effect.scheduled.effect);
        if let Err(entries) = self.check_breakers(&effect, system.as_ref().map(System::name)) {
            return self.write_down(&effect, entries).await;
        }
        let execution = self.executor.execute(&effect, system.as_ref()).await;
        if execution.is_err() {
            Span::current().record("otel.status_code", "ERROR");
        }
        let now = self.env.now();
        let closed_until = system.and_then(|system| self.report_to_breaker(system.name(), &execution, now));
        let responded =
            !matches!(&execution, Err(Failure { advice: RetryAdvice::WaitForReservationService, .. }));
        if responded && effect.scheduled.effect.needs_reservation() {
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
                return self.effect_log.put_back(
                    &key,
                    until.max(now + self.jittered(RESERVATION_RETRY)),
                    error,
                );
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
    fn check_breakers(&self, effect: &TrackedEffect, system: Option<&str>) -> Result<(), Vec<Entry>> {
        let (key, now) = (&effect.scheduled.key, self.env.now());
        let is_hook = effect.scheduled.effect.lane() == Lane::Webhooks;
        if is_hook && now - effect.scheduled.due_at > HOOK_AGE_MAX {
            let error = "the receiver did not respond for days".to_owned();
            let failure = Failure { advice: RetryAdvice::None, reason_code: "provider_unavailable", error };
            return Err(died(effect, failure, now));
        }
        let reservation = effect.scheduled.effect.needs_reservation().then_some(RESERVATION);
        for system in reservation.into_iter().chain(system) {
            if let Err(until) = self.breakers.admit(system, now) {
                if system != RESERVATION {
                    self.breakers.not_tried(RESERVATION);
                }
                self.effect_log.put_back(
                    key,
                    until,
                    format!("no requests to {system} until {until}, because it keeps failing"),
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
                let again = self.env.now() + self.backoff(tries);
                return self.effect_log.put_back_tried(key, again, error.to_string());
            }
            tokio::select! {
                () = self.env.wait_until(self.env.now() + self.backoff(tries)) => tries += 1,
                () = self.shutdown.requested() => return,
            }
        }
    }

    /// Reports the attempt to the breaker of `system`. Returns until when it is open, if it is.
    fn report_to_breaker(
        &self,
        system: &str,
        execution: &Result<Execution, Failure>,
        now: DateTime<Utc>,
    ) -> Option<DateTime<Utc>> {
        match execution {
            Ok(execution) if execution.outcome != "done" => self.breakers.not_tried(system),
            Ok(_) => self.breakers.answered(system),
            Err(failure) => match failure.advice {
                RetryAdvice::WaitForReservationService | RetryAdvice::WaitUntil(_) => {
                    self.breakers.not_tried(system);
                }
                // It responds and asks for fewer requests, which is not a failure.
                RetryAdvice::TryAgain { after, .. } if after > TimeDelta::zero() => {
                    self.breakers.not_tried(system);
                }
                RetryAdvice::TryAgain { .. } => return self.breakers.failed(system, &failure.error, now),
                RetryAdvice::None => self.breakers.answered(system),
            },
        }
        None
    }

    /// The delay before another attempt at a webhook, with up to a fifth added at random.
    fn webhook_delay(&self, attempts: u32) -> TimeDelta {
        let delay = webhook_delay(attempts);
        between(self.env.as_ref(), delay, delay * 6 / 5)
    }

    /// The delay after this number of failed attempts.
    fn backoff(&self, attempts: u32) -> TimeDelta {
        self.jittered(backoff(self.retry_settings, attempts))
    }

    /// Between half of `delay` and all of it.
    fn jittered(&self, delay: TimeDelta) -> TimeDelta {
        between(self.env.as_ref(), delay / 2, delay)
    }

    fn attempts_max(&self, lane: Lane) -> u32 {
        match lane {
            Lane::Webhooks => WEBHOOK_ATTEMPTS_MAX,
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
                    Lane::Webhooks => self.webhook_delay(effect.attempts),
                    _ => self.backoff(effect.attempts),
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
        Effect::StaffMessage { .. }
        | Effect::Refund { .. }
        | Effect::ClosePayments { .. }
        | Effect::RenewPayLinks { .. }
        | Effect::SendAgain { .. }
        | Effect::EraseCopies { .. }
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

/// From `min` to `max`, at random, so that many effects are not tried at once.
fn between(env: &dyn Environment, min: TimeDelta, max: TimeDelta) -> TimeDelta {
    let range_ms = u64::try_from((max - min).num_milliseconds()).unwrap_or_default();
    min + TimeDelta::milliseconds(i64::try_from(env.random_up_to(range_ms)).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use chassis::environment::SystemEnvironment;

    use super::*;

    #[test]
    fn random_delays_differ_and_stay_in_their_range() {
        let (min, max) = (TimeDelta::seconds(1), TimeDelta::seconds(2));
        let delays: Vec<_> = (0..100).map(|_| between(&SystemEnvironment, min, max)).collect();
        assert!(delays.iter().all(|delay| (min..=max).contains(delay)), "{delays:?}");
        assert!(delays.iter().any(|delay| *delay != delays[0]), "not all effects are tried at once");
        assert_eq!(between(&SystemEnvironment, min, min), min);
    }
}
