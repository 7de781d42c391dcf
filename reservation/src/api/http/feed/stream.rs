//! The feed as a stream of server-sent events, with the same cursor.

use std::time::Duration;

use axum::http::header;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse as _, Response};
use events::Position;
use events::recorded::Recorded;
use events::store::Page;
use futures::{StreamExt as _, stream};

use super::request::FeedRequest;
use crate::api::operations::follow::{Ended, Follower, Following};
use crate::app::App;
use crate::app::queries::FeedError;

/// Interval of comments, which prevent proxies from closing a quiet stream.
const COMMENT_INTERVAL: Duration = Duration::from_secs(15);

/// Streams the events after `after` until the consumer disconnects, its credential ends, or the service stops.
///
/// # Errors
/// [`FeedError::TooManyWaiting`].
pub(super) fn respond(app: App, request: FeedRequest, after: Position) -> Result<Response, FeedError> {
    let FeedRequest { query, limit, caller, .. } = request;
    let follower = Follower::new(app, Following { query, after, limit, quiet_max: None }, caller)?;
    let pages = stream::unfold(follower, |mut follower| async move {
        let page = match follower.next_page().await {
            Ok(page) => Ok(page),
            Err(Ended::Stopping | Ended::Denied(_)) => return None,
            Err(Ended::Read(error)) => {
                tracing::error!(error = &error as &dyn std::error::Error, "a stream of events ended");
                Err(axum::Error::new(error))
            }
        };
        Some((page, follower))
    });
    let events = pages.flat_map(|page| stream::iter(page.map_or_else(|error| vec![Err(error)], events)));
    let keep_alive = KeepAlive::new().interval(COMMENT_INTERVAL).text("still here");
    Ok(([(header::VARY, "accept")], Sse::new(events).keep_alive(keep_alive)).into_response())
}

fn events(page: Page) -> Vec<Result<Event, axum::Error>> {
    let event = |json: &[u8]| {
        // Stored events are compact JSON: UTF-8 without line breaks.
        let (recorded, text) = (Recorded::parse(json).ok()?, std::str::from_utf8(json).ok()?);
        Some(Event::default().id(recorded.id.to_string()).event(&*recorded.event_type).data(text))
    };
    page.iter().filter_map(|stored| event(stored.json)).map(Ok).collect()
}
