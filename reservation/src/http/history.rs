//! The audit trail of a reservation: one timeline of what happened, who did it, why, what it changed
//! here and what it led to outside.

pub(crate) mod changes;
pub(crate) mod words;

use std::fmt::Write as _;

use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse as _, Response};
use chassis::problem::Problem;
use chrono::{DateTime, Utc};
use events::event::{Event, PaymentCompleted, PaymentFailed};
use events::recorded::Recorded;
use events::{PaymentId, Position, Query, ReservationId, Tag};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use self::changes::Change;
use super::bodies;
use super::extract::{Id, Parameters};
use super::problem::stream_problem;
use super::representation::{local, state_of};
use crate::app::App;
use crate::domain::Reservation;
use crate::stream;

/// What happened to a reservation, oldest first.
#[derive(Serialize, ToSchema)]
pub(super) struct History {
    reservation_id: String,
    entries: Vec<Entry>,
}

/// One thing that happened.
#[derive(Serialize, ToSchema)]
struct Entry {
    #[schema(example = 42)]
    position: u64,
    #[schema(example = "00000000000000000042-01939f3e-7b2a-7c3d-9e4f-5a6b7c8d9e0f")]
    event_id: String,
    /// The type of the event without `meja.` and its version.
    #[schema(example = "reservation.created")]
    action: String,
    /// In words.
    #[schema(example = "Asked for a table for 4 at 2026-12-24T19:30:00+07:00")]
    note: String,
    who: Who,
    at: DateTime<Utc>,
    /// Why: whose request it was, what it came together with, or what it followed from.
    #[schema(example = "Followed from reservation.created at 41")]
    why: String,
    /// What is different from before, by the names of the representation.
    changed: Vec<Change>,
    /// What it led to outside: charges, mail, text messages.
    effects: Vec<Effect>,
    /// The id of the request at whose end it stands, across both services.
    correlation_id: String,
    /// The event that caused it, if one did.
    causation_id: Option<String>,
}

/// Who did it.
#[derive(Serialize, ToSchema)]
struct Who {
    /// app_user, service_account, system or unauthenticated.
    #[schema(example = "service_account")]
    kind: &'static str,
    #[schema(example = "notifier")]
    id: Option<String>,
}

/// Something that was done outside because of an event.
#[derive(Clone, Serialize, ToSchema)]
struct Effect {
    /// The event that reports it.
    #[schema(example = 44)]
    position: u64,
    /// payment or notification.
    #[schema(example = "payment")]
    kind: &'static str,
    #[schema(example = "IDR 300000.00 came by qris (sim_1)")]
    note: String,
    at: DateTime<Utc>,
}

/// The audit trail
///
/// One timeline of what happened, who did it, why, what it changed, and what it led to outside.
/// `format=text` is for reading.
#[utoipa::path(get, path = "/api/reservations/{reservation_id}/history", tag = "reservations",
    params(("reservation_id" = String, Path), ("format" = Option<String>, Query, description = "json (the default) or text")),
    responses((status = 200, body = History), (status = 422, body = bodies::InvalidRequest, content_type = "application/problem+json"),
        (status = 404, body = bodies::Problem, content_type = "application/problem+json")))]
pub(super) async fn history(
    State(app): State<App>,
    Id(id): Id,
    Parameters(mut form): Parameters,
) -> Result<Response, Problem> {
    let text = form.optional_parsed("format", 8, |format| match format {
        "json" => Ok(false),
        "text" => Ok(true),
        other => Err(format!("{other:?} is not a format: json or text")),
    });
    let text = form.finish(Some(text.unwrap_or(false)))?;
    let mut timeline = Timeline::new(id);
    let query = Query::any_tag([Tag::reservation(id)]);
    let read = stream::each(app.store.as_ref(), &query, Position::START, |recorded, event| {
        timeline.add(recorded, &event);
    });
    read.await.map_err(|error| stream_problem(&error))?;
    if timeline.entries.is_empty() {
        return Err(Problem::not_found(format!("There is no reservation {id}.")));
    }
    Ok(if text {
        ([(CONTENT_TYPE, "text/plain; charset=utf-8")], timeline.text()).into_response()
    } else {
        axum::Json(History { reservation_id: id.to_string(), entries: timeline.entries }).into_response()
    })
}

/// The story as it is told so far.
struct Timeline {
    id: ReservationId,
    timezone: String,
    reservation: Option<Reservation>,
    state: Value,
    /// The payment that was asked for, and where in the entries.
    requested: Option<(PaymentId, usize)>,
    entries: Vec<Entry>,
}

impl Timeline {
    fn new(id: ReservationId) -> Self {
        Self {
            id,
            timezone: "UTC".into(),
            reservation: None,
            state: Value::Null,
            requested: None,
            entries: Vec::new(),
        }
    }

    fn add(&mut self, recorded: &Recorded<'_>, event: &Event) {
        if let Event::ReservationCreated(created) = event {
            self.timezone.clone_from(&created.timezone);
        }
        stream::fold(&mut self.reservation, self.id, event, stream::stamp(recorded));
        let state = self.reservation.as_ref().map_or(Value::Null, state_of);
        let (cause, note) = (recorded.cause(), words::note(event, &self.timezone));
        let position = recorded.id.position.0;
        // What the notifier reports names its cause; a payment is known by its id, whoever decides it.
        let caused_by = match (&cause.causation_id, event) {
            (Some(id), _) => self.entries.iter().position(|entry| entry.event_id == *id),
            (None, Event::PaymentCompleted(PaymentCompleted { payment_id, .. }))
            | (None, Event::PaymentFailed(PaymentFailed { payment_id, .. })) => {
                self.requested.filter(|(requested, _)| requested == payment_id).map(|(_, entry)| entry)
            }
            _ => None,
        };
        if let Event::PaymentRequested(requested) = event {
            self.requested = Some((requested.payment_id, self.entries.len()));
        }
        if let (Some(cause), Some(kind)) = (caused_by, outside(event)) {
            let effect = Effect { position, kind, note: note.clone(), at: recorded.time };
            self.entries[cause].effects.push(effect);
        }
        let why = match (caused_by.map(|i| &self.entries[i]), self.entries.last()) {
            (Some(cause), _) => format!("Followed from {} at {}", cause.action, cause.position),
            (None, Some(before))
                if before.correlation_id == cause.correlation_id && before.at == recorded.time =>
            {
                format!("Together with {} at {}", before.action, before.position)
            }
            _ => format!("By a request of {}", cause.actor.id.as_deref().unwrap_or(cause.actor.kind.word())),
        };
        self.entries.push(Entry {
            position,
            event_id: recorded.id.to_string(),
            action: recorded.event_type.trim_start_matches("meja.").trim_end_matches(".v1").to_owned(),
            note,
            who: Who { kind: cause.actor.kind.word(), id: cause.actor.id },
            at: recorded.time,
            why,
            changed: changes::between(&self.state, &state),
            effects: Vec::new(),
            correlation_id: cause.correlation_id,
            causation_id: cause.causation_id,
        });
        self.state = state;
    }

    /// The story for a person. Times are the venue's.
    fn text(&self) -> String {
        let mut text = format!("Reservation {}, times in {}\n", self.id, self.timezone);
        for entry in &self.entries {
            let who = entry.who.id.as_deref().unwrap_or(entry.who.kind);
            let at = local(entry.at, &self.timezone);
            // Writing to a String can not fail.
            let _ = writeln!(text, "\n{at}  {}  [{who}, position {}]", entry.note, entry.position);
            let _ = writeln!(text, "    why      {}", entry.why);
            for change in &entry.changed {
                let _ = writeln!(text, "    changed  {change}");
            }
            for effect in &entry.effects {
                let _ = writeln!(text, "    outside  {} (position {})", effect.note, effect.position);
            }
        }
        text
    }
}

/// What kind of thing an event reports that was done outside.
fn outside(event: &Event) -> Option<&'static str> {
    match event {
        Event::PaymentCompleted(_) | Event::PaymentFailed(_) | Event::PaymentRefunded(_) => Some("payment"),
        Event::NotificationSent(_) | Event::NotificationFailed(_) => Some("notification"),
        _ => None,
    }
}
