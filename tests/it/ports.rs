//! Ports for the services of a test.
//!
//! A service is stopped and started again on the same port, and many tests run at once, each in a process of
//! its own. A port that the system chose is free for anyone as soon as a service stops: another test, or an
//! outgoing connection, can take it before the next start. So a test takes a port below those that the system
//! gives out, and keeps it with a lock on a file until its process ends.

use std::fs::{File, OpenOptions};
use std::net::TcpListener;
use std::ops::Range;
use std::sync::Mutex;

/// Below the ports that Linux gives to outgoing connections (from 32,768), above those of known services.
const PORTS: Range<u16> = 12_000..32_000;

/// The locks of this process.
static LOCKS: Mutex<Vec<File>> = Mutex::new(Vec::new());

/// A port of 127.0.0.1 that no other test uses until this process ends.
pub fn own_port() -> u16 {
    let folder = std::env::temp_dir().join("meja-test-ports");
    std::fs::create_dir_all(&folder).unwrap();
    for _ in 0..1_000 {
        let port = fastrand::u16(PORTS);
        let lock = OpenOptions::new().create(true).append(true).open(folder.join(port.to_string())).unwrap();
        if lock.try_lock().is_ok() && TcpListener::bind(("127.0.0.1", port)).is_ok() {
            LOCKS.lock().unwrap().push(lock);
            return port;
        }
    }
    panic!("no port of {PORTS:?} is free on 127.0.0.1: end the programs that listen there");
}

#[test]
fn two_ports_of_one_test_differ_and_stay_locked() {
    let (one, other) = (own_port(), own_port());
    assert_ne!(one, other);
    let path = std::env::temp_dir().join("meja-test-ports").join(one.to_string());
    assert!(File::open(path).unwrap().try_lock().is_err(), "another process could take port {one}");
}
