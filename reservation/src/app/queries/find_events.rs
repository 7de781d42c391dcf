//! Looking into the log from any position, forwards and backwards.

use events::recorded::Recorded;
use events::store::{EventBytes, EventStore, ReadError};
use events::{Position, Query};

use super::QueryError;
use crate::app::App;
use crate::app::repository::RepositoryError;

/// Number of examined events after which an answer ends, with the page that is being read. A search for an actor examines a long
/// log in several requests.
pub const EXAMINED_EVENTS_MAX: usize = 20_000;
/// Number of events read at a time.
const PAGE_EVENTS: usize = 1_000;
/// Number of positions that are examined first when the log is read backwards.
const FIRST_STRETCH: u64 = 256;
/// Maximum number of events of the index in a stretch that is read backwards: of a longer one only the last part is read.
const STRETCH_EVENTS_MAX: usize = 2_000;

/// Which events are looked for.
#[derive(Debug, Clone)]
pub struct EventFilter {
    /// What the index finds.
    pub query: Query,
    /// The id of the actor.
    pub actor: Option<String>,
    /// The request from which they follow.
    pub correlation_id: Option<String>,
    /// The first position that counts.
    pub first: Position,
    /// The last position that counts.
    pub last: Position,
    /// Maximum number of events.
    pub limit: usize,
}

/// Where a look begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// Behind this position, towards the end of the log.
    After(Position),
    /// Before this position, towards the beginning of the log.
    Before(Position),
}

/// Events that were found.
#[derive(Debug, Default)]
pub struct Found {
    /// Their JSON, in the order of the log.
    pub events: Vec<String>,
    /// The first position that was examined.
    pub examined_from: u64,
    /// The last position that was examined.
    pub examined_to: u64,
}

impl App {
    /// The events that `filter` matches, from a position on. Fewer than the limit if many others had to be examined, or if there are
    /// no more. A few searches run at once; others wait.
    ///
    /// # Errors
    /// [`QueryError::Read`].
    pub async fn find_events(&self, filter: &EventFilter, start: Start) -> Result<Found, QueryError> {
        // It is never closed.
        let _place = self.event_searches.acquire().await.ok();
        find(self.store.as_ref(), filter, start).await
    }
}

/// The events of `store` that `filter` matches, from a position on.
///
/// # Errors
/// [`QueryError::Read`].
pub async fn find(store: &dyn EventStore, filter: &EventFilter, start: Start) -> Result<Found, QueryError> {
    match start {
        Start::After(after) => forwards(store, filter, after.0.max(filter.first.0.saturating_sub(1))).await,
        Start::Before(before) => backwards(store, filter, before.0.min(filter.last.0 + 1)).await,
    }
}

async fn forwards(store: &dyn EventStore, filter: &EventFilter, after: u64) -> Result<Found, QueryError> {
    let mut found = Found { examined_from: after + 1, examined_to: after, ..Found::default() };
    let mut examined = 0;
    while found.examined_to < filter.last.0 && examined < EXAMINED_EVENTS_MAX {
        let page = store.read(&filter.query, Position(found.examined_to), PAGE_EVENTS).await?;
        examined += page.len().max(1);
        tokio::task::yield_now().await;
        let scanned_to = page.scanned_to.min(filter.last).0;
        for event in page.iter().take_while(|event| event.position <= filter.last) {
            if filter.matches(event)? {
                found.events.push(text(event)?);
                if found.events.len() == filter.limit {
                    found.examined_to = event.position.0;
                    return Ok(found);
                }
            }
        }
        if scanned_to <= found.examined_to {
            break;
        }
        found.examined_to = scanned_to;
    }
    Ok(found)
}

/// Reads stretches of the log, each before the one before, and longer ones as long as they have few events.
async fn backwards(store: &dyn EventStore, filter: &EventFilter, before: u64) -> Result<Found, QueryError> {
    let to = before.saturating_sub(1);
    let mut found = Found { examined_from: to + 1, examined_to: to, ..Found::default() };
    let (mut length, mut examined) = (FIRST_STRETCH, 0);
    // The latest one first, as they are found.
    let mut latest = Vec::new();
    while found.examined_from > filter.first.0 && examined < EXAMINED_EVENTS_MAX {
        let end = found.examined_from - 1;
        let after = end.saturating_sub(length).max(filter.first.0.saturating_sub(1));
        let Some(stretch) = stretch(store, filter, after, end).await? else {
            // The part before `first` was never read.
            length = ((end - after) / 8).max(FIRST_STRETCH);
            examined += STRETCH_EVENTS_MAX;
            continue;
        };
        examined += stretch.examined.max(1);
        tokio::task::yield_now().await;
        found.examined_from = after + 1;
        for (position, event) in stretch.matching.into_iter().rev() {
            latest.push(event);
            if latest.len() == filter.limit {
                found.examined_from = position;
                break;
            }
        }
        if latest.len() == filter.limit {
            break;
        }
        if stretch.examined < STRETCH_EVENTS_MAX / 8 {
            length = length.saturating_mul(8);
        }
    }
    latest.reverse();
    found.events = latest;
    Ok(found)
}

/// The events of a stretch of the log.
struct Stretch {
    matching: Vec<(u64, String)>,
    /// Number of events that the index found.
    examined: usize,
}

/// The events after `after` up to `end`; `None` if the index finds more than [`STRETCH_EVENTS_MAX`], and a shorter stretch has
/// to be read.
async fn stretch(
    store: &dyn EventStore,
    filter: &EventFilter,
    after: u64,
    end: u64,
) -> Result<Option<Stretch>, QueryError> {
    let page = store.read(&filter.query, Position(after), STRETCH_EVENTS_MAX).await?.up_to(Position(end));
    let is_complete = page.scanned_to.0 >= end || page.len() < STRETCH_EVENTS_MAX;
    if !is_complete && end - after > FIRST_STRETCH {
        return Ok(None);
    }
    let mut matching = Vec::new();
    for event in page.iter() {
        if filter.matches(event)? {
            matching.push((event.position.0, text(event)?));
        }
    }
    Ok(Some(Stretch { matching, examined: page.len() }))
}

impl EventFilter {
    /// Whether an event that the index found matches.
    fn matches(&self, event: EventBytes<'_>) -> Result<bool, QueryError> {
        if self.actor.is_none() && self.correlation_id.is_none() {
            return Ok(true);
        }
        let at = event.position;
        let recorded = Recorded::parse(event.json).map_err(|source| RepositoryError::Parse { at, source })?;
        let metadata = recorded.metadata();
        let equals = |wanted: &Option<String>, found: Option<&str>| {
            wanted.as_deref().is_none_or(|wanted| found == Some(wanted))
        };
        Ok(equals(&self.actor, metadata.actor.id.as_deref())
            && equals(&self.correlation_id, Some(&metadata.correlation_id)))
    }
}

/// The event as it is stored, which is JSON.
fn text(event: EventBytes<'_>) -> Result<String, QueryError> {
    let text = String::from_utf8(event.json.to_vec());
    Ok(text.map_err(|_| ReadError::Damaged { at: event.position, what: "an event is not UTF-8" })?)
}
