//! The simulated provider's own mind: open payments are decided after a while, without a person.

use std::sync::Arc;

use chassis::clock::SharedClock;
use chassis::serve::Shutdown;
use chrono::TimeDelta;
use events::PaymentId;

use crate::outbox::Outbox;
use crate::payment::PaymentStatus;

/// What the provider decides by itself.
#[derive(Debug, Clone, Copy)]
pub struct Decision {
    /// How long after the payment was opened.
    pub after: TimeDelta,
    /// Whether the guest is taken to have paid.
    pub pays: bool,
}

/// Decides open payments by itself, until the service stops.
pub async fn run(outbox: Arc<Outbox>, clock: SharedClock, decision: Decision, shutdown: Shutdown) {
    let mut changed = outbox.watch();
    loop {
        changed.mark_unchanged();
        let pending = outbox.payments(|payment| payment.status == PaymentStatus::Pending, usize::MAX);
        let now = clock.now();
        let mut next = None;
        for payment in pending {
            let at = opened_at(payment.id(), now) + decision.after;
            if at > now {
                next = Some(next.map_or(at, |next: chrono::DateTime<chrono::Utc>| next.min(at)));
            } else if let Err(error) = outbox.decide(&payment.opened.provider_reference, decision.pays).await
            {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "the simulated provider could not decide"
                );
                next = Some(now + TimeDelta::seconds(1));
            }
        }
        tokio::select! {
            () = async { match next { Some(at) => clock.wait(at).await, None => std::future::pending().await } } => {}
            _ = changed.changed() => {}
            () = shutdown.requested() => return,
        }
    }
}

/// When a payment was asked for: its id, a v7, says so.
fn opened_at(id: PaymentId, now: chrono::DateTime<chrono::Utc>) -> chrono::DateTime<chrono::Utc> {
    let timestamp = id.0.get_timestamp().map(|timestamp| timestamp.to_unix());
    let time = timestamp
        .and_then(|(seconds, nanos)| chrono::DateTime::from_timestamp(i64::try_from(seconds).ok()?, nanos));
    time.unwrap_or(now)
}
