//! Fast reader for envelopes in the exact layout that [`super::Envelope`] writes.
//!
//! Nearly all events have this layout: fixed member order, no white space. Searching for the next
//! quote is several times faster than a JSON parser, and start-up reads every event. Any other
//! layout is left to the parser, as is an escape in a string outside `data`. The content of `data` is not
//! examined.

use std::borrow::Cow;

use chrono::DateTime;

use super::{BEFORE_ID, BEFORE_SEQUENCE, Recorded};
use crate::values::ActorKind;

/// The event in `stored`, or `None` if its layout differs from [`super::Envelope`]'s.
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
    let venue_id = rest.optional_member(",\"venueid\":\"")?;
    let client_group = rest.optional_member(",\"clientgroup\":\"")?;
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
        venue_id,
        client_group,
        data,
    })
}

/// The part of the envelope that has not been read yet.
struct Rest<'a>(&'a str);

impl<'a> Rest<'a> {
    fn skip(&mut self, literal: &str) -> Option<()> {
        self.0 = self.0.strip_prefix(literal)?;
        Some(())
    }

    /// Returns the text up to the next quote and skips the quote.
    fn quoted(&mut self) -> Option<&'a str> {
        let (text, rest) = self.0.split_once('"')?;
        self.0 = rest;
        (!text.contains('\\')).then_some(text)
    }

    fn member(&mut self, before: &str) -> Option<&'a str> {
        self.skip(before)?;
        self.quoted()
    }

    /// The outer `Option` is `None` if the layout differs, the inner one if the member is absent.
    fn optional_member(&mut self, before: &str) -> Option<Option<Cow<'a, str>>> {
        if self.0.starts_with(before) {
            self.member(before).map(|text| Some(Cow::Borrowed(text)))
        } else {
            Some(None)
        }
    }
}
