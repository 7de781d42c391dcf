//! The request for a page or a stream of the feed.

use std::time::Duration;

use access::Caller;
use axum::http::HeaderMap;
use chassis::api::Accepted;
use chassis::problem::Problem;
use contract::form::Form;
use contract::reservation::queries::drafts::ReadEvents;
use events::feed::LIMIT_EVENTS_DEFAULT;
use events::{EventId, Query, QueryItem, ReservationId, Tag, VenueId, WaitlistId};
use mediatype::names::{APPLICATION, JSON, TEXT};
use mediatype::{MediaType, Name};

use crate::api::operations::follow::visible;
use crate::api::problem::malformed_cursor;

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
    /// The path of the feed, for the link to the next page.
    pub(super) path: String,
    /// The filters, for that link.
    pub(super) filters: String,
    /// The sender.
    pub(super) caller: Caller,
}

const EVENT_STREAM: MediaType<'_> = MediaType::new(TEXT, Name::new_unchecked("event-stream"));
const BATCH: MediaType<'_> =
    MediaType::from_parts(APPLICATION, Name::new_unchecked("cloudevents-batch"), Some(JSON), &[]);

/// Whether the consumer prefers a stream to a page.
pub(super) fn wants_stream(headers: &HeaderMap) -> bool {
    Accepted::of(headers).prefers(&EVENT_STREAM, &BATCH)
}

impl FeedRequest {
    /// Reads the request for the feed of `venue`, or of all venues.
    pub(super) fn read(
        mut form: Form,
        headers: &HeaderMap,
        caller: Caller,
        venue: Option<&VenueId>,
    ) -> Result<Self, Problem> {
        let filters = form.texts().filter(|(name, _)| matches!(*name, "type" | "subject" | "limit"));
        // The values of valid filters need no escaping.
        let filters: String = filters.map(|(name, text)| format!("&{name}={text}")).collect();
        let draft = ReadEvents::take(&mut form);
        // A resumed stream sends the header, which is newer than the parameter in its URL. A page ignores the
        // header, because caches distinguish pages by URL only.
        let resumed = headers.get("last-event-id").filter(|_| wants_stream(headers));
        let resumed = resumed.and_then(|value| value.to_str().ok()).map(str::parse::<EventId>);
        let cursor = resumed.or(draft.last_event_id.map(|cursor| cursor.0));
        let event_type = draft.event_type.map(|event_type| event_type.0.to_owned());
        let subject = draft
            .subject
            .and_then(|asked| form.checked(&["subject"], asked.as_str(), subject_tag(asked.as_str())));
        let limit = draft.limit.map_or(LIMIT_EVENTS_DEFAULT, usize::from);
        let valid = form.finish(Some((limit, event_type, subject)));
        let after = cursor.transpose().map_err(|error| malformed_cursor(&error))?;
        let (limit, event_type, subject) = valid?;
        let tags = subject.into_iter().chain(venue.map(Tag::venue)).collect();
        let item = QueryItem { types: event_type.into_iter().collect(), tags };
        let path = venue.map_or_else(|| "/events".to_owned(), |id| format!("/api/venues/{id}/events"));
        let timeout = Duration::from_millis(draft.timeout.map_or(0, u64::from));
        Ok(Self { after, timeout, limit, query: visible(vec![item], &caller), path, filters, caller })
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
