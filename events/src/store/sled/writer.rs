//! The one thread that owns all writes: drain, stage, write, sync, publish, reply.
//!
//! It takes what is waiting without a timer: while one group is synced, the next one gathers.

use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::Instant;

use tokio::sync::{mpsc, oneshot};

use super::super::frame::{ChainHash, Group, GroupBuilder, PrivateParts, chain};
use super::super::witness::{Mark, Witness};
use super::keeper::Pulse;
use super::{AppendCondition, AppendError, Appended, Shared};
use crate::ids::Position;
use crate::query::{Query, Tag};
use crate::recorded::{Envelope, NewEvent};
use crate::store::{APPEND_EVENTS_MAX, LOG_EVENTS_MAX};

/// A group is closed when it has this many bytes. Small values have the better tail: what costs
/// is the leaf that sled writes anew with every value in it.
const GROUP_BYTES_MAX: usize = 128 * 1024;

/// How often the processor is given up for a group to gather.
const GATHER_YIELDS_MAX: usize = 64;

/// How often that may bring nothing.
const GATHER_IN_VAIN_MAX: usize = 3;

/// The writer has panicked.
#[derive(Debug, thiserror::Error)]
#[error("the writer panicked: {0}")]
struct Panicked(String);

type Reply = oneshot::Sender<Result<Appended, AppendError>>;

/// One append that waits.
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
        let private = events.iter().filter_map(|event| event.private.as_ref()).map(bytes::Bytes::len);
        let tags = events.iter().flat_map(|event| &event.tags).map(|tag| tag.as_str().len());
        let bytes = envelopes.iter().map(Envelope::len_bytes).chain(private).chain(tags).sum();
        Self { events, envelopes, bytes, condition, reply, since: Instant::now() }
    }
}

pub(super) struct Writer {
    pub(super) shared: Arc<Shared>,
    pub(super) db: sled::Db,
    /// Our own descriptor of sled's file: what is synced before anything is acknowledged.
    pub(super) file: File,
    pub(super) mark: Mark,
    pub(super) chain: ChainHash,
    pub(super) queue: mpsc::Receiver<Request>,
    /// An append that did not fit the last group.
    pub(super) held_back: Option<Request>,
    pub(super) pulse: Arc<Pulse>,
    pub(super) reserve_bytes: u64,
}

/// A group while it is put together.
struct Staged {
    first: Position,
    next: Position,
    chain: ChainHash,
    group: GroupBuilder,
    /// Types and tags of the events in it, for the conditions of those that follow.
    facts: Vec<(&'static str, Vec<Tag>)>,
    private: PrivateParts,
    forgets: Vec<Position>,
    replies: Vec<(Reply, Appended, Instant)>,
}

impl Writer {
    /// Runs until the store is dropped. A panic within sled ends the process: a log without its
    /// writer would refuse everything for ever.
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
            // From here on the disk is used, by the check of the conditions already.
            self.pulse.begin();
            let staged = self.stage(waiting);
            if staged.replies.is_empty() {
                self.pulse.end();
                continue;
            }
            let (group, replies) = self.write(staged);
            self.sync();
            self.mark(group.last());
            self.pulse.end();
            self.publish(group);
            reply(replies);
            metrics::histogram!("meja_log_commit_seconds").record(began.elapsed());
        }
    }

    /// Lets whoever is about to hand in an append do so first, as long as the group has room and
    /// more comes: a sync costs the same for one as for many. No timer: with nobody there, giving up
    /// the processor returns at once.
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

    /// What is waiting right now, as much as one group holds.
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

    /// Checks every condition in order, against the log and against this very group, and gives
    /// positions to those that hold. The others are answered here.
    fn stage(&self, waiting: Vec<Request>) -> Staged {
        let first = self.shared.head.borrow().next();
        let mut staged = Staged {
            first,
            next: first,
            chain: self.chain,
            group: GroupBuilder::default(),
            facts: Vec::new(),
            private: Vec::new(),
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
                    // Who asked may be gone.
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
            // What can not be checked must not be appended.
            Err(error) => fatal("check an append condition", &error),
        };
        logged.or_else(|| staged.find(fail_if_any, *after))
    }

    /// Hands the group to sled: private parts first, so that no event is ever without its own.
    fn write(&mut self, staged: Staged) -> (Group, Vec<(Reply, Appended, Instant)>) {
        let Staged { first, chain, group, private, forgets, replies, next, .. } = staged;
        let Some((group, value)) = group.build(first) else {
            fatal("build a group of events", &Panicked("its parts do not fit".into()));
        };
        let written = (|| {
            if !private.is_empty() {
                self.shared.private.keep(first, &private)?;
            }
            self.shared.log.insert(first.0.to_be_bytes(), value)?;
            Ok::<_, sled::Error>(())
        })();
        if let Err(error) = written {
            fatal("write a group of events", &error);
        }
        for position in forgets {
            let group = if position >= first { first } else { self.shared.group_start(position) };
            if let Err(error) = self.shared.private.forget(position, group) {
                fatal("forget a private part", &error);
            }
        }
        self.chain = chain;
        metrics::histogram!("meja_log_group_events").record((next.0 - first.0) as f64);
        (group, replies)
    }

    /// Makes the group durable. A failed sync ends the process: the kernel may mark a page clean
    /// that it could not write, so a second try would succeed and mean nothing.
    fn sync(&self) {
        if let Err(error) = self.db.flush() {
            fatal("flush the log", &error);
        }
        if let Err(error) = self.file.sync_data() {
            fatal("sync the log", &error);
        }
        if let Ok(metadata) = self.file.metadata() {
            self.shared.synced_bytes.store(metadata.len(), Ordering::Relaxed);
        }
    }

    /// Remembers how far the log has come, after the sync: the mark never promises more than is there.
    fn mark(&self, last: Position) {
        let file_bytes = self.shared.synced_bytes.load(Ordering::Relaxed);
        let witness = Witness::new(self.shared.log_id, last, &self.chain, file_bytes);
        if let Err(error) = self.mark.set(&witness) {
            // The log is whole without it; the older witness only proves less.
            tracing::warn!(error = &error as &dyn std::error::Error, "could not mark the head of the log");
        }
    }

    fn publish(&self, group: Group) {
        let last = group.last();
        let mut state = self.shared.state.write().unwrap_or_else(PoisonError::into_inner);
        if let Err(error) = state.publish(group) {
            fatal("index a group of events", &error);
        }
        drop(state);
        self.shared.head.send_replace(last);
        metrics::gauge!("meja_log_head_position").set(last.0 as f64);
    }

    fn disk_is_full(&self) -> Option<(u64, u64)> {
        let stat = rustix::fs::fstatvfs(&self.file).ok()?;
        let free_bytes = stat.f_bavail.saturating_mul(stat.f_frsize);
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
            if let Some(part) = event.private {
                self.private.push((self.next, part));
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

fn reply(replies: Vec<(Reply, Appended, Instant)>) {
    let latency = metrics::histogram!("meja_log_append_seconds");
    for (reply, appended, since) in replies {
        latency.record(since.elapsed());
        // Who asked may be gone; the events stand all the same.
        let _ = reply.send(Ok(appended));
    }
}

/// Ends the process: going on could acknowledge what is not durable.
pub(super) fn fatal(doing: &str, error: &(dyn std::error::Error + 'static)) -> ! {
    tracing::error!(
        error,
        "could not {doing}: stopping at once, nothing more is acknowledged. Check the disk, then start again"
    );
    std::process::abort()
}
