//! Error responses: `application/problem+json`, RFC 9457.
//!
//! Each service maps its own errors to problems in one file. [`Problem::internal`] logs the cause of an
//! unexpected error and does not include it in the body.

use axum::http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};

use crate::fault::Fault;

/// Media type of every error response.
pub const CONTENT_TYPE_PROBLEM: &str = "application/problem+json";

/// An error response.
#[derive(Debug, Clone)]
pub struct Problem {
    status: StatusCode,
    code: &'static str,
    detail: Value,
    more: Map<String, Value>,
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl Problem {
    /// A problem with a stable `code` and a detail that says what to do next.
    #[must_use]
    pub fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        let detail = Value::String(detail.into());
        Self { status, code, detail, more: Map::new(), headers: Vec::new() }
    }

    /// 422 with every fault of the request. `detail` is an array, as in FastAPI, although RFC 9457
    /// defines it as a string; a client that follows §3.1 ignores a member of the wrong type.
    #[must_use]
    pub fn invalid(faults: Vec<Fault>) -> Self {
        let mut problem = Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid_request", "");
        problem.detail = faults.into_iter().map(Fault::into_json).collect();
        problem
    }

    /// 404: the resource does not exist.
    #[must_use]
    pub fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", detail)
    }

    /// 401: the caller must present the service token.
    #[must_use]
    pub fn unauthorized() -> Self {
        let detail = "This request requires the service token. Send it as 'Authorization: Bearer …'.";
        Self::new(StatusCode::UNAUTHORIZED, "service_token_required", detail)
            .header(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))
    }

    /// 503: the caller should retry after `seconds`.
    #[must_use]
    pub fn unavailable(code: &'static str, detail: impl Into<String>, seconds: u32) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, code, detail)
            .header(RETRY_AFTER, HeaderValue::from(seconds))
    }

    /// 500. Logs the cause once, here at the boundary, and does not disclose it.
    #[must_use]
    pub fn internal(cause: &(dyn std::error::Error + 'static)) -> Self {
        tracing::error!(error = cause, "a request failed");
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal_error",
            "The service failed. Its log output contains the cause: search it for the X-Request-Id of this response.",
        )
    }

    /// Adds a member to the body.
    #[must_use]
    pub fn with(mut self, member: &str, value: impl Into<Value>) -> Self {
        self.more.insert(member.to_owned(), value.into());
        self
    }

    /// Adds a response header.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// The HTTP status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// The body.
    #[must_use]
    pub fn body(&self) -> Value {
        let mut body = json!({
            "type": format!("/problems/{}", self.code),
            "title": self.status.canonical_reason().unwrap_or("Error"),
            "status": self.status.as_u16(),
            "code": self.code,
            "detail": self.detail,
        });
        if let Value::Object(members) = &mut body {
            members.extend(self.more.clone());
        }
        body
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = self.body().to_string();
        let mut response = (self.status, [(CONTENT_TYPE, CONTENT_TYPE_PROBLEM)], body).into_response();
        response.headers_mut().extend(self.headers);
        response
    }
}
