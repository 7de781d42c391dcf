//! The calendar file of a booking.

use axum::http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse as _, Response};
use people::calendar::{Purpose, Visit, file as calendar};

use super::booking::Booking;
use super::guest::go;
use super::times;

/// The file.
pub(super) async fn file(own: Booking) -> Response {
    let r = &own.subject;
    if r.status == "CANCELLED" {
        return go(&own.path());
    }
    let profile = r.venue_profile.clone().unwrap_or_default();
    let visit = Visit {
        id: &r.reservation_id,
        sequence: r.version,
        start: times::local(&r.start_time).to_utc(),
        end: times::local(&r.end_time).to_utc(),
        venue: &r.venue_name,
        address: profile.address.as_deref(),
        place: profile.latitude.zip(profile.longitude),
        party_size: r.party_size.try_into().unwrap_or(u8::MAX),
        is_confirmed: r.status != "PENDING",
    };
    let text = calendar(&visit, Purpose::Publish, own.guest.app.env.now());
    let headers = [
        (CONTENT_TYPE, "text/calendar; charset=utf-8; method=PUBLISH".to_owned()),
        (CONTENT_DISPOSITION, format!("attachment; filename=\"{}.ics\"", r.code)),
        (CACHE_CONTROL, "no-store".to_owned()),
    ];
    (headers, text).into_response()
}
