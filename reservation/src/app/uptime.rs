//! Since when the service can be used, and whether the clock of this process can be trusted.
//!
//! A grace period that ended while the service could not be used starts again. With one process, the service can be used since the
//! start of that process. With several, it can be used since the first of them could append to the log: the restart of one is no
//! interruption, and a database that was away is one for all of them.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use events::store::notes::{Notes, NotesError};
use serde::{Deserialize, Serialize};

/// How often an instance notes that the service can be used.
pub const NOTE_EVERY: Duration = Duration::from_secs(5);

/// A note that is not older than this is not replaced: another instance has just written it.
const NOTE_AGAIN_AFTER: TimeDelta = TimeDelta::seconds(2);

/// A time without such a note that is longer than this is an interruption.
const INTERRUPTION_MIN: TimeDelta = TimeDelta::seconds(15);

/// The name of the note.
const NOTE: &str = "uptime";

/// A process whose clock differs by more than this from that of the database executes no deadlines.
const CLOCK_DIFFERENCE_MAX: TimeDelta = TimeDelta::seconds(5);

/// A time without an interruption.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Uptime {
    since: DateTime<Utc>,
    /// When it was noted last.
    last_at: DateTime<Utc>,
}

impl Uptime {
    /// The uptime at `now`, after `earlier`.
    fn at(now: DateTime<Utc>, earlier: Option<Self>) -> Self {
        match earlier {
            Some(earlier) if now - earlier.last_at <= INTERRUPTION_MIN => Self {
                since: earlier.since,
                last_at: match now - earlier.last_at > NOTE_AGAIN_AFTER {
                    true => now,
                    false => earlier.last_at,
                },
            },
            _ => Self { since: now, last_at: now },
        }
    }
}

/// Whether a process may execute deadlines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It may. The service can be used since that time.
    Since(DateTime<Utc>),
    /// It may not: nothing can be appended to the log.
    Unavailable,
    /// It may not: its clock is ahead by this time, which is negative if the clock is behind.
    WrongClock(TimeDelta),
}

/// Notes that the service can be used, if the log `is_writable`, and returns since when. `started` is the start of this process, `now`
/// reads its clock.
///
/// All processes of a log measure the time by the clock of the database.
///
/// # Errors
/// [`NotesError`].
pub async fn note(
    notes: &Notes,
    is_writable: bool,
    started: DateTime<Utc>,
    now: impl Fn() -> DateTime<Utc>,
) -> Result<Standing, NotesError> {
    if !is_writable {
        return Ok(Standing::Unavailable);
    }
    let before = now();
    let Some(there) = notes.clock().await? else { return Ok(Standing::Since(started)) };
    let ahead = ahead(before, there, now());
    metrics::gauge!("meja_clock_ahead_seconds").set(ahead.as_seconds_f64());
    if ahead.abs() > CLOCK_DIFFERENCE_MAX {
        return Ok(Standing::WrongClock(ahead));
    }
    let uptime = notes.update(NOTE, |earlier| Uptime::at(there, earlier)).await?;
    Ok(Standing::Since(uptime.since))
}

/// By how much the clock of this process is at least ahead, if it showed `before` and `after` around the time at which the other one
/// showed `there`.
fn ahead(before: DateTime<Utc>, there: DateTime<Utc>, after: DateTime<Utc>) -> TimeDelta {
    (before - there).max(TimeDelta::zero()) + (after - there).min(TimeDelta::zero())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_796_000_000 + seconds, 0).unwrap()
    }

    #[test]
    fn an_uptime_goes_on_until_it_was_not_noted_for_some_time() {
        let noted = |times: &[i64]| {
            times.iter().fold(None, |uptime, seconds| Some(Uptime::at(at(*seconds), uptime))).unwrap()
        };
        assert_eq!(noted(&[0]), Uptime { since: at(0), last_at: at(0) });
        assert_eq!(noted(&[0, 5, 10, 25]), Uptime { since: at(0), last_at: at(25) });
        assert_eq!(noted(&[0, 5, 6]), Uptime { since: at(0), last_at: at(5) });
        assert_eq!(noted(&[0, 5, 21]), Uptime { since: at(21), last_at: at(21) });
        // The answers to two processes overtook each other.
        assert_eq!(noted(&[0, 10, 7, 15]), Uptime { since: at(0), last_at: at(15) });
    }

    #[test]
    fn a_slow_answer_makes_no_clock_wrong() {
        assert_eq!(ahead(at(0), at(3), at(6)), TimeDelta::zero());
        assert_eq!(ahead(at(60), at(3), at(66)), TimeDelta::seconds(57));
        assert_eq!(ahead(at(0), at(63), at(6)), TimeDelta::seconds(-57));
    }

    #[tokio::test]
    async fn with_one_process_it_began_with_its_start() {
        assert_eq!(note(&Notes::own(), true, at(0), || at(1_000)).await.unwrap(), Standing::Since(at(0)));
    }
}
