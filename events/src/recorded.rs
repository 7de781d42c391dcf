//! A fact as it is stored and served: one CloudEvents 1.0 JSON object, written once.
//!
//! The position is known only to the writer of the log, at the very end. So an envelope is
//! written in full by whoever appends, with zeros where the position belongs, and
//! [`Envelope::stamp`] fills in twenty digits at two fixed places: no second serialising on the
//! one thread that everything waits for.

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

/// Why something happened and who did it. Goes with every command from the first line of code on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cause {
    /// The id of the request at whose end this stands; the same from service to service.
    pub correlation_id: String,
    /// The event or command that caused this one.
    pub causation_id: Option<String>,
    /// Who did it.
    pub actor: Actor,
    /// W3C trace context of the request, if it carried one.
    pub traceparent: Option<String>,
    /// Fingerprint of the request, if it carried an Idempotency-Key: a repeat of the key with
    /// another request is recognised by it.
    pub request_digest: Option<String>,
}

/// An event that is about to be appended.
#[derive(Debug, Clone)]
pub struct NewEvent {
    /// Its uuid, v7. Half of the event id; the position is the other half.
    pub id: Uuid,
    /// CloudEvents `type`.
    pub event_type: &'static str,
    /// CloudEvents `subject`, for example `reservation/<uuid>`.
    pub subject: String,
    /// When it happened.
    pub time: DateTime<Utc>,
    /// What it is about. Kept beside the event, never published.
    pub tags: Vec<Tag>,
    /// CloudEvents `data`, one JSON object.
    pub data: Vec<u8>,
    /// What must be forgettable. Durable in the same commit, never published.
    pub private: Option<Bytes>,
    /// Positions whose private parts this event orders to be forgotten.
    pub forgets: Vec<Position>,
    /// Why and who.
    pub cause: Cause,
}

const BEFORE_ID: &str = r#"{"specversion":"1.0","id":""#;
const BEFORE_SEQUENCE: &str = r#"","sequence":""#;
const SEQUENCE_AT: usize = BEFORE_ID.len() + EventId::LEN + BEFORE_SEQUENCE.len();

/// The JSON of an event whose position is not known yet.
#[derive(Debug, Clone)]
pub struct Envelope(Vec<u8>);

impl Envelope {
    /// Writes `event` as it will stand in the log `log_id` of the service `source`.
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
        put(&mut json, format_args!(r#","dataschema":"/schemas/{}.json""#, event.event_type));
        let cause = &event.cause;
        put_string(&mut json, "correlationid", &cause.correlation_id);
        put_optional(&mut json, "causationid", cause.causation_id.as_deref());
        put_string(&mut json, "authtype", cause.actor.kind.word());
        put_optional(&mut json, "authid", cause.actor.id.as_deref());
        put_optional(&mut json, "traceparent", cause.traceparent.as_deref());
        put_optional(&mut json, "requestdigest", cause.request_digest.as_deref());
        json.extend_from_slice(br#","data":"#);
        json.extend_from_slice(&event.data);
        json.push(b'}');
        Self(json)
    }

    /// Fills in the position: from here on the bytes never change.
    #[must_use]
    pub fn stamp(mut self, position: Position) -> Vec<u8> {
        let mut digits = [b'0'; Position::DIGITS];
        let mut rest = position.0;
        for digit in digits.iter_mut().rev() {
            *digit += (rest % 10) as u8;
            rest /= 10;
        }
        for at in [BEFORE_ID.len(), SEQUENCE_AT] {
            self.0[at..at + Position::DIGITS].copy_from_slice(&digits);
        }
        self.0
    }

    /// How long the event will be, in bytes.
    #[must_use]
    pub fn len_bytes(&self) -> usize {
        self.0.len()
    }
}

/// Reads the event id out of stored bytes without parsing them.
#[must_use]
pub fn id_of(stored: &[u8]) -> Option<EventId> {
    let id = stored.get(BEFORE_ID.len()..BEFORE_ID.len() + EventId::LEN)?;
    std::str::from_utf8(id).ok()?.parse().ok()
}

fn put(json: &mut Vec<u8>, text: std::fmt::Arguments<'_>) {
    // Writing to a Vec can not fail.
    let _ = json.write_fmt(text);
}

fn put_string(json: &mut Vec<u8>, name: &str, value: &str) {
    put(json, format_args!(r#","{name}":"#));
    // A str always serialises, and writing to a Vec can not fail.
    let _ = serde_json::to_writer(json, value);
}

fn put_optional(json: &mut Vec<u8>, name: &str, value: Option<&str>) {
    if let Some(value) = value {
        put_string(json, name, value);
    }
}

/// An event read back from a log or a feed. Borrows from the stored bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded<'a> {
    /// Where it stands and which it is.
    pub id: EventId,
    /// CloudEvents `source`: the log it stands in.
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
    /// CloudEvents `data`, not parsed yet.
    pub data: &'a str,
}

/// [`Recorded`] as any JSON parser reads it, whatever the order of its members.
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
    #[serde(borrow)]
    data: &'a RawValue,
}

impl<'a> Recorded<'a> {
    /// Parses stored bytes.
    ///
    /// What [`Envelope`] wrote is read where it is known to stand, without a JSON parser; `data` is
    /// parsed by [`Self::event`]. Anything else goes through the parser.
    ///
    /// # Errors
    /// What `serde_json` found when the bytes are not an event of ours.
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
            data: any.data.get(),
        })
    }

    /// The fact itself.
    ///
    /// # Errors
    /// [`DecodeError`] when the type is not in the catalogue or the data does not fit it.
    pub fn event(&self) -> Result<Event, DecodeError> {
        Event::decode(&self.event_type, self.data)
    }

    /// The uuid that follows `prefix` in the subject, for example in `reservation/<uuid>`.
    #[must_use]
    pub fn subject_uuid(&self, prefix: &str) -> Option<Uuid> {
        let id = self.subject.strip_prefix(prefix)?.strip_prefix('/')?;
        Uuid::try_parse(id).ok()
    }

    /// Why it happened and who did it.
    #[must_use]
    pub fn cause(&self) -> Cause {
        let owned = |text: &Option<Cow<'_, str>>| text.as_deref().map(str::to_owned);
        Cause {
            correlation_id: self.correlation_id.clone().into_owned(),
            causation_id: owned(&self.causation_id),
            actor: Actor { kind: self.actor_kind, id: owned(&self.actor_id) },
            traceparent: owned(&self.traceparent),
            request_digest: owned(&self.request_digest),
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
            private: None,
            forgets: vec![],
            cause: Cause {
                correlation_id: "req-\"quoted\"\n".into(),
                causation_id: None,
                actor: Actor::service("notifier"),
                traceparent: Some("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".into()),
                request_digest: Some("abc".into()),
            },
        }
    }

    /// With and without characters that JSON escapes, which take the other way through the reader.
    #[test]
    fn what_is_written_reads_back_the_same() {
        reads_back(event());
        let mut plain = event();
        plain.cause.correlation_id = "request-1".into();
        plain.cause.causation_id = Some("é 🍜 {}".into());
        plain.data = br#"{"words":"a \"quoted\" one}","n":[1,2]}"#.to_vec();
        plain.cause.actor.id = None;
        reads_back(plain);
    }

    #[track_caller]
    fn reads_back(event: NewEvent) {
        let log_id = LogId(Uuid::from_u128(9));
        let bytes = Envelope::write(&event, "reservation", log_id).stamp(Position(42));
        let recorded = Recorded::parse(&bytes).unwrap();
        assert_eq!(recorded.id, EventId { position: Position(42), uuid: event.id });
        assert_eq!(id_of(&bytes), Some(recorded.id));
        assert_eq!(recorded.source, format!("/reservation/{log_id}"));
        assert_eq!(recorded.time, event.time);
        assert_eq!(recorded.cause(), event.cause);
        assert_eq!(recorded.data.as_bytes(), event.data);
        assert_eq!(Recorded::parse_any_order(&bytes).unwrap(), recorded);
        let value: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
        assert_eq!(value["sequence"], "00000000000000000042");
        assert_eq!(value["specversion"], "1.0");
        assert_eq!(value["dataschema"], "/schemas/meja.reservation.checked_in.v1.json");
    }
}
