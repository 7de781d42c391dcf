//! The context of a command: its actor, its request, and the conditions the caller attached to it.

use access::Caller;
use bytes::Bytes;
use chassis::environment::Environment;
use chassis::request_trace::RequestTrace;
use events::Position;
use events::recorded::EventMetadata;

/// The context of a command.
#[derive(Debug, Clone)]
pub struct RequestContext {
    /// The id and the trace of the request.
    pub trace: RequestTrace,
    /// The sender.
    pub caller: Caller,
    /// The event that caused the request, if another service sent it.
    pub causation_id: Option<String>,
    /// The Idempotency-Key, if the request has one.
    pub key: Option<IdempotencyKey>,
    /// The versions named in `If-Match`, if the request has one.
    pub if_match: Option<Vec<u64>>,
    /// The group of the address that a guest's request came from.
    pub client_group: Option<u16>,
    /// The confidential payload for the event that holds its digest.
    pub payload: Option<Bytes>,
}

/// An Idempotency-Key and the request it belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyKey {
    /// The key with a prefix for its scope, so that different callers do not share keys.
    pub key: String,
    /// The name of the key in logs of versions in which all anonymous callers shared one scope.
    pub former_key: Option<String>,
    /// Fingerprint of the key, method, path and body.
    pub digest: String,
    /// The fingerprint of the same request in logs of versions that left the key out of it.
    pub former_digest: Option<String>,
    /// Nothing was recorded under the key up to this position.
    pub unused_up_to: Position,
}

impl IdempotencyKey {
    /// Whether a recorded digest is that of this request.
    #[must_use]
    pub fn is_of(&self, recorded: Option<&str>) -> bool {
        recorded.is_some_and(|recorded| {
            self.digest == recorded || self.former_digest.as_deref() == Some(recorded)
        })
    }
}

impl RequestContext {
    /// The context of the system component `name`.
    #[must_use]
    pub fn system(name: &str, env: &dyn Environment) -> Self {
        Self {
            trace: RequestTrace { request_id: env.new_id().to_string(), sent_id: None, traceparent: None },
            caller: Caller::system(name),
            causation_id: None,
            key: None,
            if_match: None,
            client_group: None,
            payload: None,
        }
    }

    /// The same request with `caller` as its sender, for a request that proves the identity of a person.
    #[must_use]
    pub fn of(self, caller: Caller) -> Self {
        Self { caller, ..self }
    }

    /// The metadata of events that this request causes.
    pub(super) fn metadata(&self) -> EventMetadata {
        EventMetadata {
            correlation_id: self.trace.request_id.clone(),
            causation_id: self.causation_id.clone(),
            actor: self.caller.actor.clone(),
            traceparent: self.trace.traceparent.clone(),
            request_digest: self.key.as_ref().map(|key| key.digest.clone()),
            venue_id: None,
            client_group: self.client_group.map(|group| format!("{group:04x}")),
        }
    }
}
