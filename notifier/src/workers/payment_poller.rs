//! Asks providers about open payments, in case a webhook was lost. The older a payment, the less often.

use std::collections::HashMap;
use std::sync::Arc;

use chassis::environment::SharedEnvironment;
use chassis::serve::Shutdown;
use chrono::{DateTime, TimeDelta, Utc};
use events::PaymentId;
use futures::StreamExt as _;

use crate::effects::EffectLog;
use crate::effects::payment::Payment;
use crate::executors::breaker::Breakers;
use crate::ports::ProviderError;
use crate::ports::payment_providers::PaymentProviders;

/// Maximum number of concurrent requests.
const CONCURRENCY_MAX: usize = 4;
/// Maximum interval between two requests about a payment.
const INTERVAL_MAX: TimeDelta = TimeDelta::hours(1);
/// The interval is the age of the payment divided by this.
const AGE_DIVISOR: i32 = 8;

/// Asks about open payments until the service stops.
pub async fn run(
    effect_log: Arc<EffectLog>,
    payment_providers: Arc<PaymentProviders>,
    breakers: Arc<Breakers>,
    env: SharedEnvironment,
    shutdown: Shutdown,
) {
    let shortest = payment_providers.providers().filter_map(|provider| provider.poll_every()).min();
    let Some(shortest) = shortest else { return };
    let tick = (shortest / 4).clamp(TimeDelta::milliseconds(50), TimeDelta::seconds(5));
    let mut polled = HashMap::<PaymentId, DateTime<Utc>>::new();
    loop {
        let (now, pending) = (env.now(), effect_log.pending());
        let mut polled_now = HashMap::with_capacity(pending.len());
        let due: Vec<_> = pending
            .into_iter()
            .filter(|payment| {
                let last = polled.get(&payment.id()).copied().unwrap_or(payment.opened_at);
                let is_due = next_poll(&payment_providers, payment, last, now).is_some_and(|at| at <= now);
                polled_now.insert(payment.id(), if is_due { now } else { last });
                is_due
            })
            .collect();
        polled = polled_now;
        let polls = futures::stream::iter(due).for_each_concurrent(CONCURRENCY_MAX, |payment| {
            poll(&effect_log, &payment_providers, &breakers, &env, payment)
        });
        tokio::select! {
            () = polls => {}
            () = shutdown.requested() => return,
        }
        tokio::select! {
            () = env.wait_until(now + tick) => {}
            () = shutdown.requested() => return,
        }
    }
}

fn next_poll(
    payment_providers: &PaymentProviders,
    payment: &Payment,
    last: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Option<DateTime<Utc>> {
    let every = payment_providers.provider(&payment.opened.provider)?.poll_every()?;
    let age = now - payment.opened_at;
    Some(last + (age / AGE_DIVISOR).min(INTERVAL_MAX).max(every))
}

async fn poll(
    effect_log: &EffectLog,
    payment_providers: &PaymentProviders,
    breakers: &Breakers,
    env: &SharedEnvironment,
    payment: Payment,
) {
    let (name, reference) = (&payment.opened.provider, &payment.opened.provider_reference);
    let Some(provider) = payment_providers.provider(name) else { return };
    if breakers.admit(name, env.now()).is_err() {
        return;
    }
    match provider.status(reference).await {
        Ok(status) => {
            breakers.answered(name);
            if let Err(error) = effect_log.decide(reference, status).await {
                tracing::warn!(reference, %error, "the status of a payment could not be recorded");
            }
        }
        Err(ProviderError::Busy { .. }) => breakers.not_tried(name),
        Err(ProviderError::Final(error)) => {
            breakers.answered(name);
            tracing::warn!(reference, error, "the provider refused to report the status of a payment");
        }
        Err(error) => drop(breakers.failed(name, &error.to_string(), env.now())),
    }
}
