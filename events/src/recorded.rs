//! The stored and served form of an event: one CloudEvents 1.0 JSON object, written once.
//!
//! The position is known only when the writer of the log commits. The caller of `append` therefore
//! serialises the whole envelope with zeros in place of the position, and [`Envelope::stamp`]
//! overwrites twenty digits at two fixed offsets. The writer thread never serialises.

mod scan;

use std::borrow::Cow;
use std::io::Write as _;

use bytes::Bytes;
use chrono::{DateTime, SecondsFormat, Utc};
use serde::Deserialize;
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::event::{DecodeError, Event};
use crate::ids::{EventId, LogId, Position};
use crate::query::Tag;
use crate::values::{Actor, ActorKind};

/// Why an event was recorded and by which actor. Every command carries it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventMetadata {
    /// The id of the original request; the same across services.
    pub correlation_id: String,
    /// The event or command that caused this one.
    pub causation_id: Option<String>,
    /// The actor.
    pub actor: Actor,
    /// W3C trace context of the request, if present.
    pub traceparent: Option<String>,
    /// Fingerprint of a request with an Idempotency-Key. Detects a reuse of the key for a different
    /// request.
    pub request_digest: Option<String>,
    /// The venue, if the event is about one.
    pub venue_id: Option<String>,
    /// Groups the requests of guests by the address that they came from: a hash of 16 bits, with a key that is drawn at random,
    /// kept for one day, and never stored. It leads to no address.
    pub client_group: Option<String>,
}

impl EventMetadata {
    /// The metadata of events that the component `name` of a service causes by itself.
    #[must_use]
    pub fn system(name: &str) -> Self {
        Self {
            correlation_id: name.to_owned(),
            causation_id: None,
            actor: Actor::system(name),
            traceparent: None,
            request_digest: None,
            venue_id: None,
            client_group: None,
        }
    }
}

/// An event to append.
#[derive(Debug, Clone)]
pub struct NewEvent {
    /// UUID v7: one half of the event id. The position is the other half.
    pub id: Uuid,
    /// CloudEvents `type`.
    pub event_type: &'static str,
    /// CloudEvents `subject`, for example `reservation/<uuid>`.
    pub subject: String,
    /// When it happened.
    pub time: DateTime<Utc>,
    /// What the event is about. Stored beside the event, never published.
    pub tags: Vec<Tag>,
    /// CloudEvents `data`, one JSON object.
    pub data: Vec<u8>,
    /// The confidential payload: data that can be forgotten. Durable in the same commit, never published.
    pub confidential: Option<Bytes>,
    /// Positions whose confidential payloads this event forgets.
    pub forgets: Vec<Position>,
    /// Why the event was recorded and by which actor.
    pub metadata: EventMetadata,
}

const BEFORE_ID: &str = r#"{"specversion":"1.0","id":""#;
const BEFORE_SEQUENCE: &str = r#"","sequence":""#;
const SEQUENCE_AT: usize = BEFORE_ID.len() + EventId::LEN + BEFORE_SEQUENCE.len();

/// The JSON of an event whose position is not yet known.
#[derive(Debug, Clone)]
pub struct Envelope(Vec<u8>);

impl Envelope {
    /// Serialises `event` as it will be stored in the log `log_id` of the service `source`.
    #[must_use]
    pub fn write(event: &NewEvent, source: &str, log_id: LogId) -> Self {
        let mut json = Vec::with_capacity(640 + event.data.len());
        let placeholder = EventId { position: Position::START, uuid: event.id };
        json.extend_from_slice(BEFORE_ID.as_bytes());
        put(&mut json, format_args!("{placeholder}{BEFORE_SEQUENCE}{:020}\"", 0));
        put(&mut json, format_args!(r#","source":"/{source}/{log_id}","type":"{}""#, event.event_type));
        put_string(&mut json, "subject", &event.subject);
        let time = event.time.to_rfc3339_opts(SecondsFormat::Micros, true);
        put(&mut json, format_args!(r#","time":"{time}","datacontenttype":"application/json""#));
        put(&mut json, format_args!(r#","dataschema":"{}{}""#, crate::event::SCHEMA_URN, event.event_type));
        let metadata = &event.metadata;
        put_string(&mut json, "correlationid", &metadata.correlation_id);
        put_optional(&mut json, "causationid", metadata.causation_id.as_deref());
        put_string(&mut json, "authtype", metadata.actor.kind.word());
        put_optional(&mut json, "authid", metadata.actor.id.as_deref());
        put_optional(&mut json, "traceparent", metadata.traceparent.as_deref());
        put_optional(&mut json, "requestdigest", metadata.request_digest.as_deref());
        put_optional(&mut json, "venueid", metadata.venue_id.as_deref());
        put_optional(&mut json, "clientgroup", metadata.client_group.as_deref());
        json.extend_from_slice(br#","data":"#);
        json.extend_from_slice(&event.data);
        json.push(b'}');
        Self(json)
    }

    /// Sets the position and returns the event as it is stored. The bytes of a stored event never change; an event that
    /// was not stored can be stamped again.
    pub fn stamp(&mut self, position: Position) -> &[u8] {
        let mut digits = [b'0'; Position::DIGITS];
        let mut rest = position.0;
        for digit in digits.iter_mut().rev() {
            *digit += (rest % 10) as u8;
            rest /= 10;
        }
        for at in [BEFORE_ID.len(), SEQUENCE_AT] {
            self.0[at..at + Position::DIGITS].copy_from_slice(&digits);
        }
        &self.0
    }

    /// Length of the stored event in bytes.
    #[must_use]
    pub fn len_bytes(&self) -> usize {
        self.0.len()
    }
}

/// Reads the event id from stored bytes without parsing them.
#[must_use]
pub fn id_of(stored: &[u8]) -> Option<EventId> {
    let id = stored.get(BEFORE_ID.len()..BEFORE_ID.len() + EventId::LEN)?;
    std::str::from_utf8(id).ok()?.parse().ok()
}

fn put(json: &mut Vec<u8>, text: std::fmt::Arguments<'_>) {
    // Writing to a Vec cannot fail.
    let _ = json.write_fmt(text);
}

fn put_string(json: &mut Vec<u8>, name: &str, value: &str) {
    put(json, format_args!(r#","{name}":"#));
    // A str always serialises, and writing to a Vec cannot fail.
    let _ = serde_json::to_writer(json, value);
}

fn put_optional(json: &mut Vec<u8>, name: &str, value: Option<&str>) {
    if let Some(value) = value {
        put_string(json, name, value);
    }
}

/// An event read from a log or a feed. Borrows from the stored bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded<'a> {
    /// Position and UUID.
    pub id: EventId,
    /// CloudEvents `source`: the log the event belongs to.
    pub source: Cow<'a, str>,
    /// CloudEvents `type`.
    pub event_type: Cow<'a, str>,
    /// CloudEvents `subject`.
    pub subject: Cow<'a, str>,
    /// When it happened.
    pub time: DateTime<Utc>,
    correlation_id: Cow<'a, str>,
    causation_id: Option<Cow<'a, str>>,
    actor_kind: ActorKind,
    actor_id: Option<Cow<'a, str>>,
    traceparent: Option<Cow<'a, str>>,
    request_digest: Option<Cow<'a, str>>,
    venue_id: Option<Cow<'a, str>>,
    client_group: Option<Cow<'a, str>>,
    /// CloudEvents `data`, not parsed yet.
    pub data: &'a str,
}

/// [`Recorded`] for the general JSON parser, which accepts any order of members.
#[derive(Deserialize)]
struct AnyOrder<'a> {
    id: EventId,
    #[serde(borrow)]
    source: Cow<'a, str>,
    #[serde(borrow, rename = "type")]
    event_type: Cow<'a, str>,
    #[serde(borrow)]
    subject: Cow<'a, str>,
    time: DateTime<Utc>,
    #[serde(borrow)]
    correlationid: Cow<'a, str>,
    #[serde(borrow, default)]
    causationid: Option<Cow<'a, str>>,
    authtype: ActorKind,
    #[serde(borrow, default)]
    authid: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    traceparent: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    requestdigest: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    venueid: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    clientgroup: Option<Cow<'a, str>>,
    #[serde(borrow)]
    data: &'a RawValue,
}

impl<'a> Recorded<'a> {
    /// Parses stored bytes.
    ///
    /// Bytes written by [`Envelope`] are read at their known offsets without a JSON parser;
    /// [`Self::event`] parses `data`. Any other JSON goes through the parser.
    ///
    /// # Errors
    /// The error of `serde_json` when the bytes are not a valid event.
    pub fn parse(stored: &'a [u8]) -> Result<Self, serde_json::Error> {
        match scan::scan(stored) {
            Some(recorded) => Ok(recorded),
            None => Self::parse_any_order(stored),
        }
    }

    fn parse_any_order(stored: &'a [u8]) -> Result<Self, serde_json::Error> {
        let any: AnyOrder<'a> = serde_json::from_slice(stored)?;
        Ok(Self {
            id: any.id,
            source: any.source,
            event_type: any.event_type,
            subject: any.subject,
            time: any.time,
            correlation_id: any.correlationid,
            causation_id: any.causationid,
            actor_kind: any.authtype,
            actor_id: any.authid,
            traceparent: any.traceparent,
            request_digest: any.requestdigest,
            venue_id: any.venueid,
            client_group: any.clientgroup,
            data: any.data.get(),
        })
    }

    /// Decodes the event.
    ///
    /// # Errors
    /// [`DecodeError`] when the type is not in the catalogue or the data does not match it.
    pub fn event(&self) -> Result<Event, DecodeError> {
        Event::decode(&self.event_type, self.data)
    }

    /// The uuid that follows `prefix` in the subject, for example in `reservation/<uuid>`.
    #[must_use]
    pub fn subject_uuid(&self, prefix: &str) -> Option<Uuid> {
        let id = self.subject.strip_prefix(prefix)?.strip_prefix('/')?;
        Uuid::try_parse(id).ok()
    }

    /// Why the event was recorded and by which actor.
    #[must_use]
    pub fn metadata(&self) -> EventMetadata {
        let owned = |text: &Option<Cow<'_, str>>| text.as_deref().map(str::to_owned);
        EventMetadata {
            correlation_id: self.correlation_id.clone().into_owned(),
            causation_id: owned(&self.causation_id),
            actor: Actor { kind: self.actor_kind, id: owned(&self.actor_id) },
            traceparent: owned(&self.traceparent),
            request_digest: owned(&self.request_digest),
            venue_id: owned(&self.venue_id),
            client_group: owned(&self.client_group),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event() -> NewEvent {
        NewEvent {
            id: Uuid::from_u128(0x0193_9f3e_7b2a_7c3d_9e4f_5a6b_7c8d_9e0f),
            event_type: "meja.reservation.checked_in.v1",
            subject: "reservation/01939f3e-0000-7000-8000-000000000001".into(),
            time: "2026-12-01T18:00:00.123456Z".parse().unwrap(),
            tags: vec![],
            data: b"{}".to_vec(),
            confidential: None,
            forgets: vec![],
            metadata: EventMetadata {
                correlation_id: "req-\"quoted\"\n".into(),
                causation_id: None,
                actor: Actor::service("notifier"),
                traceparent: Some("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".into()),
                request_digest: Some("abc".into()),
                venue_id: None,
                client_group: None,
            },
        }
    }

    /// Covers strings with and without JSON escapes, which take different paths through the reader.
    #[test]
    fn an_event_reads_back_as_it_was_written() {
        reads_back(event());
        let mut plain = event();
        plain.metadata.correlation_id = "request-1".into();
        plain.metadata.causation_id = Some("é 🍜 {}".into());
        plain.data = br#"{"words":"a \"quoted\" one}","n":[1,2]}"#.to_vec();
        plain.metadata.actor.id = None;
        (plain.metadata.venue_id, plain.metadata.client_group) =
            (Some("bandung-dago".into()), Some("a3f1".into()));
        reads_back(plain);
    }

    #[track_caller]
    fn reads_back(event: NewEvent) {
        let log_id = LogId(Uuid::from_u128(9));
        let mut envelope = Envelope::write(&event, "reservation", log_id);
        let bytes = envelope.stamp(Position(42));
        let recorded = Recorded::parse(bytes).unwrap();
        assert_eq!(recorded.id, EventId { position: Position(42), uuid: event.id });
        assert_eq!(id_of(bytes), Some(recorded.id));
        assert_eq!(recorded.source, format!("/reservation/{log_id}"));
        assert_eq!(recorded.time, event.time);
        assert_eq!(recorded.metadata(), event.metadata);
        assert_eq!(recorded.data.as_bytes(), event.data);
        assert_eq!(Recorded::parse_any_order(bytes).unwrap(), recorded);
        let value: serde_json::Value = serde_json::from_slice(bytes).unwrap();
        assert_eq!(value["sequence"], "00000000000000000042");
        assert_eq!(value["specversion"], "1.0");
        assert_eq!(value["dataschema"], "urn:meja:schema:meja.reservation.checked_in.v1");
    }
}
