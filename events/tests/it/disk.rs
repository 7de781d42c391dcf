//! Properties that only a log on disk has.

use std::fs;
use std::sync::Arc;

use events::Position;
use events::query::{Query, QueryItem, Tag};
use events::store::memory::MemoryStore;
use events::store::sled::{self as log, OpenError, Options};
use events::store::{AppendError, EventStore};
use proptest::prelude::*;

use crate::support::*;

fn refusal(dir: &std::path::Path) -> String {
    match log::open(&options(dir)) {
        Err(error) => error.to_string(),
        Ok(_) => panic!("the log opened"),
    }
}

#[tokio::test]
async fn all_events_are_readable_after_reopening() {
    let dir = tempfile::tempdir().unwrap();
    let first = open(dir.path());
    let id = first.log_id();
    for n in 1..=100 {
        let event = with_payload(numbered(n, &[&format!("n:{}", n % 7), "all"]), "secret");
        first.append(vec![event], anyway()).await.unwrap();
    }
    let mut order = numbered(101, &["all"]);
    order.forgets = vec![Position(5)];
    first.append(vec![order], anyway()).await.unwrap();
    let before = first.read(&Query::all(), Position::START, 1000).await.unwrap();
    drop(first);

    let again = open(dir.path());
    assert_eq!(again.log_id(), id);
    assert_eq!(again.known_head(), Position(101));
    let after = again.read(&Query::all(), Position::START, 1000).await.unwrap();
    assert!(after.iter().eq(before.iter()), "exactly the same bytes");
    assert_eq!(again.read(&tagged("n:3"), Position::START, 1000).await.unwrap().len(), 14);
    assert!(again.append(vec![numbered(1, &[])], unless("all", 100)).await.is_err());
    assert_eq!(payload(&again, 4).await.unwrap(), "secret");
    assert_eq!(payload(&again, 5).await, None);
    assert_eq!(
        again.append(vec![numbered(102, &[])], unless("all", 101)).await.unwrap().first,
        Position(102)
    );
}

#[test]
fn a_data_directory_is_locked_by_one_process() {
    let dir = tempfile::tempdir().unwrap();
    let held = open(dir.path());
    assert!(matches!(log::open(&options(dir.path())), Err(OpenError::InUse(_))));
    assert!(refusal(dir.path()).contains("in use by another process"));
    drop(held);
    open(dir.path());
}

#[tokio::test]
async fn a_log_with_fewer_events_than_its_witness_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("log");
    let old = dir.path().join("old");
    let store = open(dir.path());
    store.append(vec![numbered(1, &[])], anyway()).await.unwrap();
    drop(store);
    copy_dir(&log, &old);
    let store = open(dir.path());
    store.append(vec![numbered(2, &[])], anyway()).await.unwrap();
    drop(store);
    // An old copy of the log is put back.
    fs::remove_dir_all(&log).unwrap();
    copy_dir(&old, &log);
    let message = refusal(dir.path());
    assert!(
        message.contains(
            "it ends at position 1, but the head witness says that events up to 2 were acknowledged"
        ),
        "{message}"
    );
    // The log is removed. It must not be replaced by an empty one.
    fs::remove_dir_all(&log).unwrap();
    let message = refusal(dir.path());
    assert!(message.contains("its folder log/ is missing") && !log.exists(), "{message}");
    // The log is replaced by another one.
    let other = tempfile::tempdir().unwrap();
    drop(open(other.path()));
    copy_dir(&other.path().join("log"), &log);
    let message = refusal(dir.path());
    assert!(message.contains("but the head witness names the log"), "{message}");
}

/// The witness can be a second old. The mark beside it is always current.
#[tokio::test]
async fn the_loss_of_an_event_acknowledged_just_before_a_kill_is_detected() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    store.append(vec![numbered(1, &[])], anyway()).await.unwrap();
    drop(store);
    let witness = fs::read(dir.path().join("head-witness.json")).unwrap();
    let old = dir.path().join("old");
    copy_dir(&dir.path().join("log"), &old);
    let store = open(dir.path());
    store.append(vec![numbered(2, &[])], anyway()).await.unwrap();
    // A kill leaves the files as they are while the log is open.
    let killed = tempfile::tempdir().unwrap();
    copy_dir(dir.path(), killed.path());
    fs::write(killed.path().join("head-witness.json"), &witness).unwrap();
    fs::remove_dir_all(killed.path().join("log")).unwrap();
    copy_dir(&old, &killed.path().join("log"));
    let message = refusal(killed.path());
    assert!(
        message.contains(
            "it ends at position 1, but the head witness says that events up to 2 were acknowledged"
        ),
        "{message}"
    );
    // An incomplete mark proves nothing and does not prevent a start.
    let mark = killed.path().join("head-mark");
    let mut bytes = fs::read(&mark).unwrap();
    bytes[20] ^= 1;
    fs::write(&mark, bytes).unwrap();
    assert_eq!(open(killed.path()).known_head(), Position(1));
    // The mark of another log is refused.
    let other = tempfile::tempdir().unwrap();
    let store = open(other.path());
    store.append(vec![numbered(1, &[])], anyway()).await.unwrap();
    fs::copy(other.path().join("head-mark"), &mark).unwrap();
    assert!(refusal(killed.path()).contains("head-mark names the log"), "{}", refusal(killed.path()));
}

fn copy_dir(from: &std::path::Path, to: &std::path::Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy_dir(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

#[test]
fn leftovers_of_a_killed_start_are_removed_and_blobs_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    drop(open(dir.path()));
    let leftover = dir.path().join("log/snap.0000000000000001.generating");
    fs::write(&leftover, b"half").unwrap();
    drop(open(dir.path()));
    assert!(!leftover.exists());
    fs::write(dir.path().join("log/blobs/1"), b"large").unwrap();
    assert!(refusal(dir.path()).contains("blobs/"));
}

/// Recovery writes to the files: an investigation must find the files as the crash left them.
#[tokio::test]
async fn a_log_file_that_became_shorter_is_copied_before_recovery() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    store.append(vec![numbered(1, &[]), numbered(2, &[])], anyway()).await.unwrap();
    drop(store);
    let db = dir.path().join("log/db");
    fs::File::options().write(true).open(&db).unwrap().set_len(300).unwrap();
    let cut = fs::read(&db).unwrap();
    let message = refusal(dir.path());
    let copy = dir.path().join("log-suspect-at-2");
    assert!(message.contains(copy.to_str().unwrap()), "{message}");
    assert_eq!(fs::read(copy.join("db")).unwrap(), cut);
    // A second attempt does not overwrite the files that the first one kept.
    fs::write(&db, b"").unwrap();
    refusal(dir.path());
    assert_eq!(fs::read(copy.join("db")).unwrap(), cut);
}

#[tokio::test]
async fn a_full_disk_is_reported_and_reads_still_work() {
    let dir = tempfile::tempdir().unwrap();
    let store = log::open(&Options { reserve_bytes: u64::MAX, ..options(dir.path()) }).unwrap();
    let refused = store.append(vec![numbered(1, &[])], anyway()).await;
    assert!(matches!(refused, Err(AppendError::NoSpace { .. })), "{refused:?}");
    assert!(store.read(&Query::all(), Position::START, 10).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_confidential_payload_without_its_event_is_never_assigned_to_a_later_event() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    store.append(vec![numbered(1, &[])], anyway()).await.unwrap();
    drop(store);
    // The state after a crash between storing a payload and storing its group, taken from a log where the
    // group was stored.
    let other = tempfile::tempdir().unwrap();
    let followed = open(other.path());
    followed.append(vec![numbered(1, &[])], anyway()).await.unwrap();
    followed.append(vec![with_payload(numbered(2, &[]), "somebody else")], anyway()).await.unwrap();
    assert_eq!(payload(&followed, 2).await.unwrap(), "somebody else");
    drop(followed);
    let key = 2_u64.to_be_bytes();
    let part = sled_at(other.path()).open_tree("private").unwrap().get(key).unwrap().unwrap();
    let db = sled_at(dir.path());
    db.open_tree("private").unwrap().insert(key, part).unwrap();
    db.flush().unwrap();
    drop(db);
    let store = open(dir.path());
    store.append(vec![numbered(2, &[])], anyway()).await.unwrap();
    assert_eq!(payload(&store, 2).await, None);
}

#[tokio::test]
async fn appends_that_wait_together_are_written_together() {
    let dir = tempfile::tempdir().unwrap();
    let store = Arc::new(open(dir.path()));
    let many = (0..256).map(|n| {
        let store = Arc::clone(&store);
        tokio::spawn(async move { store.append(vec![numbered(n, &[])], anyway()).await.unwrap() })
    });
    futures::future::join_all(many.collect::<Vec<_>>()).await;
    drop(Arc::into_inner(store));
    let db = sled_at(dir.path());
    let groups = db.open_tree("log").unwrap().len();
    assert!(groups < 256, "{groups} groups for 256 appends");
}

/// The database of a closed log.
fn sled_at(dir: &std::path::Path) -> sled::Db {
    sled::Config::new().path(dir.join("log")).segment_size(16 << 20).open().unwrap()
}

/// An append or a read, for the model.
#[derive(Debug, Clone)]
enum Step {
    Append { tags: Vec<Vec<u8>>, unless: Vec<u8>, lag: u64 },
    Read { types: Vec<bool>, tags: Vec<u8>, after: u64, limit: usize },
    Reopen,
}

fn step() -> impl Strategy<Value = Step> {
    let tags = || proptest::collection::vec(0..5_u8, 0..3);
    prop_oneof![
        6 => (proptest::collection::vec(tags(), 1..4), tags(), 0..4_u64)
            .prop_map(|(tags, unless, lag)| Step::Append { tags, unless, lag }),
        6 => (proptest::collection::vec(any::<bool>(), 0..2), tags(), 0..40_u64, 1..9_usize)
            .prop_map(|(types, tags, after, limit)| Step::Read { types, tags, after, limit }),
        1 => Just(Step::Reopen),
    ]
}

fn tag(n: u8) -> Tag {
    Tag::new("t", n)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// The list under a lock is the oracle for index, groups and recovery.
    #[test]
    fn the_log_on_disk_behaves_like_a_list(steps in proptest::collection::vec(step(), 1..60)) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let dir = tempfile::tempdir().unwrap();
            let model = MemoryStore::new("test");
            let mut store = Some(open(dir.path()));
            let mut n = 0;
            for step in steps {
                let real = store.as_ref().unwrap();
                match step {
                    Step::Append { tags, unless, lag } => {
                        let events: Vec<_> = tags.iter().map(|tags| {
                            n += 1;
                            let mut event = numbered(n, &[]);
                            event.tags = tags.iter().copied().map(tag).collect();
                            event
                        }).collect();
                        let after = Position(model.known_head().0.saturating_sub(lag));
                        let item = QueryItem { types: vec![], tags: unless.into_iter().map(tag).collect() };
                        let condition = events::query::AppendCondition::unchanged(Query { items: vec![item] }, after);
                        let expected = model.append(events.clone(), condition.clone()).await;
                        let got = real.append(events, condition).await;
                        prop_assert_eq!(format!("{got:?}"), format!("{expected:?}"));
                    }
                    Step::Read { types, tags, after, limit } => {
                        let types = types.into_iter().map(|even| if even { "test.even.v1" } else { "test.odd.v1" }.to_owned()).collect();
                        let query = Query { items: vec![QueryItem { types, tags: tags.into_iter().map(tag).collect() }] };
                        let expected = model.read(&query, Position(after), limit).await.unwrap();
                        let got = real.read(&query, Position(after), limit).await.unwrap();
                        prop_assert_eq!(numbers(&got), numbers(&expected));
                        prop_assert_eq!(got.scanned_to, expected.scanned_to);
                    }
                    Step::Reopen => {
                        drop(store.take());
                        store = Some(open(dir.path()));
                    }
                }
            }
            Ok(())
        })?;
    }
}
