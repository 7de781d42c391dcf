//! Tells an open page that what it shows has changed, as server-sent events.

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::{Path, Query};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse as _, Response};
use chassis::problem::Problem;
use futures::stream;
use serde::Deserialize;
use tokio::time::Instant;

use super::guest::Guest;
use super::own::{Opened, link_to};

/// How often the service is asked: often at first, when a guest waits for a confirmation.
const INTERVAL_FIRST: Duration = Duration::from_secs(1);
const INTERVAL: Duration = Duration::from_secs(4);
/// How long that lasts.
const FIRST: Duration = Duration::from_secs(60);
/// How long a stream lasts. The browser then opens another one.
const STREAM_MAX: Duration = Duration::from_secs(600);
/// How long a stream is quiet at most.
const QUIET_MAX: Duration = Duration::from_secs(15);

/// The query of a stream.
#[derive(Debug, Deserialize)]
pub(super) struct Shown {
    /// The version that the page shows.
    shown: Option<u64>,
}

/// A page that is open.
struct Open {
    guest: Guest,
    link: String,
    id: String,
    since: Instant,
    /// The version that the page shows.
    shown: Option<u64>,
}

impl Open {
    /// The current version; `None` if the service does not answer, or not any more to this link.
    async fn version<T: Opened>(&self) -> Option<u64> {
        let read = T::read(&self.guest.call().with_link(&self.link), self.id.clone()).await;
        read.ok().map(|subject| subject.version())
    }

    /// Waits until the version is another one; `None` at the end of the stream.
    async fn change<T: Opened>(&mut self) -> Option<u64> {
        loop {
            let version = self.version::<T>().await;
            if let (Some(version), Some(shown)) = (version, self.shown)
                && version != shown
            {
                self.shown = Some(version);
                return Some(version);
            }
            self.shown = self.shown.or(version);
            let open = self.since.elapsed();
            if open > STREAM_MAX {
                return None;
            }
            tokio::select! {
                () = tokio::time::sleep(if open < FIRST { INTERVAL_FIRST } else { INTERVAL }) => {}
                () = self.guest.app.shutdown.requested() => return None,
            }
        }
    }
}

/// A stream with an event for each change.
pub(super) async fn changes<T: Opened + 'static>(
    guest: Guest,
    Path(id): Path<String>,
    Query(Shown { shown }): Query<Shown>,
) -> Response {
    let Some(link) = link_to::<T>(&guest, &id) else {
        return Problem::not_found("Open the link in the message first.").into_response();
    };
    // A browser that connects again says what it has seen last.
    let last = guest.headers.get("last-event-id").and_then(|id| id.to_str().ok()?.parse().ok());
    let open = Open { guest, link, id, since: Instant::now(), shown: last.or(shown) };
    let events = stream::unfold(open, |mut open| async move {
        let version = open.change::<T>().await?;
        let event = Event::default().event("changed").id(version.to_string()).data(version.to_string());
        Some((Ok::<_, Infallible>(event), open))
    });
    Sse::new(events).keep_alive(KeepAlive::new().interval(QUIET_MAX)).into_response()
}
