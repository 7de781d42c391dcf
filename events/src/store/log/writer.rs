//! Owns all writes of a log: drain, stage, commit, publish, reply.
//!
//! It does not use a timer: while one group is committed, the requests for the next one accumulate. If other
//! processes append to the same log, the engine decides which group comes next. A writer whose group lost reads
//! the groups of the others, checks every condition again and tries again.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Instant;

use futures::FutureExt as _;
use futures::future::{Either, select};
use tokio::sync::mpsc;

use super::super::engine::{Commit, Committer, Refusal, Tail};
use super::super::fatal::fatal;
use super::super::frame::{ConfidentialPayloads, Group};
use super::super::groups::{Chain, ChainError};
use super::super::planted::{Fault, is_planted};
use super::super::{APPEND_EVENTS_MAX, AppendError, LOG_EVENTS_MAX};
use super::request::Request;
use super::staged::{Ready, Staged};
use super::{AppendCondition, Shared};
use crate::ids::Position;

/// A group is closed at this size, in bytes. Small values give the better tail latency, because sled
/// rewrites a leaf with every value in it.
const GROUP_BYTES_MAX: usize = 128 * 1024;

/// How often the writer yields the processor so that more requests arrive.
const GATHER_YIELDS_MAX: usize = 64;

/// Number of yields without a new request after which it stops yielding.
const GATHER_IN_VAIN_MAX: usize = 3;

/// The writer panicked.
#[derive(Debug, thiserror::Error)]
#[error("the writer panicked: {0}")]
struct Panicked(String);

pub(in super::super) struct Writer<C> {
    pub(super) shared: Arc<Shared>,
    pub(super) committer: C,
    pub(super) chain: Chain,
    pub(super) queue: mpsc::Receiver<Request>,
    /// An append that did not fit into the previous group.
    pub(super) held_back: Option<Request>,
}

impl<C: Committer> Writer<C> {
    /// Runs until the log is dropped. A panic ends the process: without its writer, a log would refuse
    /// every append.
    pub(in super::super) async fn run(self) {
        if let Err(panic) = AssertUnwindSafe(self.work()).catch_unwind().await {
            let words = panic.downcast_ref::<String>().cloned().unwrap_or_default();
            fatal("go on writing the log", &Panicked(words));
        }
    }

    async fn work(mut self) {
        while let Some(next) = self.next().await {
            match next {
                Next::Append(first) => {
                    let began = Instant::now();
                    let waiting = self.drain(first);
                    if self.append(waiting).await {
                        metrics::histogram!("meja_log_commit_seconds").record(began.elapsed());
                    }
                }
                // A failed attempt to follow is repeated when the engine reports the next change.
                Next::Follow => drop(self.follow().await),
            }
        }
    }

    /// Waits for an append or for a group of another process; `None` when the log was dropped.
    async fn next(&mut self) -> Option<Next> {
        if let Some(request) = self.held_back.take() {
            return Some(Next::Append(request));
        }
        let request = std::pin::pin!(self.queue.recv());
        let changed = std::pin::pin!(self.committer.changed());
        match select(request, changed).await {
            Either::Left((request, _)) => request.map(Next::Append),
            Either::Right(((), _)) => Some(Next::Follow),
        }
    }

    /// Gives callers about to append a chance to join the group while it has room and more requests
    /// arrive: one commit costs the same for one append as for many. Uses no timer; if no thread is
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

    /// Appends the requests whose conditions hold as one group, and answers all of them. Returns whether a group
    /// was committed.
    async fn append(&mut self, waiting: Vec<Request>) -> bool {
        let committed = match self.committer.begin() {
            Ok(()) => self.commit(waiting).await,
            Err(refusal) => {
                refuse(waiting, &refusal);
                false
            }
        };
        self.committer.end();
        committed
    }

    async fn commit(&mut self, mut waiting: Vec<Request>) -> bool {
        let mut is_first = true;
        loop {
            let staged = self.stage(waiting, is_first);
            is_first = false;
            let Some(ready) = self.build(staged) else { return false };
            let outcome = match self.committer.commit(&ready.new).await {
                Ok(Commit::Durable) => {
                    let answers = self.publish(ready);
                    answers.appended();
                    return true;
                }
                Ok(Commit::Behind) => {
                    metrics::counter!("meja_log_commits_lost_total").increment(1);
                    self.follow_past(ready.new.behind.span.last).await
                }
                Err(refusal) => Err(refusal),
            };
            waiting = ready.answers.into_requests();
            if let Err(refusal) = outcome {
                refuse(waiting, &refusal);
                return false;
            }
        }
    }

    /// Checks every condition in order, against the log and against this group, and assigns positions to
    /// the requests whose conditions hold. A request that an event of the log excludes is answered here. One that an
    /// event of this group excludes waits until that event is durable.
    fn stage(&mut self, waiting: Vec<Request>, is_first: bool) -> Staged {
        let mut staged = Staged::behind(&self.chain);
        for request in waiting {
            if staged.next().0 + request.events.len() as u64 > LOG_EVENTS_MAX {
                request.refuse(AppendError::Full);
                continue;
            }
            let AppendCondition { fail_if_any, after } = &request.condition;
            let found = match is_first || !is_planted(Fault::StaleProjection) {
                true => self.shared.first_match(fail_if_any, *after),
                false => Ok(None),
            };
            match found {
                Ok(Some(at)) => request.refuse(AppendError::Conflict { at }),
                Ok(None) => match staged.find(fail_if_any, *after) {
                    Some(at) => staged.exclude(request, at),
                    None => staged.push(request),
                },
                // An append whose condition cannot be checked must not happen.
                Err(error) => request.refuse((&self.committer.unreadable(error)).into()),
            }
        }
        staged
    }

    /// The group to commit; `None` if no request is left.
    fn build(&self, staged: Staged) -> Option<Ready> {
        if staged.is_empty() {
            return None;
        }
        match staged.build(self.tail(), |position| self.shared.group_start(position)) {
            Some(ready) => Some(ready),
            None => fatal("build a group of events", &Panicked("its parts do not fit".into())),
        }
    }

    fn tail(&self) -> Tail {
        self.shared.state().tail(self.chain.hash())
    }

    /// Makes a committed group visible to readers, and returns the requests to answer.
    fn publish(&mut self, ready: Ready) -> super::staged::Answers {
        let Ready { group, new, answers } = ready;
        metrics::histogram!("meja_log_group_events").record((new.span.last.0 - new.span.first.0 + 1) as f64);
        self.chain = Chain::at(new.span.last, new.hash);
        let forgotten: Vec<_> = new.forgets.iter().map(|forgotten| forgotten.position).collect();
        self.show(group, Some(new.confidential), &forgotten);
        answers
    }

    /// Follows after a lost commit: another process must have appended behind `last`.
    async fn follow_past(&mut self, last: Position) -> Result<(), Refusal> {
        self.follow().await?;
        match self.chain.last() > last {
            true => Ok(()),
            false => {
                let reason =
                    format!("the storage appended nothing, although no group follows position {last}");
                Err(Refusal::Unavailable { reason })
            }
        }
    }

    /// Reads and publishes what other processes have appended.
    async fn follow(&mut self) -> Result<(), Refusal> {
        loop {
            let newer = self.committer.newer(&self.tail()).await?;
            if newer.is_empty() {
                return Ok(());
            }
            for (first, value) in newer {
                let mut forgotten = Vec::new();
                let linked = Group::decode(first, &value).map_err(ChainError::from).and_then(|group| {
                    self.chain.link_group(&group, |entry| forgotten.extend(entry.forgets()))?;
                    Ok(group)
                });
                match linked {
                    Ok(group) => self.show(group, None, &forgotten),
                    // What was read before is no longer what the log holds, or the log is damaged.
                    Err(error) => fatal("follow the log", &error),
                }
            }
        }
    }

    /// Indexes a durable group and moves the head.
    fn show(&mut self, group: Group, payloads: Option<ConfidentialPayloads>, forgotten: &[Position]) {
        let last = group.last();
        let mut state = self.shared.state.write();
        if let Err(error) = state.publish(group, payloads, forgotten) {
            fatal("index a group of events", &error);
        }
        drop(state);
        self.committer.moved(last, &self.chain.hash());
        self.shared.head.send_replace(last);
        metrics::gauge!("meja_log_head_position").set(last.0 as f64);
    }
}

/// What the writer does next.
enum Next {
    Append(Request),
    Follow,
}

fn refuse(waiting: Vec<Request>, refusal: &Refusal) {
    for request in waiting {
        request.refuse(refusal.into());
    }
}
