//! The feed as a stream: server-sent events, with the same cursor.

use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse as _, Response};
use events::recorded::Recorded;
use events::store::Page;
use events::{Position, Query};
use futures::stream;

use super::feed::{FeedRequest, Waiting};
use crate::app::App;

/// A comment this often keeps proxies from closing a quiet stream.
const COMMENT_EVERY: Duration = Duration::from_secs(15);

struct Follower {
    app: App,
    query: Query,
    limit: usize,
    after: Position,
    _waiting: Waiting,
}

/// Streams what follows `after`, until the consumer goes or the service stops.
pub(super) fn stream(app: App, request: FeedRequest, after: Position) -> Response {
    let follower =
        Follower { app, query: request.query, limit: request.limit, after, _waiting: Waiting::begin() };
    let frames = stream::unfold(follower, |mut follower| async move {
        let frame = follower.next().await?;
        Some((frame, follower))
    });
    let headers = [(CONTENT_TYPE, "text/event-stream"), (CACHE_CONTROL, "no-cache")];
    (headers, Body::from_stream(frames)).into_response()
}

impl Follower {
    /// The next events, or a comment when there are none for a while. `None` ends the stream.
    async fn next(&mut self) -> Option<Result<Bytes, std::io::Error>> {
        let mut head = self.app.store.watch_head();
        loop {
            if self.app.shutdown.is_requested() {
                return None;
            }
            let page = match self.app.store.read(&self.query, self.after, self.limit).await {
                Ok(page) => page,
                Err(error) => {
                    tracing::error!(error = &error as &dyn std::error::Error, "a stream of events ended");
                    return Some(Err(std::io::Error::other("the log does not answer")));
                }
            };
            self.after = page.scanned_to;
            if !page.is_empty() {
                return Some(Ok(frames(&page)));
            }
            let after = self.after;
            tokio::select! {
                changed = head.wait_for(|head| *head > after) => if changed.is_err() { return None },
                () = tokio::time::sleep(COMMENT_EVERY) => return Some(Ok(Bytes::from_static(b": still here\n\n"))),
                () = self.app.shutdown.requested() => return None,
            }
        }
    }
}

fn frames(page: &Page) -> Bytes {
    let mut frames = Vec::new();
    for stored in page.iter() {
        // The stored JSON has no line break: serde_json writes compactly and escapes control characters.
        if let Ok(recorded) = Recorded::parse(stored.json) {
            frames.extend_from_slice(
                format!("id: {}\nevent: {}\ndata: ", recorded.id, recorded.event_type).as_bytes(),
            );
            frames.extend_from_slice(stored.json);
            frames.extend_from_slice(b"\n\n");
        }
    }
    frames.into()
}
