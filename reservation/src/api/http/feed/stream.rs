//! The feed as a stream of server-sent events, with the same cursor.

use std::time::Duration;

use access::Caller;
use axum::http::header;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse as _, Response};
use events::recorded::Recorded;
use events::store::Page;
use events::{Position, Query};
use futures::{StreamExt as _, stream};

use super::request::FeedRequest;
use crate::app::App;
use crate::app::admission::Waiting;
use crate::app::queries::FeedError;

/// Interval of comments, which prevent proxies from closing a quiet stream.
const COMMENT_INTERVAL: Duration = Duration::from_secs(15);

struct Subscription {
    app: App,
    query: Query,
    limit: usize,
    after: Position,
    caller: Caller,
    _waiting: Waiting,
}

/// Streams the events after `after` until the consumer disconnects, its credential ends, or the service stops.
///
/// # Errors
/// [`FeedError::TooManyWaiting`].
pub(super) fn respond(app: App, request: FeedRequest, after: Position) -> Result<Response, FeedError> {
    let FeedRequest { query, limit, caller, .. } = request;
    let waiting = app.admission.wait(&caller).ok_or(FeedError::TooManyWaiting)?;
    let subscription = Subscription { app, query, limit, after, caller, _waiting: waiting };
    let pages = stream::unfold(subscription, |mut subscription| async move {
        let page = subscription.next_page().await?;
        Some((page, subscription))
    });
    let events = pages.flat_map(|page| stream::iter(page.map_or_else(|error| vec![Err(error)], events)));
    let keep_alive = KeepAlive::new().interval(COMMENT_INTERVAL).text("still here");
    Ok(([(header::VARY, "accept")], Sse::new(events).keep_alive(keep_alive)).into_response())
}

impl Subscription {
    /// The next events. `None` ends the stream.
    async fn next_page(&mut self) -> Option<Result<Page, axum::Error>> {
        let mut head = self.app.store.watch_head();
        loop {
            if self.app.shutdown.is_requested() {
                return None;
            }
            let page = match self.app.store.read(&self.query, self.after, self.limit).await {
                Ok(page) => page,
                Err(error) => {
                    tracing::error!(error = &error as &dyn std::error::Error, "a stream of events ended");
                    return Some(Err(axum::Error::new(error)));
                }
            };
            self.after = page.scanned_to;
            if self.app.check_credential(&self.caller, self.after).await.is_err() {
                return None;
            }
            if !page.is_empty() {
                return Some(Ok(page));
            }
            let after = self.after;
            tokio::select! {
                changed = head.wait_for(|head| *head > after) => if changed.is_err() { return None },
                () = self.app.shutdown.requested() => return None,
                () = self.caller.ended(self.app.env.as_ref()) => return None,
            }
        }
    }
}

fn events(page: Page) -> Vec<Result<Event, axum::Error>> {
    let event = |json: &[u8]| {
        // Stored events are compact JSON: UTF-8 without line breaks.
        let (recorded, text) = (Recorded::parse(json).ok()?, std::str::from_utf8(json).ok()?);
        Some(Event::default().id(recorded.id.to_string()).event(&*recorded.event_type).data(text))
    };
    page.iter().filter_map(|stored| event(stored.json)).map(Ok).collect()
}
