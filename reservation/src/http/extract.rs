//! What every handler takes from a request.

use std::str::FromStr;

use axum::extract::{FromRequest, FromRequestParts, Path, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse as _, Response};
use chassis::body;
use chassis::caller::Caller;
use chassis::form::{Fault, Form};
use chassis::problem::Problem;
use events::ids::InvalidId;
use events::values::{Actor, ActorKind};
use events::{ReservationId, WaitlistId};
use sha2::{Digest as _, Sha256};

use crate::app::App;
use crate::record::{CommandKey, Submission};

/// The longest Idempotency-Key, in bytes.
const KEY_BYTES_MAX: usize = 128;

/// The reservation that a path names.
pub(super) struct Id(pub(super) ReservationId);

impl FromRequestParts<App> for Id {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        path_id(parts, app, "reservation_id").await.map(Self)
    }
}

/// The party that waits that a path names.
pub(super) struct WaitId(pub(super) WaitlistId);

impl FromRequestParts<App> for WaitId {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        path_id(parts, app, "waitlist_id").await.map(Self)
    }
}

async fn path_id<T: FromStr<Err = InvalidId>>(
    parts: &mut Parts,
    app: &App,
    name: &str,
) -> Result<T, Problem> {
    let Path(text) = Path::<String>::from_request_parts(parts, app)
        .await
        .map_err(|_| Problem::not_found("There is no such path."))?;
    text.parse().map_err(|error: InvalidId| {
        Problem::invalid(vec![Fault::new("path", name, "uuid_parsing", error, text)])
    })
}

/// The parameters of a query.
pub(super) struct Parameters(pub(super) Form);

impl FromRequestParts<App> for Parameters {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        body::query_form(parts, app).await.map(Self)
    }
}

/// A request that asks for something to be done: its body as a form, and who asks.
pub(super) struct Post {
    pub(super) form: Form,
    pub(super) submission: Submission,
    /// Whether it asks for a new reservation, whose answer says where it is.
    creates: bool,
}

impl FromRequest<App> for Post {
    /// A problem; or the first answer, when this is a repeat. A repeat is recognised before its body
    /// is looked at: what was valid then may have become invalid since.
    type Rejection = Response;

    async fn from_request(request: Request, app: &App) -> Result<Self, Response> {
        let post = Self::receive(request, app).await.map_err(Problem::into_response)?;
        match app.handler.earlier(post.submission.key.as_ref()).await {
            Ok(None) => Ok(post),
            Ok(Some(earlier)) => Err(app.answer_again(&earlier, post.creates).await),
            Err(error) => Err(app.problem(error).into_response()),
        }
    }
}

impl Post {
    async fn receive(request: Request, app: &App) -> Result<Self, Problem> {
        let (mut parts, body) = request.into_parts();
        let Ok(caller) = Caller::from_request_parts(&mut parts, app).await;
        let body = chassis::body::read_body(body).await?;
        let actor = actor(app, &parts.headers);
        let submission = Submission {
            caller,
            key: command_key(&parts, &body, &actor)?,
            // Only the notifier knows which event made it call.
            causation_id: causation(&parts.headers).filter(|_| actor.kind == ActorKind::ServiceAccount),
            actor,
            if_match: if_match(&parts.headers)?,
            private: None,
        };
        let path = parts.uri.path();
        let creates = ["/api/reservations", "/api/walk-ins", "/api/waitlist"].contains(&path)
            || path.ends_with("/accept");
        Ok(Self { form: Form::new(body::parse_object(&parts.headers, &body)?), submission, creates })
    }

    /// Reads the form with `read` and gives back what it asks for.
    pub(super) fn read<T>(
        mut self,
        read: impl FnOnce(&mut Form) -> Option<T>,
    ) -> Result<(T, Submission), Problem> {
        let value = read(&mut self.form);
        Ok((self.form.finish(value)?, self.submission))
    }
}

/// Proof that the other service asks. A service without a token listens on loopback only, and
/// there everyone is the other service.
pub(super) struct FromService;

impl FromRequestParts<App> for FromService {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        match &app.service_token {
            Some(token) if !token.is_shown_in(&parts.headers) => Err(Problem::unauthorized()),
            _ => Ok(Self),
        }
    }
}

fn actor(app: &App, headers: &HeaderMap) -> Actor {
    match &app.service_token {
        Some(token) if token.is_shown_in(headers) => Actor::service("notifier"),
        _ => Actor::unauthenticated(),
    }
}

/// The notifier names the event that made it call.
fn causation(headers: &HeaderMap) -> Option<String> {
    let id = headers.get("x-causation-id")?.to_str().ok()?;
    id.parse::<events::EventId>().ok().map(|id| id.to_string())
}

/// Keys are each caller's own: what the notifier will use can be told from the feed, and must not be
/// used up by anyone else.
fn command_key(parts: &Parts, body: &[u8], actor: &Actor) -> Result<Option<CommandKey>, Problem> {
    let Some(value) = parts.headers.get("idempotency-key") else { return Ok(None) };
    let key = value
        .to_str()
        .ok()
        .filter(|key| (1..=KEY_BYTES_MAX).contains(&key.len()) && key.bytes().all(|b| b.is_ascii_graphic()));
    let Some(key) = key else {
        let shown = String::from_utf8_lossy(value.as_bytes()).chars().take(KEY_BYTES_MAX).collect::<String>();
        let msg =
            format!("Header should have 1 to {KEY_BYTES_MAX} visible ASCII characters; a UUID is a good one");
        return Err(Problem::invalid(vec![Fault::new(
            "header",
            "Idempotency-Key",
            "value_error",
            msg,
            shown,
        )]));
    };
    let fingerprint = Sha256::new()
        .chain_update(parts.method.as_str())
        .chain_update([0])
        .chain_update(parts.uri.path())
        .chain_update([0])
        .chain_update(body)
        .finalize();
    // 128 bits tell two requests apart; the rest would only make events longer.
    Ok(Some(CommandKey {
        key: format!("{}/{key}", actor.kind.word()),
        digest: hex::encode(&fingerprint[..16]),
    }))
}

/// The versions in `If-Match`, or `None` when any version will do. RFC 9110 §13.1.1.
fn if_match(headers: &HeaderMap) -> Result<Option<Vec<u64>>, Problem> {
    let Some(value) = headers.get(header::IF_MATCH) else { return Ok(None) };
    let text = value.to_str().unwrap_or_default().trim();
    if text == "*" {
        return Ok(None);
    }
    let version = |tag: &str| tag.trim().strip_prefix('"')?.strip_suffix('"').map(str::parse::<u64>);
    let versions: Option<Vec<_>> = text.split(',').map(version).collect();
    match versions {
        // A tag that is no version of ours matches nothing, which is for the comparison to say.
        Some(versions) => Ok(Some(versions.into_iter().flatten().collect())),
        None => {
            let msg =
                "Header should be the ETag of what is to be changed, for example \"3\" with its quotes, or *";
            Err(Problem::invalid(vec![Fault::new("header", "If-Match", "value_error", msg, text)]))
        }
    }
}
