//! The responses of commands and creations.

use std::fmt;

use access::{Caller, cookies};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{AppendHeaders, IntoResponse as _, Response};
use chassis::api::{ETag, is_not_modified, mark_replayed, not_modified};
use chassis::problem::Problem;
use chrono::TimeDelta;
use contract::reservation::view::ReservationView;
use contract::reservation::waitlist::WaitlistView;
use serde::Serialize;

use super::extract::Answer;
use crate::api::answers::Answered;
use crate::app::App;
use crate::app::executor::EarlierOutcome;

/// The response to a request about a reservation.
pub(super) fn respond(answered: Answered<ReservationView>, answer: Answer) -> Response {
    let Answered { view, version, replayed } = answered;
    let response = marked(with_etag(&view, ETag::version(version)), replayed);
    located(response, answer, format_args!("/api/reservations/{}", view.reservation_id))
}

/// The response to a request about a waitlist entry.
pub(super) fn respond_waitlist(answered: Answered<WaitlistView>, answer: Answer) -> Response {
    let Answered { view, replayed, .. } = answered;
    let response = marked(with_etag(&view, waitlist_etag(&view)), replayed);
    located(response, answer, format_args!("/api/waitlist/{}", view.waitlist_id))
}

impl App {
    /// The response to a repeated request.
    pub(super) async fn respond_again(
        &self,
        earlier: &EarlierOutcome,
        answer: Answer,
        caller: &Caller,
    ) -> Result<Response, Problem> {
        match earlier {
            EarlierOutcome::Reservation(outcome) => {
                Ok(respond(self.answer(outcome, answer.link(), None, caller).await?, answer))
            }
            EarlierOutcome::Waitlist(outcome) => {
                Ok(respond_waitlist(self.answer_waitlist(outcome, answer.link(), caller).await?, answer))
            }
            EarlierOutcome::Key(outcome) if answer == Answer::Changed => {
                Ok(self.respond_changed_key(outcome))
            }
            EarlierOutcome::Key(outcome) => Ok(self.respond_key(outcome, None)),
            EarlierOutcome::Closure(outcome) => self.respond_closure(outcome, answer),
        }
    }
}

/// Marks a response to a repeated request.
pub(super) fn marked(mut response: Response, replayed: bool) -> Response {
    if replayed {
        mark_replayed(&mut response);
    }
    response
}

/// Adds the location of what a request created.
pub(super) fn located(mut response: Response, answer: Answer, path: fmt::Arguments<'_>) -> Response {
    if answer == Answer::Created
        && let Ok(location) = HeaderValue::from_str(&path.to_string())
    {
        response.headers_mut().insert(header::LOCATION, location);
    }
    response
}

/// 200 with `etag`.
pub(super) fn with_etag(view: &impl Serialize, etag: ETag) -> Response {
    (etag, axum::Json(view)).into_response()
}

/// 200 with `etag`, or 304 if the caller has that representation.
pub(super) fn respond_if_modified(headers: &HeaderMap, view: &impl Serialize, etag: ETag) -> Response {
    match is_not_modified(headers, &etag) {
        true => not_modified(etag),
        false => with_etag(view, etag),
    }
}

/// The tag of the representation of a waitlist entry, whose place changes without a new version.
pub(super) fn waitlist_etag(view: &WaitlistView) -> ETag {
    ETag::version_with(view.version, view.place_in_line.unwrap_or(0))
}

/// A response that no cache may keep.
pub(super) fn private(view: &impl Serialize) -> Response {
    ([(header::CACHE_CONTROL, "no-store")], axum::Json(view)).into_response()
}

/// The response with what is held about a guest, as a file to keep.
pub(super) fn as_personal_file(held: &impl Serialize) -> Response {
    let as_file = [(header::CONTENT_DISPOSITION, "attachment; filename=\"personal-data.json\"")];
    (as_file, axum::Json(held)).into_response()
}

/// The empty response to a change.
pub(super) fn no_content() -> Response {
    StatusCode::NO_CONTENT.into_response()
}

/// The empty response to a request whose effect follows.
pub(super) fn accepted() -> Response {
    StatusCode::ACCEPTED.into_response()
}

/// Adds cookies to a response; one without a value is removed.
pub(super) fn with_cookies(
    response: Response,
    cookies: impl IntoIterator<Item = (&'static str, Option<String>, TimeDelta)>,
) -> Response {
    let cookies = cookies.into_iter().filter_map(|(name, value, lasts)| {
        Some((header::SET_COOKIE, cookies::set(name, value.as_deref(), lasts)?))
    });
    (AppendHeaders(cookies.collect::<Vec<_>>()), response).into_response()
}
