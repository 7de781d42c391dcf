//! The room as a host stand shows it.

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
use crate::domain::Occupancy;
use crate::domain::occupancy::{Holder, Taken};
use crate::domain::venue::Venue;
use crate::views::Guest;

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
    /// free; reserved: its party's time has begun, but it is not there; offered: to a party that waits; seated;
    /// overdue: its party should have left.
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
    reservation_id: Option<String>,
    /// Of a party that waits and was offered the table.
    waitlist_id: Option<String>,
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

fn room(app: &App, venue: &Venue, at: DateTime<Utc>) -> Room {
    let now = app.clock.now();
    let look = |occupancy: &Occupancy, find: &dyn Fn(Holder) -> Option<Guest>| {
        let mut others: Vec<_> = occupancy.tables().filter(|id| venue.table(id).is_none()).cloned().collect();
        others.sort_unstable();
        let known = venue.tables.iter().map(|table| table.id.clone());
        let guests = |id: TableId| {
            let (here, next) = around(occupancy, &id, at, now);
            let guest = |taken: Option<Taken>| taken.and_then(|taken| Some((taken, find(taken.by)?)));
            state(venue, &id, guest(here), guest(next), at)
        };
        known.chain(others).filter_map(guests).collect::<Vec<_>>()
    };
    let (tables, position) = app.views.with_guests(&venue.id, look);
    let zone = venue.timezone.name();
    Room { venue_id: venue.id.to_string(), at: local(at, zone), position: position.0, tables }
}

/// Who has a table at some time, and who comes next. Whoever sits there has it until they leave.
fn around(
    occupancy: &Occupancy,
    id: &TableId,
    at: DateTime<Utc>,
    now: DateTime<Utc>,
) -> (Option<Taken>, Option<Taken>) {
    let until = at + TimeDelta::seconds(1);
    let sits = occupancy.sitting_at(id, at).filter(|taken| at <= now || at < taken.window.end);
    let due = occupancy.at(id, &TimeWindow { start: at, end: until }).next();
    let coming = || occupancy.next(id, until, at + TimeDelta::hours(AHEAD_HOURS));
    match sits {
        Some(sits) => (Some(sits), due.filter(|due| *due != sits).or_else(coming)),
        None => (due, coming()),
    }
}

/// `None`: a table that was put there for another evening.
fn state(
    venue: &Venue,
    id: &TableId,
    here: Option<(Taken, Guest)>,
    next: Option<(Taken, Guest)>,
    at: DateTime<Utc>,
) -> Option<TableState> {
    let zone = venue.timezone.name();
    let extra = || {
        let (_, guest) = here.as_ref().or(next.as_ref())?;
        guest.tables.iter().find(|table| table.id == *id).cloned()
    };
    let table = venue.table(id).cloned().or_else(extra)?;
    let word = match &here {
        None => "free",
        Some((taken, guest)) if guest.seated_at.is_some() => match taken.window.end <= at {
            true => "overdue",
            false => "seated",
        },
        Some((Taken { by: Holder::Offered(_), .. }, _)) => "offered",
        Some(_) => "reserved",
    };
    let until = match &here {
        Some((taken, _)) => Some(taken.window.end),
        None => next.as_ref().map(|(taken, _)| taken.window.start),
    };
    let party = |(taken, guest): &(Taken, Guest)| Party {
        reservation_id: taken.by.reservation().map(|id| id.to_string()),
        waitlist_id: match taken.by {
            Holder::Offered(id) => Some(id.to_string()),
            Holder::Booked(_) | Holder::WalkedIn(_) => None,
        },
        party_size: guest.size.get(),
        start_time: local(taken.window.start, zone),
        end_time: local(taken.window.end, zone),
    };
    let since = here.as_ref().and_then(|(_, guest)| guest.seated_at);
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
