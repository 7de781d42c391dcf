//! Reads a log once from start to end when it is opened, in a pipeline of three steps.
//!
//! One thread reads groups and verifies the hash chain, one builds the index, one passes every event to
//! the visitor. Groups are handed on in order, so a visitor never sees anything after a damaged group.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::super::EventBytes;
use super::super::frame::{ChainHash, Group};
use super::super::groups::{Chain, ChainError};
use super::super::{LOG_EVENTS_MAX, ReadError};
use super::state::State;
use crate::ids::Position;

/// Maximum number of groups queued between two steps.
const GROUPS_AHEAD_MAX: usize = 64;

/// Interval between progress messages of a long start.
const PROGRESS_EVERY: Duration = Duration::from_secs(5);

/// The result of one pass over the log.
pub(in super::super) struct Loaded {
    pub(in super::super) state: State,
    pub(in super::super) chain: Chain,
    /// The hash at the position that the witness names.
    pub(in super::super) witnessed: Option<ChainHash>,
    pub(in super::super) forgotten: Vec<Position>,
}

#[derive(Debug, thiserror::Error)]
pub(in super::super) enum LoadError {
    #[error("{0}: {source}", source = std::error::Error::source(.0).map(ToString::to_string).unwrap_or_default())]
    Storage(ReadError),
    #[error(transparent)]
    Read(ReadError),
    #[error(transparent)]
    ChainError(#[from] ChainError),
    #[error("it has more than {LOG_EVENTS_MAX} events")]
    TooLong,
    /// The visitor panicked; the log itself is not at fault.
    #[error("building state from the log panicked")]
    VisitorPanicked,
}

impl From<ReadError> for LoadError {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Storage { .. } => Self::Storage(error),
            _ => Self::Read(error),
        }
    }
}

/// Reads every group once: checks that positions are consecutive, verifies the chain, builds the index
/// and passes every event to `visit`. `groups` are all groups in their stored form, ascending.
pub(in super::super) fn replay(
    groups: impl Iterator<Item = Result<(Position, Bytes), ReadError>>,
    witnessed_at: Option<Position>,
    recent_bytes: usize,
    visit: &mut (dyn FnMut(EventBytes<'_>, &ChainHash) + Send),
) -> Result<Loaded, LoadError> {
    let (to_index, for_index) = sync_channel(GROUPS_AHEAD_MAX);
    let (to_visitor, for_visitor) = sync_channel(GROUPS_AHEAD_MAX);
    std::thread::scope(|scope| {
        let indexing = scope.spawn(move || index(&for_index, recent_bytes));
        let visiting = scope.spawn(move || show(&for_visitor, visit));
        let read = read(groups, witnessed_at, &to_index, &to_visitor);
        // Closing the channels ends the other steps once they have processed what was queued.
        drop((to_index, to_visitor));
        let indexed = indexing.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        let shown = visiting.join().unwrap_or(Err(LoadError::VisitorPanicked));
        // A failed step stops the one before it, so its error takes precedence.
        let (state, ()) = (indexed?, shown?);
        let (chain, witnessed, forgotten) = read?;
        Ok(Loaded { state, chain, witnessed, forgotten })
    })
}

type Chained = (Chain, Option<ChainHash>, Vec<Position>);

fn read(
    groups: impl Iterator<Item = Result<(Position, Bytes), ReadError>>,
    witnessed_at: Option<Position>,
    to_index: &SyncSender<Group>,
    to_visitor: &SyncSender<Group>,
) -> Result<Chained, LoadError> {
    let (mut chain, mut witnessed, mut forgotten) = (Chain::default(), None, Vec::new());
    let mut told = Instant::now();
    for stored in groups {
        let (first, value) = stored?;
        let group = Group::decode(first, &value)?;
        chain.link_group(&group, |entry| {
            if witnessed_at == Some(entry.position) {
                witnessed = Some(entry.hash);
            }
            forgotten.extend(entry.forgets());
        })?;
        let last = chain.last();
        if last.0 > LOG_EVENTS_MAX {
            return Err(LoadError::TooLong);
        }
        if told.elapsed() > PROGRESS_EVERY {
            told = Instant::now();
            tracing::info!(position = %last, until = witnessed_at.map(|at| at.0), "reading the log");
        }
        if to_index.send(group.clone()).and_then(|()| to_visitor.send(group)).is_err() {
            // A later step has stopped; its own error explains why.
            break;
        }
    }
    Ok((chain, witnessed, forgotten))
}

fn index(groups: &Receiver<Group>, recent_bytes: usize) -> Result<State, LoadError> {
    let mut state = State::new(recent_bytes);
    for group in groups {
        state.index_group(&group)?;
    }
    Ok(state)
}

fn show(
    groups: &Receiver<Group>,
    visit: &mut (dyn FnMut(EventBytes<'_>, &ChainHash) + Send),
) -> Result<(), LoadError> {
    for group in groups {
        for entry in group.events() {
            let entry = entry?;
            visit(EventBytes { position: entry.position, json: entry.json }, &entry.hash);
        }
    }
    Ok(())
}
