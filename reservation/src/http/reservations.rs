//! Booking, reading, listing.

use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chassis::form::Form;
use chassis::problem::Problem;
use chrono::DateTime;
use events::{Position, Query, ReservationId, Tag};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::bodies;
use super::extract::{Id, Parameters, Post};
use super::problem::stream_problem;
use super::representation::{ReservationView, with_etag};
use super::request;
use crate::app::App;
use crate::stream::{self, Until};
use crate::views::{Filter, ListKey};

const LIMIT_DEFAULT: usize = 50;
const LIMIT_MAX: usize = 200;

/// Ask for a table
///
/// The reservation is PENDING. If the venue's policy asks for a deposit it is a hold until
/// `deposit.expires_at`: paid it is confirmed, unpaid it is cancelled.
#[utoipa::path(post, path = "/api/reservations", tag = "reservations",
    params(("Idempotency-Key" = Option<String>, Header, description = "A repeat with the same key gets the first answer")),
    request_body(content = bodies::CreateReservation, example = json!({"customer_id": "cust-42",
        "contact_info": {"name": "Sari Wulandari", "phone": "+62 812 3456 7890", "email": "sari@example.com"},
        "start_time": "2026-12-24T19:30", "party_size": 4, "special_requests": "Kursi bayi, ya"})),
    responses((status = 200, body = ReservationView, headers(("Location" = String), ("ETag" = String))),
        (status = 400, body = bodies::Problem, content_type = "application/problem+json"),
        (status = 409, body = bodies::Problem, content_type = "application/problem+json", description = "The house can not have the party then: closed, too_soon, too_late, pacing, no_table, party_too_large; with up to three alternatives"),
        (status = 413, body = bodies::Problem, content_type = "application/problem+json"),
        (status = 415, body = bodies::Problem, content_type = "application/problem+json"),
        (status = 422, body = bodies::InvalidRequest, content_type = "application/problem+json"),
        (status = 503, body = bodies::Problem, content_type = "application/problem+json")))]
pub(super) async fn create(State(app): State<App>, post: Post) -> Result<Response, Problem> {
    let (booking, mut submission) = post.read(|form| request::booking(form, &app))?;
    submission.private = Some(booking.private);
    let handled = app.handler.book(&booking.wanted, &submission).await.map_err(|error| app.problem(error))?;
    app.answer_created(&handled, Some(booking.contact)).await
}

/// Seat a party that did not book
///
/// It is CHECKED_IN at once, at the best table that is free for as long as it stays, also at one that is kept for
/// walk-ins. Without one the answer is 409 `no_table` with `estimated_wait_minutes`.
#[utoipa::path(post, path = "/api/walk-ins", tag = "reservations",
    params(("Idempotency-Key" = Option<String>, Header, description = "A repeat with the same key gets the first answer")),
    request_body(content = bodies::WalkIn, example = json!({"party_size": 2})),
    responses((status = 200, body = ReservationView, headers(("Location" = String), ("ETag" = String))),
        (status = 409, body = bodies::Problem, content_type = "application/problem+json", description = "closed, no_table, party_too_large, kept_by_hand"),
        (status = 422, body = bodies::InvalidRequest, content_type = "application/problem+json"),
        (status = 503, body = bodies::Problem, content_type = "application/problem+json")))]
pub(super) async fn walk_in(State(app): State<App>, post: Post) -> Result<Response, Problem> {
    let (booking, mut submission) = post.read(|form| request::walk_in(form, &app))?;
    submission.private = Some(booking.private);
    let handled = app.handler.book(&booking.wanted, &submission).await.map_err(|error| app.problem(error))?;
    app.answer_created(&handled, Some(booking.contact)).await
}

/// Read one reservation, as it is or as it was
#[utoipa::path(get, path = "/api/reservations/{reservation_id}", tag = "reservations",
    params(("reservation_id" = String, Path), ("as_of" = Option<String>, Query,
        description = "A time (RFC 3339) or a position of the log: the reservation as it was then")),
    responses((status = 200, body = ReservationView, headers(("ETag" = String))),
        (status = 404, body = bodies::Problem, content_type = "application/problem+json"),
        (status = 422, body = bodies::InvalidRequest, content_type = "application/problem+json")))]
pub(super) async fn get(
    State(app): State<App>,
    Id(id): Id,
    Parameters(mut form): Parameters,
) -> Result<Response, Problem> {
    let until = form.optional_parsed("as_of", 40, parse_as_of);
    let until = form.finish(Some(until))?;
    let reservation = match until {
        None => app.current(id).await,
        Some(until) => {
            stream::load(app.store.as_ref(), id, until).await.map_err(|error| stream_problem(&error))?.0
        }
    };
    let reservation = reservation.ok_or_else(|| not_found(id, until))?;
    Ok(with_etag(&app.view(&reservation).await?, reservation.version))
}

/// A page of reservations.
#[derive(Serialize, ToSchema)]
pub(super) struct ReservationList {
    items: Vec<ReservationView>,
    /// Hand it back as `cursor` for the next page; null on the last one.
    next_cursor: Option<String>,
}

/// List reservations, by start
#[utoipa::path(get, path = "/api/reservations", tag = "reservations",
    params(("status" = Option<String>, Query), ("date" = Option<String>, Query, description = "A day at the venue, YYYY-MM-DD"),
        ("from" = Option<String>, Query, description = "Starts at or after"), ("to" = Option<String>, Query, description = "Starts before"),
        ("customer_id" = Option<String>, Query), ("venue_id" = Option<String>, Query),
        ("cursor" = Option<String>, Query), ("limit" = Option<u32>, Query, description = "1 to 200, 50 by default")),
    responses((status = 200, body = ReservationList, headers(("Link" = String, description = "rel=\"next\" unless this is the last page"))),
        (status = 422, body = bodies::InvalidRequest, content_type = "application/problem+json")))]
pub(super) async fn list(
    State(app): State<App>,
    Parameters(mut form): Parameters,
) -> Result<Response, Problem> {
    app.views.caught_up(app.store.head()).await;
    let asked = list_request(&mut form, &app);
    let ListRequest { filter, after, limit, query } = form.finish(asked)?;
    // One more than asked for tells whether there is a next page.
    let mut found = app.views.list(&filter, after, limit + 1);
    let more = found.len() > limit;
    found.truncate(limit);
    let next_cursor = found.last().filter(|_| more).map(|last| cursor((last.window().start, last.id)));
    let mut items = Vec::with_capacity(found.len());
    for reservation in &found {
        items.push(app.view(reservation).await?);
    }
    let link = next_cursor
        .as_ref()
        .map(|cursor| format!("</api/reservations?{query}cursor={cursor}>; rel=\"next\""));
    let mut response = axum::Json(ReservationList { items, next_cursor }).into_response();
    if let Some(link) = link.and_then(|link| HeaderValue::from_str(&link).ok()) {
        response.headers_mut().insert(header::LINK, link);
    }
    Ok(response)
}

struct ListRequest {
    filter: Filter,
    after: Option<ListKey>,
    limit: usize,
    /// The query again, without the cursor, ready for a link.
    query: String,
}

fn list_request(form: &mut Form, app: &App) -> Option<ListRequest> {
    let query =
        form.texts().filter(|(name, _)| *name != "cursor").fold(String::new(), |query, (name, text)| {
            let text: String = text.bytes().map(percent_encoded).collect();
            query + name + "=" + &text + "&"
        });
    let after = form.optional_parsed("cursor", 100, |text| {
        parse_cursor(text)
            .ok_or("this cursor is none of ours: take it from next_cursor or from the Link header")
    });
    let limit = form.optional_parsed("limit", 10, |text| match text.parse::<usize>() {
        Ok(limit @ 1..=LIMIT_MAX) => Ok(limit),
        _ => Err(format!("{text:?} is not a number from 1 to {LIMIT_MAX}")),
    });
    let filter = request::filter(form, app);
    Some(ListRequest { filter: filter?, after, limit: limit.unwrap_or(LIMIT_DEFAULT), query })
}

fn percent_encoded(byte: u8) -> String {
    // RFC 3986 §2.3, unreserved characters.
    if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
        char::from(byte).to_string()
    } else {
        format!("%{byte:02X}")
    }
}

fn cursor((start, id): ListKey) -> String {
    URL_SAFE_NO_PAD.encode([&start.timestamp_micros().to_be_bytes()[..], id.0.as_bytes()].concat())
}

fn parse_cursor(text: &str) -> Option<ListKey> {
    let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
    let (start, id) = bytes.split_at_checked(8)?;
    let start = DateTime::from_timestamp_micros(i64::from_be_bytes(start.try_into().ok()?))?;
    Some((start, ReservationId(Uuid::from_slice(id).ok()?)))
}

fn parse_as_of(text: &str) -> Result<Until, String> {
    if let Ok(position) = text.parse() {
        return Ok(Until::Position(Position(position)));
    }
    match DateTime::parse_from_rfc3339(text) {
        Ok(time) => Ok(Until::Time(time.to_utc())),
        // A plus in a query is a space: the commonest slip is worth naming.
        Err(_) => Err(format!(
            "{text:?} is neither a position nor a time such as 2026-12-24T19:30:00Z; write + as %2B"
        )),
    }
}

pub(super) fn not_found(id: ReservationId, until: Option<Until>) -> Problem {
    match until {
        None => Problem::not_found(format!("There is no reservation {id}.")),
        Some(_) => Problem::not_found(format!("There was no reservation {id} then.")),
    }
}

impl App {
    /// The reservation as it is, with everything that was acknowledged until now.
    pub(super) async fn current(&self, id: ReservationId) -> Option<crate::domain::Reservation> {
        // Only what was written about this very one has to be waited for; the others may be many.
        let about = Query::any_tag([Tag::reservation(id)]);
        let news = self.store.read(&about, self.views.position(), 1).await;
        if !news.is_ok_and(|news| news.is_empty()) {
            self.views.caught_up(self.store.head()).await;
        }
        self.views.get(id)
    }

    /// The reservation as it is, for a command: the read models have caught up as a whole, so that a
    /// refusal offers what is free.
    pub(super) async fn require(&self, id: ReservationId) -> Result<crate::domain::Reservation, Problem> {
        self.views.caught_up(self.store.head()).await;
        self.views.get(id).ok_or_else(|| not_found(id, None))
    }
}
