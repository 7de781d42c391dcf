//! Tells an open page that its booking has changed, as server-sent events.

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::{Path, Query};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse as _, Response};
use chassis::problem::Problem;
use events::{ReservationId, WaitlistId};
use futures::stream;
use rpc::v1;
use serde::Deserialize;
use tokio::time::Instant;

use super::guest::Guest;
use super::links::Links;

/// How often the booking is read: often at first, when a guest waits for a confirmation.
const INTERVAL_FIRST: Duration = Duration::from_secs(1);
const INTERVAL: Duration = Duration::from_secs(4);
/// How long that lasts.
const FIRST: Duration = Duration::from_secs(60);
/// How long a stream lasts. The browser then opens another one.
const STREAM_MAX: Duration = Duration::from_secs(600);
/// How long a stream is quiet at most.
const QUIET_MAX: Duration = Duration::from_secs(15);

/// The version of the page of a waiting guest: the place in line changes with other parties.
pub(super) fn waiting_version(entry: &v1::WaitlistEntry) -> u64 {
    entry.version << 16 | u64::from(entry.place_in_line.unwrap_or_default())
}

/// The query of a stream.
#[derive(Debug, Deserialize)]
pub(super) struct Shown {
    /// The version that the page shows.
    shown: Option<u64>,
}

/// The subject of a page.
enum Subject {
    Booking(String),
    Waiting(String),
}

/// A page that is open.
struct Open {
    guest: Guest,
    link: String,
    subject: Subject,
    since: Instant,
    /// The version that the page shows.
    shown: Option<u64>,
}

impl Open {
    /// The current version; `None` if the service does not answer, or not any more to this link.
    async fn version(&self) -> Option<u64> {
        let call = self.guest.call().with_link(&self.link);
        match &self.subject {
            Subject::Booking(id) => {
                let request = v1::GetReservationRequest { reservation_id: id.clone(), as_of: None };
                call.get_reservation(request).await.ok().map(|reservation| reservation.version)
            }
            Subject::Waiting(id) => {
                let request = v1::GetWaitlistEntryRequest { waitlist_id: id.clone() };
                let entry = call.get_waitlist_entry(request).await.ok()?;
                Some(waiting_version(&entry))
            }
        }
    }

    /// Waits until the version is another one; `None` at the end of the stream.
    async fn change(&mut self) -> Option<u64> {
        loop {
            let version = self.version().await;
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

/// The versions of a booking.
pub(super) async fn booking(guest: Guest, Path(id): Path<String>, Query(shown): Query<Shown>) -> Response {
    let link = id.parse::<ReservationId>().ok();
    let link = link.and_then(|id| Links::of(&guest.headers).to_reservation(id).map(str::to_owned));
    changes(guest, link, Subject::Booking(id), shown)
}

/// The versions of a waitlist entry.
pub(super) async fn waiting(guest: Guest, Path(id): Path<String>, Query(shown): Query<Shown>) -> Response {
    let link = id.parse::<WaitlistId>().ok();
    let link = link.and_then(|id| Links::of(&guest.headers).to_waitlist(id).map(str::to_owned));
    changes(guest, link, Subject::Waiting(id), shown)
}

/// A stream with an event for each change.
fn changes(guest: Guest, link: Option<String>, subject: Subject, shown: Shown) -> Response {
    let Some(link) = link else {
        return Problem::not_found("Open the link in the message first.").into_response();
    };
    // A browser that connects again says what it has seen last.
    let last = guest.headers.get("last-event-id").and_then(|id| id.to_str().ok()?.parse().ok());
    let open = Open { guest, link, subject, since: Instant::now(), shown: last.or(shown.shown) };
    let events = stream::unfold(open, |mut open| async move {
        let version = open.change().await?;
        let event = Event::default().event("changed").id(version.to_string()).data(version.to_string());
        Some((Ok::<_, Infallible>(event), open))
    });
    Sse::new(events).keep_alive(KeepAlive::new().interval(QUIET_MAX)).into_response()
}
