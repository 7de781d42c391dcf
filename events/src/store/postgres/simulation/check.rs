//! The invariants of a log, compared with what clients were told.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use uuid::Uuid;

use super::super::super::engine::Engine as _;
use super::super::super::frame::Group;
use super::super::super::groups::Chain;
use super::super::super::log::StoredLog;
use super::super::super::{AppendError, Appended, EventStore as _};
use super::database::Database;
use crate::ids::Position;
use crate::query::Query;

/// What one schedule showed.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    pub(super) faults: Vec<String>,
    pub(super) acknowledged: u64,
    pub(super) unknown: u64,
    pub(super) failovers: u64,
    /// Every append and its outcome, in order.
    pub(super) story: Vec<String>,
}

/// An append, and what its client was told.
#[derive(Debug)]
pub(super) struct Append {
    pub(super) id: Uuid,
    pub(super) subject: u64,
    /// No event about the subject may be between this position and the appended one.
    pub(super) after: Position,
    pub(super) invoked: Instant,
    pub(super) answered: Instant,
    pub(super) result: Result<Appended, AppendError>,
}

impl Append {
    /// Whether the client cannot know what became of it.
    fn is_unknown(&self) -> bool {
        matches!(self.result, Err(AppendError::Closed))
    }
}

/// Compares the appends with the log.
pub(super) fn check(database: &Database, appends: &[Append]) -> Outcome {
    let mut outcome = Outcome { failovers: database.0.lock().failovers, ..Outcome::default() };
    let found = match events(database) {
        Ok(found) => found,
        Err(fault) => {
            outcome.faults.push(fault);
            return outcome;
        }
    };
    for append in appends {
        let places = found.get(&append.id).map_or(&[][..], Vec::as_slice);
        outcome.story.push(format!("{} {:?} {places:?}", append.id, append.result));
        outcome.unknown += u64::from(append.is_unknown());
        outcome.acknowledged += u64::from(append.result.is_ok());
        let is_right = match &append.result {
            Ok(appended) => places == [appended.first],
            Err(AppendError::Closed) => places.len() <= 1,
            Err(_) => places.is_empty(),
        };
        if !is_right {
            outcome.faults.push(format!("{append:?} is in the log at {places:?}"));
        }
    }
    outcome.faults.extend(conditions(appends, &found));
    outcome.faults.extend(real_time(appends));
    outcome
}

/// The positions of each event, by the id that its client gave it. The chain must be whole.
fn events(database: &Database) -> Result<HashMap<Uuid, Vec<Position>>, String> {
    let (mut chain, mut found) = (Chain::default(), HashMap::new());
    for row in &database.0.lock().primary {
        let group = Group::decode(row.span.first, &row.value).map_err(|error| error.to_string())?;
        chain.link_group(&group, |_| {}).map_err(|error| format!("the chain is broken: {error}"))?;
        for entry in group.events() {
            let entry = entry.map_err(|error| error.to_string())?;
            let recorded = crate::recorded::Recorded::parse(entry.json).map_err(|error| error.to_string())?;
            found.entry(recorded.id.uuid).or_insert_with(Vec::new).push(entry.position);
        }
    }
    Ok(found)
}

/// No event that is in the log has one about its subject between what its client knew and itself.
fn conditions(appends: &[Append], found: &HashMap<Uuid, Vec<Position>>) -> Vec<String> {
    let at = |append: &Append| found.get(&append.id).and_then(|places| places.first().copied());
    let stored: Vec<_> = appends.iter().filter_map(|append| Some((append, at(append)?))).collect();
    let violates = |(append, at): &(&Append, Position)| {
        let between = stored
            .iter()
            .find(|(other, place)| other.subject == append.subject && *place > append.after && place < at);
        between.map(|(other, place)| format!("{append:?} at {at} ignores {} at {place}", other.id))
    };
    stored.iter().filter_map(violates).collect()
}

/// An append that was answered before another one began has the earlier position.
fn real_time(appends: &[Append]) -> Vec<String> {
    let mut done: Vec<_> =
        appends.iter().filter_map(|append| Some((append, append.result.as_ref().ok()?.first))).collect();
    done.sort_by_key(|(_, at)| *at);
    let mut faults = Vec::new();
    let mut latest_begin: Option<(&Append, Position)> = None;
    for (append, at) in done {
        if let Some((earlier, place)) = latest_begin
            && append.answered < earlier.invoked
        {
            faults.push(format!("{} at {at} was answered before {} at {place} began", append.id, earlier.id));
        }
        if latest_begin.is_none_or(|(earlier, _)| append.invoked > earlier.invoked) {
            latest_begin = Some((append, at));
        }
    }
    faults
}

/// An instance that runs reaches the end of the log, and serves the same events.
pub(super) async fn follows(database: &Database, log: &Arc<StoredLog>) -> Option<String> {
    let head = database.head().expect("the simulated database can be read");
    let mut heads = log.watch_head();
    let reached = tokio::time::timeout(Duration::from_secs(60), heads.wait_for(|at| *at >= head)).await;
    if !matches!(reached, Ok(Ok(_))) {
        return Some(format!("an instance stays at {} of {head}", log.known_head()));
    }
    let page = match log.shared().read(&Query::all(), Position::START, usize::MAX) {
        Ok(page) => page,
        Err(error) => return Some(format!("an instance cannot be read: {error}")),
    };
    let known: HashMap<_, _> = events(database)
        .ok()?
        .into_iter()
        .flat_map(|(id, at)| at.into_iter().map(move |at| (at, id)))
        .collect();
    for stored in page.iter() {
        let recorded = crate::recorded::Recorded::parse(stored.json).ok()?;
        if known.get(&stored.position) != Some(&recorded.id.uuid) {
            return Some(format!(
                "an instance has {} at {}, which the log has not",
                recorded.id, stored.position
            ));
        }
    }
    (page.len() != known.len()).then(|| format!("an instance has {} of {} events", page.len(), known.len()))
}
