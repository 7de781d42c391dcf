//! Which venues have a device at the stand that is connected.
//!
//! Kept in notes beside the log, because the next report of a device can reach another instance. On a log that only one process
//! can open, no venue has had a device after a restart until one is heard of again.

use chrono::{DateTime, TimeDelta, Utc};
use events::VenueId;
use events::event::StandSilence;
use events::store::notes::{Notes, NotesError};
use serde::{Deserialize, Serialize};

/// How often a device says that it is there, in seconds.
pub const PRESENCE_SECONDS: u32 = 30;
/// A venue of which no device was heard for this time is silent: three reports in a row are missing.
const SILENT_AFTER: TimeDelta = TimeDelta::seconds(3 * PRESENCE_SECONDS as i64);
/// After this time a venue counts as one that uses no device, and nothing waits for one.
const FORGOTTEN_AFTER: TimeDelta = TimeDelta::hours(24);
/// How long a device that is back may take to report what happened meanwhile.
const REPORT_PERIOD: TimeDelta = TimeDelta::seconds(60);
/// Maximum time by which silence delays a no-show.
const DELAY_MAX: TimeDelta = TimeDelta::minutes(60);

/// What is known of the devices of a venue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Heard {
    last_at: DateTime<Utc>,
    /// The silence before that, if it was not forgotten meanwhile.
    silence: Option<StandSilence>,
}

/// What the silence of a stand means for a deadline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delay {
    /// The deadline is executed now. With a silence: it waited for it.
    Over(Option<StandSilence>),
    /// The deadline waits; look again then.
    Until(DateTime<Utc>),
}

/// A device of `venue` is there. `now` is used only if the log is in a directory: otherwise the clock of the
/// database counts, for all instances.
///
/// # Errors
/// [`NotesError`]. The device says it again soon.
pub async fn hear(notes: &Notes, venue: &VenueId, now: DateTime<Utc>) -> Result<(), NotesError> {
    let now = notes.clock().await?.unwrap_or(now);
    notes.update(&note(venue), |heard| Heard::at(now, heard)).await.map(drop)
}

/// Whether a no-show of `venue` that is due at `due_at` is recorded at `now`.
///
/// # Errors
/// [`NotesError`].
pub async fn delay(
    notes: &Notes,
    venue: &VenueId,
    due_at: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<Delay, NotesError> {
    let heard: Option<Heard> = notes.read(&note(venue)).await?;
    Ok(heard.map_or(Delay::Over(None), |heard| heard.delay(due_at, now)))
}

/// The name of the note about the devices of `venue`. The number of notes is limited by that of venues with enrolled devices.
fn note(venue: &VenueId) -> String {
    format!("stand/{venue}")
}

impl Heard {
    /// What is known when a device was heard at `now`, after `earlier`.
    fn at(now: DateTime<Utc>, earlier: Option<Self>) -> Self {
        let Some(earlier) = earlier else { return Self { last_at: now, silence: None } };
        let silence = match now - earlier.last_at {
            silent if silent > FORGOTTEN_AFTER => None,
            silent if silent > SILENT_AFTER => Some(StandSilence { from: earlier.last_at, to: Some(now) }),
            _ => earlier.silence,
        };
        // Two reports can overtake each other. What lies further ahead is from a clock that was wrong.
        let is_near = earlier.last_at - now <= REPORT_PERIOD;
        Self { last_at: if is_near { earlier.last_at.max(now) } else { now }, silence }
    }

    fn delay(&self, due_at: DateTime<Utc>, now: DateTime<Utc>) -> Delay {
        let silent = now - self.last_at;
        let silence = match silent > SILENT_AFTER && silent <= FORGOTTEN_AFTER {
            true => Some(StandSilence { from: self.last_at, to: None }),
            false => self.silence,
        };
        // Silence that ended, with its reports, before the deadline is none of its reasons.
        let reported_at = |silence: &StandSilence| silence.to.map(|to| to + REPORT_PERIOD);
        let silence = silence.filter(|silence| reported_at(silence).is_none_or(|at| due_at < at));
        let Some(silence) = silence else { return Delay::Over(None) };
        let look_again = now + TimeDelta::seconds(PRESENCE_SECONDS.into());
        let until = reported_at(&silence).unwrap_or(look_again).min(due_at + DELAY_MAX);
        match until > now {
            true => Delay::Until(until),
            false => Delay::Over(Some(silence)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minutes: i64, seconds: i64) -> DateTime<Utc> {
        let start: DateTime<Utc> = "2026-12-01T12:00:00Z".parse().unwrap();
        start + TimeDelta::minutes(minutes) + TimeDelta::seconds(seconds)
    }

    /// What is known of a venue of which a device was heard at these times.
    fn heard(times: &[DateTime<Utc>]) -> Heard {
        times.iter().fold(None, |heard, now| Some(Heard::at(*now, heard))).unwrap()
    }

    #[tokio::test]
    async fn a_venue_that_uses_no_device_waits_for_none() {
        let (notes, venue) = (Notes::own(), "dago".parse().unwrap());
        assert_eq!(delay(&notes, &venue, at(1, 0), at(9, 0)).await.unwrap(), Delay::Over(None));
        hear(&notes, &venue, at(0, 0)).await.unwrap();
        assert_eq!(delay(&notes, &venue, at(1, 0), at(9, 0)).await.unwrap(), Delay::Until(at(9, 30)));
        let other = "roma".parse().unwrap();
        assert_eq!(delay(&notes, &other, at(1, 0), at(9, 0)).await.unwrap(), Delay::Over(None));
    }

    #[test]
    fn nothing_waits_for_a_stand_that_is_there_or_was_not_used_for_a_day() {
        let stand = heard(&[at(0, 0)]);
        assert_eq!(stand.delay(at(1, 0), at(1, 0)), Delay::Over(None));
        // Last used the day before.
        let day = 24 * 60;
        assert_eq!(stand.delay(at(day, 1), at(day, 1)), Delay::Over(None));
        // A pause of the day before does not count either.
        let stand = heard(&[at(0, 0), at(day, 1)]);
        assert_eq!(stand.delay(at(10, 0), at(day, 2)), Delay::Over(None));
    }

    #[test]
    fn a_no_show_waits_until_a_silent_stand_is_back_and_has_reported() {
        let stand = heard(&[at(0, 0), at(0, 30)]);
        assert_eq!(stand.delay(at(2, 0), at(2, 0)), Delay::Over(None));
        assert_eq!(stand.delay(at(2, 1), at(2, 1)), Delay::Until(at(2, 31)));
        let stand = Heard::at(at(10, 0), Some(stand));
        assert_eq!(stand.delay(at(2, 1), at(10, 0)), Delay::Until(at(11, 0)));
        let stand = Heard::at(at(10, 30), Some(stand));
        let silence = StandSilence { from: at(0, 30), to: Some(at(10, 0)) };
        assert_eq!(stand.delay(at(2, 1), at(11, 0)), Delay::Over(Some(silence)));
        // Later deadlines have nothing to do with it.
        assert_eq!(stand.delay(at(11, 0), at(11, 0)), Delay::Over(None));
    }

    #[test]
    fn a_no_show_waits_for_an_hour_at_most() {
        let stand = heard(&[at(0, 0)]);
        assert_eq!(stand.delay(at(10, 0), at(69, 50)), Delay::Until(at(70, 0)));
        let silence = StandSilence { from: at(0, 0), to: None };
        assert_eq!(stand.delay(at(10, 0), at(70, 0)), Delay::Over(Some(silence)));
        let stand = Heard::at(at(69, 55), Some(stand));
        assert_eq!(stand.delay(at(10, 0), at(69, 56)), Delay::Until(at(70, 0)));
    }
}
