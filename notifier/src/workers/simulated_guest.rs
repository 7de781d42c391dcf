//! The simulated guest: decides payments at the simulated provider after a while, without a person.

use std::sync::Arc;

use chassis::environment::SharedEnvironment;
use chassis::serve::Shutdown;
use chrono::{DateTime, TimeDelta, Utc};

use crate::adapters::simulated::{SIMULATED, Simulated};
use crate::effects::EffectLog;

/// The decision of the simulated guest.
#[derive(Debug, Clone, Copy)]
pub struct Decision {
    /// The delay after the payment was opened.
    pub after: TimeDelta,
    /// Whether the guest pays.
    pub pays: bool,
}

/// Decides open payments until the service stops.
pub async fn run(
    effect_log: Arc<EffectLog>,
    simulated: Arc<Simulated>,
    env: SharedEnvironment,
    decision: Decision,
    shutdown: Shutdown,
) {
    let mut changed = effect_log.watch();
    loop {
        changed.mark_unchanged();
        let now = env.now();
        let mut next: Option<DateTime<Utc>> = None;
        for payment in effect_log.pending() {
            let opened = &payment.opened;
            let at = payment.opened_at + decision.after;
            if opened.provider != SIMULATED {
                continue;
            }
            if at > now {
                next = Some(next.map_or(at, |next| next.min(at)));
                continue;
            }
            let decided = match simulated.choose(&opened.provider_reference, decision.pays) {
                Ok(status) => effect_log.decide(&opened.provider_reference, status).await.map(drop),
                Err(error) => {
                    tracing::warn!(%error, "the simulated guest could not decide");
                    continue;
                }
            };
            if let Err(error) = decided {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "the simulated guest could not decide"
                );
                next = Some(now + TimeDelta::seconds(1));
            }
        }
        tokio::select! {
            () = async { match next { Some(at) => env.wait_until(at).await, None => std::future::pending().await } } => {}
            _ = changed.changed() => {}
            () = shutdown.requested() => return,
        }
    }
}
