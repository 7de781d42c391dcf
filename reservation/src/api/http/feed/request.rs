//! The request for a page or a stream of the feed.

use std::time::Duration;

use access::Caller;
use axum::http::HeaderMap;
use chassis::api::Accepted;
use chassis::problem::Problem;
use contract::form::Form;
use contract::reservation::queries::drafts::ReadEvents;
use events::feed::LIMIT_EVENTS_DEFAULT;
use events::{EventId, Query, QueryItem, Tag, VenueId};
use mediatype::names::{APPLICATION, JSON, TEXT};
use mediatype::{MediaType, Name};

use crate::api::operations::follow::{subject_tag, visible};
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
        let types = types(&mut form, event_type, venue);
        let valid = form.finish(Some((limit, types, subject)));
        let after = cursor.transpose().map_err(|error| malformed_cursor(&error))?;
        let (limit, types, subject) = valid?;
        let tags = subject.into_iter().chain(venue.map(Tag::venue)).collect();
        let item = QueryItem { types, tags };
        let path = venue.map_or_else(|| "/events".to_owned(), |id| format!("/api/venues/{id}/events"));
        let timeout = Duration::from_millis(draft.timeout.map_or(0, u64::from));
        Ok(Self { after, timeout, limit, query: visible(vec![item], &caller), path, filters, caller })
    }
}

/// The types of the feed of a venue: what changes its bookings, its waitlist and what is open. The version of a booking counts
/// them all. Left out are the rules themselves, messages, and who read personal data, which need other scopes.
const OF_VENUE: [&str; 31] = [
    "meja.contact.erased.v1",
    "meja.contact.proof_requested.v1",
    "meja.contact.proved.v1",
    "meja.guest.answered.v1",
    "meja.guest.asked.v1",
    "meja.payment.completed.v1",
    "meja.payment.failed.v1",
    "meja.payment.refunded.v1",
    "meja.payment.requested.v1",
    "meja.reservation.affected.v1",
    "meja.reservation.cancelled.v1",
    "meja.reservation.checked_in.v1",
    "meja.reservation.completed.v1",
    "meja.reservation.confirmed.v1",
    "meja.reservation.created.v1",
    "meja.reservation.details_changed.v1",
    "meja.reservation.end_changed.v1",
    "meja.reservation.no_show.v1",
    "meja.reservation.party_size_changed.v1",
    "meja.reservation.rescheduled.v1",
    "meja.reservation.rules_overruled.v1",
    "meja.reservation.undone.v1",
    "meja.table.assigned.v1",
    "meja.table.released.v1",
    "meja.venue.closed.v1",
    "meja.venue.closure_lifted.v1",
    "meja.waitlist.accepted.v1",
    "meja.waitlist.joined.v1",
    "meja.waitlist.left.v1",
    "meja.waitlist.offered.v1",
    "meja.waitlist.withdrawn.v1",
];

/// The types to read: the one that is asked for, as far as the feed has it.
fn types(form: &mut Form, asked: Option<String>, venue: Option<&VenueId>) -> Vec<String> {
    match (asked, venue) {
        (None, None) => Vec::new(),
        (None, Some(_)) => OF_VENUE.map(str::to_owned).into(),
        (Some(asked), Some(_)) if !OF_VENUE.contains(&asked.as_str()) => {
            let msg = "the feed of a venue has no events of this type; the complete feed is GET /events";
            form.fault("type", "value_error", msg, Some(asked.into()));
            Vec::new()
        }
        (Some(asked), _) => vec![asked],
    }
}
