//! The room as a host stand shows it.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use chassis::problem::Problem;
use chrono::{DateTime, TimeDelta, Utc};
use events::TableId;
use events::values::TimeWindow;
use serde::Serialize;
use utoipa::ToSchema;

use super::bodies;
use super::extract::Parameters;
use super::representation::local;
use super::request;
use crate::app::App;
use crate::domain::occupancy::{Occupancy, Taken};
use crate::domain::venue::{Table, Venue};
use crate::domain::{Reservation, Status};

/// How far ahead the next party at a table is looked for.
const AHEAD_HOURS: i64 = 24;

/// The room at some time.
#[derive(Serialize, ToSchema)]
struct Room {
    #[schema(example = "bandung-dago")]
    venue_id: String,
    at: String,
    /// The position of the log that this was computed at.
    position: u64,
    tables: Vec<TableState>,
}

/// A table at some time.
#[derive(Serialize, ToSchema)]
struct TableState {
    #[schema(example = "T3")]
    table_id: String,
    #[schema(example = "Teras")]
    area: String,
    seats: u8,
    /// free; reserved: its party's time has begun, but it is not there; seated; overdue: its party should have left.
    #[schema(example = "seated")]
    state: &'static str,
    /// When the party sat down.
    seated_since: Option<String>,
    /// When the table is free again, or, if it is free, until when.
    until: Option<String>,
    /// Who has it.
    party: Option<Party>,
    /// Who comes next.
    next: Option<Party>,
}

/// A party at a table.
#[derive(Serialize, ToSchema)]
struct Party {
    reservation_id: String,
    party_size: u8,
    start_time: String,
    end_time: String,
}

/// The room as it is
///
/// Every table with who has it and who comes next, also tables that were put there for an evening.
#[utoipa::path(get, path = "/api/floor", tag = "reservations",
    params(("venue_id" = Option<String>, Query, description = "Without it, the first venue"),
        ("at" = Option<String>, Query, description = "A time, also one to come; now by default")),
    responses((status = 200, body = Room), (status = 422, body = bodies::InvalidRequest, content_type = "application/problem+json")))]
pub(super) async fn floor(
    State(app): State<App>,
    Parameters(mut form): Parameters,
) -> Result<Response, Problem> {
    let asked = request::floor(&mut form, &app);
    let (venue, at) = form.finish(asked)?;
    app.views.caught_up(app.store.head()).await;
    Ok(axum::Json(room(&app, &venue, at)).into_response())
}

fn room(app: &App, venue: &Arc<Venue>, at: DateTime<Utc>) -> Room {
    let look = |occupancy: &Occupancy| {
        let others = occupancy.tables().filter(|id| venue.table(id).is_none()).cloned().collect::<Vec<_>>();
        let known = venue.tables.iter().map(|table| table.id.clone());
        let look = |id: TableId| {
            let (now, next) = around(occupancy, &id, at);
            (id, now, next)
        };
        known.chain(others).map(look).collect::<Vec<_>>()
    };
    let (found, position) = app.views.with_book(&venue.id, look);
    let tables =
        found.into_iter().filter_map(|(id, now, next)| state(app, venue, &id, now, next, at)).collect();
    let zone = venue.timezone.name();
    Room { venue_id: venue.id.to_string(), at: local(at, zone), position: position.0, tables }
}

/// Who has a table at some time, and who comes next.
fn around(occupancy: &Occupancy, id: &TableId, at: DateTime<Utc>) -> (Option<Taken>, Option<Taken>) {
    let instant = TimeWindow { start: at, end: at + TimeDelta::seconds(1) };
    let now = occupancy.at(id, &instant).next();
    let before = TimeWindow { start: at - TimeDelta::hours(AHEAD_HOURS), end: at };
    // Whoever has not left keeps the table beyond the time that it was taken for.
    let last = occupancy.at(id, &before).last();
    (now.or(last), occupancy.next(id, at + TimeDelta::seconds(1), at + TimeDelta::hours(AHEAD_HOURS)))
}

fn state(
    app: &App,
    venue: &Venue,
    id: &TableId,
    now: Option<Taken>,
    next: Option<Taken>,
    at: DateTime<Utc>,
) -> Option<TableState> {
    let zone = venue.timezone.name();
    let of = |taken: Taken| app.views.get(taken.by).map(|reservation| (taken, reservation));
    // Who is over their time and was never there has left the table.
    let here =
        now.and_then(of).filter(|(taken, party)| taken.window.end > at || party.status == Status::CheckedIn);
    let next = next.and_then(of);
    let extra = || {
        let (_, party) = here.as_ref().or(next.as_ref())?;
        let table = party.tables.iter().find(|table| table.table_id == *id)?;
        Some(Table { id: id.clone(), area: table.area.clone(), seats: table.capacity, min_party: 1 })
    };
    let table = venue.table(id).cloned().or_else(extra)?;
    let party = |(taken, reservation): &(Taken, Reservation)| Party {
        reservation_id: reservation.id.to_string(),
        party_size: reservation.party_size().get(),
        start_time: local(taken.window.start, zone),
        end_time: local(taken.window.end, zone),
    };
    let (word, since) = match &here {
        None => ("free", None),
        Some((taken, party)) if party.status == Status::CheckedIn => {
            (if taken.window.end <= at { "overdue" } else { "seated" }, party.seated_at)
        }
        Some(_) => ("reserved", None),
    };
    let until = match &here {
        Some((taken, _)) => Some(taken.window.end),
        None => next.as_ref().map(|(taken, _)| taken.window.start),
    };
    Some(TableState {
        table_id: table.id.to_string(),
        area: table.area,
        seats: table.seats,
        state: word,
        seated_since: since.map(|since| local(since, zone)),
        until: until.map(|until| local(until, zone)),
        party: here.as_ref().map(party),
        next: next.as_ref().map(party),
    })
}
