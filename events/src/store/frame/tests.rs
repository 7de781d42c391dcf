//! Groups read back as they were built, and reading damaged groups never panics.

use proptest::prelude::*;

use super::conditions::StoredAppend;
use super::*;
use crate::query::{AppendCondition, QueryItem, Tag};

/// JSON, type, tags and positions to forget.
type Parts = (Vec<u8>, String, Vec<String>, Vec<u64>);

/// One append per event, so that the test covers as many conditions as possible.
fn build(first: Position, events: &[Parts]) -> (Group, Vec<u8>) {
    let mut builder = GroupBuilder::default();
    for (i, (json, event_type, tags, forgets)) in events.iter().enumerate() {
        let tags = stored(tags);
        let forgets: Vec<_> = forgets.iter().copied().map(Position).collect();
        builder.push(&chain(&CHAIN_START, json), json, event_type, &tags, &forgets);
        builder.close_append(&condition(i, event_type, tags));
    }
    builder.build(first).unwrap()
}

fn stored(tags: &[String]) -> Vec<Tag> {
    tags.iter().map(|tag| Tag::from_stored(tag)).collect()
}

fn condition(i: usize, event_type: &str, tags: Vec<Tag>) -> AppendCondition {
    let items = vec![QueryItem { types: vec![event_type.to_owned()], tags }, QueryItem::default()];
    AppendCondition { fail_if_any: Query { items }, after: Position(i as u64 * 1_000) }
}

fn event() -> impl Strategy<Value = Parts> {
    (
        proptest::collection::vec(any::<u8>(), 0..200),
        "[a-z.]{1,40}",
        proptest::collection::vec(".{0,30}", 0..6),
        proptest::collection::vec(any::<u64>(), 0..3),
    )
}

proptest! {
    #[test]
    fn a_group_reads_back_as_it_was_built(events in proptest::collection::vec(event(), 1..64)) {
        let (built, value) = build(Position(7), &events);
        let group = Group::decode(Position(7), &value).unwrap();
        prop_assert_eq!(&group.bytes, &built.bytes);
        prop_assert_eq!(group.last(), Position(6 + events.len() as u64));
        let joined: Vec<_> = events.iter().flat_map(|(json, ..)| [&b","[..], json]).collect();
        let entries: Vec<_> = group.events().map(Result::unwrap).collect();
        let (begin, _) = group.json_range(Position(7)).unwrap();
        let (_, end) = group.json_range(group.last()).unwrap();
        prop_assert_eq!(&group.slice(begin - 1, end)[..], joined.concat());
        for (entry, (json, event_type, tags, forgets)) in entries.iter().zip(&events) {
            prop_assert_eq!(entry.json, json.as_slice());
            prop_assert_eq!(entry.event_type, event_type);
            prop_assert_eq!(entry.tags.clone().collect::<Vec<_>>(), tags.clone());
            prop_assert_eq!(entry.forgets().map(|p| p.0).collect::<Vec<_>>(), forgets.clone());
            prop_assert_eq!(entry.hash, chain(&CHAIN_START, json));
        }
        for ((i, append), (_, event_type, tags, _)) in group.appends().unwrap().into_iter().enumerate().zip(&events) {
            let at = Position(7 + i as u64);
            let expected = StoredAppend { first: at, last: at, condition: condition(i, event_type, stored(tags)) };
            prop_assert_eq!(condition_bytes(&append.condition).is_some(), true);
            prop_assert_eq!(append, expected);
        }
    }

    #[test]
    fn a_damaged_group_never_panics(
        events in proptest::collection::vec(event(), 1..8),
        flips in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 1..8),
        keep in any::<proptest::sample::Index>(),
        packed in any::<bool>(),
    ) {
        let (group, value) = build(Position(1), &events);
        let mut bytes = if packed { value } else { group.bytes.to_vec() };
        for (at, with) in flips {
            let at = at.index(bytes.len());
            bytes[at] ^= with;
        }
        bytes.truncate(keep.index(bytes.len()) + 1);
        let opened = if packed { Group::decode(Position(1), &bytes) } else { Group::open(Position(1), bytes.into()) };
        if let Ok(group) = opened {
            let _ = group.appends();
            for entry in group.events().flatten() {
                let _ = (entry.json, entry.tags.clone().count(), entry.forgets().count());
            }
        }
    }
}
