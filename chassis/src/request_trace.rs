//! The identity of a request across services: its id and its W3C trace context.

use std::time::Instant;

use axum::extract::{FromRequestParts, MatchedPath, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;
use tracing::Instrument as _;

use crate::environment::{Environment as _, SystemEnvironment};

/// The header with the request id, in responses and in calls to the other service.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The header with the W3C trace context.
pub const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// The id and the trace context of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestTrace {
    /// The `X-Request-Id` sent by the caller, or a new id. Becomes the `correlationid` of events.
    pub request_id: String,
    /// The `traceparent` sent by the caller, if it is valid.
    pub traceparent: Option<String>,
}

impl RequestTrace {
    fn of(headers: &HeaderMap) -> Self {
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
        let request_id = text(REQUEST_ID)
            .filter(|id| (1..=128).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_graphic()));
        Self {
            request_id: request_id.map_or_else(|| SystemEnvironment.new_id().to_string(), str::to_owned),
            traceparent: text(TRACEPARENT).filter(|t| is_traceparent(t)).map(str::to_owned),
        }
    }
}

/// `00-<32 hex>-<16 hex>-<2 hex>`, W3C Trace Context §3.2.
fn is_traceparent(text: &str) -> bool {
    let parts: Vec<_> = text.split('-').collect();
    let hex =
        |part: &str, len| part.len() == len && part.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    let nonzero = |part: &str| part.bytes().any(|b| b != b'0');
    match parts.as_slice() {
        [version, trace, span, flags] => {
            hex(version, 2)
                && *version != "ff"
                && hex(trace, 32)
                && nonzero(trace)
                && hex(span, 16)
                && nonzero(span)
                && hex(flags, 2)
        }
        _ => false,
    }
}

impl<S: Sync> FromRequestParts<S> for RequestTrace {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        Ok(parts.extensions.get::<Self>().cloned().unwrap_or_else(|| Self::of(&parts.headers)))
    }
}

/// Middleware that assigns a request id, opens a span and records metrics.
pub async fn observe(path: Option<MatchedPath>, mut request: Request, next: Next) -> Response {
    let began = Instant::now();
    let trace = RequestTrace::of(request.headers());
    let route = path.as_ref().map_or("none", MatchedPath::as_str).to_owned();
    let method = request.method().clone();
    let span = tracing::info_span!("request", id = %trace.request_id, %method, route);
    let id = HeaderValue::from_str(&trace.request_id);
    request.extensions_mut().insert(trace);
    let mut response = next.run(request).instrument(span.clone()).await;
    let status = response.status().as_u16();
    let elapsed = began.elapsed();
    tracing::debug!(parent: &span, status, elapsed_us = elapsed.as_micros(), "responded");
    if let Ok(id) = id {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    crate::metrics::record_response(known_method(&method), &route, status, elapsed);
    response
}

/// Callers can send any method, but metric labels must come from a fixed set.
fn known_method(method: &axum::http::Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "POST" => "POST",
        "DELETE" => "DELETE",
        "HEAD" => "HEAD",
        "OPTIONS" => "OPTIONS",
        "PUT" => "PUT",
        "PATCH" => "PATCH",
        _ => "other",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_keeps_the_id_it_came_with() {
        let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        let headers = HeaderMap::from_iter([
            (REQUEST_ID, "abc-1".parse().unwrap()),
            (TRACEPARENT, trace.parse().unwrap()),
        ]);
        assert_eq!(
            RequestTrace::of(&headers),
            RequestTrace { request_id: "abc-1".into(), traceparent: Some(trace.into()) }
        );
    }

    #[test]
    fn an_id_that_could_harm_a_log_is_replaced() {
        for bad in ["", "a b", &"x".repeat(129)] {
            let headers = HeaderMap::from_iter([(REQUEST_ID, bad.parse().unwrap())]);
            assert_ne!(RequestTrace::of(&headers).request_id, bad);
        }
        for bad in [
            "00-0-0-0",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
        ] {
            assert!(!is_traceparent(bad), "{bad}");
        }
    }
}
