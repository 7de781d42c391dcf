//! Which venues have a device at the stand that is connected.
//!
//! Kept in memory: after a restart of the service no venue has had a device until one is heard of again.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};
use events::VenueId;
use events::event::StandSilence;
use parking_lot::Mutex;

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

/// The venues of which a device was heard. Their number is limited by that of enrolled devices.
#[derive(Debug, Default)]
pub struct Stands(Mutex<HashMap<VenueId, Heard>>);

#[derive(Debug, Clone, Copy)]
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

impl Stands {
    /// A device of `venue` is there.
    pub fn hear(&self, venue: &VenueId, now: DateTime<Utc>) {
        let mut stands = self.0.lock();
        let silence = stands.get(venue).and_then(|heard| match now - heard.last_at {
            silent if silent > FORGOTTEN_AFTER => None,
            silent if silent > SILENT_AFTER => Some(StandSilence { from: heard.last_at, to: Some(now) }),
            _ => heard.silence,
        });
        stands.insert(venue.clone(), Heard { last_at: now, silence });
    }

    /// Whether a no-show of `venue` that is due at `due_at` is recorded at `now`.
    #[must_use]
    pub fn delay(&self, venue: &VenueId, due_at: DateTime<Utc>, now: DateTime<Utc>) -> Delay {
        let Some(heard) = self.0.lock().get(venue).copied() else { return Delay::Over(None) };
        let silent = now - heard.last_at;
        let silence = match silent > SILENT_AFTER && silent <= FORGOTTEN_AFTER {
            true => Some(StandSilence { from: heard.last_at, to: None }),
            false => heard.silence,
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

    /// A venue of which a device was heard at these times.
    fn heard(times: &[DateTime<Utc>]) -> (Stands, VenueId) {
        let (stands, venue) = (Stands::default(), "dago".parse::<VenueId>().unwrap());
        times.iter().for_each(|now| stands.hear(&venue, *now));
        (stands, venue)
    }

    #[test]
    fn nothing_waits_for_a_stand_that_is_there_or_was_never_there() {
        let (stands, venue) = heard(&[at(0, 0)]);
        assert_eq!(stands.delay(&venue, at(1, 0), at(1, 0)), Delay::Over(None));
        assert_eq!(stands.delay(&"roma".parse().unwrap(), at(1, 0), at(9, 0)), Delay::Over(None));
        // Last used the day before.
        let day = 24 * 60;
        assert_eq!(stands.delay(&venue, at(day, 1), at(day, 1)), Delay::Over(None));
        // A pause of the day before does not count either.
        let (stands, venue) = heard(&[at(0, 0), at(day, 1)]);
        assert_eq!(stands.delay(&venue, at(10, 0), at(day, 2)), Delay::Over(None));
    }

    #[test]
    fn a_no_show_waits_until_a_silent_stand_is_back_and_has_reported() {
        let (stands, venue) = heard(&[at(0, 0), at(0, 30)]);
        assert_eq!(stands.delay(&venue, at(2, 0), at(2, 0)), Delay::Over(None));
        assert_eq!(stands.delay(&venue, at(2, 1), at(2, 1)), Delay::Until(at(2, 31)));
        stands.hear(&venue, at(10, 0));
        assert_eq!(stands.delay(&venue, at(2, 1), at(10, 0)), Delay::Until(at(11, 0)));
        stands.hear(&venue, at(10, 30));
        let silence = StandSilence { from: at(0, 30), to: Some(at(10, 0)) };
        assert_eq!(stands.delay(&venue, at(2, 1), at(11, 0)), Delay::Over(Some(silence)));
        // Later deadlines have nothing to do with it.
        assert_eq!(stands.delay(&venue, at(11, 0), at(11, 0)), Delay::Over(None));
    }

    #[test]
    fn a_no_show_waits_for_an_hour_at_most() {
        let (stands, venue) = heard(&[at(0, 0)]);
        assert_eq!(stands.delay(&venue, at(10, 0), at(69, 50)), Delay::Until(at(70, 0)));
        let silence = StandSilence { from: at(0, 0), to: None };
        assert_eq!(stands.delay(&venue, at(10, 0), at(70, 0)), Delay::Over(Some(silence)));
        stands.hear(&venue, at(69, 55));
        assert_eq!(stands.delay(&venue, at(10, 0), at(69, 56)), Delay::Until(at(70, 0)));
    }
}
