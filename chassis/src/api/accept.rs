//! Content negotiation, RFC 9110 §12.5.1.

use axum::http::{HeaderMap, header};
use headers::Header as _;
use headers_accept::Accept;
use mediatype::names::{_STAR, APPLICATION, CALENDAR, CSV, HTML, JSON, PLAIN, Q, TEXT};
use mediatype::{MediaType, MediaTypeBuf, ReadParams as _};

/// `application/json`.
pub const APPLICATION_JSON: MediaType<'_> = MediaType::new(APPLICATION, JSON);
/// `text/plain`.
pub const TEXT_PLAIN: MediaType<'_> = MediaType::new(TEXT, PLAIN);
/// `text/csv`.
pub const TEXT_CSV: MediaType<'_> = MediaType::new(TEXT, CSV);
/// `text/calendar`.
pub const TEXT_CALENDAR: MediaType<'_> = MediaType::new(TEXT, CALENDAR);
/// `text/html`.
pub const TEXT_HTML: MediaType<'_> = MediaType::new(TEXT, HTML);

/// The media types that a request accepts.
#[derive(Debug)]
pub struct Accepted(Option<Accept>);

impl Accepted {
    /// Reads the header `Accept`. A request without a valid one accepts everything.
    #[must_use]
    pub fn of(headers: &HeaderMap) -> Self {
        let mut lines = headers.get_all(header::ACCEPT).iter();
        let accept =
            if headers.contains_key(header::ACCEPT) { Accept::decode(&mut lines).ok() } else { None };
        Self(accept.filter(|accept| accept.media_types().next().is_some()))
    }

    /// The index of the media type in `offered` that the request prefers; `None` if it accepts none of them. Of equal
    /// weights the first offer counts.
    #[must_use]
    pub fn best(&self, offered: &[MediaTypeBuf]) -> Option<usize> {
        let Some(accept) = &self.0 else { return Some(0) };
        let weights = offered.iter().map(|offer| weight(accept, &offer.to_ref()));
        let mut best = None;
        for (index, weight) in weights.enumerate() {
            if weight > best.map_or(0.0, |(_, weight)| weight) {
                best = Some((index, weight));
            }
        }
        best.map(|(index, _)| index)
    }

    /// Whether the request prefers the media type `one` to the media type `other`. Without a preference it does not.
    #[must_use]
    pub fn prefers(&self, one: &MediaType<'_>, other: &MediaType<'_>) -> bool {
        let types = [MediaTypeBuf::from(other.clone()), MediaTypeBuf::from(one.clone())];
        self.best(&types) == Some(1)
    }
}

/// The weight of an offer: that of the most specific range that includes it.
fn weight(accept: &Accept, offer: &MediaType<'_>) -> f32 {
    // The ranges are sorted, the most specific first.
    let range = accept.media_types().find(|range| includes(&range.to_ref(), offer));
    let text = range.map(|range| range.get_param(Q).map(|weight| weight.as_str().to_owned()));
    match text {
        None => 0.0,
        Some(None) => 1.0,
        Some(Some(text)) => text.parse().unwrap_or(1.0),
    }
}

/// Whether `range` includes `offer`. Parameters other than the weight are ignored, because no representation has a
/// variant of them. `application/json` includes every format that is JSON.
fn includes(range: &MediaType<'_>, offer: &MediaType<'_>) -> bool {
    let is_json = range.ty == APPLICATION && range.subty == JSON && range.suffix.is_none();
    let same_type = range.ty == offer.ty;
    range.ty == _STAR
        || same_type && range.subty == _STAR
        || same_type && range.subty == offer.subty && range.suffix == offer.suffix
        || same_type && is_json && offer.suffix == Some(JSON)
}

/// Whether the request comes from a browser that shows a page.
#[must_use]
pub fn accepts_html(headers: &HeaderMap) -> bool {
    Accepted::of(headers).prefers(&TEXT_HTML, &APPLICATION_JSON)
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn best(accept: &[&'static str], offered: &[&str]) -> Option<usize> {
        let lines = accept.iter().map(|line| (header::ACCEPT, HeaderValue::from_static(line)));
        let headers = lines.fold(HeaderMap::new(), |mut headers, (name, value)| {
            headers.append(name, value);
            headers
        });
        let offered: Vec<MediaTypeBuf> = offered.iter().map(|name| name.parse().unwrap()).collect();
        Accepted::of(&headers).best(&offered)
    }

    #[test]
    fn the_weights_decide_which_media_type_is_sent() {
        let both = ["application/json", "text/plain"];
        assert_eq!(best(&[], &both), Some(0));
        assert_eq!(best(&["*/*"], &both), Some(0));
        assert_eq!(best(&["text/plain"], &both), Some(1));
        assert_eq!(best(&["text/plain;q=0.5, application/*;q=0.4"], &both), Some(1));
        assert_eq!(best(&["text/plain;q=0.5", "application/json;q=0.9"], &both), Some(0));
        assert_eq!(best(&["*/*;q=0.1, application/json;q=0"], &both), Some(1));
        assert_eq!(best(&["text/html"], &both), None);
        assert_eq!(best(&[""], &both), Some(0));
        assert_eq!(best(&["application/json; charset=utf-8"], &both), Some(0));
        assert_eq!(
            best(&["application/json"], &["text/event-stream", "application/cloudevents-batch+json"]),
            Some(1)
        );
        assert_eq!(best(&["application/json;q=0"], &["application/json"]), None);
    }

    #[test]
    fn a_browser_gets_a_page_and_a_program_does_not() {
        let html = |accept| {
            accepts_html(&HeaderMap::from_iter([(header::ACCEPT, HeaderValue::from_static(accept))]))
        };
        assert!(html("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"));
        assert!(!html("*/*") && !html("application/json") && !html("application/json, text/html;q=0.5"));
        assert!(!accepts_html(&HeaderMap::new()));
    }
}
