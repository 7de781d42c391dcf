//! What can be booked on a day.

use std::sync::Arc;

use chrono::NaiveDate;
use contract::reservation::availability::{Day, SlotView, TableOffer};
use events::values::{PartySize, TimeWindow};
use events::{EventId, Position};

use super::{QueryError, local};
use crate::app::App;
use crate::app::words;
use crate::domain::availability::{BookingRules, DayRequest, Slot, Table, resolve};
use crate::domain::venue::Venue;

/// A question about a day of a venue.
#[derive(Debug, Clone)]
pub struct AvailabilityRequest {
    /// The venue.
    pub venue: Arc<Venue>,
    /// The business day.
    pub date: NaiveDate,
    /// The number of guests.
    pub size: PartySize,
    /// The requested area, if any.
    pub area: Option<String>,
    /// The length of the stay in minutes; by default the turn time of a party of that size.
    pub minutes: Option<u32>,
}

impl App {
    /// The availability of a venue on a day; `None` if the venue is managed by hand.
    ///
    /// # Errors
    /// [`QueryError::Read`].
    pub async fn availability(&self, request: &AvailabilityRequest) -> Result<Option<Day>, QueryError> {
        let Some(rules) = &request.venue.rules else { return Ok(None) };
        let window = business_day(rules, request.date);
        self.know_visits(&request.venue.id, &window).await?;
        let now = self.env.now();
        let feed_cursor = self.projections.cursor();
        let snapshot = self.projections.snapshot(&request.venue.id, &window);
        let day = DayRequest {
            date: request.date,
            size: request.size,
            area: request.area.as_deref(),
            minutes: request.minutes,
        };
        let slots = rules.day(&snapshot.occupancy, &day, now);
        Ok(Some(view(request, rules, slots, (snapshot.position, feed_cursor))))
    }
}

/// The time from the start of `date` to the end of the next day, which contains every slot of the business day.
fn business_day(rules: &BookingRules, date: NaiveDate) -> TimeWindow {
    let at = |date: NaiveDate| resolve(rules.hours.zone, date.and_time(chrono::NaiveTime::MIN));
    let after_next = date.checked_add_days(chrono::Days::new(2)).unwrap_or(date);
    TimeWindow { start: at(date), end: at(after_next) }
}

fn view(
    asked: &AvailabilityRequest,
    rules: &BookingRules,
    slots: Vec<Slot<'_>>,
    (position, feed_cursor): (Position, Option<EventId>),
) -> Day {
    let zone = rules.hours.zone.name();
    let deposit = asked.venue.policy_for(asked.size).deposit_due(asked.size);
    let slot = |slot: Slot<'_>| {
        let (tables, reason) = match slot.seating {
            Ok(seating) => (seating.tables.as_slice(), None),
            Err(why) => (&[][..], Some(words::slot_reason(why))),
        };
        let offer = |table: &Table| TableOffer {
            table_id: table.id.clone(),
            area: table.area.clone(),
            capacity: table.seats,
        };
        SlotView {
            start_time: local(slot.window.start, zone),
            end_time: local(slot.window.end, zone),
            available: reason.is_none(),
            reason,
            tables: tables.iter().map(offer).collect(),
            deposit: deposit.filter(|_| reason.is_none()),
        }
    };
    Day {
        venue_id: asked.venue.id.clone(),
        date: asked.date,
        timezone: zone.to_owned(),
        party_size: asked.size,
        area: asked.area.clone(),
        position: position.0,
        feed_cursor,
        slots: slots.into_iter().map(slot).collect(),
    }
}
