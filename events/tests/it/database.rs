//! Logs in a database: one process, and two processes that compete for every position.

pub mod proxy;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use events::store::contract::Subject;
use events::store::log::StoredLog;
use events::store::postgres::{Options, Server, open, schema};
use events::store::{AppendCondition, AppendError, Appended, EventStore, Page, ReadError};
use events::{LogId, Position, Query, recorded::NewEvent};
use futures::future::BoxFuture;
use test_database::Database;
use tokio::sync::watch;

/// A log in a database of its own.
pub fn new_log() -> (Options, Database) {
    let database = Database::start();
    let options = options(&database);
    init(&options);
    (options, database)
}

/// The settings of the log in `database`.
pub fn options(database: &Database) -> Options {
    Options::new(server(&database.url()), "test")
}

/// The database at `url`.
pub fn server(url: &str) -> Server {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let tls = rustls::ClientConfig::builder().with_root_certificates(rustls::RootCertStore::empty());
    Server::parse(url, None, Arc::new(tls.with_no_client_auth())).unwrap()
}

/// Creates the log. On a thread of its own, because a test can be on a thread of a runtime.
pub fn init(options: &Options) -> schema::LogInfo {
    let (server, source) = (options.server.clone(), options.source);
    let made = std::thread::spawn(move || {
        tokio::runtime::Runtime::new().unwrap().block_on(schema::init(&server, source, None, None)).unwrap()
    });
    made.join().unwrap()
}

/// One process.
pub struct One;
impl Subject for One {
    type Store = StoredLog;
    type Guard = Database;
    fn fresh() -> (Arc<StoredLog>, Database) {
        let (options, database) = new_log();
        (Arc::new(open(&options).unwrap()), database)
    }
}

/// One process without recent groups in memory, so that every read goes to the database.
pub struct WithoutMemory;
impl Subject for WithoutMemory {
    type Store = StoredLog;
    type Guard = Database;
    fn fresh() -> (Arc<StoredLog>, Database) {
        let (options, database) = new_log();
        (Arc::new(open(&Options { recent_bytes: 0, ..options }).unwrap()), database)
    }
}

/// Two processes on one log. Appends and reads go to either in turn.
pub struct Two {
    instances: [Arc<StoredLog>; 2],
    turn: AtomicUsize,
}

impl Two {
    fn next(&self) -> &StoredLog {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        &self.instances[turn % self.instances.len()]
    }

    /// Waits until both know the log up to `position`, as a caller with the position of its last command does.
    async fn reached(&self, position: Position) {
        for instance in &self.instances {
            instance.watch_head().wait_for(|head| *head >= position).await.unwrap();
        }
    }
}

impl EventStore for Two {
    fn log_id(&self) -> LogId {
        self.instances[0].log_id()
    }

    fn append(
        &self,
        events: Vec<NewEvent>,
        condition: AppendCondition,
    ) -> BoxFuture<'_, Result<Appended, AppendError>> {
        Box::pin(async move {
            let appended = self.next().append(events, condition).await;
            match &appended {
                Ok(appended) => self.reached(appended.last).await,
                Err(AppendError::Conflict { at }) => self.reached(*at).await,
                Err(_) => {}
            }
            appended
        })
    }

    fn read<'a>(
        &'a self,
        query: &'a Query,
        after: Position,
        limit: usize,
    ) -> BoxFuture<'a, Result<Page, ReadError>> {
        Box::pin(async move {
            self.reached(self.known_head()).await;
            self.next().read(query, after, limit).await
        })
    }

    fn watch_head(&self) -> watch::Receiver<Position> {
        self.instances[0].watch_head()
    }

    fn confidential(&self, positions: Vec<Position>) -> BoxFuture<'_, Result<Vec<Option<Bytes>>, ReadError>> {
        self.next().confidential(positions)
    }

    fn head(&self) -> BoxFuture<'_, Result<Position, ReadError>> {
        self.next().head()
    }
}

impl Subject for Two {
    type Store = Self;
    type Guard = Database;
    fn fresh() -> (Arc<Self>, Database) {
        let (options, database) = new_log();
        let instance = || Arc::new(open(&options).unwrap());
        (Arc::new(Self { instances: [instance(), instance()], turn: AtomicUsize::new(0) }), database)
    }
}
