//! The request for a page or a stream of the feed.

use std::time::Duration;

use axum::http::{HeaderMap, header};
use chassis::problem::Problem;
use contract::form::Form;
use events::feed::{LIMIT_EVENTS_DEFAULT, LIMIT_EVENTS_MAX, TIMEOUT_MS_MAX};
use events::{Event, EventId, Query, QueryItem, ReservationId, Tag, WaitlistId};

use crate::api::http::problem::malformed_cursor;

/// The request for a page or a stream of the feed.
#[derive(Debug, Clone)]
pub(super) struct FeedRequest {
    /// The last event that the consumer has processed.
    pub(super) after: Option<EventId>,
    /// How long to wait for an event.
    pub(super) timeout: Duration,
    /// Maximum number of events per page.
    pub(super) limit: usize,
    /// Which events.
    pub(super) query: Query,
    /// The filters, for the link to the next page.
    pub(super) filters: String,
}

/// Whether the consumer requests a stream.
pub(super) fn wants_stream(headers: &HeaderMap) -> bool {
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok());
    accept.is_some_and(|accept| accept.contains("text/event-stream"))
}

impl FeedRequest {
    pub(super) fn read(mut form: Form, headers: &HeaderMap) -> Result<Self, Problem> {
        let filters = form.texts().filter(|(name, _)| matches!(*name, "type" | "subject" | "limit"));
        // The values of valid filters need no escaping.
        let filters: String = filters.map(|(name, text)| format!("&{name}={text}")).collect();
        let cursor = form.optional_text("lastEventId", 100);
        // A resumed stream sends the header, which is newer than the parameter in its URL. A page ignores the
        // header, because caches distinguish pages by URL only.
        let resumed = headers.get("last-event-id").filter(|_| wants_stream(headers));
        let cursor = resumed.and_then(|value| value.to_str().ok()).map(str::to_owned).or(cursor);
        let number = |max: usize| {
            move |text: &str| match text.parse::<usize>() {
                Ok(number) if number <= max => Ok(number),
                _ => Err(format!("{text:?} is not an integer from 0 to {max}")),
            }
        };
        let timeout_ms = form.optional_parsed("timeout", 10, number(TIMEOUT_MS_MAX as usize)).unwrap_or(0);
        let limit = form.optional_parsed("limit", 10, |text| match number(LIMIT_EVENTS_MAX)(text) {
            Ok(0) => Err("0 is less than the minimum 1".into()),
            other => other,
        });
        let event_type = form.optional_parsed("type", 80, |text| match Event::TYPES.contains(&text) {
            true => Ok(text.to_owned()),
            false => Err(format!("{text:?} is not an event type: {}", Event::TYPES.join(", "))),
        });
        let subject = form.optional_parsed("subject", 80, subject_tag);
        let valid = form.finish(Some((limit.unwrap_or(LIMIT_EVENTS_DEFAULT), event_type, subject)));
        let after = cursor.map(|text| text.parse::<EventId>()).transpose();
        let after = after.map_err(|error| malformed_cursor(&error))?;
        let (limit, event_type, subject) = valid?;
        let item = QueryItem { types: event_type.into_iter().collect(), tags: subject.into_iter().collect() };
        let timeout = Duration::from_millis(timeout_ms as u64);
        Ok(Self { after, timeout, limit, query: Query { items: vec![item] }, filters })
    }
}

/// The tag of the events with this subject.
fn subject_tag(subject: &str) -> Result<Tag, String> {
    let invalid =
        || format!("{subject:?} is not a subject such as reservation/<uuid>, waitlist/<uuid> or venue/<id>");
    match subject.split_once('/') {
        Some(("reservation", id)) => id.parse::<ReservationId>().map(Tag::reservation).map_err(|_| invalid()),
        Some(("waitlist", id)) => id.parse::<WaitlistId>().map(Tag::waitlist).map_err(|_| invalid()),
        Some(("venue", id)) => id.parse().map(|id| Tag::venue(&id)).map_err(|_| invalid()),
        _ => Err(invalid()),
    }
}
