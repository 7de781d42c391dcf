//! Reading an envelope where its members are known to stand.
//!
//! Most events that are read were written by [`super::Envelope`], in one order and without a space.
//! Finding the next quote is several times as fast as a JSON parser, and every event is read at
//! start-up. Whatever looks otherwise, an escape in a string also, is left to the parser.

use std::borrow::Cow;

use chrono::DateTime;

use super::{BEFORE_ID, BEFORE_SEQUENCE, Recorded};
use crate::values::ActorKind;

/// The event in `stored`, if it stands there as [`super::Envelope`] writes it.
pub(super) fn scan(stored: &[u8]) -> Option<Recorded<'_>> {
    let mut rest = Rest(std::str::from_utf8(stored).ok()?);
    rest.skip(BEFORE_ID)?;
    let id = rest.quoted()?.parse().ok()?;
    rest.skip(BEFORE_SEQUENCE.strip_prefix('"')?)?;
    rest.quoted()?;
    let source = rest.member(",\"source\":\"")?;
    let event_type = rest.member(",\"type\":\"")?;
    let subject = rest.member(",\"subject\":\"")?;
    let time = DateTime::parse_from_rfc3339(rest.member(",\"time\":\"")?).ok()?.to_utc();
    rest.member(",\"datacontenttype\":\"")?;
    rest.member(",\"dataschema\":\"")?;
    let correlation_id = rest.member(",\"correlationid\":\"")?;
    let causation_id = rest.optional_member(",\"causationid\":\"")?;
    let actor_kind = ActorKind::from_word(rest.member(",\"authtype\":\"")?);
    let actor_id = rest.optional_member(",\"authid\":\"")?;
    let traceparent = rest.optional_member(",\"traceparent\":\"")?;
    let request_digest = rest.optional_member(",\"requestdigest\":\"")?;
    rest.skip(",\"data\":")?;
    let data = rest.0.strip_suffix('}')?;
    Some(Recorded {
        id,
        source: Cow::Borrowed(source),
        event_type: Cow::Borrowed(event_type),
        subject: Cow::Borrowed(subject),
        time,
        correlation_id: Cow::Borrowed(correlation_id),
        causation_id,
        actor_kind,
        actor_id,
        traceparent,
        request_digest,
        data,
    })
}

/// What was not read yet.
struct Rest<'a>(&'a str);

impl<'a> Rest<'a> {
    fn skip(&mut self, literal: &str) -> Option<()> {
        self.0 = self.0.strip_prefix(literal)?;
        Some(())
    }

    /// Up to the next quote, which is passed over.
    fn quoted(&mut self) -> Option<&'a str> {
        let (text, rest) = self.0.split_once('"')?;
        self.0 = rest;
        (!text.contains('\\')).then_some(text)
    }

    fn member(&mut self, before: &str) -> Option<&'a str> {
        self.skip(before)?;
        self.quoted()
    }

    /// The outer `Option` is about what can be read, the inner about what is there.
    fn optional_member(&mut self, before: &str) -> Option<Option<Cow<'a, str>>> {
        if self.0.starts_with(before) {
            self.member(before).map(|text| Some(Cow::Borrowed(text)))
        } else {
            Some(None)
        }
    }
}
