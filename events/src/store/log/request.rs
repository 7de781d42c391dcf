//! One append that waits for the writer.

use std::time::Instant;

use tokio::sync::oneshot;

use super::super::{AppendCondition, AppendError, Appended};
use crate::recorded::{Envelope, NewEvent};

/// One waiting append.
#[derive(Debug)]
pub(in super::super) struct Request {
    pub(super) events: Vec<NewEvent>,
    pub(super) envelopes: Vec<Envelope>,
    /// The size of everything that is stored for it, in bytes.
    pub(super) bytes: usize,
    pub(super) condition: AppendCondition,
    reply: oneshot::Sender<Result<Appended, AppendError>>,
    since: Instant,
}

impl Request {
    pub(super) fn new(
        events: Vec<NewEvent>,
        envelopes: Vec<Envelope>,
        condition: AppendCondition,
        reply: oneshot::Sender<Result<Appended, AppendError>>,
    ) -> Self {
        let confidential =
            events.iter().filter_map(|event| event.confidential.as_ref()).map(bytes::Bytes::len);
        let tags = events.iter().flat_map(|event| &event.tags).map(|tag| tag.as_str().len());
        let bytes = envelopes.iter().map(Envelope::len_bytes).chain(confidential).chain(tags).sum();
        Self { events, envelopes, bytes, condition, reply, since: Instant::now() }
    }

    /// Answers that nothing was appended. The caller may have gone away.
    pub(super) fn refuse(self, error: AppendError) {
        let _ = self.reply.send(Err(error));
    }

    /// Answers that the events are durable. The caller may have gone away; the events are appended all the same.
    pub(super) fn acknowledge(self, appended: Appended) {
        metrics::histogram!("meja_log_append_seconds").record(self.since.elapsed());
        let _ = self.reply.send(Ok(appended));
    }
}
