//! What can be booked on a day.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use chassis::problem::Problem;
use events::values::Money;
use serde::Serialize;
use utoipa::ToSchema;

use super::bodies;
use super::extract::Parameters;
use super::representation::local;
use super::request::{self, Availability};
use crate::app::App;
use crate::domain::House;
use crate::domain::day::{Ask, Slot};
use crate::domain::occupancy::Occupancy;

/// What a house could do for a party on a day.
#[derive(Serialize, ToSchema)]
pub(super) struct Day {
    #[schema(example = "bandung-dago")]
    venue_id: String,
    /// The day that the services open; slots after midnight belong to it.
    #[schema(example = "2026-12-24")]
    date: String,
    #[schema(example = "Asia/Jakarta")]
    timezone: String,
    party_size: u8,
    area: Option<String>,
    /// The position of the log that this was computed at.
    position: u64,
    slots: Vec<SlotView>,
}

/// A time at which a party may arrive.
#[derive(Serialize, ToSchema)]
struct SlotView {
    #[schema(example = "2026-12-24T19:30:00+07:00")]
    start_time: String,
    #[schema(example = "2026-12-24T21:15:00+07:00")]
    end_time: String,
    /// Whether a booking for just that would be taken.
    available: bool,
    /// Why not: closed, too_soon, too_late, pacing, no_table, party_too_large.
    #[schema(example = "no_table")]
    reason: Option<&'static str>,
    /// The tables that the booking would get.
    tables: Vec<TableOffer>,
    /// The deposit that it would need.
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

/// What can be booked on a day
///
/// Every slot of the day with the tables and the deposit that a booking for it would get, or with the reason why it
/// would be refused. What is offered is what can be booked, as long as nobody else is faster.
#[utoipa::path(get, path = "/api/availability", tag = "reservations",
    params(("venue_id" = Option<String>, Query, description = "Without it, the first venue"),
        ("date" = String, Query, description = "YYYY-MM-DD"), ("party_size" = u8, Query, description = "1 to 50"),
        ("area" = Option<String>, Query), ("duration_minutes" = Option<u32>, Query,
        description = "15 to 480; by default as long as a party of that size stays")),
    responses((status = 200, body = Day),
        (status = 409, body = bodies::Problem, content_type = "application/problem+json", description = "kept_by_hand: the venue has no services"),
        (status = 422, body = bodies::InvalidRequest, content_type = "application/problem+json")))]
pub(super) async fn availability(
    State(app): State<App>,
    Parameters(mut form): Parameters,
) -> Result<Response, Problem> {
    let asked = request::availability(&mut form, &app);
    let asked = form.finish(asked)?;
    let house = asked.venue.house.as_ref().ok_or_else(by_hand)?;
    app.views.caught_up(app.store.head()).await;
    let now = app.clock.now();
    let look = |occupancy: &Occupancy| {
        let ask =
            Ask { date: asked.date, size: asked.size, area: asked.area.as_deref(), minutes: asked.minutes };
        house.day(occupancy, &ask, now)
    };
    let (slots, position) = app.views.with_book(&asked.venue.id, look);
    Ok(axum::Json(day(&asked, house, slots, position.0)).into_response())
}

fn by_hand() -> Problem {
    Problem::new(
        StatusCode::CONFLICT,
        "kept_by_hand",
        "The book of this venue is kept by hand: any time can be asked for. Add services to its file to change that.",
    )
}

fn day(asked: &Availability, house: &House, slots: Vec<Slot<'_>>, position: u64) -> Day {
    let zone = house.hours.zone.name();
    let deposit = asked.venue.policy_for(asked.size).deposit_due(asked.size);
    let slot = |slot: Slot<'_>| {
        let (tables, reason) = match slot.seating {
            Ok(seating) => (seating.tables.as_slice(), None),
            Err(why) => (&[][..], Some(why.code())),
        };
        let offer = |table: &crate::domain::venue::Table| TableOffer {
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
