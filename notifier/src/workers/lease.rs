//! The right to act on a log that several notifiers can open: a standby waits for it, the active one renews it.

use std::sync::Arc;
use std::time::Duration;

use chassis::environment::SharedEnvironment;
use chassis::serve::Shutdown;
use events::store::lease::Lease;

use crate::effects::EffectLog;

/// How long the lease is valid without being renewed.
const LEASE: Duration = Duration::from_secs(6);

/// How long effects may begin after the lease was last renewed. Shorter than the lease, because the clock of the database
/// can be faster.
const ACT_MAX: Duration = Duration::from_secs(5);

/// How often the active notifier renews the lease.
const RENEW_EVERY: Duration = Duration::from_secs(2);

/// How often a standby follows the log and tries to get the lease.
const TRY_EVERY: Duration = Duration::from_secs(1);

/// Stands by until this notifier holds the lease and has begun its term. Returns whether it has; `false` at the shutdown.
pub async fn stand_by(
    lease: &Lease,
    effect_log: &EffectLog,
    env: &SharedEnvironment,
    shutdown: &Shutdown,
) -> bool {
    let mut said = None;
    loop {
        let tried = attempt(lease, effect_log, env).await;
        match tried {
            Ok(Some(term)) => {
                tracing::info!(term, "this notifier is active now");
                return true;
            }
            Ok(None) => say(&mut said, "another notifier is active: standing by".to_owned()),
            Err(error) => say(&mut said, format!("standing by, and trying again: {error:#}")),
        }
        tokio::select! {
            () = env.sleep(TRY_EVERY) => {}
            () = shutdown.requested() => return false,
        }
    }
}

/// Takes over if no other notifier holds the lease. Returns the new term.
async fn attempt(
    lease: &Lease,
    effect_log: &EffectLog,
    env: &SharedEnvironment,
) -> anyhow::Result<Option<u64>> {
    effect_log.follow().await?;
    let asked = env.elapsed();
    if !lease.acquire(LEASE).await? {
        return Ok(None);
    }
    effect_log.act_until(asked + ACT_MAX);
    Ok(Some(effect_log.take_over().await?))
}

/// Logs what has changed since the last attempt.
fn say(said: &mut Option<String>, words: String) {
    if said.as_ref() != Some(&words) {
        tracing::info!("{words}");
        *said = Some(words);
    }
}

/// Renews the lease until the task is ended. While it cannot be renewed, no effect begins. When another notifier has taken
/// over, the process ends: its state is no longer that of the log.
pub async fn keep(lease: Arc<Lease>, effect_log: Arc<EffectLog>, env: SharedEnvironment) {
    let mut is_failing = false;
    loop {
        env.sleep(RENEW_EVERY).await;
        let asked = env.elapsed();
        match lease.renew(LEASE).await {
            Ok(true) => {
                effect_log.act_until(asked + ACT_MAX);
                if std::mem::take(&mut is_failing) {
                    tracing::info!("the lease can be renewed again: effects continue");
                }
            }
            Ok(false) => {
                tracing::error!(
                    "another notifier has taken over, because this one did not renew its lease in time: start it again, and it stands by"
                );
                std::process::exit(1);
            }
            Err(error) => {
                if !std::mem::replace(&mut is_failing, true) {
                    let error = &error as &dyn std::error::Error;
                    tracing::error!(error, "the lease cannot be renewed: no effect begins until it can");
                }
            }
        }
    }
}
