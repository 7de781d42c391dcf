//! Executes deadlines: holds and offers expire, and parties that never arrive become no-shows.
//!
//! Deadlines follow from the log, so they survive a restart. Their execution is recorded in the log, so each is executed once, also if
//! several instances try.
//!
//! A host cannot check a party in while the service is unavailable. A grace period that ended during such a time starts again when
//! the service is back, see [`crate::app::uptime`]. A host cannot report an arrival either while no device at the stand of a venue is
//! connected, so automatic no-shows wait, see [`crate::app::stands`].

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};
use events::event::StandSilence;
use events::store::notes::NotesError;

use crate::app::App;
use crate::app::projections::{DeadlineKey, DeadlineSubject};
use crate::app::request_context::RequestContext;
use crate::app::stands::{self, Delay};
use crate::app::uptime::{self, Standing};
use crate::app::words;
use crate::domain::contact_proof::PROOF_PERIOD;
use crate::domain::reservation::Deadline;
use crate::domain::waitlist::WaitlistCommand;
use crate::domain::{Command, Reservation};

/// Maximum number of deadlines that are read at once.
const BATCH_DEADLINES_MAX: usize = 256;

/// Time until a failed deadline is tried again.
const RETRY_AFTER: TimeDelta = TimeDelta::seconds(1);

/// Executes each deadline when its time has come, until the service stops. `started` is the start of this process.
pub async fn run(app: App, started: DateTime<Utc>) {
    // A new event may bring a deadline that is earlier than the next known one.
    let mut head = app.store.watch_head();
    // Deadlines that have passed, but must not be executed before a time.
    let mut postponed: HashMap<DeadlineKey, DateTime<Utc>> = HashMap::new();
    loop {
        let position = *head.borrow_and_update();
        app.projections.wait_until(position).await;
        let now = app.env.now();
        postponed.retain(|_, until| *until > now);
        execute_passed(&app, started, now, &mut postponed).await;
        // The projections must contain the appended events before the deadlines are read again.
        let appended = *head.borrow();
        app.projections.wait_until(appended).await;
        let next = app.projections.next_deadline(now).into_iter().chain(postponed.values().copied()).min();
        let due = async {
            match next {
                Some(at) => app.env.wait_until(at).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = due => {}
            changed = head.changed() => if changed.is_err() { return },
            () = app.shutdown.requested() => return,
        }
    }
}

async fn execute_passed(
    app: &App,
    started: DateTime<Utc>,
    now: DateTime<Utc>,
    postponed: &mut HashMap<DeadlineKey, DateTime<Utc>>,
) {
    let mut after: Option<DeadlineKey> = None;
    // Asked when the first deadline has passed: an interruption may have ended just now.
    let mut usable_since = None;
    loop {
        let passed = app.projections.passed_deadlines(now, after, BATCH_DEADLINES_MAX);
        let Some(last) = passed.last() else { return };
        after = Some(*last);
        for key in passed {
            if postponed.contains_key(&key) {
                continue;
            }
            if usable_since.is_none() {
                usable_since = Some(since(app, started).await);
            }
            let until = match usable_since.flatten() {
                Some(since) => execute_or_delay(app, key, since, now).await,
                None => Some(now + RETRY_AFTER),
            };
            postponed.extend(until.map(|until| (key, until)));
        }
    }
}

/// Since when the service could be used; `None` if this process may execute no deadlines now.
async fn since(app: &App, started: DateTime<Utc>) -> Option<DateTime<Utc>> {
    match uptime::note(&app.notes, app.store.is_writable(), started, || app.env.now()).await {
        Ok(Standing::Since(since)) => Some(since),
        // Reported by the worker that notes the uptime, and by the log.
        Ok(Standing::WrongClock(_) | Standing::Unavailable) | Err(_) => None,
    }
}

/// Executes a deadline, or returns when it is looked at again.
async fn execute_or_delay(
    app: &App,
    key: DeadlineKey,
    since: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Option<DateTime<Utc>> {
    let extended = extended_grace(app, key.1, since).filter(|until| *until > now);
    let delay = match extended {
        Some(until) => Ok(Delay::Until(until)),
        None => delay_by_silence(app, key, now).await,
    };
    let is_executed = match delay {
        Ok(Delay::Until(until)) => return Some(until),
        Ok(Delay::Over(silence)) => execute(app, key.1, silence).await,
        Err(error) => {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(error, subject = ?key.1, "could not read whether the stand is connected; trying again");
            false
        }
    };
    (!is_executed).then(|| now + RETRY_AFTER)
}

/// Until when a guest can still prove a contact after `at`, because the service may have been down until `since`. A second
/// interruption does not extend it further.
fn proof_again(at: DateTime<Utc>, since: DateTime<Utc>) -> DateTime<Utc> {
    (since + PROOF_PERIOD).min(at + PROOF_PERIOD)
}

/// The end of a grace period that ended while the service was down, until `since`, and therefore starts again.
fn extended_grace(app: &App, subject: DeadlineSubject, since: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let id = match subject {
        DeadlineSubject::Reservation(id) => id,
        DeadlineSubject::Waitlist(id) => {
            let at = app.projections.proof_expires_at(id).filter(|at| *at <= since);
            return at.map(|at| proof_again(at, since));
        }
    };
    let (reservation, _) = app.projections.get(id)?;
    match reservation.deadline()? {
        (at, Deadline::NoShow) if at <= since => Some(since + (at - reservation.window().start)),
        (at, Deadline::Proof) if at <= since => Some(proof_again(at, since)),
        (_, Deadline::NoShow | Deadline::Proof | Deadline::Hold) => None,
    }
}

/// Whether an automatic no-show waits for the stand of its venue. The stand may be switched off between the services, so the
/// silence counts only for a no-show that is due during one.
async fn delay_by_silence(
    app: &App,
    (due_at, subject): DeadlineKey,
    now: DateTime<Utc>,
) -> Result<Delay, NotesError> {
    let DeadlineSubject::Reservation(id) = subject else { return Ok(Delay::Over(None)) };
    let no_show = |reservation: &Reservation| {
        let is_no_show = matches!(reservation.deadline(), Some((_, Deadline::NoShow)));
        is_no_show.then(|| reservation.booking.venue_id.clone())
    };
    let Some(venue_id) = app.projections.look(id, no_show).flatten() else {
        return Ok(Delay::Over(None));
    };
    let venue = app.venues.get(Some(&venue_id));
    let rules = venue.as_ref().and_then(|venue| venue.rules.as_ref());
    match rules.is_none_or(|rules| !rules.hours.open_at(due_at).is_empty()) {
        true => stands::delay(&app.notes, &venue_id, due_at, now).await,
        false => Ok(Delay::Over(None)),
    }
}

/// Returns whether it succeeded. A failure, for example because of a full disk, must not stop the others.
async fn execute(app: &App, subject: DeadlineSubject, silence: Option<StandSilence>) -> bool {
    let context = RequestContext::system("deadlines", app.env.as_ref());
    let executed = match subject {
        DeadlineSubject::Reservation(id) => {
            let expire = Command::Expire(silence);
            let executed = app.executor.change_reservation(id, None, &expire, &context).await;
            executed.map(|outcome| words::status(&outcome.reservation.status).word())
        }
        DeadlineSubject::Waitlist(id) => {
            let executed = app.executor.change_waitlist_entry(id, &WaitlistCommand::Expire, &context).await;
            executed.map(|outcome| words::waitlist_status(&outcome.entry.state).word())
        }
    };
    match executed {
        Ok(status) => {
            tracing::info!(?subject, status, "a deadline passed");
            true
        }
        Err(error) => {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(error, ?subject, "could not execute a deadline; it will be tried again");
            false
        }
    }
}
