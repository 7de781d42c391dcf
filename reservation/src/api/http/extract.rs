//! What handlers extract from a request.

use access::{Caller, Person};
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::HeaderMap;
use axum::http::request::Parts;
use axum::response::{IntoResponse as _, Response};
use chassis::api::PathParameters;
use chassis::body;
use chassis::problem::Problem;
use chassis::request_trace::RequestTrace;
use contract::form::Form;
use contract::reservation::commands::{ReservationPath, WaitlistPath};
use events::{ReservationId, WaitlistId};
use serde_json::{Map, Value};

use crate::api::answers::Link;
use crate::api::call::{Call, Content, if_match};
use crate::app::App;
use crate::app::request_context::RequestContext;

/// The id of a reservation in a path.
pub(super) struct Id(pub(super) ReservationId);

impl FromRequestParts<App> for Id {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let PathParameters(ReservationPath { reservation_id }) =
            PathParameters::from_request_parts(parts, app).await?;
        Ok(Self(reservation_id))
    }
}

/// The id of a waitlist entry in a path.
pub(super) struct WaitId(pub(super) WaitlistId);

impl FromRequestParts<App> for WaitId {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let PathParameters(WaitlistPath { waitlist_id }) =
            PathParameters::from_request_parts(parts, app).await?;
        Ok(Self(waitlist_id))
    }
}

/// The signed-in person who sent a request.
pub(super) struct Me(pub(super) Person);

impl FromRequestParts<App> for Me {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let Ok(caller) = Caller::from_request_parts(parts, app).await;
        caller.person().map(Self).ok_or_else(Problem::unauthorized)
    }
}

/// Paths of requests that create something. A request to accept an offer creates a reservation too.
const CREATING_PATHS: [&str; 4] = ["/api/reservations", "/api/walk-ins", "/api/waitlist", "/api/access/keys"];

/// A request to change something.
pub(super) struct Post {
    call: Call,
    /// What its response contains.
    answer: Answer,
    headers: HeaderMap,
}

/// What the response to a request to change something contains.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    /// The representation.
    Changed,
    /// The representation with the link of the guest, or a key together with its secret.
    Linked,
    /// The representation with the link of the guest, and its location.
    Created,
}

impl Answer {
    /// Whether it has the link of the guest.
    pub(super) fn link(self) -> Link {
        if self == Self::Changed { Link::Hidden } else { Link::Shown }
    }

    fn of(path: &str) -> Self {
        match path {
            path if CREATING_PATHS.contains(&path) => Self::Created,
            path if path.ends_with("/accept") || path.ends_with("/closures") => Self::Created,
            path if path.ends_with("/link/renew") || path.ends_with("/rotate") => Self::Linked,
            _ => Self::Changed,
        }
    }
}

impl FromRequest<App> for Post {
    /// A problem; or, for a repeated request, the first response. A repeated request is recognised before its
    /// body is checked, because something that was valid at first can be invalid later.
    type Rejection = Response;

    async fn from_request(request: Request, app: &App) -> Result<Self, Response> {
        let mut post = Self::receive(request, app).await.map_err(Problem::into_response)?;
        match post.call.earlier(app).await.map_err(Problem::into_response)? {
            None => Ok(post),
            Some(earlier) => {
                let response = app.respond_again(&earlier, post.answer, post.caller()).await;
                Err(response.unwrap_or_else(Problem::into_response))
            }
        }
    }
}

impl Post {
    async fn receive(request: Request, app: &App) -> Result<Self, Problem> {
        let (mut parts, body) = request.into_parts();
        let body = body::read_body(body).await?;
        let members = body::parse_object(&parts.headers, &body)?;
        let path = parts.uri.path().to_owned();
        let subject =
            (!CREATING_PATHS.contains(&&path[..])).then(|| path.split('/').nth(3).unwrap_or_default());
        let call = Call::receive(app, &mut parts, Content { bytes: &body, members, subject }).await?;
        Ok(Self { call, answer: Answer::of(&path), headers: parts.headers })
    }

    /// The request without the parts of HTTP.
    pub(super) fn into_call(self) -> Call {
        self.call
    }

    /// The sender.
    pub(super) fn caller(&self) -> &Caller {
        self.call.caller()
    }

    /// The cookie `name` of the request.
    pub(super) fn cookie(&self, name: &str) -> Option<String> {
        access::cookies::value(&self.headers, name)
    }

    /// As [`Call::read_unrepeated`].
    pub(super) fn read_unrepeated<T>(
        self,
        read: impl FnOnce(&mut Form, &Caller) -> Option<T>,
    ) -> Result<(T, RequestContext), Problem> {
        self.call.read_unrepeated(read)
    }

    /// As [`Call::read`].
    pub(super) fn read<T>(
        self,
        read: impl FnOnce(&mut Form, &Caller) -> Option<T>,
    ) -> Result<(T, RequestContext), Problem> {
        self.call.read(read)
    }
}

/// A request that replaces a resource. Repeating it has the same effect, so that it needs no Idempotency-Key.
pub(super) struct Put {
    /// The members of the body.
    pub(super) members: Map<String, Value>,
    pub(super) context: RequestContext,
}

impl FromRequest<App> for Put {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &App) -> Result<Self, Problem> {
        let (mut parts, body) = request.into_parts();
        let Ok(trace) = RequestTrace::from_request_parts(&mut parts, app).await;
        let Ok(caller) = Caller::from_request_parts(&mut parts, app).await;
        let body = body::read_body(body).await?;
        let members = body::parse_object(&parts.headers, &body)?;
        let context = RequestContext {
            trace,
            caller,
            causation_id: None,
            key: None,
            if_match: if_match(&parts.headers)?,
            client_group: None,
            payload: None,
        };
        Ok(Self { members, context })
    }
}
