//! The responses of commands and creations.

use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse as _, Response};
use chassis::api::{ETag, is_not_modified, mark_replayed, not_modified};
use chassis::problem::Problem;
use contract::reservation::view::ReservationView;
use contract::reservation::waitlist::WaitlistView;
use serde::Serialize;

use crate::app::App;
use crate::app::confidential::Contact;
use crate::app::executor::EarlierOutcome;
use crate::app::outcome::{ReservationOutcome, WaitlistOutcome};

impl App {
    /// The response to a command about a reservation.
    pub(super) async fn respond(&self, outcome: &ReservationOutcome) -> Result<Response, Problem> {
        Ok(with_outcome(outcome, &self.view(&outcome.reservation).await?))
    }

    /// The response to a request that creates a reservation. A caller that has just sent the contact passes it.
    pub(super) async fn respond_created(
        &self,
        outcome: &ReservationOutcome,
        contact: Option<Contact>,
    ) -> Result<Response, Problem> {
        let reservation = &outcome.reservation;
        let view = match contact {
            // After the first response the contact may have been forgotten.
            contact @ Some(_) if !outcome.replayed => self.view_with(reservation, contact).await?,
            _ => self.view(reservation).await?,
        };
        Ok(with_location(with_outcome(outcome, &view), &format!("/api/reservations/{}", reservation.id)))
    }

    /// The response to a request about a waitlist entry, with its location if the request creates it.
    pub(super) async fn respond_waitlist(
        &self,
        outcome: &WaitlistOutcome,
        creates: bool,
    ) -> Result<Response, Problem> {
        let entry = &outcome.entry;
        let view = self.waitlist_view(entry).await?;
        let response = marked(with_etag(&view, waitlist_etag(&view)), outcome.replayed);
        match creates {
            true => Ok(with_location(response, &format!("/api/waitlist/{}", entry.id))),
            false => Ok(response),
        }
    }

    /// The response to a repeated request.
    pub(super) async fn respond_again(
        &self,
        earlier: &EarlierOutcome,
        creates: bool,
    ) -> Result<Response, Problem> {
        match earlier {
            EarlierOutcome::Reservation(outcome) if creates => self.respond_created(outcome, None).await,
            EarlierOutcome::Reservation(outcome) => self.respond(outcome).await,
            EarlierOutcome::Waitlist(outcome) => self.respond_waitlist(outcome, creates).await,
        }
    }
}

fn with_outcome(outcome: &ReservationOutcome, view: &ReservationView) -> Response {
    marked(with_etag(view, ETag::version(outcome.reservation.version)), outcome.replayed)
}

fn marked(mut response: Response, replayed: bool) -> Response {
    if replayed {
        mark_replayed(&mut response);
    }
    response
}

fn with_location(mut response: Response, path: &str) -> Response {
    if let Ok(location) = HeaderValue::from_str(path) {
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
