//! The identity of a request across services: its id and its W3C trace context.

use std::time::Instant;

use axum::extract::{FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::response::Response;
use tracing::Instrument as _;
use tracing::field::Empty;
use uuid::Uuid;

use crate::environment::{Environment as _, SystemEnvironment};
use crate::traces;

/// The header with the request id, in responses and in calls to the other service.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The id and the trace context of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestTrace {
    /// The id that this service gave to the request: a UUID. Becomes the `correlationid` of events.
    pub request_id: String,
    /// The `X-Request-Id` sent by the caller, if it is valid. It is echoed and written to the process log, and becomes
    /// part of no event: a caller can put the name of a guest there.
    pub sent_id: Option<String>,
    /// The `traceparent` for the consequences of the request: that of the span of the request if traces are exported,
    /// otherwise the one sent by the caller, if it is valid.
    pub traceparent: Option<String>,
}

impl RequestTrace {
    fn of(headers: &HeaderMap) -> Self {
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
        let sent_id = text(REQUEST_ID)
            .filter(|id| (1..=128).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_graphic()));
        Self {
            request_id: SystemEnvironment.new_id().to_string(),
            sent_id: sent_id.map(str::to_owned),
            traceparent: text(HeaderName::from_static(traces::TRACEPARENT))
                .filter(|text| traces::is_valid(text))
                .map(str::to_owned),
        }
    }

    /// The same request as a consequence of an earlier one, whose id our other service sent along.
    #[must_use]
    pub fn continued(mut self) -> Self {
        let earlier = self.sent_id.take_if(|id| Uuid::try_parse(id).is_ok());
        self.request_id = earlier.unwrap_or(self.request_id);
        self
    }

    /// The id in the response: the one that the caller knows.
    fn echoed(&self) -> &str {
        self.sent_id.as_deref().unwrap_or(&self.request_id)
    }
}

impl<S: Sync> FromRequestParts<S> for RequestTrace {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        Ok(parts.extensions.get::<Self>().cloned().unwrap_or_else(|| Self::of(&parts.headers)))
    }
}

/// Assigns a request id, opens a span for `next`, which responds, and records metrics for `route`, the pattern of its path.
///
/// Not the layers of tower-http: a request has an id of its own beside the one that its caller sent, and the span and the
/// metrics need the matched route.
pub async fn observe<F: Future<Output = Response>>(
    route: &str,
    mut request: Request,
    next: impl FnOnce(Request) -> F,
) -> Response {
    let began = Instant::now();
    let mut trace = RequestTrace::of(request.headers());
    let method = request.method().clone();
    let span = tracing::info_span!(
        "request",
        id = %trace.request_id,
        sent_id = trace.sent_id,
        %method,
        route,
        otel.name = Empty,
        otel.kind = Empty,
        otel.status_code = Empty,
        http.response.status_code = Empty
    );
    if traces::is_on() {
        span.record("otel.name", format!("{method} {route}")).record("otel.kind", "server");
        traces::continue_from(&span, trace.traceparent.as_deref());
        trace.traceparent = traces::traceparent_of(&span).or(trace.traceparent);
    }
    let id = HeaderValue::from_str(trace.echoed());
    request.extensions_mut().insert(trace);
    let mut response = next(request).instrument(span.clone()).await;
    let status = response.status().as_u16();
    if traces::is_on() {
        span.record("http.response.status_code", status);
        // OpenTelemetry semantic conventions: a server span is an error for a 5xx response only.
        if response.status().is_server_error() {
            span.record("otel.status_code", "ERROR");
        }
    }
    let elapsed = began.elapsed();
    tracing::debug!(parent: &span, status, elapsed_us = elapsed.as_micros(), "responded");
    if let Ok(id) = id {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    crate::metrics::record_response(known_method(&method), route, status, elapsed);
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
    fn the_id_that_a_caller_sent_is_echoed_and_does_not_become_the_id_of_the_request() {
        let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        let headers = HeaderMap::from_iter([
            (REQUEST_ID, "abc-1".parse().unwrap()),
            (HeaderName::from_static(traces::TRACEPARENT), trace.parse().unwrap()),
        ]);
        let traced = RequestTrace::of(&headers);
        assert_eq!((traced.echoed(), traced.traceparent.as_deref()), ("abc-1", Some(trace)));
        assert!(Uuid::try_parse(&traced.request_id).is_ok());
        // Not even our other service can make it one, unless it is the id of a request.
        assert_eq!(traced.clone().continued(), traced);
        let earlier = "01939f3e-7b2a-7c3d-9e4f-5a6b7c8d9e0f";
        let traced = RequestTrace::of(&HeaderMap::from_iter([(REQUEST_ID, earlier.parse().unwrap())]));
        assert_ne!(traced.request_id, earlier);
        assert_eq!(traced.continued().request_id, earlier);
    }

    #[test]
    fn an_id_that_could_harm_a_log_is_replaced() {
        for bad in ["", "a b", &"x".repeat(129)] {
            let headers = HeaderMap::from_iter([(REQUEST_ID, bad.parse().unwrap())]);
            assert_eq!(RequestTrace::of(&headers).sent_id, None, "{bad}");
        }
    }
}
