//! What can be booked on a day.

use std::sync::Arc;

use chrono::NaiveDate;
use events::values::{Money, PartySize, TimeWindow};
use serde::Serialize;
use utoipa::ToSchema;

use super::{QueryError, local};
use crate::app::App;
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

/// The availability of a venue on a day.
#[derive(Serialize, ToSchema)]
pub struct Day {
    #[schema(example = "bandung-dago")]
    venue_id: String,
    /// The business day: slots after midnight belong to the day on which the service opened.
    #[schema(example = "2026-12-24")]
    date: String,
    #[schema(example = "Asia/Jakarta")]
    timezone: String,
    party_size: u8,
    area: Option<String>,
    /// The position of the log that the result is based on.
    position: u64,
    slots: Vec<SlotView>,
}

/// An arrival time.
#[derive(Serialize, ToSchema)]
struct SlotView {
    #[schema(example = "2026-12-24T19:30:00+07:00")]
    start_time: String,
    #[schema(example = "2026-12-24T21:15:00+07:00")]
    end_time: String,
    /// Whether a booking for exactly this slot would be accepted.
    available: bool,
    /// The reason if not: closed, too_soon, too_late, pacing, no_table, party_too_large.
    #[schema(example = "no_table")]
    reason: Option<&'static str>,
    /// The tables that a booking would get.
    tables: Vec<TableOffer>,
    /// The deposit that a booking would need.
    #[schema(value_type = Option<Object>)]
    deposit: Option<Money>,
}

/// A table that a booking would get.
#[derive(Serialize, ToSchema)]
struct TableOffer {
    #[schema(example = "T3")]
    table_id: String,
    #[schema(example = "Teras")]
    area: String,
    capacity: u8,
}

impl App {
    /// The availability of a venue on a day; `None` if the venue is managed by hand.
    ///
    /// # Errors
    /// [`QueryError::Read`].
    pub async fn availability(&self, request: &AvailabilityRequest) -> Result<Option<Day>, QueryError> {
        let Some(rules) = &request.venue.rules else { return Ok(None) };
        self.catch_up().await?;
        let now = self.env.now();
        let snapshot = self.projections.snapshot(&request.venue.id, &business_day(rules, request.date));
        let day = DayRequest {
            date: request.date,
            size: request.size,
            area: request.area.as_deref(),
            minutes: request.minutes,
        };
        let slots = rules.day(&snapshot.occupancy, &day, now);
        Ok(Some(view(request, rules, slots, snapshot.position.0)))
    }
}

/// The time from the start of `date` to the end of the next day, which contains every slot of the business day.
fn business_day(rules: &BookingRules, date: NaiveDate) -> TimeWindow {
    let at = |date: NaiveDate| resolve(rules.hours.zone, date.and_time(chrono::NaiveTime::MIN));
    let after_next = date.checked_add_days(chrono::Days::new(2)).unwrap_or(date);
    TimeWindow { start: at(date), end: at(after_next) }
}

fn view(asked: &AvailabilityRequest, rules: &BookingRules, slots: Vec<Slot<'_>>, position: u64) -> Day {
    let zone = rules.hours.zone.name();
    let deposit = asked.venue.policy_for(asked.size).deposit_due(asked.size);
    let slot = |slot: Slot<'_>| {
        let (tables, reason) = match slot.seating {
            Ok(seating) => (seating.tables.as_slice(), None),
            Err(why) => (&[][..], Some(why.code())),
        };
        let offer = |table: &Table| TableOffer {
            table_id: table.id.to_string(),
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
        venue_id: asked.venue.id.to_string(),
        date: asked.date.to_string(),
        timezone: zone.to_owned(),
        party_size: asked.size.get(),
        area: asked.area.clone(),
        position,
        slots: slots.into_iter().map(slot).collect(),
    }
}
