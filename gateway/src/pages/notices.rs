//! Pages with one message.

use axum::http::header::RETRY_AFTER;
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use events::values::Locale;
use minijinja::{Value, context};
use serde::Serialize;

use super::guest::{Guest, Page};
use super::words::{self, word};
use crate::services::Trouble;

/// A page with the title `<name>_title` and the text `<name>_text`.
pub(super) fn page(guest: &Guest, status: StatusCode, name: &str) -> Response {
    let text = word(guest.locale(None), &format!("{name}_text"));
    with_text(guest, status, &format!("{name}_title"), &text)
}

fn with_text(guest: &Guest, status: StatusCode, title: &str, text: &str) -> Response {
    let locale = guest.locale(None);
    let facts = context! {
        title => word(locale, title),
        text,
        again => (status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS).then(|| guest.again.clone()),
    };
    Page::new(guest, "notice.html", locale, facts).status(status).respond()
}

/// The page in place of one whose content could not be read.
pub(super) fn trouble(guest: &Guest, trouble: &Trouble) -> Response {
    match trouble {
        Trouble::Refused(_) => page(guest, StatusCode::NOT_FOUND, "no_link"),
        Trouble::NotNow { retry_after } => {
            let text = words::later(guest.locale(None), "too_often_text", *retry_after);
            let shown = with_text(guest, StatusCode::TOO_MANY_REQUESTS, "too_often_title", &text);
            with_wait(shown, Some(*retry_after))
        }
        Trouble::Unanswered => {
            with_wait(page(guest, StatusCode::SERVICE_UNAVAILABLE, "not_reachable"), Some(2))
        }
    }
}

/// Says in the headers of `response` after how many seconds the same request can succeed.
pub(super) fn with_wait(mut response: Response, seconds: Option<u64>) -> Response {
    response.headers_mut().extend(seconds.map(|seconds| (RETRY_AFTER, HeaderValue::from(seconds))));
    response
}

/// The page for a request whose outcome is unknown. It sends the same request again: `fields` contain its Idempotency-Key, so that
/// nothing happens twice.
pub(super) fn unknown(
    guest: &Guest,
    locale: Locale,
    colour: Option<&str>,
    action: &str,
    fields: &impl Serialize,
) -> Response {
    let facts = context! { action, fields => Value::from_serialize(fields) };
    let page = Page::new(guest, "unknown.html", locale, facts).accent(colour);
    page.status(StatusCode::SERVICE_UNAVAILABLE).respond()
}
