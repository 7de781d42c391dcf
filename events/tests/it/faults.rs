//! What a log in a database promises while the database, or the way to it, fails.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use events::store::lease::Lease;
use events::store::log::StoredLog;
use events::store::place::Place;
use events::store::postgres::{OpenError, Options, ServerError, open, schema};
use events::store::{AppendError, EventStore as _};
use events::{Position, Query};
use futures::future::join_all;
use rustix::process::{Pid, Signal, kill_process};
use test_database::{Database, Setup};

use crate::database::proxy::Proxy;
use crate::database::{init, new_log, options, server};
use crate::support::*;

/// Maximum time until something that must happen has happened.
const DEADLINE: Duration = Duration::from_secs(60);

/// What became of each append, by the number of its event.
type Outcomes = BTreeMap<u64, Result<(), AppendError>>;

/// Appends one event for each number, through each log in turn, `at_once` at a time.
async fn append_all(logs: &[Arc<StoredLog>], numbers: std::ops::Range<u64>, at_once: u64) -> Outcomes {
    let tasks = (0..at_once).map(|task| {
        let (logs, numbers) = (logs.to_vec(), numbers.clone());
        tokio::spawn(async move {
            let mut outcomes = Outcomes::new();
            for number in numbers.filter(|number| number % at_once == task) {
                let log = &logs[usize::try_from(number).unwrap() % logs.len()];
                let tag = format!("n:{number}");
                let event = with_payload(numbered(number, &[&tag]), "ada@example.com");
                let appended = log.append(vec![event], unless(&tag, 0)).await;
                outcomes.insert(number, appended.map(drop));
            }
            outcomes
        })
    });
    join_all(tasks.collect::<Vec<_>>()).await.into_iter().flat_map(Result::unwrap).collect()
}

/// Every acknowledged event is in the log once, and every other one is not. Both are checked in a log that is opened
/// again, which verifies the chain.
async fn check(options: &Options, outcomes: &Outcomes) {
    let log = open(options).unwrap();
    let page = log.read(&Query::all(), Position::START, usize::MAX).await.unwrap();
    let mut found = BTreeMap::new();
    for number in numbers(&page) {
        *found.entry(number).or_insert(0) += 1;
    }
    for (number, outcome) in outcomes {
        let expected = usize::from(outcome.is_ok());
        assert_eq!(found.remove(number).unwrap_or(0), expected, "{number}: {outcome:?}");
    }
    assert!(found.is_empty(), "the log has events that no caller appended: {found:?}");
    let payloads = log.confidential((1..=page.len() as u64).map(Position).collect()).await.unwrap();
    assert!(payloads.iter().all(Option::is_some), "an event has lost its payload");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_outcome_of_a_lost_answer_is_found_before_anyone_is_answered() {
    let (direct, database) = new_log();
    let proxy = Proxy::before(&database.socket_dir());
    let through = Options { server: server(&database.url_at(proxy.dir(), "postgres")), ..direct.clone() };
    let log = Arc::new(open(&through).unwrap());
    let mut outcomes = Outcomes::new();
    for round in 0..30 {
        // Connected again after the last loss.
        let deadline = Instant::now() + DEADLINE;
        let mut number = 10_000 * (round + 1);
        loop {
            let appended = append_all(&[Arc::clone(&log)], number..number + 1, 1).await;
            let is_connected = appended.values().all(Result::is_ok);
            outcomes.extend(appended);
            number += 1;
            if is_connected {
                break;
            }
            assert!(Instant::now() < deadline, "the log does not reach its database again");
        }
        proxy.lose_next_answer();
        outcomes.extend(append_all(&[Arc::clone(&log)], round * 4..round * 4 + 4, 4).await);
    }
    assert!(proxy.lost() >= 30, "{} answers were lost", proxy.lost());
    let answered = outcomes.range(..10_000).filter(|(_, outcome)| outcome.is_ok()).count();
    assert!(answered >= 60, "{answered} of 120 were appended");
    check(&direct, &outcomes).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn acknowledged_events_are_in_the_log_once_while_connections_are_ended_at_random() {
    let (options, database) = new_log();
    let logs = [Arc::new(open(&options).unwrap()), Arc::new(open(&options).unwrap())];
    let working = append_all(&logs, 0..3_000, 16);
    let ending = tokio::task::spawn_blocking(move || {
        let mut ended = 0;
        let until = Instant::now() + DEADLINE;
        while ended < 40 && Instant::now() < until {
            let one = "SELECT count(pg_terminate_backend(pid)) FROM (
                SELECT pid FROM pg_stat_activity WHERE application_name = 'meja-test' ORDER BY random() LIMIT 1) AS one";
            ended += database.query(one).parse::<usize>().unwrap();
        }
        (ended, database)
    });
    let (outcomes, ended) = tokio::join!(working, ending);
    let (ended, _database) = ended.unwrap();
    assert!(ended >= 40, "{ended} connections were ended");
    assert!(outcomes.values().filter(|outcome| outcome.is_ok()).count() > 1_000);
    drop(logs);
    check(&options, &outcomes).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crash_of_the_database_loses_nothing_that_was_acknowledged() {
    let (options, mut database) = new_log();
    let logs = [Arc::new(open(&options).unwrap()), Arc::new(open(&options).unwrap())];
    let mut outcomes = Outcomes::new();
    for round in 0..3_u64 {
        let working = append_all(&logs, round * 1_000..(round + 1) * 1_000, 16);
        let crashing = tokio::task::spawn_blocking(move || {
            let before = database.query("SELECT count(*) FROM meja_test.groups");
            let until = Instant::now() + DEADLINE;
            while database.query("SELECT count(*) FROM meja_test.groups") == before && Instant::now() < until
            {
            }
            database.kill();
            database.restart();
            database
        });
        let (done, crashed) = tokio::join!(working, crashing);
        outcomes.extend(done);
        database = crashed.unwrap();
    }
    assert!(outcomes.values().filter(|outcome| outcome.is_ok()).count() > 100);
    drop(logs);
    check(&options, &outcomes).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_cannot_be_written_refuses_appends_and_recovers() {
    let (options, database) = new_log();
    let log = open(&options).unwrap();
    log.append(vec![numbered(1, &[])], anyway()).await.unwrap();
    let read_only = |on: &str| {
        let set = format!("ALTER SYSTEM SET default_transaction_read_only = {on}");
        let _ = (database.query(&set), database.query("SELECT pg_reload_conf()"));
    };
    read_only("on");
    let deadline = Instant::now() + DEADLINE;
    let refused = loop {
        match log.append(vec![numbered(2, &["refused"])], anyway()).await {
            Err(error) => break error,
            // The setting has not reached the session yet.
            Ok(_) => assert!(Instant::now() < deadline),
        }
    };
    assert!(matches!(&refused, AppendError::Unavailable { .. }), "{refused}");
    assert!(refused.to_string().contains("read-only"), "{refused}");
    let head = log.known_head();
    assert_eq!(log.read(&Query::all(), Position::START, 1).await.unwrap().len(), 1, "reads still work");
    read_only("off");
    let until = Instant::now() + DEADLINE;
    while let Err(error) = log.append(vec![numbered(3, &[])], anyway()).await {
        assert!(Instant::now() < until, "{error}");
    }
    assert_eq!(log.known_head(), head.next(), "the refused append left nothing");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_is_away_refuses_appends_at_once() {
    let (options, mut database) = new_log();
    let log = Arc::new(open(&options).unwrap());
    log.append(vec![numbered(1, &[])], anyway()).await.unwrap();
    database.stop();
    // The first append may find the connection that has just ended. It waits until its outcome is known, the others do not.
    let first = tokio::spawn({
        let log = Arc::clone(&log);
        async move { log.append(vec![numbered(2, &["x"])], unless("x", 0)).await }
    });
    let deadline = Instant::now() + DEADLINE;
    while !matches!(
        tokio::time::timeout(Duration::from_secs(1), log.append(vec![numbered(4, &["away"])], anyway()))
            .await,
        Ok(Err(AppendError::Unavailable { .. }))
    ) {
        assert!(Instant::now() < deadline, "an append waits for a database that is away");
    }
    database.restart();
    while let Err(error) = log.append(vec![numbered(3, &[])], anyway()).await {
        assert!(Instant::now() < deadline, "{error}");
    }
    let first = first.await.unwrap();
    let second = log.append(vec![numbered(2, &["x"])], unless("x", 0)).await;
    assert_eq!(usize::from(first.is_ok()) + usize::from(second.is_ok()), 1, "{first:?}, then {second:?}");
}

/// The server commits without its standby when an administrator cancels the wait, and only warns.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_whose_wait_for_the_standby_was_cancelled_is_not_acknowledged() {
    let (options, database) = new_log();
    let log = Arc::new(open(&options).unwrap());
    log.append(vec![numbered(1, &[])], anyway()).await.unwrap();
    let standby = |name: &str| {
        let set = format!("ALTER SYSTEM SET synchronous_standby_names = '{name}'");
        let _ = (database.query(&set), database.query("SELECT pg_reload_conf()"));
    };
    // A standby that never comes.
    standby("nowhere");
    let deadline = Instant::now() + DEADLINE;
    let waiting =
        || database.query("SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'") != "0";
    let mut number = 1;
    // The first ones can be committed before the setting has reached every process of the server.
    let appending = loop {
        number += 1;
        let log = Arc::clone(&log);
        let appending = tokio::spawn(async move { log.append(vec![numbered(number, &[])], anyway()).await });
        while !appending.is_finished() && !waiting() {
            assert!(Instant::now() < deadline);
        }
        if !appending.is_finished() {
            break appending;
        }
    };
    let cancel = "SELECT count(pg_cancel_backend(pid)) FROM pg_stat_activity WHERE wait_event = 'SyncRep'";
    let mut cancelled = 0;
    while cancelled < 5 {
        assert!(Instant::now() < deadline, "{cancelled} waits were cancelled");
        cancelled += database.query(cancel).parse::<usize>().unwrap();
    }
    let committed = database.query("SELECT count(*) FROM meja_test.groups");
    assert_eq!(committed, number.to_string(), "the server has committed");
    assert!(!appending.is_finished(), "acknowledged without the standby");
    standby("");
    appending.await.unwrap().unwrap();
    let page = log.read(&Query::all(), Position::START, usize::MAX).await.unwrap();
    assert_eq!(numbers(&page), (1..=number).collect::<Vec<_>>());
}

/// The first host accepts connections and says nothing, as a server does whose machine is paused.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_silent_server_does_not_hide_the_next_one() {
    let (direct, database) = new_log();
    let silent = tempfile::tempdir().unwrap();
    let _listener = std::os::unix::net::UnixListener::bind(silent.path().join(".s.PGSQL.5432")).unwrap();
    let folder = |path: &std::path::Path| path.display().to_string().replace('/', "%2F");
    let url =
        format!("postgres://postgres@{},{}/postgres", folder(silent.path()), folder(&database.socket_dir()));
    let both = Options { server: server(&url), ..direct };
    let log = open(&both).unwrap();
    log.append(vec![numbered(1, &[])], anyway()).await.unwrap();
    assert_eq!(log.head().await.unwrap(), Position(1));
    let lease = Lease::of(&Place::Database(both.server.clone()), "test");
    assert!(lease.acquire(DEADLINE).await.unwrap());
}

/// The processes of the server that readers are connected to are paused, and others are not.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readers_leave_a_server_that_fell_silent() {
    let (options, database) = new_log();
    let log = open(&options).unwrap();
    log.append(vec![numbered(1, &[])], anyway()).await.unwrap();
    // Every connection that readers may have.
    assert!(join_all((0..8).map(|_| log.head())).await.iter().all(Result::is_ok));
    let pids = database.query("SELECT pid FROM pg_stat_activity WHERE application_name = 'meja-test'");
    let pids: Vec<_> = pids.lines().map(|pid| Pid::from_raw(pid.parse().unwrap()).unwrap()).collect();
    for pid in &pids {
        kill_process(*pid, Signal::STOP).unwrap();
    }
    let silent = join_all((0..8).map(|_| log.head())).await;
    assert!(silent.iter().any(Result::is_err), "a paused process cannot answer");
    assert_eq!(log.head().await.unwrap(), Position(1));
    for pid in pids {
        kill_process(pid, Signal::CONT).unwrap();
    }
}

/// A service needs no right to change or to remove a group, or to create anything.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_role_with_the_least_rights_is_enough() {
    let database = Database::start();
    let _ = database.query("CREATE ROLE meja_service LOGIN");
    let owner = options(&database);
    let made = schema::init(&owner.server, "test", None, Some("meja_service")).await.unwrap();
    let log = open(&Options { server: server(&database.url_of("meja_service")), ..owner.clone() }).unwrap();
    assert_eq!(log.log_id(), made.log_id);
    log.append(vec![with_payload(numbered(1, &[]), "ada@example.com")], anyway()).await.unwrap();
    let mut order = numbered(2, &[]);
    order.forgets = vec![Position(1)];
    log.append(vec![order], anyway()).await.unwrap();
    assert_eq!(payload(&log, 1).await, None);
    for refused in [
        "UPDATE meja_test.groups SET value = ''",
        "DELETE FROM meja_test.groups",
        "TRUNCATE meja_test.payloads",
        "UPDATE meja_test.log SET format = 2",
        "CREATE TABLE meja_test.other ()",
        "CREATE TABLE public.other ()",
    ] {
        let tried = database.try_query_as("meja_service", refused);
        assert!(
            tried.as_ref().is_err_and(|error| error.contains("permission denied")),
            "{refused}: {tried:?}"
        );
    }
    for other in ["a; DROP SCHEMA meja_test", "public", "current_user"] {
        assert!(schema::init(&owner.server, "test", None, Some(other)).await.is_err(), "{other}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_cannot_keep_the_promise_is_refused() {
    let mut database = Database::with(Setup { settings: &["synchronous_commit = off"], ..Setup::default() });
    for weak in ["off", "local", "remote_write"] {
        let _ = database.query(&format!("ALTER SYSTEM SET synchronous_commit = {weak}"));
        let _ = database.query("SELECT pg_reload_conf()");
        let without = open(&options(&database)).unwrap_err();
        assert!(
            matches!(without, OpenError::Server(ServerError::NotDurable { name: "synchronous_commit", .. })),
            "{weak}: {without}"
        );
    }
    let _ = database.query("ALTER SYSTEM SET synchronous_commit = on");
    let _ = database.query("SELECT pg_reload_conf()");
    database.stop();
    database.restart();
    let without = open(&options(&database)).unwrap_err();
    assert!(matches!(without, OpenError::NoLog { source_name: "test" }), "{without}");
    assert!(init(&options(&database)).is_new);
    assert!(!init(&options(&database)).is_new, "an existing log is kept");
    let _ = database.query("UPDATE meja_test.log SET format = 2");
    let newer = open(&options(&database)).unwrap_err();
    assert!(matches!(newer, OpenError::Format { found: 2, .. }), "{newer}");
}

/// Damage is found when the log is opened: a changed byte, a missing group, an event that was moved.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn damage_in_the_database_is_refused() {
    let (options, database) = new_log();
    let log = open(&options).unwrap();
    for number in 0..5 {
        log.append(vec![numbered(number, &[])], anyway()).await.unwrap();
    }
    drop(log);
    for damage in [
        "UPDATE meja_test.groups SET value = set_byte(value, 40, get_byte(value, 40) # 1) WHERE first = 3",
        "DELETE FROM meja_test.groups WHERE first = 3",
        "UPDATE meja_test.groups SET first = 7, last = 7 WHERE first = 5",
        "UPDATE meja_test.groups SET value = (SELECT value FROM meja_test.groups WHERE first = 2) WHERE first = 3",
    ] {
        let _ = database.query(&format!("CREATE TABLE kept AS TABLE meja_test.groups; {damage}"));
        let refused = open(&options).unwrap_err();
        assert!(matches!(refused, OpenError::Damaged { .. }), "{damage}: {refused}");
        let _ = database
            .query("DELETE FROM meja_test.groups; INSERT INTO meja_test.groups TABLE kept; DROP TABLE kept");
    }
    assert_eq!(open(&options).unwrap().known_head(), Position(5));
}

/// The commands of docs/operations.md remove an erased payload from the files of the database.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_erased_payload_is_in_no_file_after_the_documented_commands() {
    const CANARY: &str = "canary-6f1d0c2b@example.com";
    let (options, database) = new_log();
    let log = open(&options).unwrap();
    log.append(vec![with_payload(numbered(1, &[]), CANARY)], anyway()).await.unwrap();
    let _ = database.query("CHECKPOINT");
    assert!(!database.files_with(CANARY).is_empty(), "the search finds what is there");
    let mut order = numbered(2, &[]);
    order.forgets = vec![Position(1)];
    log.append(vec![order], anyway()).await.unwrap();
    for command in [
        "ALTER SYSTEM SET wal_recycle = off",
        "SELECT pg_reload_conf()",
        "VACUUM (FULL) meja_test.payloads",
        "CHECKPOINT",
        "SELECT pg_switch_wal()",
        "CHECKPOINT",
    ] {
        let _ = database.query(command);
    }
    assert_eq!(database.files_with(CANARY), Vec::<std::path::PathBuf>::new());
}
