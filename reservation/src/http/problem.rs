//! The one place where an error of this service becomes an HTTP status.

use axum::http::StatusCode;
use chassis::problem::Problem;
use events::store::{AppendError, ReadError};
use serde_json::{Value, json};

use crate::app::App;
use crate::domain::Refusal;
use crate::domain::house::{Unavailable, Wish};
use crate::domain::seating::Seating;
use crate::handle::{HandleError, Refused};
use crate::stream::StreamError;

/// At most this many other tables or times are offered when one can not be had.
const ALTERNATIVES_MAX: usize = 3;

impl App {
    /// What a command that led to nothing is answered with.
    pub(super) fn problem(&self, error: HandleError) -> Problem {
        match error {
            HandleError::NotFound(id) => Problem::not_found(format!("There is no reservation {id}.")),
            HandleError::Refused { refusal, refused } => self.refused(&refusal, &refused),
            HandleError::NobodyWaits(id) => {
                Problem::not_found(format!("There is no party {id} on a waitlist."))
            }
            HandleError::NoVenue(id) => Problem::new(
                StatusCode::CONFLICT,
                "venue_gone",
                format!("The venue {id} is not kept here any more. Choose another one."),
            ),
            HandleError::Stale { current } => Problem::new(
                StatusCode::PRECONDITION_FAILED,
                "version_mismatch",
                format!("What you have seen has changed: its version is {current} now. Read it again, then decide."),
            )
            .with("current_version", current),
            HandleError::KeyReused => Problem::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "idempotency_key_reused",
                "This Idempotency-Key belongs to another request. Use a new key for a new request.",
            ),
            HandleError::Contended => Problem::new(
                StatusCode::CONFLICT,
                "contended",
                "Others changed the same thing again and again. Nothing was done; try again.",
            ),
            HandleError::Append(error) => append_problem(&error),
            HandleError::Load(error) => stream_problem(&error),
            HandleError::Encode(error) => Problem::internal(&error),
        }
    }

    fn refused(&self, refusal: &Refusal, refused: &Refused) -> Problem {
        let problem = Problem::new(StatusCode::CONFLICT, refusal.code(), refusal.to_string());
        let problem = match refused.reservation {
            Some((_, word)) => problem.with("reservation_status", word),
            None => problem,
        };
        match refusal {
            Refusal::TableTaken(_) | Refusal::TableTooSmall { .. } => {
                problem.with("alternatives", self.other_tables(refused))
            }
            Refusal::Unavailable(Unavailable::NoTable) if refused.walks_in => {
                problem.with("estimated_wait_minutes", self.wait_minutes(refused))
            }
            Refusal::Unavailable(_) if refused.walks_in => problem,
            Refusal::Unavailable(_) => problem.with("alternatives", self.other_times(refused)),
            _ => problem,
        }
    }

    /// Tables that are free when the party wants to come.
    fn other_tables(&self, refused: &Refused) -> Value {
        let Some(venue) = self.venues.get(Some(&refused.venue_id)) else { return json!([]) };
        let (window, guests) = (&refused.window, refused.size.get());
        let except = refused.reservation.map(|(id, _)| id);
        let free = self.views.free_tables(&venue, window, guests, except, self.clock.now(), ALTERNATIVES_MAX);
        let start_time = window.start.with_timezone(&venue.timezone).to_rfc3339();
        let offer = |table: crate::domain::venue::Table| json!({"table_id": table.id, "area": table.area, "capacity": table.seats, "start_time": start_time});
        free.into_iter().map(offer).collect()
    }

    /// How long a party in the door would wait, if everybody leaves in time; null if for hours.
    fn wait_minutes(&self, refused: &Refused) -> Value {
        let venue = self.venues.get(Some(&refused.venue_id));
        let Some(house) = venue.as_ref().and_then(|venue| venue.house.as_ref()) else { return Value::Null };
        let (now, area) = (refused.window.start, refused.area.as_deref());
        let look = |occupancy: &_| house.seat_later(occupancy, refused.size, area, now);
        let (later, _) = self.views.with_book(&refused.venue_id, look);
        // Rounded up: who is told ten minutes waits no eleven.
        later.map_or(Value::Null, |at| json!((at - now).num_seconds().unsigned_abs().div_ceil(60)))
    }

    /// Other areas and other times of that day at which the house could have the party.
    fn other_times(&self, refused: &Refused) -> Value {
        let Some(venue) = self.venues.get(Some(&refused.venue_id)) else { return json!([]) };
        let Some(house) = &venue.house else { return json!([]) };
        let wish = Wish {
            window: refused.window,
            size: refused.size,
            area: refused.area.as_deref(),
            instead_of: refused.reservation.map(|(id, _)| id),
            keeps: &refused.keeps,
        };
        let now = self.clock.now();
        let offers =
            |occupancy: &_| house.alternatives(occupancy, &wish, refused.only_then, now, ALTERNATIVES_MAX);
        let (offers, _) = self.views.with_book(&refused.venue_id, offers);
        let time = |at: chrono::DateTime<chrono::Utc>| at.with_timezone(&venue.timezone).to_rfc3339();
        let offer = |(window, seating): (events::values::TimeWindow, &Seating)| {
            let tables: Vec<_> = seating.tables.iter().map(|table| &table.id).collect();
            // Tables in two areas are no area to ask for.
            let area =
                seating.tables.first().map(|table| &table.area).filter(|area| seating.is_in(Some(area)));
            json!({"start_time": time(window.start), "end_time": time(window.end), "area": area, "tables": tables})
        };
        offers.into_iter().map(offer).collect()
    }
}

fn append_problem(error: &AppendError) -> Problem {
    match error {
        AppendError::Conflict { .. } => Problem::new(
            StatusCode::CONFLICT,
            "conflict",
            "Something else happened at the same time. Try again.",
        ),
        AppendError::Overloaded => Problem::unavailable(
            "overloaded",
            "Too many requests wait for the disk. Nothing was done; try again.",
            1,
        ),
        AppendError::Full => {
            tracing::error!(%error, "the log is full");
            Problem::unavailable(
                "log_full",
                "The service can not take anything new. Nothing was done.",
                3_600,
            )
        }
        AppendError::NoSpace { .. } => {
            tracing::error!(%error, "the disk is full");
            Problem::unavailable(
                "disk_full",
                "The service can not take anything new for now. Nothing was done; try again later.",
                30,
            )
        }
        AppendError::Closed => Problem::unavailable(
            "stopping",
            "The service is stopping. Try again; with an Idempotency-Key nothing is done twice.",
            1,
        ),
        AppendError::EventCount { .. } | AppendError::TooLarge { .. } => Problem::internal(error),
    }
}

/// What a log that gives nothing is answered with.
pub(super) fn stream_problem(error: &StreamError) -> Problem {
    match error {
        StreamError::Read(ReadError::Interrupted) => {
            Problem::unavailable("stopping", "The service is stopping. Try again.", 1)
        }
        StreamError::Read(_) | StreamError::Parse { .. } | StreamError::Decode { .. } => {
            Problem::internal(error)
        }
    }
}

/// What a log that can not be read is answered with.
pub(super) fn read_problem(error: ReadError) -> Problem {
    stream_problem(&error.into())
}
