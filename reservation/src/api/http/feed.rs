//! The feed: HTTP Feeds (http-feeds.org) over the stored bytes.
//!
//! A page consists of events joined by commas; nothing is parsed or serialised for a response. A full page never
//! changes and can be cached without limit; the last, partial page has an ETag.

mod page_body;
mod request;
mod stream;

use access::Caller;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse as _, Response};
use chassis::api::{ETag, PathParameters, Query, is_not_modified, not_modified};
use chassis::docs::{Cached, NotFound};
use chassis::problem::Problem;
use contract::reservation::feed::FeedEvent;
use contract::reservation::queries::ReadEvents;
use contract::reservation::venues::VenuePath;
use events::feed::{BATCH_CONTENT_TYPE, HEAD_POSITION_HEADER};
use events::store::Page;
use events::{Position, recorded};

use self::page_body::PageBody;
use self::request::{FeedRequest, wants_stream};
use crate::app::App;
use crate::app::queries::FeedError;

/// The feed of events
///
/// In the order of the log. Request what follows `lastEventId`; an empty page is `[]`. With `timeout` the response
/// waits for an event. With `Accept: text/event-stream` the same feed is a stream.
#[utoipa::path(get, path = "/events", operation_id = "readEvents", tag = "feed",
    params(ReadEvents,
        ("Last-Event-ID" = Option<String>, Header, description = "For a stream: the last event that was received"),
        Cached),
    responses((status = 200, description = "A page, or a stream if the request accepts text/event-stream",
        content((Vec<FeedEvent> = "application/cloudevents-batch+json"), (String = "text/event-stream")),
        headers(("ETag" = String), ("Link" = String), ("Head-Position" = u64), ("Cache-Control" = String))),
        (status = 304, description = "The page is still the last one", headers(("ETag" = String), ("Link" = String), ("Head-Position" = u64))),
        (status = 409, description = "The cursor is not in this log", body = contract::problem::Problem, content_type = "application/problem+json")))]
pub(super) async fn events(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
    Query(form): Query,
) -> Result<Response, Problem> {
    let request = FeedRequest::read(form, &headers, caller, None)?;
    respond(&app, request, &headers).await
}

/// The events of a venue
///
/// The part of `/events` that changes the bookings and the waitlist of the venue and what is open there, for screens that follow an
/// evening: without the rules, without messages, and without who read personal data. Continue
/// behind the `feed_cursor` of the floor, of a list or of the waitlist.
#[utoipa::path(get, path = "/api/venues/{venue_id}/events", operation_id = "readVenueEvents", tag = "feed",
    params(VenuePath, ReadEvents,
        ("Last-Event-ID" = Option<String>, Header, description = "For a stream: the last event that was received"),
        Cached),
    responses((status = 200, description = "A page, or a stream if the request accepts text/event-stream",
        content((Vec<FeedEvent> = "application/cloudevents-batch+json"), (String = "text/event-stream")),
        headers(("ETag" = String), ("Link" = String), ("Head-Position" = u64), ("Cache-Control" = String))),
        NotFound,
        (status = 304, description = "The page is still the last one", headers(("ETag" = String), ("Link" = String), ("Head-Position" = u64))),
        (status = 409, description = "The cursor is not in this log", body = contract::problem::Problem, content_type = "application/problem+json")))]
pub(super) async fn venue_events(
    State(app): State<App>,
    PathParameters(VenuePath { venue_id }): PathParameters<VenuePath>,
    caller: Caller,
    headers: HeaderMap,
    Query(form): Query,
) -> Result<Response, Problem> {
    let venue = app.venue_of(&venue_id, &caller).await?;
    venue.ok_or_else(|| Problem::not_found(format!("There is no venue {venue_id}.")))?;
    let request = FeedRequest::read(form, &headers, caller, Some(&venue_id))?;
    respond(&app, request, &headers).await
}

/// The page or the stream that `request` asks for.
async fn respond(app: &App, request: FeedRequest, headers: &HeaderMap) -> Result<Response, Problem> {
    let problem = |error: FeedError| app.feed_problem(error);
    let after = app.cursor_position(request.after).await.map_err(problem)?;
    if wants_stream(headers) {
        return stream::respond(app.clone(), request, after).map_err(problem);
    }
    let page = app.events_after(&request.query, after, request.limit, request.timeout, &request.caller).await;
    let page = page.map_err(problem)?;
    respond_page(app, &request, after, page, headers).await.map_err(problem)
}

async fn respond_page(
    app: &App,
    request: &FeedRequest,
    after: Position,
    page: Page,
    headers: &HeaderMap,
) -> Result<Response, FeedError> {
    let is_full = page.len() == request.limit;
    // The cursor of the next request. It skips events that the filter excluded.
    let next = match page.last() {
        Some(last) if is_full => recorded::id_of(last.json),
        _ if page.scanned_to == after => request.after,
        _ => app.event_id_at(page.scanned_to).await?,
    };
    // The ids of events are unique, so a page of a replaced log has a different tag.
    let last = page.last().and_then(|last| recorded::id_of(last.json)).or(request.after);
    let etag = ETag::text(match last {
        Some(last) => format!("{}-{last}", after.0),
        None => app.store.log_id().to_string(),
    });
    let mut response_headers = HeaderMap::new();
    let mut put = |name: header::HeaderName, value: String| {
        if let Ok(value) = HeaderValue::from_str(&value) {
            response_headers.insert(name, value);
        }
    };
    if let Some(next) = next {
        put(header::LINK, format!("<{}?lastEventId={next}{}>; rel=\"next\"", request.path, request.filters));
    }
    // What a page contains depends on the credential.
    let cache = if is_full { "private, max-age=31536000, immutable" } else { "private, no-cache" };
    put(header::CACHE_CONTROL, cache.into());
    put(header::VARY, "accept, authorization".into());
    let head = app.store.known_head();
    put(header::HeaderName::from_static(HEAD_POSITION_HEADER), head.0.to_string());
    if is_not_modified(headers, &etag) {
        return Ok((response_headers, not_modified(etag)).into_response());
    }
    put(header::CONTENT_TYPE, BATCH_CONTENT_TYPE.into());
    Ok((response_headers, etag, Body::new(PageBody::new(page))).into_response())
}
