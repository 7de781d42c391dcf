//! What handlers extract from a request.

use access::{Caller, Person};
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::HeaderMap;
use axum::http::request::Parts;
use axum::response::{IntoResponse as _, Response};
use chassis::api::{IfMatch, PathParameters, idempotency_key};
use chassis::body;
use chassis::network::ClientAddress;
use chassis::problem::Problem;
use chassis::request_trace::RequestTrace;
use contract::fault::Fault;
use contract::form::Form;
use contract::reservation::commands::{ReservationPath, WaitlistPath};
use events::values::ActorKind;
use events::{CustomerId, Position, ReservationId, WaitlistId};
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

use crate::app::App;
use crate::app::request_context::{IdempotencyKey, RequestContext};

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

/// A request to change something: its body as a form, and its context.
pub(super) struct Post {
    form: Form,
    context: RequestContext,
    /// What its response contains.
    answer: Answer,
    headers: HeaderMap,
    /// Where it comes from, if that is known.
    client: Option<ClientAddress>,
}

/// What the response to a request to change something contains.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    /// The representation.
    Changed,
    /// The representation with the link of the guest.
    Linked,
    /// The representation with the link of the guest, and its location.
    Created,
}

impl Answer {
    fn of(path: &str) -> Self {
        match path {
            path if CREATING_PATHS.contains(&path) => Self::Created,
            path if path.ends_with("/accept") || path.ends_with("/closures") => Self::Created,
            path if path.ends_with("/link/renew") => Self::Linked,
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
        match app.executor.first_outcome(post.context.key.as_mut(), &post.context.caller).await {
            Ok(None) => Ok(post),
            Ok(Some(earlier)) => {
                let response = app.respond_again(&earlier, post.answer, &post.context.caller).await;
                Err(response.unwrap_or_else(Problem::into_response))
            }
            Err(error) => Err(app.problem(error).into_response()),
        }
    }
}

impl Post {
    async fn receive(request: Request, app: &App) -> Result<Self, Problem> {
        let (mut parts, body) = request.into_parts();
        let Ok(trace) = RequestTrace::from_request_parts(&mut parts, app).await;
        let body = body::read_body(body).await?;
        let members = body::parse_object(&parts.headers, &body)?;
        let Ok(caller) = Caller::from_request_parts(&mut parts, app).await;
        let client = parts.extensions.get().copied();
        // Only the notifier knows which request and which event caused its own.
        let is_service = caller.actor.kind == ActorKind::ServiceAccount;
        let context = RequestContext {
            trace: if is_service { trace.continued() } else { trace },
            key: scoped_key(&parts, &body, &members, &caller)?,
            causation_id: causation(&parts.headers).filter(|_| is_service),
            client_group: app.admission.client_group(&caller, client, app.env.now()),
            caller,
            if_match: if_match(&parts.headers)?,
            payload: None,
        };
        let answer = Answer::of(parts.uri.path());
        Ok(Self { form: Form::new(members), context, answer, headers: parts.headers, client })
    }

    /// The sender.
    pub(super) fn caller(&self) -> &Caller {
        &self.context.caller
    }

    /// Where the request comes from, if that is known.
    pub(super) fn client(&self) -> Option<ClientAddress> {
        self.client
    }

    /// The cookie `name` of the request.
    pub(super) fn cookie(&self, name: &str) -> Option<String> {
        access::cookies::value(&self.headers, name)
    }

    /// Like [`Self::read`], for a request that no Idempotency-Key repeats: its response contains a secret, or it has the
    /// same effect when it is repeated.
    pub(super) fn read_unrepeated<T>(
        self,
        read: impl FnOnce(&mut Form, &Caller) -> Option<T>,
    ) -> Result<(T, RequestContext), Problem> {
        let (value, context) = self.read(read)?;
        Ok((value, RequestContext { key: None, ..context }))
    }

    /// Reads the form with `read`. Returns the result and the context.
    pub(super) fn read<T>(
        mut self,
        read: impl FnOnce(&mut Form, &Caller) -> Option<T>,
    ) -> Result<(T, RequestContext), Problem> {
        let value = read(&mut self.form, &self.context.caller);
        Ok((self.form.finish(value)?, self.context))
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

fn if_match(headers: &HeaderMap) -> Result<Option<Vec<u64>>, Problem> {
    Ok(match IfMatch::of(headers)? {
        IfMatch::Any => None,
        IfMatch::Versions(versions) => Some(versions),
    })
}

fn causation(headers: &HeaderMap) -> Option<String> {
    let id = headers.get("x-causation-id")?.to_str().ok()?;
    id.parse::<events::EventId>().ok().map(|id| id.to_string())
}

/// Minimum length of the key of an anonymous request, in characters: 128 random bits in base64. A caller that
/// guesses the key of a request gets its response.
const ANONYMOUS_KEY_CHARS_MIN: usize = 22;

fn scoped_key(
    parts: &Parts,
    body: &[u8],
    members: &Map<String, Value>,
    caller: &Caller,
) -> Result<Option<IdempotencyKey>, Problem> {
    let Some(key) = idempotency_key(&parts.headers)? else { return Ok(None) };
    if caller.is_anonymous() && key.len() < ANONYMOUS_KEY_CHARS_MIN {
        let msg = format!(
            "Without a credential the key should have at least {ANONYMOUS_KEY_CHARS_MIN} characters, so that no other client guesses it, for example a UUID"
        );
        return Err(Fault::new("header", "Idempotency-Key", "value_error", msg, key).into());
    }
    let fingerprint = Sha256::new()
        .chain_update(parts.method.as_str())
        .chain_update([0])
        .chain_update(parts.uri.path())
        .chain_update([0])
        .chain_update(body)
        .finalize();
    let name = caller.name();
    let (key, former_key) = match caller.is_anonymous() {
        true => {
            let scope = scope(parts.uri.path(), members);
            (format!("{name}/{scope}/{key}"), Some(format!("{name}/{key}")))
        }
        false => (format!("{name}/{key}"), None),
    };
    // 128 bits are enough to distinguish requests, and keep the events small.
    let digest = hex::encode(&fingerprint[..16]);
    Ok(Some(IdempotencyKey { key, former_key, digest, unused_up_to: Position::START }))
}

/// The scope of the keys of an anonymous caller. Keys that clients generate badly, such as counters, are chosen by
/// several guests; each must get their own booking. A key is scoped by the resource that the request changes, or,
/// for a creation, by the customer.
fn scope(path: &str, members: &Map<String, Value>) -> String {
    if !CREATING_PATHS.contains(&path) {
        return path.split('/').nth(3).unwrap_or_default().to_owned();
    }
    let customer = members.get("customer_id").and_then(Value::as_str).map(str::parse::<CustomerId>);
    let customer = customer.and_then(Result::ok);
    // Customer ids can contain the separator, digests cannot.
    let digest = Sha256::digest(customer.as_ref().map_or("", CustomerId::as_str));
    hex::encode(&digest[..8])
}
