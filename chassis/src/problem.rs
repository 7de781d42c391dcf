//! Error responses: `application/problem+json`, RFC 9457.
//!
//! Each service maps its own errors to problems in one file. [`Problem::internal`] logs the cause of an
//! unexpected error and does not include it in the body.

use axum::http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use contract::fault::{Fault, Faults};
use contract::problem::{self, InvalidRequest, kinds};

/// An error response.
#[derive(Debug, Clone)]
pub struct Problem {
    status: StatusCode,
    body: Box<Body>,
    headers: Vec<(HeaderName, HeaderValue)>,
}

/// What to do about a head that is too large.
pub(crate) const HEADERS_TOO_LARGE: &str = "The request has more than 100 headers, or its first line and its headers have more than 32 KiB. Send less.";

#[derive(Debug, Clone)]
enum Body {
    Problem(problem::Problem),
    Invalid(InvalidRequest),
}

impl Problem {
    /// A problem with a stable `code` and a detail that says what to do next.
    #[must_use]
    pub fn new(status: StatusCode, code: &str, detail: impl Into<String>) -> Self {
        Self {
            status,
            body: Box::new(Body::Problem(described(status, code, detail.into()))),
            headers: Vec::new(),
        }
    }

    /// 404: the resource does not exist.
    #[must_use]
    pub fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", detail)
    }

    /// 401: the caller must present a credential.
    #[must_use]
    pub fn unauthorized() -> Self {
        let detail = "This request requires a credential. Send it as 'Authorization: Bearer …', or sign in with POST /api/sessions.";
        Self::new(StatusCode::UNAUTHORIZED, "credential_required", detail)
            .header(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))
    }

    /// 401: the presented credential is not valid.
    #[must_use]
    pub fn credential_invalid() -> Self {
        let detail = "The credential is not valid: it is unknown or damaged, was revoked, or has expired. Send another one, or none if the operation needs none.";
        Self::new(StatusCode::UNAUTHORIZED, "credential_invalid", detail)
            .header(WWW_AUTHENTICATE, HeaderValue::from_static(r#"Bearer error="invalid_token""#))
    }

    /// 431: the head of the request is too large.
    #[must_use]
    pub fn headers_too_large() -> Self {
        Self::new(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "headers_too_large", HEADERS_TOO_LARGE)
    }

    /// 403: the credential does not have the scope that the operation needs.
    #[must_use]
    pub fn scope_missing(scope: &str) -> Self {
        let detail =
            format!("This request requires a credential with the scope {scope:?}. Ask an owner for one.");
        Self::new(StatusCode::FORBIDDEN, "scope_missing", detail)
    }

    /// 403: the credential is limited to venues, and the request grants others.
    #[must_use]
    pub fn venue_missing() -> Self {
        let detail = "The credential is limited to some venues, and the request grants rights at others. Name only your own venues.";
        Self::new(StatusCode::FORBIDDEN, "venue_missing", detail)
    }

    /// 403: the credential ends at `end`, and the key that it would grant ends later or never.
    #[must_use]
    pub fn credential_outlived(end: DateTime<Utc>) -> Self {
        let detail = format!(
            "The credential ends at {}, and the key would be valid for longer. Set expires_at to that time or an earlier one, or present a credential that does not end.",
            end.to_rfc3339()
        );
        Self::new(StatusCode::FORBIDDEN, "credential_outlived", detail)
    }

    /// 403: the credential is limited to some venues, and the operation concerns all.
    #[must_use]
    pub fn all_venues_required() -> Self {
        let detail = "This request concerns all venues, and the credential is limited to some. Ask an owner for one without a limit.";
        Self::new(StatusCode::FORBIDDEN, "all_venues_required", detail)
    }

    /// 503: the caller should retry after `seconds`.
    #[must_use]
    pub fn unavailable(code: &str, detail: impl Into<String>, seconds: u32) -> Self {
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

    /// Sets optional members of the body. No effect on [`InvalidRequest`], which has none.
    #[must_use]
    pub fn with(mut self, set: impl FnOnce(&mut problem::Problem)) -> Self {
        if let Body::Problem(body) = self.body.as_mut() {
            set(body);
        }
        self
    }

    /// Adds a response header.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// The body, as it is sent.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        let body = match self.body.as_ref() {
            Body::Problem(body) => serde_json::to_value(body),
            Body::Invalid(body) => serde_json::to_value(body),
        };
        // The members are text, numbers and JSON values, so that they can always be written.
        body.unwrap_or_default()
    }

    /// The seconds after which the request can be repeated, if the response says so.
    #[must_use]
    pub fn retry_after_seconds(&self) -> Option<u64> {
        let header = self.headers.iter().find(|(name, _)| *name == RETRY_AFTER);
        header?.1.to_str().ok()?.parse().ok()
    }

    /// The HTTP status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.status
    }
}

/// 422 with every fault of the request.
impl From<Faults> for Problem {
    fn from(Faults(detail): Faults) -> Self {
        let (status, code) = (StatusCode::UNPROCESSABLE_ENTITY, "invalid_request");
        let (status_code, code, r#type) = (status.as_u16(), code.to_owned(), kind(code));
        let detail = detail.into_iter().map(Fault::without_personal_data).collect();
        let body = InvalidRequest { r#type, title: title(status), status: status_code, code, detail };
        Self { status, body: Box::new(Body::Invalid(body)), headers: Vec::new() }
    }
}

/// 422 with one fault.
impl From<Fault> for Problem {
    fn from(fault: Fault) -> Self {
        Faults(vec![fault]).into()
    }
}

/// The body of a problem.
fn described(status: StatusCode, code: &str, detail: String) -> problem::Problem {
    let listed = kinds::find(code).map(|kind| kind.status);
    debug_assert_eq!(listed, Some(status.as_u16()), "the kinds of problems list {code}");
    problem::Problem {
        r#type: kind(code),
        title: title(status),
        status: status.as_u16(),
        code: code.to_owned(),
        detail,
        ..problem::Problem::default()
    }
}

/// The body of a problem as text.
pub(crate) fn body_of(status: StatusCode, code: &str, detail: &str) -> String {
    // The members are text and numbers, so that they can always be written.
    serde_json::to_string(&described(status, code, detail.to_owned())).unwrap_or_default()
}

fn kind(code: &str) -> String {
    format!("/problems/{code}")
}

fn title(status: StatusCode) -> String {
    status.canonical_reason().unwrap_or("Error").to_owned()
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = match self.body.as_ref() {
            Body::Problem(body) => serde_json::to_string(body),
            Body::Invalid(body) => serde_json::to_string(body),
        };
        // The members are text, numbers and JSON values, so that they can always be written.
        let body = body.unwrap_or_default();
        let mut response = (self.status, [(CONTENT_TYPE, problem::CONTENT_TYPE)], body).into_response();
        response.headers_mut().extend(self.headers.iter().cloned());
        // For the interfaces that send it in another form.
        response.extensions_mut().insert(self);
        response
    }
}
