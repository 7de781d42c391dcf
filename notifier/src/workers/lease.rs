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
    let mut said = String::new();
    loop {
        let tried = tokio::select! {
            tried = attempt(lease, effect_log) => tried,
            () = shutdown.requested() => return false,
        };
        let words = match &tried {
            Ok(Attempt::Active { term }) => {
                tracing::info!(term, "this notifier is active now");
                return true;
            }
            Ok(Attempt::OtherIsActive) => "another notifier is active: standing by".to_owned(),
            Ok(Attempt::Lost) => "another notifier appended during the takeover: standing by".to_owned(),
            Err(error) => format!("this notifier could not take over, and tries again: {error:#}"),
        };
        // Logged once, not for every attempt.
        if words != said {
            match tried {
                Ok(_) => tracing::info!("{words}"),
                Err(_) => tracing::warn!("{words}"),
            }
            said = words;
        }
        tokio::select! {
            () = env.sleep(TRY_EVERY) => {}
            () = shutdown.requested() => return false,
        }
    }
}

/// The outcome of one attempt to become active.
enum Attempt {
    Active {
        term: u64,
    },
    OtherIsActive,
    /// An entry was appended between the lease and the takeover.
    Lost,
}

/// Takes over if no other notifier holds the lease.
async fn attempt(lease: &Lease, effect_log: &EffectLog) -> anyhow::Result<Attempt> {
    effect_log.follow().await?;
    if !lease.acquire(LEASE).await? {
        return Ok(Attempt::OtherIsActive);
    }
    let Some(term) = effect_log.take_over().await? else { return Ok(Attempt::Lost) };
    // The takeover can have lasted longer than the lease.
    let asked = effect_log.moment();
    if !lease.renew(LEASE).await? {
        return Ok(Attempt::Lost);
    }
    effect_log.act_for(ACT_MAX, asked);
    Ok(Attempt::Active { term })
}

/// Renews the lease until the task is ended. While it cannot be renewed, no effect begins. When another notifier has taken
/// over, the process ends: its state is no longer that of the log.
pub async fn keep(lease: Arc<Lease>, effect_log: Arc<EffectLog>, env: SharedEnvironment) {
    let mut is_failing = false;
    loop {
        tokio::select! {
            () = env.sleep(RENEW_EVERY) => {}
            () = effect_log.superseded() => end(),
        }
        let asked = effect_log.moment();
        match lease.renew(LEASE).await {
            Ok(true) => {
                effect_log.act_for(ACT_MAX, asked);
                if std::mem::take(&mut is_failing) {
                    tracing::info!("the lease can be renewed again: effects continue");
                }
            }
            Ok(false) => end(),
            Err(error) => {
                if !std::mem::replace(&mut is_failing, true) {
                    let error = &error as &dyn std::error::Error;
                    tracing::error!(error, "the lease cannot be renewed: no effect begins until it can");
                }
            }
        }
    }
}

/// Ends the process at once: requests and effects under way would continue from a state that is out of date.
fn end() -> ! {
    tracing::error!(
        "another notifier has taken over, because this one did not renew its lease in time: start it again, and it stands by"
    );
    std::process::exit(1)
}
