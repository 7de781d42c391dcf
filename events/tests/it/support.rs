//! Events and stores for the tests.

use bytes::Bytes;
use events::query::{AppendCondition, Query, Tag};
use events::recorded::{Cause, NewEvent, Recorded};
use events::store::sled::{Options, SledStore};
use events::store::{Page, Stored};
use events::values::Actor;
use events::{EventId, Position};
use uuid::Uuid;

/// An event of no importance, with a number in its data.
pub fn numbered(number: u64, tags: &[&str]) -> NewEvent {
    NewEvent {
        id: Uuid::new_v4(),
        event_type: if number.is_multiple_of(2) { "test.even.v1" } else { "test.odd.v1" },
        subject: "test/1".into(),
        time: "2026-12-01T18:00:00Z".parse().unwrap(),
        tags: tags.iter().map(|tag| Tag::from_stored(tag)).collect(),
        data: format!(r#"{{"number":{number}}}"#).into_bytes(),
        private: None,
        forgets: vec![],
        cause: Cause {
            correlation_id: "test".into(),
            causation_id: None,
            actor: Actor::unauthenticated(),
            traceparent: None,
            request_digest: None,
        },
    }
}

pub fn with_private(mut event: NewEvent, private: &'static str) -> NewEvent {
    event.private = Some(Bytes::from_static(private.as_bytes()));
    event
}

/// A condition that always holds.
pub fn anyway() -> AppendCondition {
    AppendCondition { fail_if_any: Query::default(), after: Position::START }
}

pub fn unless(tag: &str, after: u64) -> AppendCondition {
    AppendCondition::unchanged(tagged(tag), Position(after))
}

pub fn tagged(tag: &str) -> Query {
    Query::any_tag([Tag::from_stored(tag)])
}

pub fn number(stored: Stored<'_>) -> u64 {
    #[derive(serde::Deserialize)]
    struct Data {
        number: u64,
    }
    let recorded = Recorded::parse(stored.json).unwrap();
    assert_eq!(recorded.id.position, stored.position);
    serde_json::from_str::<Data>(recorded.data).unwrap().number
}

pub fn numbers(page: &Page) -> Vec<u64> {
    page.iter().map(number).collect()
}

pub fn ids(page: &Page) -> Vec<EventId> {
    page.iter().map(|stored| Recorded::parse(stored.json).unwrap().id).collect()
}

/// Options that leave no trace of a reserve: the tests' disk may be small.
pub fn options(dir: &std::path::Path) -> Options {
    Options { reserve_bytes: 0, cache_bytes: 8 << 20, ..Options::new(dir, "test") }
}

pub fn open(dir: &std::path::Path) -> SledStore {
    SledStore::open(&options(dir)).unwrap()
}
