//! Notes beside a log: no change of another process is lost.

use chrono::TimeDelta;
use events::store::notes::{NOTE_BYTES_MAX, Notes, NotesError};
use events::store::place::Place;

use crate::database::new_log;

/// Number of changes of each process.
const CHANGES: u32 = 100;

async fn count(notes: &Notes) {
    for _ in 0..CHANGES {
        notes.update("count", |count: Option<u32>| count.unwrap_or(0) + 1).await.unwrap();
    }
}

#[tokio::test]
async fn changes_of_two_processes_are_both_kept() {
    let (options, database) = new_log();
    let place = Place::Database(options.server.clone());
    let (one, other) = (Notes::of(&place, "test"), Notes::of(&place, "test"));
    assert!(one.is_shared());
    assert_eq!(one.read::<u32>("count").await.unwrap(), None);
    tokio::join!(count(&one), count(&other));
    assert_eq!(other.read("count").await.unwrap(), Some(2 * CHANGES));
    assert_eq!(one.read::<u32>("another").await.unwrap(), None);
    // A clock that all processes see, and that goes on.
    let (then, now) = (one.clock().await.unwrap().unwrap(), other.clock().await.unwrap().unwrap());
    let said: i64 = database.query("SELECT extract(epoch FROM clock_timestamp())::bigint").parse().unwrap();
    assert!(then < now && now - then < TimeDelta::seconds(60));
    assert!((said - now.timestamp()).abs() < 60, "{said} {now}");
    // What another version wrote, and what is too long, is refused.
    let unknown = one.read::<bool>("count").await.unwrap_err();
    assert!(matches!(&unknown, NotesError::Form { name, .. } if name == "count"), "{unknown}");
    let long = "x".repeat(NOTE_BYTES_MAX);
    assert!(one.update("long", |_: Option<String>| long.clone()).await.is_err());
    assert_eq!(one.read::<String>("long").await.unwrap(), None);
    // A lost connection is replaced.
    let _ = database
        .query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()");
    assert!(one.read::<u32>("count").await.is_err());
    assert_eq!(one.read("count").await.unwrap(), Some(2 * CHANGES));
}

#[tokio::test]
async fn the_notes_of_a_directory_are_those_of_one_process() {
    let dir = tempfile::tempdir().unwrap();
    let notes = Notes::of(&Place::Directory(dir.path().to_owned()), "test");
    tokio::join!(count(&notes), count(&notes));
    assert!(!notes.is_shared() && notes.clock().await.unwrap().is_none());
    assert_eq!(notes.read("count").await.unwrap(), Some(2 * CHANGES));
}
