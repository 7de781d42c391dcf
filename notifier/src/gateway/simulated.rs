//! A payment provider for trying out: its checkout page stands at this very service, where a person
//! pays or refuses, or it decides by itself after a while. Its books are the notifier's journal.

use std::sync::Arc;

use chassis::clock::SharedClock;
use chassis::serve::Shutdown;
use chrono::TimeDelta;
use events::PaymentId;
use events::values::Money;
use futures::future::BoxFuture;
use uuid::Uuid;

use super::{GatewayError, OpenedPayment, PaymentGateway};
use crate::effect::EffectKey;
use crate::outbox::Outbox;
use crate::payment::PaymentStatus;

/// The simulated provider.
#[derive(Debug, Clone)]
pub struct Simulated {
    public_url: String,
}

impl Simulated {
    /// A provider whose checkout pages stand below `public_url`.
    #[must_use]
    pub fn new(public_url: String) -> Self {
        Self { public_url }
    }
}

impl PaymentGateway for Simulated {
    fn open(
        &self,
        _: &EffectKey,
        _: PaymentId,
        _: Money,
        _: &str,
    ) -> BoxFuture<'_, Result<OpenedPayment, GatewayError>> {
        // Random, unlike the ids of v7, which show their time: who knows the reference can pay. A
        // payment counts from when the journal has it, so a try that was cut short left nothing.
        let reference = format!("sim_{}", Uuid::new_v4().simple());
        let url = format!("{}/checkout/{reference}", self.public_url);
        Box::pin(async move { Ok(OpenedPayment { reference, url }) })
    }

    fn refund(
        &self,
        key: &EffectKey,
        reference: &str,
        _: Money,
    ) -> BoxFuture<'_, Result<String, GatewayError>> {
        // The same key gives the same name, which is all that a repeat must do here.
        let name = Uuid::new_v5(&Uuid::NAMESPACE_URL, format!("{reference}/{key}").as_bytes());
        let name = format!("simr_{}", name.simple());
        Box::pin(async move { Ok(name) })
    }
}

/// What the provider decides by itself.
#[derive(Debug, Clone, Copy)]
pub struct Decision {
    /// How long after the payment was opened.
    pub after: TimeDelta,
    /// Whether the guest is taken to have paid.
    pub pays: bool,
}

/// Decides open payments by itself, until the service stops.
pub async fn decide(outbox: Arc<Outbox>, clock: SharedClock, decision: Decision, shutdown: Shutdown) {
    loop {
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
            () = outbox.changed() => {}
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
