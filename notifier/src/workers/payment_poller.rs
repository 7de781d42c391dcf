//! Asks providers about open payments, in case a webhook was lost. The older a payment, the less often.

use std::collections::HashMap;
use std::sync::Arc;

use chassis::environment::SharedEnvironment;
use chassis::serve::Shutdown;
use chrono::{DateTime, TimeDelta, Utc};
use events::PaymentId;
use futures::StreamExt as _;

use crate::adapters::payment_providers::PaymentProviders;
use crate::effects::EffectLog;
use crate::effects::payment::Payment;
use crate::executors::breaker::Breakers;
use crate::ports::ProviderError;

/// Maximum number of concurrent requests.
const AT_A_TIME: usize = 4;
/// Maximum interval between two requests about a payment.
const EVERY_MAX: TimeDelta = TimeDelta::hours(1);
/// The interval is this fraction of the age of the payment.
const OF_AGE: i32 = 8;

/// Asks about open payments until the service stops.
pub async fn run(
    effect_log: Arc<EffectLog>,
    payment_providers: Arc<PaymentProviders>,
    breakers: Arc<Breakers>,
    clock: SharedEnvironment,
    shutdown: Shutdown,
) {
    let shortest = payment_providers.providers().filter_map(|provider| provider.poll_every()).min();
    let Some(shortest) = shortest else { return };
    let tick = (shortest / 4).clamp(TimeDelta::milliseconds(50), TimeDelta::seconds(5));
    let mut looked = HashMap::<PaymentId, DateTime<Utc>>::new();
    loop {
        let (now, pending) = (clock.now(), effect_log.pending());
        let mut looks = HashMap::with_capacity(pending.len());
        let due: Vec<_> = pending
            .into_iter()
            .filter(|payment| {
                let last = looked.get(&payment.id()).copied().unwrap_or(payment.opened_at);
                let is_due = next_look(&payment_providers, payment, last, now).is_some_and(|at| at <= now);
                looks.insert(payment.id(), if is_due { now } else { last });
                is_due
            })
            .collect();
        looked = looks;
        let looks = futures::stream::iter(due).for_each_concurrent(AT_A_TIME, |payment| {
            look(&effect_log, &payment_providers, &breakers, &clock, payment)
        });
        tokio::select! {
            () = looks => {}
            () = shutdown.requested() => return,
        }
        tokio::select! {
            () = clock.wait_until(now + tick) => {}
            () = shutdown.requested() => return,
        }
    }
}

fn next_look(
    payment_providers: &PaymentProviders,
    payment: &Payment,
    last: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Option<DateTime<Utc>> {
    let every = payment_providers.provider(&payment.opened.provider)?.poll_every()?;
    let age = now - payment.opened_at;
    Some(last + (age / OF_AGE).min(EVERY_MAX).max(every))
}

async fn look(
    effect_log: &EffectLog,
    payment_providers: &PaymentProviders,
    breakers: &Breakers,
    clock: &SharedEnvironment,
    payment: Payment,
) {
    let (who, reference) = (&payment.opened.provider, &payment.opened.provider_reference);
    let Some(provider) = payment_providers.provider(who) else { return };
    if breakers.ask(who, clock.now()).is_err() {
        return;
    }
    match provider.standing(reference).await {
        Ok(standing) => {
            breakers.answered(who);
            if let Err(error) = effect_log.decide(reference, standing).await {
                tracing::warn!(reference, %error, "the status of a payment could not be recorded");
            }
        }
        Err(ProviderError::Busy { .. }) => breakers.not_asked(who),
        Err(ProviderError::Final(error)) => {
            breakers.answered(who);
            tracing::warn!(reference, error, "the provider refused to report the status of a payment");
        }
        Err(error) => drop(breakers.failed(who, &error.to_string(), clock.now())),
    }
}
