//! The feed: HTTP Feeds (http-feeds.org) over the stored bytes.
//!
//! A page is events joined by commas; nothing is parsed or serialised on the way out. A full page
//! never changes and may be cached for ever; the last, partial one carries an ETag.

use std::time::Duration;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use chassis::form::Form;
use chassis::problem::Problem;
use events::feed::{
    BATCH_CONTENT_TYPE, CURSOR_NOT_IN_LOG, HEAD_POSITION_HEADER, LIMIT_EVENTS_DEFAULT, LIMIT_EVENTS_MAX,
    TIMEOUT_MS_MAX,
};
use events::store::Page;
use events::{EventId, Position, Query, QueryItem, ReservationId, Tag, WaitlistId, recorded};
use tokio::time::Instant;

use super::batch::Batch;
use super::bodies;
use super::extract::Parameters;
use super::problem::read_problem;
use super::sse;
use crate::app::App;

/// What a consumer asks for.
#[derive(Debug, Clone)]
pub(super) struct FeedRequest {
    /// The last event that the consumer has dealt with.
    pub(super) after: Option<EventId>,
    timeout: Duration,
    pub(super) limit: usize,
    pub(super) query: Query,
    /// The filters again, ready for a link.
    filters: String,
}

/// The feed of events
///
/// Oldest first. Ask for what follows `lastEventId`; an empty page is `[]`. With `timeout` the
/// answer waits for an event. With `Accept: text/event-stream` the same feed comes as a stream.
#[utoipa::path(get, path = "/events", tag = "feed",
    params(("lastEventId" = Option<String>, Query, description = "The id of the last event you have dealt with"),
        ("timeout" = Option<u64>, Query, description = "Milliseconds to wait for an event, up to 30000"),
        ("limit" = Option<u32>, Query, description = "1 to 1000, 100 by default"),
        ("type" = Option<String>, Query, description = "Only events of this type"),
        ("subject" = Option<String>, Query, description = "Only events about this, for example reservation/<uuid>"),
        ("Last-Event-ID" = Option<String>, Header, description = "For a stream: where it broke off"),
        ("If-None-Match" = Option<String>, Header)),
    responses((status = 200, description = "A page", content_type = "application/cloudevents-batch+json", body = Vec<Object>,
        headers(("ETag" = String), ("Link" = String), ("Head-Position" = u64), ("Cache-Control" = String))),
        (status = 304, description = "The page you have is still the last one"),
        (status = 400, description = "The cursor is malformed", body = bodies::Problem, content_type = "application/problem+json"),
        (status = 409, description = "The cursor is not in this log", body = bodies::Problem, content_type = "application/problem+json"),
        (status = 422, body = bodies::InvalidRequest, content_type = "application/problem+json")))]
pub(super) async fn events(
    State(app): State<App>,
    headers: HeaderMap,
    Parameters(form): Parameters,
) -> Result<Response, Problem> {
    let request = FeedRequest::read(form, &headers)?;
    let after = app.position_of(request.after).await?;
    if wants_stream(&headers) {
        return Ok(sse::stream(app, request, after));
    }
    let page = app.wait_for_page(&request, after).await?;
    app.feed_page(&request, after, page, &headers).await
}

fn wants_stream(headers: &HeaderMap) -> bool {
    headers
        .get(header::ACCEPT)
        .and_then(|v| v.to_str().ok())
        .is_some_and(|accept| accept.contains("text/event-stream"))
}

impl FeedRequest {
    fn read(mut form: Form, headers: &HeaderMap) -> Result<Self, Problem> {
        let filters = form.texts().filter(|(name, _)| matches!(*name, "type" | "subject" | "limit"));
        // The values of valid filters need no escaping.
        let filters: String = filters.map(|(name, text)| format!("&{name}={text}")).collect();
        let cursor = form.optional_text("lastEventId", 100);
        // Only a stream that goes on sends the header, and then it knows better than its first URL. For
        // a page it would make one URL mean two pages, which caches must not see.
        let resumed = headers.get("last-event-id").filter(|_| wants_stream(headers));
        let cursor = resumed.and_then(|v| v.to_str().ok()).map(str::to_owned).or(cursor);
        let number = |max: usize| {
            move |text: &str| match text.parse::<usize>() {
                Ok(number) if number <= max => Ok(number),
                _ => Err(format!("{text:?} is not a number up to {max}")),
            }
        };
        let timeout_ms = form.optional_parsed("timeout", 10, number(TIMEOUT_MS_MAX as usize)).unwrap_or(0);
        let limit = form.optional_parsed("limit", 10, |text| match number(LIMIT_EVENTS_MAX)(text) {
            Ok(0) => Err("0 is not possible: at least 1".into()),
            other => other,
        });
        let event_type = form.optional_parsed("type", 80, |text| {
            let known = events::Event::TYPES.contains(&text);
            if known {
                Ok(text.to_owned())
            } else {
                Err(format!("{text:?} is not an event type: {}", events::Event::TYPES.join(", ")))
            }
        });
        let subject = form.optional_parsed("subject", 80, subject_tag);
        let asked = form.finish(Some((limit.unwrap_or(LIMIT_EVENTS_DEFAULT), event_type, subject)));
        // A cursor that can not be read is a malformed request, not an invalid value: HTTP Feeds.
        let after = cursor.map(|text| text.parse::<EventId>()).transpose().map_err(|error| {
            Problem::new(
                StatusCode::BAD_REQUEST,
                "malformed_cursor",
                format!("lastEventId: {error}. Take it from the id of an event."),
            )
        })?;
        let (limit, event_type, subject) = asked?;
        let item = QueryItem { types: event_type.into_iter().collect(), tags: subject.into_iter().collect() };
        let timeout = Duration::from_millis(timeout_ms as u64);
        Ok(Self { after, timeout, limit, query: Query { items: vec![item] }, filters })
    }
}

/// The tag of what a subject names.
fn subject_tag(subject: &str) -> Result<Tag, String> {
    let wrong =
        || format!("{subject:?} is not a subject such as reservation/<uuid>, waitlist/<uuid> or venue/<id>");
    match subject.split_once('/') {
        Some(("reservation", id)) => id.parse::<ReservationId>().map(Tag::reservation).map_err(|_| wrong()),
        Some(("waitlist", id)) => id.parse::<WaitlistId>().map(Tag::waitlist).map_err(|_| wrong()),
        Some(("venue", id)) => id.parse().map(|id| Tag::venue(&id)).map_err(|_| wrong()),
        _ => Err(wrong()),
    }
}

impl App {
    /// The position of a cursor, which must be the id of the event that stands there.
    async fn position_of(&self, cursor: Option<EventId>) -> Result<Position, Problem> {
        let Some(cursor) = cursor else { return Ok(Position::START) };
        let unknown = || {
            Problem::new(
                StatusCode::CONFLICT,
                CURSOR_NOT_IN_LOG,
                format!("The event {cursor} is not in this log, which may have been replaced or put back. Do not go on from here: compare what you have, then start over without lastEventId."),
            )
            .with("log_id", self.store.log_id().to_string())
            .with("head", self.store.head().0)
        };
        if cursor.position == Position::START || cursor.position > self.store.head() {
            return Err(unknown());
        }
        match self.id_at(cursor.position).await? {
            Some(id) if id == cursor => Ok(cursor.position),
            _ => Err(unknown()),
        }
    }

    async fn id_at(&self, position: Position) -> Result<Option<EventId>, Problem> {
        let page = self
            .store
            .read(&Query::all(), Position(position.0.saturating_sub(1)), 1)
            .await
            .map_err(read_problem)?;
        Ok(page.first().filter(|e| e.position == position).and_then(|e| recorded::id_of(e.json)))
    }

    /// What follows `after`; waits for something to follow, as long as the consumer wants.
    async fn wait_for_page(&self, request: &FeedRequest, after: Position) -> Result<Page, Problem> {
        // Subscribed before it is read: what is appended in between rings.
        let mut head = self.store.watch_head();
        let deadline = Instant::now() + request.timeout;
        let mut from = after;
        loop {
            head.mark_unchanged();
            let page = self.store.read(&request.query, from, request.limit).await.map_err(read_problem)?;
            if !page.is_empty() || request.timeout.is_zero() {
                return Ok(page);
            }
            from = page.scanned_to;
            let waiting = Waiting::begin();
            let woken = tokio::select! {
                changed = head.wait_for(|head| *head > from) => changed.is_ok(),
                () = tokio::time::sleep_until(deadline) => false,
                () = self.shutdown.requested() => false,
            };
            drop(waiting);
            if !woken {
                return Ok(page);
            }
        }
    }

    async fn feed_page(
        &self,
        request: &FeedRequest,
        after: Position,
        page: Page,
        headers: &HeaderMap,
    ) -> Result<Response, Problem> {
        let full = page.len() == request.limit;
        // Where the next request goes on: also past events that a filter left out.
        let reached = match page.last() {
            Some(last) if full => recorded::id_of(last.json),
            _ if page.scanned_to == after => request.after,
            _ => self.id_at(page.scanned_to).await?,
        };
        // The uuids in it are of this very log: a page of a replaced one has another tag.
        let last = page.last().and_then(|last| recorded::id_of(last.json)).or(request.after);
        let log_id = self.store.log_id();
        let etag = last.map_or_else(|| format!("\"{log_id}\""), |last| format!("\"{}-{last}\"", after.0));
        let mut reply = HeaderMap::new();
        let mut put = |name: header::HeaderName, value: String| {
            if let Ok(value) = HeaderValue::from_str(&value) {
                reply.insert(name, value);
            }
        };
        if let Some(reached) = reached {
            put(header::LINK, format!("</events?lastEventId={reached}{}>; rel=\"next\"", request.filters));
        }
        let cache = if full { "public, max-age=31536000, immutable" } else { "no-cache" };
        put(header::CACHE_CONTROL, cache.into());
        put(header::ETAG, etag.clone());
        put(header::VARY, "accept".into());
        put(header::HeaderName::from_static(HEAD_POSITION_HEADER), self.store.head().0.to_string());
        let known = headers.get(header::IF_NONE_MATCH).and_then(|v| v.to_str().ok());
        if known.is_some_and(|known| known.split(',').any(|tag| tag.trim().trim_start_matches("W/") == etag))
        {
            return Ok((StatusCode::NOT_MODIFIED, reply).into_response());
        }
        put(header::CONTENT_TYPE, BATCH_CONTENT_TYPE.into());
        Ok((reply, Body::new(Batch::of(page))).into_response())
    }
}

/// Counts a consumer that waits, for as long as it does.
pub(super) struct Waiting;

impl Waiting {
    pub(super) fn begin() -> Self {
        metrics::gauge!("meja_feed_waiters").increment(1.0);
        Self
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        metrics::gauge!("meja_feed_waiters").decrement(1.0);
    }
}
