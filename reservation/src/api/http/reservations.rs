//! Reservations: creating and reading.

use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chassis::docs::NotFound;
use chassis::problem::Problem;
use chrono::DateTime;
use contract::form::Form;
use events::{Position, ReservationId};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::bodies;
use super::extract::{Id, Parameters, Post};
use super::problem::{unknown_reservation, unknown_reservation_then};
use super::request;
use super::respond::with_etag;
use crate::app::App;
use crate::app::projections::{Filter, ListKey};
use crate::app::queries::charges::Charges;
use crate::app::queries::history::History;
use crate::app::queries::reservation_view::ReservationView;
use crate::app::repository::AsOf;
use crate::app::request_context::RequestContext;

const LIMIT_DEFAULT: usize = 50;
const LIMIT_MAX: usize = 200;

/// All characters but the unreserved ones of RFC 3986 §2.3.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Book a table
///
/// The reservation is PENDING. If the policy of the venue requires a deposit, the tables are held until
/// `deposit.expires_at`: a paid reservation is confirmed, an unpaid one is cancelled.
#[utoipa::path(post, path = "/api/reservations", operation_id = "createReservation", tag = "reservations",
    params(("Idempotency-Key" = Option<String>, Header, description = "A repeated request with the same key gets the first response")),
    request_body(content = bodies::CreateReservation, example = json!({"customer_id": "cust-42",
        "contact_info": {"name": "Sari Wulandari", "phone": "+62 812 3456 7890", "email": "sari@example.com"},
        "start_time": "2026-12-24T19:30", "party_size": 4, "special_requests": "Kursi bayi, ya"})),
    responses((status = 200, body = ReservationView, headers(("Location" = String), ("ETag" = String)),
        links(("reservation" = (operation_id = "getReservation", parameters(("reservation_id" = "$response.body#/reservation_id")), description = "Read the reservation")))),
        (status = 409, body = contract::problem::Problem, content_type = "application/problem+json", description = "The restaurant cannot seat the party at that time: closed, too_soon, too_late, pacing, no_table, party_too_large; with up to three alternatives")))]
pub(super) async fn create(State(app): State<App>, post: Post) -> Result<Response, Problem> {
    let (booking, context) = post.read(|form| request::booking(form, &app))?;
    app.create_reservation(booking, context).await
}

/// Seat a walk-in
///
/// A party without a booking is CHECKED_IN immediately, at the best table that is free for its whole stay. Tables
/// reserved for walk-ins are used too. If there is none, the response is 409 `no_table` with
/// `estimated_wait_minutes`.
#[utoipa::path(post, path = "/api/walk-ins", operation_id = "seatWalkIn", tag = "reservations",
    params(("Idempotency-Key" = Option<String>, Header, description = "A repeated request with the same key gets the first response")),
    request_body(content = bodies::WalkIn, example = json!({"party_size": 2})),
    responses((status = 200, body = ReservationView, headers(("Location" = String), ("ETag" = String)),
        links(("reservation" = (operation_id = "getReservation", parameters(("reservation_id" = "$response.body#/reservation_id")), description = "Read the reservation")))),
        (status = 409, body = contract::problem::Problem, content_type = "application/problem+json", description = "closed, no_table, party_too_large, kept_by_hand")))]
pub(super) async fn walk_in(State(app): State<App>, post: Post) -> Result<Response, Problem> {
    let (booking, context) = post.read(|form| request::walk_in(form, &app))?;
    app.create_reservation(booking, context).await
}

impl App {
    async fn create_reservation(
        &self,
        booking: request::Booking,
        context: RequestContext,
    ) -> Result<Response, Problem> {
        let context = RequestContext { payload: Some(booking.payload), ..context };
        let outcome = self.executor.book(&booking.created, &context).await;
        let outcome = outcome.map_err(|error| self.problem(error))?;
        self.respond_created(&outcome, Some(booking.contact)).await
    }
}

/// Read a reservation, now or as of an earlier time
#[utoipa::path(get, path = "/api/reservations/{reservation_id}", operation_id = "getReservation", tag = "reservations",
    params(("reservation_id" = String, Path), ("as_of" = Option<String>, Query,
        description = "A time (RFC 3339) or a position of the log")),
    responses((status = 200, body = ReservationView, headers(("ETag" = String))),
        NotFound))]
pub(super) async fn get(
    State(app): State<App>,
    Id(id): Id,
    Parameters(mut form): Parameters,
) -> Result<Response, Problem> {
    let as_of = form.optional_parsed("as_of", 40, parse_as_of);
    let reservation = match form.finish(Some(as_of))? {
        None => app.reservation(id).await?.ok_or_else(|| unknown_reservation(id))?,
        Some(as_of) => {
            let reservation = app.reservation_as_of(id, as_of).await?;
            reservation.ok_or_else(|| unknown_reservation_then(id))?
        }
    };
    Ok(with_etag(&app.view(&reservation).await?, reservation.version))
}

/// A page of reservations.
#[derive(Serialize, ToSchema)]
pub(super) struct ReservationList {
    items: Vec<ReservationView>,
    /// The `cursor` of the next page; null on the last page.
    next_cursor: Option<String>,
}

/// List reservations, by start
#[utoipa::path(get, path = "/api/reservations", operation_id = "listReservations", tag = "reservations",
    params(("status" = Option<String>, Query), ("date" = Option<String>, Query, description = "A day at the venue, YYYY-MM-DD"),
        ("from" = Option<String>, Query, description = "Starts at or after"), ("to" = Option<String>, Query, description = "Starts before"),
        ("customer_id" = Option<String>, Query), ("venue_id" = Option<String>, Query),
        ("cursor" = Option<String>, Query), ("limit" = Option<u32>, Query, description = "1 to 200, 50 by default")),
    responses((status = 200, body = ReservationList, headers(("Link" = String, description = "rel=\"next\", except on the last page")))))]
pub(super) async fn list(
    State(app): State<App>,
    Parameters(mut form): Parameters,
) -> Result<Response, Problem> {
    // A removed venue is known once the projections contain its reservations.
    app.catch_up().await?;
    let request = list_request(&mut form, &app);
    let ListRequest { filter, after, limit, query } = form.finish(request)?;
    let (items, last) = app.list(&filter, after, limit).await?;
    let next_cursor = last.map(cursor);
    let link = next_cursor
        .as_ref()
        .map(|cursor| format!("</api/reservations?{query}cursor={cursor}>; rel=\"next\""));
    let mut response = axum::Json(ReservationList { items, next_cursor }).into_response();
    if let Some(link) = link.and_then(|link| HeaderValue::from_str(&link).ok()) {
        response.headers_mut().insert(header::LINK, link);
    }
    Ok(response)
}

/// The audit trail
///
/// All events of the reservation with their actor, their reason, what they changed, and their effects outside.
/// `format=text` is for reading.
#[utoipa::path(get, path = "/api/reservations/{reservation_id}/history", operation_id = "getReservationHistory", tag = "reservations",
    params(("reservation_id" = String, Path), ("format" = Option<String>, Query, description = "json (the default) or text")),
    responses((status = 200, content((History = "application/json"), (String = "text/plain"))),
        NotFound))]
pub(super) async fn history(
    State(app): State<App>,
    Id(id): Id,
    Parameters(mut form): Parameters,
) -> Result<Response, Problem> {
    let is_text = form.optional_parsed("format", 8, |format| match format {
        "json" => Ok(false),
        "text" => Ok(true),
        other => Err(format!("{other:?} is not a format: json or text")),
    });
    let is_text = form.finish(Some(is_text.unwrap_or(false)))?;
    let timeline = app.history(id).await?;
    Ok(match is_text {
        true => ([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], timeline.text()).into_response(),
        false => axum::Json(timeline.into_history()).into_response(),
    })
}

/// All amounts with their reasons
///
/// Every requested, paid, kept and refunded amount with the rule that it follows from. The rules are those at the
/// time of booking. A no-show fee is taken from the deposit, and the rest of the deposit is refunded; the guest is
/// asked to pay the part that the deposit does not cover.
#[utoipa::path(get, path = "/api/reservations/{reservation_id}/charges", operation_id = "listReservationCharges", tag = "reservations",
    params(("reservation_id" = String, Path)),
    responses((status = 200, body = Charges),
        NotFound))]
pub(super) async fn charges(State(app): State<App>, Id(id): Id) -> Result<Response, Problem> {
    Ok(axum::Json(app.charges(id).await?).into_response())
}

struct ListRequest {
    filter: Filter,
    after: Option<ListKey>,
    limit: usize,
    /// The query without the cursor, for the link to the next page.
    query: String,
}

fn list_request(form: &mut Form, app: &App) -> Option<ListRequest> {
    let query =
        form.texts().filter(|(name, _)| *name != "cursor").fold(String::new(), |query, (name, text)| {
            query + name + "=" + &utf8_percent_encode(text, RESERVED).to_string() + "&"
        });
    let after = form.optional_parsed("cursor", 100, |text| {
        parse_cursor(text).ok_or("this is not a cursor: use next_cursor or the Link header of a page")
    });
    let limit = form.optional_parsed("limit", 10, |text| match text.parse::<usize>() {
        Ok(limit @ 1..=LIMIT_MAX) => Ok(limit),
        _ => Err(format!("{text:?} is not a number from 1 to {LIMIT_MAX}")),
    });
    let filter = request::filter(form, app);
    Some(ListRequest { filter: filter?, after, limit: limit.unwrap_or(LIMIT_DEFAULT), query })
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

fn parse_as_of(text: &str) -> Result<AsOf, String> {
    if let Ok(position) = text.parse() {
        return Ok(AsOf::Position(Position(position)));
    }
    match DateTime::parse_from_rfc3339(text) {
        Ok(time) => Ok(AsOf::Time(time.to_utc())),
        // In a query a plus means a space, which is the most common mistake.
        Err(_) => Err(format!(
            "{text:?} is neither a position nor a time such as 2026-12-24T19:30:00Z; write + as %2B"
        )),
    }
}
