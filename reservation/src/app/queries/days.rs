//! The days on which something is free.

use chrono::{Days as ChronoDays, NaiveDate};
use contract::reservation::venues::{DayView, Days};
use events::values::{PartySize, TimeWindow};

use super::{QueryError, local};
use crate::app::App;
use crate::app::words;
use crate::domain::availability::{DayRequest, Slot, Unavailable};
use crate::domain::venue::Venue;

/// Reasons for a day without free slots, in the order in which they are reported.
const MOST_HOPEFUL: [Unavailable; 6] = [
    Unavailable::NoTable,
    Unavailable::Pacing,
    Unavailable::TooLate,
    Unavailable::TooSoon,
    Unavailable::PartyTooLarge,
    Unavailable::Closed,
];

impl App {
    /// For each business day from `from` up to and including `to`, whether a party of `size` can book, in `area` if it is
    /// given; `None` if the venue is managed by hand.
    ///
    /// # Errors
    /// [`QueryError::Read`].
    pub async fn days(
        &self,
        venue: &Venue,
        size: PartySize,
        area: Option<&str>,
        (from, to): (NaiveDate, NaiveDate),
    ) -> Result<Option<Days>, QueryError> {
        let Some(rules) = &venue.rules else { return Ok(None) };
        self.catch_up().await?;
        let (now, zone) = (self.env.now(), venue.timezone.name());
        let last = to.checked_add_days(ChronoDays::new(1)).unwrap_or(to);
        let window = TimeWindow { start: venue.day(from).start, end: venue.day(last).end };
        let feed_cursor = self.projections.cursor();
        let snapshot = self.projections.snapshot(&venue.id, &window);
        let day = |date: NaiveDate| {
            let request = DayRequest { date, size, area, minutes: None };
            let slots = rules.day(&snapshot.occupancy, &request, now);
            let mut free = slots.iter().filter(|slot| slot.seating.is_ok()).map(|slot| slot.window.start);
            let first = free.next();
            let last = free.next_back().or(first);
            DayView {
                date,
                available: first.is_some(),
                first_time: first.map(|at| local(at, zone)),
                last_time: last.map(|at| local(at, zone)),
                reason: first.is_none().then(|| words::slot_reason(reason(&slots))),
            }
        };
        Ok(Some(Days {
            venue_id: venue.id.clone(),
            timezone: zone.to_owned(),
            party_size: size,
            position: snapshot.position.0,
            feed_cursor,
            at: now,
            days: from.iter_days().take_while(|date| *date <= to).map(day).collect(),
        }))
    }
}

/// Why none of `slots` can be booked. A day without slots is closed.
fn reason(slots: &[Slot<'_>]) -> Unavailable {
    let is_reason = |reason: &&Unavailable| slots.iter().any(|slot| slot.seating == Err(**reason));
    MOST_HOPEFUL.iter().find(is_reason).copied().unwrap_or(Unavailable::Closed)
}
