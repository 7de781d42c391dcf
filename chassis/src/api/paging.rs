//! Pages of a list that is sorted by a time, then by a key.

use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use contract::form::Form;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;

/// All characters but the unreserved ones of RFC 3986 §2.3.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A place in a list. Its text is opaque to callers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor {
    /// The time of the last item of a page.
    pub at: DateTime<Utc>,
    /// Its key.
    pub key: Vec<u8>,
}

impl Cursor {
    /// The cursor for a text.
    ///
    /// # Errors
    /// What to use instead, if the text is not a cursor.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let read = || {
            let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
            let (at, key) = bytes.split_at_checked(8)?;
            let at = DateTime::from_timestamp_micros(i64::from_be_bytes(at.try_into().ok()?))?;
            Some(Self { at, key: key.to_owned() })
        };
        read().ok_or("this is not a cursor: use next_cursor or the Link header of a page")
    }

    /// The cursor as text.
    #[must_use]
    pub fn text(&self) -> String {
        URL_SAFE_NO_PAD.encode([&self.at.timestamp_micros().to_be_bytes()[..], &self.key].concat())
    }
}

/// The first `limit` of the items that were found, and the cursor of the next page if there are more.
pub fn paged<T>(mut found: Vec<T>, limit: usize, cursor: impl Fn(&T) -> Cursor) -> (Vec<T>, Option<String>) {
    let more = found.len() > limit;
    found.truncate(limit);
    let next = found.last().filter(|_| more).map(|last| cursor(last).text());
    (found, next)
}

/// The query of a page without its cursor, for the link to the next page.
#[derive(Debug, Clone)]
pub struct PageQuery(String);

impl PageQuery {
    /// The query in `form`, of which nothing was taken yet.
    #[must_use]
    pub fn of(form: &Form) -> Self {
        let others = form.texts().filter(|(name, _)| *name != "cursor");
        Self(others.fold(String::new(), |query, (name, text)| {
            query + name + "=" + &utf8_percent_encode(text, RESERVED).to_string() + "&"
        }))
    }

    /// The response with a page of the list at `path`, and the link to the next page if there is one.
    pub fn respond(&self, path: &str, page: &impl Serialize, next_cursor: Option<&str>) -> Response {
        self.linked(axum::Json(page).into_response(), path, next_cursor)
    }

    /// `response` with the link to the next page of the list at `path`, if there is one.
    #[must_use]
    pub fn linked(&self, mut response: Response, path: &str, next_cursor: Option<&str>) -> Response {
        let link = next_cursor.map(|cursor| format!("<{path}?{}cursor={cursor}>; rel=\"next\"", self.0));
        if let Some(link) = link.and_then(|link| HeaderValue::from_str(&link).ok()) {
            response.headers_mut().insert(header::LINK, link);
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_survives_its_text() {
        let at = DateTime::from_timestamp_micros(1_798_115_400_000_123).unwrap();
        for key in [&b""[..], b"\0\xff", b"01939f3e.mail-confirmed"] {
            let cursor = Cursor { at, key: key.to_owned() };
            assert_eq!(Cursor::parse(&cursor.text()), Ok(cursor));
        }
        for bad in ["", "abc", "=", "\u{e9}"] {
            assert!(Cursor::parse(bad).is_err(), "{bad}");
        }
    }
}
