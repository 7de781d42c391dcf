//! Finding events in a long log, compared with a list of everything that is in it.

use events::recorded::{EventMetadata, NewEvent, Recorded};
use events::store::memory::MemoryStore;
use events::store::{AppendCondition, EventStore};
use events::values::{Actor, ActorKind};
use events::{Position, Query, QueryItem, Tag};
use reservation::app::queries::find_events::{EXAMINED_EVENTS_MAX, EventFilter, Found, Start, find};
use uuid::Uuid;

/// More than one answer examines.
const EVENTS: u64 = 50_000;
/// What one page or stretch can add to the limit.
const PAGE_EVENTS: usize = 2_000;
const TYPES: [&str; 2] = ["meja.table.assigned.v1", "meja.table.released.v1"];

/// Type, actor and request of the event at a position. The second type is rare, and is dense in one part of the log.
fn facts(position: u64) -> (&'static str, String, String) {
    let is_dense = (20_000..26_000).contains(&position);
    let event_type = TYPES[usize::from(is_dense || position.is_multiple_of(997))];
    (event_type, format!("key:{}", position % 1_301), format!("request-{}", position / 3))
}

async fn log() -> MemoryStore {
    let store = MemoryStore::new("reservation");
    let anyway = || AppendCondition { fail_if_any: Query::default(), after: Position::START };
    for first in (1..=EVENTS).step_by(50) {
        let events = (first..first + 50).map(|position| {
            let (event_type, actor, correlation_id) = facts(position);
            let actor = Actor { kind: ActorKind::ApiKey, id: Some(actor) };
            NewEvent {
                id: Uuid::from_u128(position.into()),
                event_type,
                subject: "reservation/x".into(),
                time: chrono::DateTime::UNIX_EPOCH,
                tags: vec![Tag::new("odd", position % 2)],
                data: b"{}".to_vec(),
                confidential: None,
                forgets: vec![],
                metadata: EventMetadata { actor, correlation_id, ..EventMetadata::system("test") },
            }
        });
        store.append(events.collect(), anyway()).await.unwrap();
    }
    store
}

/// Everything that is filter, in the order of the log.
fn oracle(filter: &EventFilter) -> Vec<u64> {
    let is = |position: &u64| {
        let (event_type, actor, request) = facts(*position);
        let odd = Tag::new("odd", position % 2);
        filter.query.matches(event_type, [odd.as_str()].into_iter())
            && filter.actor.as_ref().is_none_or(|wanted| *wanted == actor)
            && filter.correlation_id.as_ref().is_none_or(|wanted| *wanted == request)
    };
    (filter.first.0..=filter.last.0).filter(is).collect()
}

fn positions(found: &Found) -> Vec<u64> {
    let position = |json: &String| Recorded::parse(json.as_bytes()).unwrap().id.position.0;
    found.events.iter().map(position).collect()
}

/// Walks from one end to the other. Each answer is complete for what it examined, and keeps its limits.
async fn walk(store: &MemoryStore, filter: &EventFilter, is_forwards: bool) -> Vec<u64> {
    let (mut seen, mut parts) = (Vec::new(), 0);
    let mut at = if is_forwards { filter.first.0 - 1 } else { filter.last.0 + 1 };
    loop {
        let start = if is_forwards { Start::After(Position(at)) } else { Start::Before(Position(at)) };
        let found = find(store, filter, start).await.unwrap();
        let there = positions(&found);
        assert!(there.len() <= filter.limit && there.is_sorted());
        let examined = found.examined_from..=found.examined_to;
        assert!(there.iter().all(|position| examined.contains(position)), "{examined:?} {there:?}");
        parts += 1;
        assert!(parts < 2_000, "it does not end: {at}");
        if is_forwards {
            assert_eq!(found.examined_from, at + 1);
            seen.extend(there);
            at = found.examined_to;
            if at >= filter.last.0 {
                return seen;
            }
        } else {
            assert_eq!(found.examined_to, at - 1);
            seen.splice(0..0, there);
            at = found.examined_from;
            if at <= filter.first.0 {
                return seen;
            }
        }
    }
}

#[tokio::test]
async fn both_directions_find_exactly_what_is_filter() {
    let store = log().await;
    let of = |types: &[&str], tags: &[Tag]| {
        let types = types.iter().map(|event_type| (*event_type).to_owned()).collect();
        Query { items: vec![QueryItem { types, tags: tags.to_vec() }] }
    };
    let queries = [
        of(&[], &[]),
        of(&TYPES[1..], &[]),
        of(&TYPES[1..], &[Tag::new("odd", 1)]),
        of(&["meja.venue.closed.v1"], &[]),
    ];
    let filters = [(None, None), (Some("key:7"), None), (Some("nobody"), None), (None, Some("request-9000"))];
    let ranges = [(1, EVENTS), (19_990, 20_450), (25_000, 25_000)];
    for query in queries {
        for (actor, request) in filters {
            for (first, last) in ranges {
                for limit in [1, 60, 500] {
                    let filter = EventFilter {
                        query: query.clone(),
                        actor: actor.map(str::to_owned),
                        correlation_id: request.map(str::to_owned),
                        first: Position(first),
                        last: Position(last),
                        limit,
                    };
                    let expected = oracle(&filter);
                    // A walk of single steps through a long list says nothing more.
                    if expected.len() / limit > 1_000 {
                        continue;
                    }
                    for is_forwards in [true, false] {
                        let seen = walk(&store, &filter, is_forwards).await;
                        assert_eq!(seen, expected, "forwards: {is_forwards}, {filter:?}");
                    }
                }
            }
        }
    }
}

#[tokio::test]
async fn a_search_for_an_actor_examines_few_events_for_one_answer() {
    let store = log().await;
    let filter = EventFilter {
        query: Query::all(),
        actor: Some("nobody".into()),
        correlation_id: None,
        first: Position(1),
        last: Position(EVENTS),
        limit: 50,
    };
    let most = (EXAMINED_EVENTS_MAX + PAGE_EVENTS) as u64;
    let found = find(&store, &filter, Start::After(Position::START)).await.unwrap();
    assert!(found.examined_to <= most, "{}", found.examined_to);
    let found = find(&store, &filter, Start::Before(Position(EVENTS + 1))).await.unwrap();
    assert!(EVENTS - found.examined_from <= most, "{}", found.examined_from);
}
