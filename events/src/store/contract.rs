//! The contract of a store, as a suite of tests that another crate can run against its own store.
//!
//! ```ignore
//! struct MyStore;
//! impl events::store::contract::Subject for MyStore { /* a fresh store */ }
//! events::store_contract!(MyStore => my_store);
//! ```
#![expect(
    clippy::unwrap_used,
    clippy::missing_panics_doc,
    reason = "a failed assertion is the result of a test"
)]

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;
use uuid::Uuid;

use super::{AppendError, EventBytes, EventStore, Page};
use crate::ids::{EventId, Position};
use crate::query::{AppendCondition, Query, QueryItem, Tag};
use crate::recorded::{EventMetadata, NewEvent, Recorded};
use crate::values::Actor;

/// A kind of store to test.
pub trait Subject {
    /// The store.
    type Store: EventStore;
    /// Owns the resources that must live as long as the store, for example its directory.
    type Guard: Send;

    /// An empty store.
    fn fresh() -> (Arc<Self::Store>, Self::Guard);
}

/// An event with a number in its data.
pub fn numbered(number: u64, tags: &[&str]) -> NewEvent {
    NewEvent {
        id: Uuid::new_v4(),
        event_type: if number.is_multiple_of(2) { "test.even.v1" } else { "test.odd.v1" },
        subject: "test/1".into(),
        time: "2026-12-01T18:00:00Z".parse().unwrap(),
        tags: tags.iter().map(|tag| Tag::from_stored(tag)).collect(),
        data: format!(r#"{{"number":{number}}}"#).into_bytes(),
        confidential: None,
        forgets: vec![],
        metadata: EventMetadata {
            correlation_id: "test".into(),
            causation_id: None,
            actor: Actor::unauthenticated(),
            traceparent: None,
            request_digest: None,
            venue_id: None,
            client_group: None,
        },
    }
}

/// `event` with a confidential payload.
#[must_use]
pub fn with_payload(mut event: NewEvent, payload: &'static str) -> NewEvent {
    event.confidential = Some(Bytes::from_static(payload.as_bytes()));
    event
}

/// A condition that always holds.
pub fn anyway() -> AppendCondition {
    AppendCondition { fail_if_any: Query::default(), after: Position::START }
}

/// The condition that no event with `tag` exists after `after`.
#[must_use]
pub fn unless(tag: &str, after: u64) -> AppendCondition {
    AppendCondition::unchanged(tagged(tag), Position(after))
}

/// A query for one tag.
#[must_use]
pub fn tagged(tag: &str) -> Query {
    Query::any_tag([Tag::from_stored(tag)])
}

/// The number of an event made by [`numbered`].
#[must_use]
pub fn number(stored: EventBytes<'_>) -> u64 {
    #[derive(serde::Deserialize)]
    struct Data {
        number: u64,
    }
    let recorded = Recorded::parse(stored.json).unwrap();
    assert_eq!(recorded.id.position, stored.position);
    serde_json::from_str::<Data>(recorded.data).unwrap().number
}

/// The numbers of the events of a page.
#[must_use]
pub fn numbers(page: &Page) -> Vec<u64> {
    page.iter().map(number).collect()
}

/// The ids of the events of a page.
#[must_use]
pub fn ids(page: &Page) -> Vec<EventId> {
    page.iter().map(|stored| Recorded::parse(stored.json).unwrap().id).collect()
}

/// The confidential payload of the event at `position`.
pub async fn payload(store: &dyn EventStore, position: u64) -> Option<Bytes> {
    store.confidential(vec![Position(position)]).await.unwrap().remove(0)
}

/// Positions are consecutive, and events read back as they were appended.
pub async fn positions_are_consecutive_and_events_read_back<S: Subject>() {
    let (store, _guard) = S::fresh();
    assert_eq!(store.known_head(), Position::START);
    let one = store.append(vec![numbered(1, &["a"])], anyway()).await.unwrap();
    let two = store.append(vec![numbered(2, &["a"]), numbered(3, &["b"])], anyway()).await.unwrap();
    assert_eq!((one.first, one.last), (Position(1), Position(1)));
    assert_eq!((two.first, two.last), (Position(2), Position(3)));
    assert_eq!(store.known_head(), Position(3));
    let page = store.read(&Query::all(), Position::START, 10).await.unwrap();
    assert_eq!(numbers(&page), [1, 2, 3]);
    assert_eq!(page.scanned_to, Position(3));
    let source = format!("/test/{}", store.log_id());
    assert!(page.iter().all(|e| String::from_utf8_lossy(e.json).contains(&source)));
}

/// A query matches events that have any of its types and all of its tags.
pub async fn queries_select_by_any_type_and_all_tags<S: Subject>() {
    let (store, _guard) = S::fresh();
    for (n, tags) in [(1, &["a"][..]), (2, &["a", "b"]), (3, &["b"]), (4, &["c", "a", "b"]), (5, &[])] {
        store.append(vec![numbered(n, tags)], anyway()).await.unwrap();
    }
    let item = |types: &[&str], tags: &[&str]| QueryItem {
        types: types.iter().map(|t| (*t).to_owned()).collect(),
        tags: tags.iter().map(|t| Tag::from_stored(t)).collect(),
    };
    let cases = [
        (vec![item(&[], &["a"])], vec![1, 2, 4]),
        (vec![item(&[], &["a", "b"])], vec![2, 4]),
        (vec![item(&["test.odd.v1"], &[])], vec![1, 3, 5]),
        (vec![item(&["test.odd.v1", "test.even.v1"], &[])], vec![1, 2, 3, 4, 5]),
        (vec![item(&["test.odd.v1"], &["b"])], vec![3]),
        (vec![item(&[], &["c"]), item(&[], &["b"])], vec![2, 3, 4]),
        (vec![item(&["test.odd.v1"], &["a"]), item(&[], &["c"])], vec![1, 4]),
        (vec![item(&[], &["nothing"])], vec![]),
        (vec![], vec![]),
        (vec![item(&[], &[])], vec![1, 2, 3, 4, 5]),
    ];
    for (items, expected) in cases {
        let query = Query { items };
        let page = store.read(&query, Position::START, 10).await.unwrap();
        assert_eq!(numbers(&page), expected, "{query:?}");
        assert_eq!(page.scanned_to, Position(5));
    }
}

/// An append whose condition does not hold appends nothing.
pub async fn a_condition_holds_or_nothing_is_appended<S: Subject>() {
    let (store, _guard) = S::fresh();
    store.append(vec![numbered(1, &["a"])], anyway()).await.unwrap();
    let refused = store.append(vec![numbered(2, &["x"]), numbered(3, &["x"])], unless("a", 0)).await;
    assert!(matches!(refused, Err(AppendError::Conflict { at: Position(1) })), "{refused:?}");
    assert_eq!(store.known_head(), Position(1));
    let page = store.read(&Query::all(), Position::START, 10).await.unwrap();
    assert_eq!(numbers(&page), [1], "an append is all or nothing");
    store.append(vec![numbered(2, &["a"])], unless("a", 1)).await.unwrap();
    store.append(vec![numbered(3, &["a"])], unless("b", 0)).await.unwrap();
    let outdated = AppendCondition::unchanged(Query::all(), Position(2));
    assert!(matches!(
        store.append(vec![numbered(4, &[])], outdated).await,
        Err(AppendError::Conflict { at: Position(3) })
    ));
    // A condition holds if its `after` is beyond the head, because no event can follow that position yet.
    store.append(vec![numbered(4, &["a"])], unless("a", 99)).await.unwrap();
}

/// Of several concurrent appends under one condition, exactly one succeeds.
pub async fn of_several_concurrent_appends_exactly_one_succeeds<S: Subject>() {
    let (store, _guard) = S::fresh();
    for round in 0..50_u64 {
        let after = store.known_head().0;
        let racers = (0..8).map(|n| {
            let store = Arc::clone(&store);
            tokio::spawn(async move {
                store.append(vec![numbered(n, &["one"]), numbered(n, &[])], unless("one", after)).await
            })
        });
        let outcomes = futures::future::join_all(racers.collect::<Vec<_>>()).await;
        let won = outcomes.iter().filter(|o| o.as_ref().unwrap().is_ok()).count();
        assert_eq!(won, 1);
        assert!(
            outcomes.iter().all(|o| matches!(o.as_ref().unwrap(), Ok(_) | Err(AppendError::Conflict { .. })))
        );
        assert_eq!(store.known_head(), Position((round + 1) * 2), "refused appends left no events");
    }
}

/// A follower sees every position once and in order while many tasks write.
pub async fn a_follower_misses_nothing_while_many_write<S: Subject>() {
    let (store, _guard) = S::fresh();
    const WRITERS: u64 = 16;
    const EACH: u64 = 40;
    let follower = tokio::spawn({
        let store = Arc::clone(&store);
        async move {
            let mut head = store.watch_head();
            let (mut after, mut seen, mut filtered) = (Position::START, Vec::new(), 0);
            while after.0 < WRITERS * EACH * 2 {
                head.wait_for(|head| *head > after).await.unwrap();
                let page = store.read(&Query::all(), after, 7).await.unwrap();
                for stored in page.iter() {
                    assert_eq!(stored.position, after.next(), "no gap, no reordering");
                    after = stored.position;
                    seen.push(number(stored));
                }
                filtered += store.read(&tagged("w0"), Position::START, usize::MAX).await.unwrap().len();
            }
            (seen, filtered)
        }
    });
    let writers = (0..WRITERS).map(|w| {
        let store = Arc::clone(&store);
        tokio::spawn(async move {
            for n in 0..EACH {
                let pair = vec![numbered(w * 1000 + n, &[&format!("w{w}")]), numbered(w * 1000 + n, &[])];
                let done = store.append(pair, anyway()).await.unwrap();
                assert_eq!(done.last, done.first.next());
                assert!(store.known_head() >= done.last, "an acknowledged event is visible");
            }
        })
    });
    futures::future::join_all(writers.collect::<Vec<_>>()).await.into_iter().for_each(|w| w.unwrap());
    let (seen, filtered) = follower.await.unwrap();
    assert!(filtered > 0);
    for w in 0..WRITERS {
        let own: Vec<_> = seen.iter().filter(|n| *n / 1000 == w).map(|n| n % 1000).collect();
        let expected: Vec<_> = (0..EACH).flat_map(|n| [n, n]).collect();
        assert_eq!(own, expected, "the order of each writer is kept");
    }
}

/// The `scanned_to` of a filtered read advances past events that do not match.
pub async fn filtered_reads_advance_past_events_that_do_not_match<S: Subject>() {
    let (store, _guard) = S::fresh();
    for n in 1..=200 {
        let tag = if n % 50 == 0 { "rare" } else { "common" };
        store.append(vec![numbered(n, &[tag])], anyway()).await.unwrap();
    }
    let page = store.read(&tagged("rare"), Position::START, 3).await.unwrap();
    assert_eq!(numbers(&page), [50, 100, 150]);
    assert_eq!(page.scanned_to, Position(150), "reading continues after the last event of a full page");
    let page = store.read(&tagged("rare"), page.scanned_to, 3).await.unwrap();
    assert_eq!(numbers(&page), [200]);
    assert_eq!(page.scanned_to, Position(200));
    let page = store.read(&tagged("never"), Position::START, 3).await.unwrap();
    assert!(page.is_empty());
    assert_eq!(page.scanned_to, Position(200), "a reader without matches continues at the head");
    let page = store.read(&tagged("common"), Position(400), 3).await.unwrap();
    assert!(page.is_empty());
}

/// Confidential payloads are never in the events, and can be forgotten.
pub async fn confidential_payloads_stay_beside_the_log_until_they_are_forgotten<S: Subject>() {
    let (store, _guard) = S::fresh();
    let pair =
        vec![with_payload(numbered(1, &[]), "ada@example.com"), with_payload(numbered(2, &[]), "+39 06 1")];
    store.append(pair, anyway()).await.unwrap();
    store.append(vec![numbered(3, &[])], anyway()).await.unwrap();
    assert_eq!(payload(&*store, 1).await.unwrap(), "ada@example.com");
    assert_eq!(payload(&*store, 2).await.unwrap(), "+39 06 1");
    assert_eq!(payload(&*store, 3).await, None);
    let page = store.read(&Query::all(), Position::START, 10).await.unwrap();
    assert!(page.iter().all(|e| !String::from_utf8_lossy(e.json).contains("ada@")));
    let mut order = numbered(4, &["forget"]);
    order.forgets = vec![Position(1)];
    let refused =
        store.append(vec![order.clone()], AppendCondition::unchanged(Query::all(), Position(1))).await;
    assert!(refused.is_err());
    assert!(payload(&*store, 1).await.is_some(), "a refused append forgets no payload");
    store.append(vec![order], anyway()).await.unwrap();
    assert_eq!(payload(&*store, 1).await, None);
    assert!(payload(&*store, 2).await.is_some());
    assert_eq!(store.read(&Query::all(), Position::START, 10).await.unwrap().len(), 4);
}

/// An append that exceeds a limit fails with an error that says which part is too large.
pub async fn an_append_that_exceeds_a_limit_is_refused<S: Subject>() {
    let (store, _guard) = S::fresh();
    assert!(matches!(store.append(vec![], anyway()).await, Err(AppendError::EventCount { events: 0 })));
    let many = (0..65).map(|n| numbered(n, &[])).collect();
    assert!(matches!(store.append(many, anyway()).await, Err(AppendError::EventCount { events: 65 })));
    let mut large = numbered(1, &[]);
    large.data = format!(r#"{{"number":1,"text":"{}"}}"#, "x".repeat(64 * 1024)).into_bytes();
    assert!(matches!(
        store.append(vec![large], anyway()).await,
        Err(AppendError::TooLarge { part: "the event", .. })
    ));
    let confidential = with_payload(numbered(1, &[]), Box::leak("x".repeat(16 * 1024 + 1).into_boxed_str()));
    assert!(matches!(
        store.append(vec![confidential], anyway()).await,
        Err(AppendError::TooLarge { part: "the confidential payload", .. })
    ));
    let tag = "x".repeat(401);
    assert!(matches!(
        store.append(vec![numbered(1, &[&tag])], anyway()).await,
        Err(AppendError::TooLarge { part: "the longest tag", .. })
    ));
    let full = (0..64).map(|n| numbered(n, &["full"])).collect();
    store.append(full, anyway()).await.unwrap();
    assert_eq!(store.known_head(), Position(64));
}

/// Event ids are unique and start with the position.
pub async fn event_ids_are_unique_and_carry_their_position<S: Subject>() {
    let (store, _guard) = S::fresh();
    for n in 0..20 {
        store.append(vec![numbered(n, &[]), numbered(n, &[])], anyway()).await.unwrap();
    }
    let page = store.read(&Query::all(), Position::START, 100).await.unwrap();
    let ids = ids(&page);
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), 40);
    for (stored, id) in page.iter().zip(ids) {
        assert_eq!(crate::recorded::id_of(stored.json), Some(id));
    }
}

/// For each [`Subject`], declares a module that runs every test of this suite against its store.
#[macro_export]
macro_rules! store_contract {
    ($($subject:ident => $module:ident),+ $(,)?) => { $(mod $module {
        $crate::store_contract!(@tests $subject:
            positions_are_consecutive_and_events_read_back,
            queries_select_by_any_type_and_all_tags,
            a_condition_holds_or_nothing_is_appended,
            of_several_concurrent_appends_exactly_one_succeeds,
            a_follower_misses_nothing_while_many_write,
            filtered_reads_advance_past_events_that_do_not_match,
            confidential_payloads_stay_beside_the_log_until_they_are_forgotten,
            an_append_that_exceeds_a_limit_is_refused,
            event_ids_are_unique_and_carry_their_position
        );
    })+ };
    (@tests $subject:ident: $($test:ident),+) => { $(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $test() {
            $crate::store::contract::$test::<super::$subject>().await;
        }
    )+ };
}
