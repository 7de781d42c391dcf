//! Executes deadlines: holds and offers expire, and parties that never arrive become no-shows.
//!
//! Deadlines follow from the log, so they survive a restart; their execution is recorded in the log, so it
//! happens once. While the service is down nobody can check in, so a grace period that ended during that time
//! starts again when the service starts. While no device at the stand of a venue is connected, nobody can report an arrival
//! there, so automatic no-shows wait, see [`crate::app::stands`].

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};
use events::event::StandSilence;

use crate::app::App;
use crate::app::projections::{DeadlineKey, DeadlineSubject};
use crate::app::request_context::RequestContext;
use crate::app::stands::Delay;
use crate::app::words;
use crate::domain::contact_proof::PROOF_PERIOD;
use crate::domain::reservation::Deadline;
use crate::domain::waitlist::WaitlistCommand;
use crate::domain::{Command, Reservation};

/// Maximum number of deadlines that are read at once.
const BATCH_DEADLINES_MAX: usize = 256;

/// Time until a failed deadline is tried again.
const RETRY_AFTER: TimeDelta = TimeDelta::seconds(1);

/// Executes each deadline when its time has come, until the service stops. `started` is the start of the
/// service.
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
    loop {
        let passed = app.projections.passed_deadlines(now, after, BATCH_DEADLINES_MAX);
        let Some(last) = passed.last() else { return };
        after = Some(*last);
        for key in passed {
            if postponed.contains_key(&key) {
                continue;
            }
            let extended = extended_grace(app, key.1, started).filter(|until| *until > now);
            let delay = extended.map_or_else(|| delay_by_silence(app, key, now), Delay::Until);
            let until = match delay {
                Delay::Until(until) => Some(until),
                Delay::Over(silence) => (!execute(app, key.1, silence).await).then(|| now + RETRY_AFTER),
            };
            postponed.extend(until.map(|until| (key, until)));
        }
    }
}

/// Until when a guest can still prove a contact after `at`, because the service may have been down. A second start does not
/// extend it further.
fn proof_again(at: DateTime<Utc>, started: DateTime<Utc>) -> DateTime<Utc> {
    (started + PROOF_PERIOD).min(at + PROOF_PERIOD)
}

/// The end of a grace period that ended while the service was down, and therefore starts again.
fn extended_grace(app: &App, subject: DeadlineSubject, started: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let id = match subject {
        DeadlineSubject::Reservation(id) => id,
        DeadlineSubject::Waitlist(id) => {
            let at = app.projections.proof_expires_at(id).filter(|at| *at <= started);
            return at.map(|at| proof_again(at, started));
        }
    };
    let (reservation, _) = app.projections.get(id)?;
    match reservation.deadline()? {
        (at, Deadline::NoShow) if at <= started => Some(started + (at - reservation.window().start)),
        (at, Deadline::Proof) if at <= started => Some(proof_again(at, started)),
        (_, Deadline::NoShow | Deadline::Proof | Deadline::Hold) => None,
    }
}

/// Whether an automatic no-show waits for the stand of its venue. The stand may be switched off between the services, so the
/// silence counts only for a no-show that is due during one.
fn delay_by_silence(app: &App, (due_at, subject): DeadlineKey, now: DateTime<Utc>) -> Delay {
    let DeadlineSubject::Reservation(id) = subject else { return Delay::Over(None) };
    let no_show = |reservation: &Reservation| {
        let is_no_show = matches!(reservation.deadline(), Some((_, Deadline::NoShow)));
        is_no_show.then(|| reservation.booking.venue_id.clone())
    };
    let Some(venue_id) = app.projections.look(id, no_show).flatten() else { return Delay::Over(None) };
    let venue = app.venues.get(Some(&venue_id));
    let rules = venue.as_ref().and_then(|venue| venue.rules.as_ref());
    match rules.is_none_or(|rules| !rules.hours.open_at(due_at).is_empty()) {
        true => app.stands.delay(&venue_id, due_at, now),
        false => Delay::Over(None),
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
