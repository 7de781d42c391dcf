//! A proxy in front of the database that can lose the answer to a statement.

use std::io::{Read as _, Write as _};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use tempfile::TempDir;

/// A socket that leads to the socket of a database.
pub struct Proxy {
    dir: TempDir,
    to_lose: Arc<AtomicUsize>,
    lost: Arc<AtomicUsize>,
}

impl Proxy {
    /// A proxy for the database whose socket is in `database`.
    pub fn before(database: &Path) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(dir.path().join(SOCKET)).unwrap();
        let (to_lose, lost) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let proxy = Self { dir, to_lose: Arc::clone(&to_lose), lost: Arc::clone(&lost) };
        let server = database.join(SOCKET);
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                // The database is away for a moment: the client sees a connection that ends.
                let Ok(server) = UnixStream::connect(&server) else { continue };
                let answers = (client.try_clone().unwrap(), server.try_clone().unwrap());
                let (to_lose, lost) = (Arc::clone(&to_lose), Arc::clone(&lost));
                thread::spawn(move || copy(client, server, &AtomicUsize::new(0), &AtomicUsize::new(0)));
                thread::spawn(move || copy(answers.1, answers.0, &to_lose, &lost));
            }
        });
        proxy
    }

    /// The folder of the socket.
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// The next answer of the database is lost, and its connection ends.
    pub fn lose_next_answer(&self) {
        self.to_lose.fetch_add(1, Ordering::SeqCst);
    }

    /// The number of lost answers.
    pub fn lost(&self) -> usize {
        self.lost.load(Ordering::SeqCst)
    }
}

/// The name of a socket of PostgreSQL for its usual port.
const SOCKET: &str = ".s.PGSQL.5432";

/// Copies bytes until one side ends, or until bytes are to be lost.
fn copy(mut from: UnixStream, mut to: UnixStream, to_lose: &AtomicUsize, lost: &AtomicUsize) {
    let mut bytes = [0; 16 * 1024];
    while let Ok(read @ 1..) = from.read(&mut bytes) {
        let loses =
            to_lose.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok();
        if loses {
            lost.fetch_add(1, Ordering::SeqCst);
            break;
        }
        if to.write_all(&bytes[..read]).is_err() {
            break;
        }
    }
    let _ = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
}
