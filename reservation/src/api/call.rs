//! A request to change something, as every interface passes it to an operation.

use access::Caller;
use axum::extract::FromRequestParts as _;
use axum::http::HeaderMap;
use axum::http::request::Parts;
use chassis::api::{IfMatch, idempotency_key};
use chassis::network::ClientAddress;
use chassis::problem::Problem;
use chassis::request_trace::RequestTrace;
use contract::fault::Fault;
use contract::form::Form;
use events::values::ActorKind;
use events::{CustomerId, Position};
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

use crate::app::App;
use crate::app::executor::EarlierOutcome;
use crate::app::request_context::{IdempotencyKey, RequestContext};

/// Minimum length of the key of an anonymous request, in characters: 128 random bits in base64. A caller that
/// guesses the key of a request gets its response.
const ANONYMOUS_KEY_CHARS_MIN: usize = 22;

/// A request to change something: its fields as a form, and its context.
pub(super) struct Call {
    form: Form,
    context: RequestContext,
    /// Where it comes from, if that is known.
    client: Option<ClientAddress>,
}

/// What a request contains beside its head.
pub(super) struct Content<'a> {
    /// The body as it was sent, for the fingerprint of the request.
    pub(super) bytes: &'a [u8],
    /// Its members.
    pub(super) members: Map<String, Value>,
    /// The id of the resource that it changes; `None` if it creates one.
    pub(super) subject: Option<&'a str>,
}

impl Call {
    /// The request with the head `parts`. Its method and its path are a part of its fingerprint.
    ///
    /// # Errors
    /// The faults of its headers.
    pub(super) async fn receive(app: &App, parts: &mut Parts, content: Content<'_>) -> Result<Self, Problem> {
        let Ok(trace) = RequestTrace::from_request_parts(parts, app).await;
        let Ok(caller) = Caller::from_request_parts(parts, app).await;
        let client = parts.extensions.get().copied();
        // Only the notifier knows which request and which event caused its own.
        let is_service = caller.actor.kind == ActorKind::ServiceAccount;
        let context = RequestContext {
            trace: if is_service { trace.continued() } else { trace },
            key: scoped_key(parts, &content, &caller)?,
            causation_id: causation(&parts.headers).filter(|_| is_service),
            client_group: app.admission.client_group(&caller, client, app.env.now()),
            caller,
            if_match: if_match(&parts.headers)?,
            payload: None,
        };
        Ok(Self { form: Form::new(content.members), context, client })
    }

    /// The outcome of the first request with the same Idempotency-Key, if there was one. It is looked up before the fields are
    /// read, because something that was valid at first can be invalid later.
    ///
    /// # Errors
    /// The problem of a key that belongs to another request, or of a log that cannot be read.
    pub(super) async fn earlier(&mut self, app: &App) -> Result<Option<EarlierOutcome>, Problem> {
        let earlier = app.executor.first_outcome(self.context.key.as_mut(), &self.context.caller).await;
        earlier.map_err(|error| app.problem(error))
    }

    /// The sender.
    pub(super) fn caller(&self) -> &Caller {
        &self.context.caller
    }

    /// Where the request comes from, if that is known.
    pub(super) fn client(&self) -> Option<ClientAddress> {
        self.client
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

/// The versions that `If-Match` names, if the request has one.
pub(super) fn if_match(headers: &HeaderMap) -> Result<Option<Vec<u64>>, Problem> {
    Ok(match IfMatch::of(headers)? {
        IfMatch::Any => None,
        IfMatch::Versions(versions) => Some(versions),
    })
}

fn causation(headers: &HeaderMap) -> Option<String> {
    let id = headers.get("x-causation-id")?.to_str().ok()?;
    id.parse::<events::EventId>().ok().map(|id| id.to_string())
}

fn scoped_key(
    parts: &Parts,
    content: &Content<'_>,
    caller: &Caller,
) -> Result<Option<IdempotencyKey>, Problem> {
    let Some(key) = idempotency_key(&parts.headers)? else { return Ok(None) };
    if caller.is_anonymous() && key.len() < ANONYMOUS_KEY_CHARS_MIN {
        let msg = format!(
            "Without a credential the key should have at least {ANONYMOUS_KEY_CHARS_MIN} characters, so that no other client guesses it, for example a UUID"
        );
        return Err(Fault::new("header", "Idempotency-Key", "value_error", msg, key).into());
    }
    let request = |begun: Sha256| {
        let fingerprint = begun
            .chain_update(parts.method.as_str())
            .chain_update([0])
            .chain_update(parts.uri.path())
            .chain_update([0])
            .chain_update(content.bytes)
            .finalize();
        // 128 bits are enough to distinguish requests, and keep the events small.
        hex::encode(&fingerprint[..16])
    };
    // The digest is in receipts, the key is not: without it, a telephone number in the request could be found by trying all.
    let digest = request(Sha256::new().chain_update(&key).chain_update([0]));
    let former_digest = Some(request(Sha256::new()));
    let name = caller.name();
    let (key, former_key) = match caller.is_anonymous() {
        true => (format!("{name}/{}/{key}", scope(content)), Some(format!("{name}/{key}"))),
        false => (format!("{name}/{key}"), None),
    };
    Ok(Some(IdempotencyKey { key, former_key, digest, former_digest, unused_up_to: Position::START }))
}

/// The scope of the keys of an anonymous caller. Keys that clients generate badly, such as counters, are chosen by
/// several guests; each must get their own booking. A key is scoped by the resource that the request changes, or,
/// for a creation, by the customer.
fn scope(content: &Content<'_>) -> String {
    if let Some(subject) = content.subject {
        return subject.to_owned();
    }
    let customer = content.members.get("customer_id").and_then(Value::as_str).map(str::parse::<CustomerId>);
    let customer = customer.and_then(Result::ok);
    // Customer ids can contain the separator, digests cannot.
    let digest = Sha256::digest(customer.as_ref().map_or("", CustomerId::as_str));
    hex::encode(&digest[..8])
}
