//! Reservations: creating and reading.

use access::Caller;
use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse as _, Response};
use chassis::api::{APPLICATION_JSON, Accepted, ETag, PageQuery, Query, TEXT_PLAIN};
use chassis::docs::{Cached, NotFound, NotModified, Repeatable};
use chassis::problem::Problem;
use contract::reservation::charges::Charges;
use contract::reservation::commands::{CreateReservation, ReservationPath, WalkIn};
use contract::reservation::history::History;
use contract::reservation::personal_data::PersonalData;
use contract::reservation::queries::{
    AsItWas, Page, ReadHistory, ReadReservation, Search, SelectReservations, drafts,
};
use contract::reservation::view::{ReservationList, ReservationView};
use contract::reservation::words::HistoryFormat;
use events::values::Locale;

use super::export::{self, EXPORTED_MAX, Format};
use super::extract::{Answer, Id, Post};
use super::respond::{as_personal_file, respond, respond_if_modified};
use crate::api::operations::reservations::{self as operations, Read};
use crate::api::request::{self, ListRequest};
use crate::app::App;
use crate::app::queries::search::{FOUND_MAX, Found};

/// The path of the list of reservations.
const LIST: &str = "/api/reservations";
/// The length of a page of a history.
const HISTORY_LIMIT_DEFAULT: usize = 200;
/// The length of a page of the list.
const LIMIT_DEFAULT: usize = 50;

/// Book a table
///
/// The reservation is PENDING. If the policy of the venue requires a deposit, the tables are held until
/// `deposit.expires_at`: a paid reservation is confirmed, an unpaid one is cancelled.
#[utoipa::path(post, path = "/api/reservations", operation_id = "createReservation", tag = "reservations",
    params(Repeatable),
    request_body(content = CreateReservation, example = json!({"customer_id": "cust-42",
        "contact_info": {"name": "Sari Wulandari", "phone": "+62 812 3456 7890", "email": "sari@example.com"},
        "start_time": "2026-12-24T19:30", "party_size": 4, "special_requests": "Kursi bayi, ya"})),
    responses((status = 200, body = ReservationView, headers(("Location" = String), ("ETag" = String)),
        links(("reservation" = (operation_id = "getReservation", parameters(("reservation_id" = "$response.body#/reservation_id")), description = "Read the reservation")))),
        NotFound,
        (status = 403, body = contract::problem::Problem, content_type = "application/problem+json", description = "allow_duplicate needs the scope manage"),
        (status = 409, body = contract::problem::Problem, content_type = "application/problem+json", description = "The restaurant cannot seat the party at that time: closed, too_soon, too_late, pacing, no_table, party_too_large; with up to three alternatives. duplicate_booking: the same phone number or e-mail address has a booking at that time")))]
pub(super) async fn create(State(app): State<App>, post: Post) -> Result<Response, Problem> {
    Ok(respond(operations::create(&app, post.into_call()).await?, Answer::Created))
}

/// Seat a walk-in
///
/// A party without a booking is CHECKED_IN immediately, at the best table that is free for its whole stay. Tables
/// reserved for walk-ins are used too. If there is none, the response is 409 `no_table` with
/// `estimated_wait_minutes`.
#[utoipa::path(post, path = "/api/walk-ins", operation_id = "seatWalkIn", tag = "reservations",
    params(Repeatable),
    request_body(content = WalkIn, example = json!({"party_size": 2})),
    responses((status = 200, body = ReservationView, headers(("Location" = String), ("ETag" = String)),
        links(("reservation" = (operation_id = "getReservation", parameters(("reservation_id" = "$response.body#/reservation_id")), description = "Read the reservation")))),
        NotFound,
        (status = 409, body = contract::problem::Problem, content_type = "application/problem+json", description = "closed, no_table, party_too_large, kept_by_hand")))]
pub(super) async fn walk_in(State(app): State<App>, post: Post) -> Result<Response, Problem> {
    Ok(respond(operations::walk_in(&app, post.into_call()).await?, Answer::Created))
}

/// Read a reservation, now or as of an earlier time
#[utoipa::path(get, path = "/api/reservations/{reservation_id}", operation_id = "getReservation", tag = "reservations",
    params(ReservationPath, ReadReservation, Cached),
    responses((status = 200, body = ReservationView, headers(("ETag" = String))),
        NotModified,
        NotFound))]
pub(super) async fn get(
    State(app): State<App>,
    Id(id): Id,
    caller: Caller,
    headers: HeaderMap,
    Query(form): Query,
) -> Result<Response, Problem> {
    let Read { view, version, is_earlier } = operations::get(&app, id, form, &caller).await?;
    let etag = match is_earlier {
        true => ETag::version_with(version, ETag::of_json(&view)),
        false => ETag::version(version),
    };
    Ok(respond_if_modified(&headers, &view, etag))
}

/// List reservations, by start
///
/// With `as_of` the list of a venue is as it was, for at most 31 days. Names and wishes that were corrected or forgotten since are not there.
///
/// With `q` the list is a search. Callers without the scope `contact` must give the complete phone number or e-mail address.
///
/// As `text/csv` and as `text/calendar` a page has 10,000 reservations unless `limit` says otherwise. A calendar contains no
/// phone numbers and no e-mail addresses.
#[utoipa::path(get, path = "/api/reservations", operation_id = "listReservations", tag = "reservations",
    params(SelectReservations, Search, Page, AsItWas),
    responses((status = 200, content((ReservationList = "application/json"), (String = "text/csv"), (String = "text/calendar")), headers(("Link" = String, description = "rel=\"next\", except on the last page"))), NotFound))]
pub(super) async fn list(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
    Query(form): Query,
) -> Result<Response, Problem> {
    // A removed venue is known once the projections contain its reservations.
    app.catch_up().await?;
    let query = PageQuery::of(&form);
    let (app, mut form) = request::as_it_was(&app, form, &caller).await?;
    let request = request::list(&mut form, &app, &caller, query);
    let request = form.finish(request)?;
    app.respond_list(&request, Format::preferred(&headers), &caller).await
}

impl App {
    /// A page of reservations in the format `format`.
    pub(super) async fn respond_list(
        &self,
        request: &ListRequest,
        format: Format,
        caller: &Caller,
    ) -> Result<Response, Problem> {
        let limit = if format == Format::Json { LIMIT_DEFAULT } else { EXPORTED_MAX };
        let ListRequest { filter, search, after, .. } = request;
        let feed_cursor = self.projections.cursor();
        let (items, next_cursor, complete) = match search {
            Some(search) => {
                let limit = request.limit.unwrap_or(FOUND_MAX);
                let Found { items, is_complete } = self.search(search, filter, caller, limit).await?;
                (items, None, Some(is_complete))
            }
            None => {
                let (items, last) = self.list(filter, *after, request.limit.unwrap_or(limit)).await?;
                (items, last.map(request::cursor), None)
            }
        };
        let response = match format {
            Format::Json => {
                let page = ReservationList { items, next_cursor: next_cursor.clone(), feed_cursor, complete };
                axum::Json(page).into_response()
            }
            Format::Csv => export::reservations_csv(&items)?,
            Format::Calendar => {
                let venue = request.filter.venue_id.as_ref().map(|id| self.venue_label(id).0);
                export::calendar(venue.as_deref().unwrap_or("Meja"), &items)
            }
        };
        let response = request.query.linked(response, LIST, next_cursor.as_deref());
        Ok(export::varying(response))
    }
}

/// The audit trail
///
/// The events of the reservation with their actor, their reason, what they changed, and their effects outside, in pages.
/// `format=text` is for reading.
#[utoipa::path(get, path = "/api/reservations/{reservation_id}/history", operation_id = "getReservationHistory", tag = "reservations",
    params(ReservationPath, ReadHistory),
    responses((status = 200, content((History = "application/json"), (String = "text/plain"))),
        NotFound))]
pub(super) async fn history(
    State(app): State<App>,
    Id(id): Id,
    caller: Caller,
    headers: HeaderMap,
    Query(mut form): Query,
) -> Result<Response, Problem> {
    let drafts::ReadHistory { format, lang, after, limit } = drafts::ReadHistory::take(&mut form);
    let (format, lang) = form.finish(Some((format, lang)))?;
    let accepted = || match Accepted::of(&headers).prefers(&TEXT_PLAIN, &APPLICATION_JSON) {
        true => HistoryFormat::Text,
        false => HistoryFormat::Json,
    };
    let timeline = app.history(id, lang.unwrap_or(Locale::En), &caller).await?;
    let timeline =
        timeline.page(after.map_or(0, u64::from), limit.map_or(HISTORY_LIMIT_DEFAULT, usize::from));
    let vary = [(header::VARY, "accept")];
    Ok(match format.unwrap_or_else(accepted) {
        HistoryFormat::Text => {
            let text = [(header::CONTENT_TYPE, "text/plain; charset=utf-8")];
            (vary, text, timeline.text()).into_response()
        }
        HistoryFormat::Json => (vary, axum::Json(timeline.into_history())).into_response(),
    })
}

/// Download what is held about the guest
///
/// The contact, the wishes, the notes of the staff, and what happened: Article 15 of the GDPR.
#[utoipa::path(get, path = "/api/reservations/{reservation_id}/personal-data", operation_id = "getReservationPersonalData", tag = "reservations",
    params(ReservationPath),
    responses((status = 200, body = PersonalData, headers(("Content-Disposition" = String))), NotFound))]
pub(super) async fn personal_data(
    State(app): State<App>,
    Id(id): Id,
    caller: Caller,
) -> Result<Response, Problem> {
    let (reservation, _) = app.require(id, &caller).await?;
    app.record_reading(&reservation, &caller).await;
    Ok(as_personal_file(&app.personal_data(&reservation, &caller).await?))
}

/// All amounts with their reasons
///
/// Every requested, paid, kept and refunded amount with the rule that it follows from. The rules are those at the
/// time of booking. A no-show fee is taken from the deposit, and the rest of the deposit is refunded; the guest is
/// asked to pay the part that the deposit does not cover. With `as_of` the amounts are those of then.
#[utoipa::path(get, path = "/api/reservations/{reservation_id}/charges", operation_id = "listReservationCharges", tag = "reservations",
    params(ReservationPath, ReadReservation),
    responses((status = 200, body = Charges),
        NotFound))]
pub(super) async fn charges(
    State(app): State<App>,
    Id(id): Id,
    caller: Caller,
    Query(form): Query,
) -> Result<Response, Problem> {
    Ok(axum::Json(operations::charges(&app, id, form, &caller).await?).into_response())
}
