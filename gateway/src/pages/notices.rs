//! Pages with one message.

use axum::http::header::RETRY_AFTER;
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use minijinja::context;

use super::guest::{Guest, Page};
use super::words::word;
use crate::services::Trouble;

/// A page with the title `<name>_title` and the text `<name>_text`.
pub(super) fn page(guest: &Guest, status: StatusCode, name: &str) -> Response {
    let locale = guest.locale(None);
    let facts = context! {
        title => word(locale, &format!("{name}_title")),
        text => word(locale, &format!("{name}_text")),
        again => status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS,
    };
    Page::new(guest, "notice.html", locale, facts).status(status).respond()
}

/// The page in place of one whose content could not be read.
pub(super) fn trouble(guest: &Guest, trouble: &Trouble) -> Response {
    let (status, name) = match trouble.code() {
        "not_found" | "credential_invalid" | "credential_required" => (StatusCode::NOT_FOUND, "no_link"),
        "rate_limited" => (StatusCode::TOO_MANY_REQUESTS, "too_often"),
        _ => (StatusCode::SERVICE_UNAVAILABLE, "not_reachable"),
    };
    let mut response = page(guest, status, name);
    let after = match trouble {
        Trouble::Refused(refusal) => refusal.retry_after,
        Trouble::Unanswered => Some(2),
    };
    if let Some(seconds) = after.filter(|_| status != StatusCode::NOT_FOUND) {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}
