//! Reads the API with the session of a browser, for the pages that the gateway renders for staff.

use axum::body::{Body, to_bytes};
use axum::extract::{FromRequestParts, Request};
use axum::http::header::{ACCEPT, AUTHORIZATION, COOKIE, HOST};
use axum::http::request::Parts;
use axum::http::{Extensions, HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::Response;
use chassis::api::APPLICATION_JSON;
use chassis::request_trace::RequestTrace;
use serde::de::DeserializeOwned;

use super::guest::{Guest, go};
use super::notices;
use crate::app::App;
use crate::proxy::{FORWARDED_FOR, FORWARDED_PROTO, Target};

/// Maximum size of a response that a page shows, in bytes.
const RESPONSE_BYTES_MAX: usize = 4 * 1024 * 1024;

/// The headers of a request for a page that count for what the page reads: who asks, and from where.
const OF_THE_PERSON: [HeaderName; 5] = [COOKIE, AUTHORIZATION, HOST, FORWARDED_FOR, FORWARDED_PROTO];

/// The session of the person who opens a page.
pub(super) struct Session {
    app: App,
    headers: HeaderMap,
    extensions: Extensions,
    request_id: String,
}

/// Why something could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unread {
    /// The browser has no session.
    SignedOut,
    /// The person may not read it.
    Forbidden,
    /// It does not exist, or the person does not work there.
    Unknown,
    /// The person read too much in a short time.
    TooOften,
    /// The service did not answer, or in a way that this version does not understand.
    Unanswered,
}

impl FromRequestParts<App> for Session {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Self::Rejection> {
        let Ok(trace) = RequestTrace::from_request_parts(parts, &()).await;
        let of_the_person = |name: HeaderName| Some((name.clone(), parts.headers.get(name)?.clone()));
        let headers = OF_THE_PERSON.into_iter().filter_map(of_the_person).collect();
        let extensions = parts.extensions.clone();
        Ok(Self { app: app.clone(), headers, extensions, request_id: trace.request_id })
    }
}

impl Session {
    /// Reads `path` of the reservation service.
    ///
    /// # Errors
    /// [`Unread`].
    pub(super) async fn read<T: DeserializeOwned>(&self, path: &str) -> Result<T, Unread> {
        let mut request = Request::new(Body::empty());
        *request.uri_mut() = path.parse().map_err(|_| Unread::Unknown)?;
        *request.headers_mut() = self.headers.clone();
        *request.extensions_mut() = self.extensions.clone();
        let json = HeaderValue::try_from(APPLICATION_JSON.to_string());
        request.headers_mut().extend(json.ok().map(|json| (ACCEPT, json)));
        let response = self.app.send(Target::Reservation, &self.request_id, request).await;
        match response.status() {
            StatusCode::OK => {}
            StatusCode::UNAUTHORIZED => return Err(Unread::SignedOut),
            StatusCode::FORBIDDEN => return Err(Unread::Forbidden),
            StatusCode::NOT_FOUND => return Err(Unread::Unknown),
            StatusCode::TOO_MANY_REQUESTS => return Err(Unread::TooOften),
            _ => return Err(Unread::Unanswered),
        }
        let body = to_bytes(response.into_body(), RESPONSE_BYTES_MAX).await;
        serde_json::from_slice(&body.map_err(|_| Unread::Unanswered)?).map_err(|error| {
            tracing::warn!(path, error = &error as &dyn std::error::Error, "a response could not be read");
            Unread::Unanswered
        })
    }
}

impl Unread {
    /// The page in place of one whose content could not be read. A person without a session signs in at the stand of `venue`.
    pub(super) fn page(self, guest: &Guest, venue: &str) -> Response {
        let (status, name) = match self {
            Self::SignedOut => return go(&format!("/stand/{venue}")),
            Self::Forbidden => (StatusCode::FORBIDDEN, "managers_only"),
            Self::Unknown => (StatusCode::NOT_FOUND, "nothing_here"),
            Self::TooOften => (StatusCode::TOO_MANY_REQUESTS, "too_often"),
            Self::Unanswered => (StatusCode::SERVICE_UNAVAILABLE, "not_reachable"),
        };
        notices::page(guest, status, name)
    }
}
