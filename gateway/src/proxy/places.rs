//! How many requests to a service are in progress.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::cli::InProgressMax;

/// How long a request waits for a place.
const WAIT_MAX: Duration = Duration::from_secs(2);

/// The kind of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// One that is answered soon.
    Request,
    /// A stream or a long poll.
    Stream,
}

/// The places for requests in progress.
#[derive(Debug)]
pub(super) struct Places {
    requests: Arc<Semaphore>,
    streams: Arc<Semaphore>,
}

/// The place of one request, until its response has arrived completely.
#[derive(Debug)]
pub(super) struct Place {
    _permit: OwnedSemaphorePermit,
}

impl Places {
    pub(super) fn new(max: InProgressMax) -> Self {
        let places = |max: u32| Arc::new(Semaphore::new(max as usize));
        Self { requests: places(max.requests), streams: places(max.streams) }
    }

    /// A place; `None` if there is none in time.
    pub(super) async fn take(&self, kind: Kind) -> Option<Place> {
        let places = match kind {
            Kind::Request => &self.requests,
            Kind::Stream => &self.streams,
        };
        let place = tokio::time::timeout(WAIT_MAX, Arc::clone(places).acquire_owned()).await;
        place.ok()?.ok().map(|permit| Place { _permit: permit })
    }
}

impl Place {
    /// `body`, which holds the place until it ends.
    pub(super) fn held_by(self, body: Incoming) -> Held {
        Held { body, _place: self }
    }
}

/// A body that holds a place.
#[derive(Debug)]
pub(super) struct Held {
    body: Incoming,
    _place: Place,
}

impl Body for Held {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
