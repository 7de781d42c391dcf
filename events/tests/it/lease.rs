//! The lease of a log: one process holds it, until it expires, ends it or has lost it.

use std::time::Duration;

use events::store::lease::Lease;
use events::store::place::Place;

use crate::database::new_log;

const LONG: Duration = Duration::from_secs(3_600);

#[tokio::test]
async fn one_process_holds_the_lease_until_it_expires_or_is_released() {
    let (options, database) = new_log();
    let place = Place::Database(options.server.clone());
    let (one, other) = (Lease::of(&place, "test"), Lease::of(&place, "test"));
    assert!(one.is_shared());
    assert!(!one.renew(LONG).await.unwrap(), "a lease that was never taken cannot be prolonged");
    assert!(one.acquire(LONG).await.unwrap());
    assert!(one.acquire(LONG).await.unwrap(), "the answer to the first attempt may have been lost");
    assert!(!other.acquire(LONG).await.unwrap());
    assert!(one.renew(LONG).await.unwrap());
    // It expires.
    assert!(one.renew(Duration::ZERO).await.unwrap());
    assert!(other.acquire(LONG).await.unwrap());
    assert!(!one.renew(LONG).await.unwrap(), "a lease that another process has taken cannot be prolonged");
    one.release().await.unwrap();
    assert!(other.renew(LONG).await.unwrap(), "only the holder ends a lease");
    other.release().await.unwrap();
    assert!(one.acquire(LONG).await.unwrap());
    // A lost connection is replaced.
    let _ = database
        .query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()");
    assert!(one.renew(LONG).await.is_err());
    assert!(one.renew(LONG).await.unwrap());
}

#[tokio::test]
async fn the_log_of_a_directory_has_one_process() {
    let dir = tempfile::tempdir().unwrap();
    let lease = Lease::of(&Place::Directory(dir.path().to_owned()), "test");
    assert!(!lease.is_shared() && lease.acquire(LONG).await.unwrap() && lease.renew(LONG).await.unwrap());
    lease.release().await.unwrap();
}
