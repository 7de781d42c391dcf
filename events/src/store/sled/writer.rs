//! The thread that owns all writes: drain, stage, write, sync, publish, reply.
//!
//! It does not use a timer: while one group is synced, the requests for the next one accumulate.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use tokio::sync::{mpsc, oneshot};

use super::super::frame::{ChainHash, ConfidentialPayloads, Group, GroupBuilder, chain};
use super::disk::Disk;
use super::fatal::fatal;
use super::watchdog::CommitTimer;
use super::witness::Witness;
use super::{AppendCondition, AppendError, Appended, Shared};
use crate::ids::Position;
use crate::query::{Query, Tag};
use crate::recorded::{Envelope, NewEvent};
use crate::store::{APPEND_EVENTS_MAX, LOG_EVENTS_MAX};

/// A group is closed at this size, in bytes. Small values give the better tail latency, because sled
/// rewrites a leaf with every value in it.
const GROUP_BYTES_MAX: usize = 128 * 1024;

/// How often the writer yields the processor so that more requests arrive.
const GATHER_YIELDS_MAX: usize = 64;

/// Number of yields without a new request after which it stops yielding.
const GATHER_IN_VAIN_MAX: usize = 3;

/// The writer thread panicked.
#[derive(Debug, thiserror::Error)]
#[error("the writer panicked: {0}")]
struct Panicked(String);

type Reply = oneshot::Sender<Result<Appended, AppendError>>;

/// One waiting append.
#[derive(Debug)]
pub(super) struct Request {
    events: Vec<NewEvent>,
    envelopes: Vec<Envelope>,
    bytes: usize,
    condition: AppendCondition,
    reply: Reply,
    since: Instant,
}

impl Request {
    pub(super) fn new(
        events: Vec<NewEvent>,
        envelopes: Vec<Envelope>,
        condition: AppendCondition,
        reply: Reply,
    ) -> Self {
        let confidential =
            events.iter().filter_map(|event| event.confidential.as_ref()).map(bytes::Bytes::len);
        let tags = events.iter().flat_map(|event| &event.tags).map(|tag| tag.as_str().len());
        let bytes = envelopes.iter().map(Envelope::len_bytes).chain(confidential).chain(tags).sum();
        Self { events, envelopes, bytes, condition, reply, since: Instant::now() }
    }
}

pub(super) struct Writer {
    pub(super) shared: Arc<Shared>,
    pub(super) disk: Arc<dyn Disk>,
    pub(super) chain: ChainHash,
    pub(super) queue: mpsc::Receiver<Request>,
    /// An append that did not fit into the previous group.
    pub(super) held_back: Option<Request>,
    pub(super) commit_timer: Arc<CommitTimer>,
    pub(super) reserve_bytes: u64,
}

/// A group under construction.
struct Staged {
    first: Position,
    next: Position,
    chain: ChainHash,
    group: GroupBuilder,
    /// Types and tags of the events in the group, to check the conditions of later requests.
    facts: Vec<(&'static str, Vec<Tag>)>,
    confidential: ConfidentialPayloads,
    forgets: Vec<Position>,
    replies: Vec<Pending>,
}

/// A request that waits for the sync of its group: the caller, the result, and when the request arrived.
type Pending = (Reply, Appended, Instant);

/// A group that was passed to the disk.
struct Written {
    group: Group,
    payloads: ConfidentialPayloads,
    forgets: Vec<Position>,
    replies: Vec<Pending>,
}

impl Writer {
    /// Runs until the store is dropped. A panic ends the process: without its writer, a log would refuse
    /// every append.
    pub(super) fn run(self) {
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| self.work())) {
            let words = panic.downcast_ref::<String>().cloned().unwrap_or_default();
            fatal("go on writing the log", &Panicked(words));
        }
    }

    fn work(mut self) {
        while let Some(first) = self.held_back.take().or_else(|| self.queue.blocking_recv()) {
            let began = Instant::now();
            let waiting = self.drain(first);
            if let Some(full) = self.disk_is_full() {
                refuse(waiting, full);
                continue;
            }
            // Checking conditions may read the disk, so the watchdog timer starts here.
            self.commit_timer.begin();
            let staged = self.stage(waiting);
            if staged.replies.is_empty() {
                self.commit_timer.end();
                continue;
            }
            let written = self.write(staged);
            self.sync();
            self.mark(written.group.last());
            self.commit_timer.end();
            let replies = self.publish(written);
            reply(replies);
            metrics::histogram!("meja_log_commit_seconds").record(began.elapsed());
        }
    }

    /// Gives callers about to append a chance to join the group while it has room and more requests
    /// arrive: one sync costs the same for one append as for many. Uses no timer; if no thread is
    /// ready, yielding returns at once.
    fn let_gather(&self) {
        let mut in_vain = 0;
        for _ in 0..GATHER_YIELDS_MAX {
            let waiting = self.queue.len();
            std::thread::yield_now();
            in_vain += usize::from(self.queue.len() == waiting);
            if in_vain == GATHER_IN_VAIN_MAX || waiting >= APPEND_EVENTS_MAX {
                return;
            }
        }
    }

    /// Takes the requests that are waiting now, up to the size of one group.
    fn drain(&mut self, first: Request) -> Vec<Request> {
        self.let_gather();
        let (mut events, mut bytes) = (first.events.len(), first.bytes);
        let mut waiting = vec![first];
        while events < APPEND_EVENTS_MAX && bytes < GROUP_BYTES_MAX {
            let Ok(request) = self.queue.try_recv() else {
                break;
            };
            events += request.events.len();
            bytes += request.bytes;
            if events > APPEND_EVENTS_MAX || bytes > GROUP_BYTES_MAX {
                self.held_back = Some(request);
                break;
            }
            waiting.push(request);
        }
        waiting
    }

    /// Checks every condition in order, against the log and against this group, and assigns positions to
    /// the requests whose conditions hold. Refused requests are answered here.
    fn stage(&self, waiting: Vec<Request>) -> Staged {
        let first = self.shared.head.borrow().next();
        let mut staged = Staged {
            first,
            next: first,
            chain: self.chain,
            group: GroupBuilder::default(),
            facts: Vec::new(),
            confidential: Vec::new(),
            forgets: Vec::new(),
            replies: Vec::new(),
        };
        for request in waiting {
            let refused = if staged.next.0 + request.events.len() as u64 > LOG_EVENTS_MAX {
                Some(AppendError::Full)
            } else {
                self.excluded(&request.condition, &staged).map(|at| AppendError::Conflict { at })
            };
            match refused {
                None => staged.push(request),
                Some(error) => {
                    // The caller may have gone away.
                    let _ = request.reply.send(Err(error));
                }
            }
        }
        staged
    }

    /// The first event that `condition` excludes.
    fn excluded(&self, condition: &AppendCondition, staged: &Staged) -> Option<Position> {
        let AppendCondition { fail_if_any, after } = condition;
        let logged = match self.shared.first_match(fail_if_any, *after) {
            Ok(found) => found,
            // An append whose condition cannot be checked must not happen.
            Err(error) => fatal("check an append condition", &error),
        };
        logged.or_else(|| staged.find(fail_if_any, *after))
    }

    /// Passes the group to sled: confidential payloads first, so that no event ever lacks its payload.
    fn write(&mut self, staged: Staged) -> Written {
        let Staged { first, chain, group, confidential, forgets, replies, next, .. } = staged;
        let Some((group, value)) = group.build(first) else {
            fatal("build a group of events", &Panicked("its parts do not fit".into()));
        };
        let written = (|| {
            if !confidential.is_empty() {
                self.disk.put_payloads(first, &confidential)?;
            }
            self.disk.put_group(first, value)
        })();
        if let Err(error) = written {
            fatal("write a group of events", &error);
        }
        for position in &forgets {
            let group = if *position >= first { first } else { self.shared.group_start(*position) };
            if let Err(error) = self.disk.forget_payload(*position, group) {
                fatal("forget a confidential payload", &error);
            }
        }
        self.chain = chain;
        metrics::histogram!("meja_log_group_events").record((next.0 - first.0) as f64);
        Written { group, payloads: confidential, forgets, replies }
    }

    /// Makes the group durable. A failed sync ends the process: the kernel may mark a page clean that it
    /// could not write, so a second sync would succeed without having written it.
    fn sync(&self) {
        match self.disk.sync() {
            Ok(file_bytes) => self.shared.synced_bytes.store(file_bytes, Ordering::Relaxed),
            Err(error) => fatal("sync the log", &error),
        }
    }

    /// Records the head after the sync, so that the mark never promises more than is durable.
    fn mark(&self, last: Position) {
        let file_bytes = self.shared.synced_bytes.load(Ordering::Relaxed);
        let witness = Witness::new(self.shared.log_id, last, &self.chain, file_bytes);
        if let Err(error) = self.disk.set_mark(&witness) {
            // Not fatal: the log is complete; the older witness only proves less.
            tracing::warn!(error = &error as &dyn std::error::Error, "could not mark the head of the log");
        }
    }

    /// Makes the group visible to readers, and returns the requests to answer.
    fn publish(&self, written: Written) -> Vec<Pending> {
        let Written { group, payloads, forgets, replies } = written;
        let last = group.last();
        let mut state = self.shared.state.write();
        if let Err(error) = state.publish(group, payloads, &forgets) {
            fatal("index a group of events", &error);
        }
        drop(state);
        self.shared.head.send_replace(last);
        metrics::gauge!("meja_log_head_position").set(last.0 as f64);
        replies
    }

    fn disk_is_full(&self) -> Option<(u64, u64)> {
        let free_bytes = self.disk.free_bytes()?;
        (free_bytes < self.reserve_bytes).then_some((free_bytes, self.reserve_bytes))
    }
}

impl Staged {
    fn push(&mut self, request: Request) {
        let first = self.next;
        for (event, envelope) in request.events.into_iter().zip(request.envelopes) {
            let json = envelope.stamp(self.next);
            self.chain = chain(&self.chain, &json);
            self.group.push(&self.chain, &json, event.event_type, &event.tags, &event.forgets);
            if let Some(part) = event.confidential {
                self.confidential.push((self.next, part));
            }
            self.forgets.extend(event.forgets);
            self.facts.push((event.event_type, event.tags));
            self.next = self.next.next();
        }
        self.group.close_append(&request.condition);
        let appended = Appended { first, last: Position(self.next.0 - 1) };
        self.replies.push((request.reply, appended, request.since));
    }

    fn find(&self, query: &Query, after: Position) -> Option<Position> {
        (self.first.0..).map(Position).zip(&self.facts).find_map(|(position, (event_type, tags))| {
            let excluded = position > after && query.matches(event_type, tags.iter().map(Tag::as_str));
            excluded.then_some(position)
        })
    }
}

fn refuse(waiting: Vec<Request>, (free_bytes, reserve_bytes): (u64, u64)) {
    for request in waiting {
        let _ = request.reply.send(Err(AppendError::NoSpace { free_bytes, reserve_bytes }));
    }
}

fn reply(replies: Vec<Pending>) {
    let latency = metrics::histogram!("meja_log_append_seconds");
    for (reply, appended, since) in replies {
        latency.record(since.elapsed());
        // The caller may have gone away; the events are appended all the same.
        let _ = reply.send(Ok(appended));
    }
}
