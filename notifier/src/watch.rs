//! Looks after open payments: a provider whose webhook never comes is asked, ever less often the older a payment is.

use std::collections::HashMap;
use std::sync::Arc;

use chassis::environment::SharedEnvironment;
use chassis::serve::Shutdown;
use chrono::{DateTime, TimeDelta, Utc};
use events::PaymentId;
use futures::StreamExt as _;

use crate::breaker::Breakers;
use crate::gateway::GatewayError;
use crate::outbox::Outbox;
use crate::payment::Payment;
use crate::tills::Tills;

/// Payments asked about at a time.
const AT_A_TIME: usize = 4;
/// The least often that a payment is looked at.
const EVERY_MAX: TimeDelta = TimeDelta::hours(1);
/// Of its age, a payment waits so much for the next look.
const OF_AGE: i32 = 8;

/// Looks after open payments until the service stops.
pub async fn run(
    outbox: Arc<Outbox>,
    tills: Arc<Tills>,
    breakers: Arc<Breakers>,
    clock: SharedEnvironment,
    shutdown: Shutdown,
) {
    let shortest = tills.providers().filter_map(|provider| provider.poll_every()).min();
    let Some(shortest) = shortest else { return };
    let tick = (shortest / 4).clamp(TimeDelta::milliseconds(50), TimeDelta::seconds(5));
    let mut looked = HashMap::<PaymentId, DateTime<Utc>>::new();
    loop {
        let (now, pending) = (clock.now(), outbox.pending());
        let mut looks = HashMap::with_capacity(pending.len());
        let due: Vec<_> = pending
            .into_iter()
            .filter(|payment| {
                let last = looked.get(&payment.id()).copied().unwrap_or(payment.opened_at);
                let is_due = next_look(&tills, payment, last, now).is_some_and(|at| at <= now);
                looks.insert(payment.id(), if is_due { now } else { last });
                is_due
            })
            .collect();
        looked = looks;
        let looks = futures::stream::iter(due)
            .for_each_concurrent(AT_A_TIME, |payment| look(&outbox, &tills, &breakers, &clock, payment));
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
    tills: &Tills,
    payment: &Payment,
    last: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Option<DateTime<Utc>> {
    let every = tills.provider(&payment.opened.provider)?.poll_every()?;
    let age = now - payment.opened_at;
    Some(last + (age / OF_AGE).min(EVERY_MAX).max(every))
}

async fn look(
    outbox: &Outbox,
    tills: &Tills,
    breakers: &Breakers,
    clock: &SharedEnvironment,
    payment: Payment,
) {
    let (who, reference) = (&payment.opened.provider, &payment.opened.provider_reference);
    let Some(provider) = tills.provider(who) else { return };
    if breakers.ask(who, clock.now()).is_err() {
        return;
    }
    match provider.standing(reference).await {
        Ok(standing) => {
            breakers.answered(who);
            if let Err(error) = outbox.decide(reference, standing).await {
                tracing::warn!(reference, %error, "how a payment stands could not be written down");
            }
        }
        Err(GatewayError::Busy { .. }) => breakers.not_asked(who),
        Err(GatewayError::Final(error)) => {
            breakers.answered(who);
            tracing::warn!(reference, error, "the provider does not say how a payment stands");
        }
        Err(error) => drop(breakers.failed(who, &error.to_string(), clock.now())),
    }
}
