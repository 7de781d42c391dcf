//! The head witness of a log in a database: what a process has acknowledged or followed must be there at its next start.

use std::fs;
use std::path::Path;

use events::store::EventStore as _;
use events::store::place::{Place, Settings};
use events::store::postgres::{OpenError, Options, open};
use events::{Position, Query};
use test_database::Database;

use crate::database::new_log;
use crate::support::*;

/// What a process leaves in its directory when it is killed: the mark of its last commit, and no synced witness of it.
fn kill(dir: &Path) -> tempfile::TempDir {
    let left = tempfile::tempdir().unwrap();
    fs::copy(dir.join("head-mark"), left.path().join("head-mark")).unwrap();
    left
}

fn with(options: &Options, witness_dir: &Path) -> Options {
    Options { witness_dir: Some(witness_dir.to_owned()), ..options.clone() }
}

fn remove_last_group(database: &Database) {
    let last = "(SELECT max(first) FROM meja_test.groups)";
    let _ = database.query(&format!("DELETE FROM meja_test.groups WHERE first = {last}"));
}

#[track_caller]
fn refused(options: &Options, dir: &Path, why: &str) {
    match open(&with(options, dir)) {
        Err(OpenError::PutBack { what, .. }) => assert!(what.contains(why), "{what}"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_came_back_with_less_is_refused_at_the_next_start() {
    let (options, database) = new_log();
    let dir = tempfile::tempdir().unwrap();
    let log = open(&with(&options, dir.path())).unwrap();
    for number in 0..3 {
        log.append(vec![numbered(number, &[])], anyway()).await.unwrap();
    }
    let killed = kill(dir.path());
    drop(log);
    drop(open(&with(&options, dir.path())).unwrap());
    drop(open(&with(&options, killed.path())).unwrap());
    remove_last_group(&database);
    let why = "it ends at position 2, but the head witness says that events up to 3 were acknowledged";
    for dir in [&dir, &killed] {
        refused(&options, dir.path(), why);
    }
    // An instance without a witness goes on from the older copy. The others must not join it.
    open(&options).unwrap().append(vec![numbered(9, &[])], anyway()).await.unwrap();
    for dir in [&dir, &killed] {
        refused(&options, dir.path(), "the event at position 3 is not the event that was acknowledged there");
    }
    // An operator who wants to go on from there says so.
    for file in ["head-witness.json", "head-mark"] {
        fs::remove_file(dir.path().join(file)).unwrap();
    }
    assert_eq!(open(&with(&options, dir.path())).unwrap().known_head(), Position(3));
    let (other, _database) = new_log();
    let refused = open(&with(&other, dir.path())).unwrap_err();
    assert!(matches!(refused, OpenError::OtherLog { .. }), "{refused}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_an_instance_has_followed_must_be_there_as_well() {
    let (options, database) = new_log();
    let dir = tempfile::tempdir().unwrap();
    let (follower, other) = (open(&with(&options, dir.path())).unwrap(), open(&options).unwrap());
    let appended = other.append(vec![numbered(1, &[])], anyway()).await.unwrap();
    follower.watch_head().wait_for(|head| *head >= appended.last).await.unwrap();
    let killed = kill(dir.path());
    drop((follower, other));
    remove_last_group(&database);
    refused(&options, killed.path(), "it ends at position 0");
}

/// The setting for the database was forgotten: a log that begins anew in the directory would lose every booking from sight.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_directory_of_a_log_in_a_database_gets_no_log_of_its_own() {
    let (options, _database) = new_log();
    let dir = tempfile::tempdir().unwrap();
    let log = open(&with(&options, dir.path())).unwrap();
    log.append(vec![numbered(1, &[])], anyway()).await.unwrap();
    let (settings, place) = (Settings::new("test"), Place::Directory(dir.path().to_owned()));
    let group = log.stored_group(Position(1)).unwrap().unwrap();
    let log_id = log.log_id();
    drop(log);
    let refused = place.open(&settings).unwrap_err().to_string();
    assert!(refused.contains("is in a database: start the service with --store"), "{refused}");
    assert!(!dir.path().join("log").exists());
    // The log itself may move into the directory.
    let mut loader = place.loader(&settings, Some(log_id)).unwrap();
    loader.push(&group).unwrap();
    loader.finish().unwrap();
    let moved = place.open(&Settings { reserve_bytes: 0, ..settings }).unwrap();
    assert_eq!(numbers(&moved.read(&Query::all(), Position::START, 10).await.unwrap()), [1]);
}
