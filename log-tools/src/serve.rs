//! HTTP routes for the operator of a running service: its stored log as a stream, for online backups and
//! `log show --follow`, and its verification.
//!
//! The log contains confidential payloads, so the routes need the scope `operate`.

mod verification;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use access::{Access, Operations};
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use chassis::api::Query;
use chassis::environment::SharedEnvironment;
use chassis::problem::Problem;
use chassis::serve::Shutdown;
use contract::log::ReadLog;
use contract::request::Request as _;
use events::Position;
use events::feed::HEAD_POSITION_HEADER;
use events::store::EventStore as _;
use events::store::backup::{BackupHeader, BackupWriter};
use events::store::groups::Chain;
use events::store::log::StoredLog;
use events::values::{Scope, Scopes};
use futures::StreamExt as _;
use proof::{SignedCheckpoint, VerifierKey};
use tokio::sync::mpsc;
use utoipa::openapi::OpenApi;
use utoipa_axum::routes;

use self::verification::Verification;
use crate::EventCatalogue;

/// The path of the route.
pub const PATH: &str = "/api/log";

/// Maximum number of chunks read ahead of the client.
const CHUNKS_AHEAD_MAX: usize = 16;

/// Size of a chunk, in bytes.
const CHUNK_BYTES: usize = 64 * 1024;

/// The state of the routes.
#[derive(Clone)]
pub struct LogRoute {
    /// The log.
    pub store: Arc<StoredLog>,
    /// How the service interprets its events.
    pub catalogue: Arc<dyn EventCatalogue + Send + Sync>,
    /// The keys that sign checkpoints of the log, or have signed them. None if the log is not signed.
    pub keys: Vec<VerifierKey>,
    /// Returns the newest checkpoint of the log, if there is one.
    pub newest: Arc<dyn Fn() -> Option<SignedCheckpoint> + Send + Sync>,
    /// The clock.
    pub env: SharedEnvironment,
    /// The shutdown signal of the service.
    pub shutdown: Shutdown,
    verification: Arc<Verification>,
}

impl LogRoute {
    /// The routes for the log in `store`, which is not signed.
    #[must_use]
    pub fn new(
        store: &Arc<StoredLog>,
        catalogue: Arc<dyn EventCatalogue + Send + Sync>,
        env: &SharedEnvironment,
        shutdown: &Shutdown,
    ) -> Self {
        Self {
            store: Arc::clone(store),
            catalogue,
            keys: Vec::new(),
            newest: Arc::new(|| None),
            env: Arc::clone(env),
            shutdown: shutdown.clone(),
            verification: Arc::default(),
        }
    }
}

/// The route that streams the log, to be merged with those of a service. `anonymous` are the scopes of callers without a
/// credential.
pub fn routes<S>(route: LogRoute, anonymous: Scopes) -> Operations<S> {
    let routes = Operations::new(OpenApi::default(), anonymous);
    routes.route(Access::Everywhere(Scope::Operate), routes!(backup)).with_state(route)
}

/// The routes that verify the log. They are for one service behind a gateway, which has one address for them.
pub fn verification_routes<S>(route: LogRoute, anonymous: Scopes) -> Operations<S> {
    Operations::new(OpenApi::default(), anonymous)
        .route(
            Access::Everywhere(Scope::Operate),
            routes!(verification::get, verification::start, verification::cancel),
        )
        .with_state(route)
}

/// Stream the stored log
///
/// Streams every stored group after `after`, up to the current head, with confidential payloads. Used for
/// backups and `log show --follow`.
#[utoipa::path(get, path = "/api/log", operation_id = "streamLog", tag = "operations",
    params(ReadLog),
    responses((status = 200, description = "A backup, as written by `log backup`", content_type = "application/octet-stream")))]
async fn backup(State(route): State<LogRoute>, Query(form): Query) -> Result<Response, Problem> {
    let ReadLog { after, timeout } = ReadLog::read(form)?;
    let after = after.unwrap_or(Position::START);
    let timeout = Duration::from_millis(timeout.map_or(0, u64::from));
    let mut heads = route.store.watch_head();
    let grown = heads.wait_for(|head| *head > after);
    tokio::select! {
        _ = tokio::time::timeout(timeout, grown) => {}
        () = route.shutdown.requested() => {}
    }
    let head = route.store.known_head();
    let (to_client, chunks) = mpsc::channel::<io::Result<Bytes>>(CHUNKS_AHEAD_MAX);
    tokio::task::spawn_blocking(move || {
        let mut writer = Chunks { to_client, chunk: Vec::with_capacity(CHUNK_BYTES) };
        if let Err(error) = stream(&route.store, after, head, &mut writer) {
            if error.kind() != io::ErrorKind::BrokenPipe {
                tracing::error!(%error, "the log could not be streamed");
            }
            // End the response with an error. The client recognises the truncated stream by its missing end
            // record. If the client has disconnected, sending fails, and that is ignored.
            let _ = writer.to_client.blocking_send(Err(error));
        }
    });
    let chunks = futures::stream::unfold(chunks, |mut chunks| async {
        chunks.recv().await.map(|chunk| (chunk, chunks))
    });
    let mut response = Body::from_stream(chunks.boxed()).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(HEAD_POSITION_HEADER, HeaderValue::from(head.0));
    Ok(response)
}

fn stream(store: &StoredLog, after: Position, head: Position, to: &mut Chunks) -> io::Result<()> {
    let header = BackupHeader { log_id: store.log_id(), source: store.source().to_owned(), after };
    let mut backup = BackupWriter::begin(to, &header)?;
    // The hash chain is known only from the beginning of the log. In a later part, position and hash of the
    // end record are zero, and readers do not check them.
    let mut chain = Chain::default();
    let mut last = after;
    while last < head {
        let Some(group) = store.stored_group(last.next()).map_err(io::Error::other)? else { break };
        last = group.last();
        if after == Position::START {
            chain.link(&group).map_err(io::Error::other)?;
        }
        backup.group(&group)?;
    }
    backup.finish(&chain)?.hand_on()
}

/// Collects written bytes into chunks for the client.
struct Chunks {
    to_client: mpsc::Sender<io::Result<Bytes>>,
    chunk: Vec<u8>,
}

impl Chunks {
    fn hand_on(&mut self) -> io::Result<()> {
        let chunk = std::mem::replace(&mut self.chunk, Vec::with_capacity(CHUNK_BYTES));
        let sent = self.to_client.blocking_send(Ok(chunk.into()));
        sent.map_err(|_| io::Error::new(io::ErrorKind::BrokenPipe, "the client has disconnected"))
    }
}

impl io::Write for Chunks {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.chunk.extend_from_slice(bytes);
        if self.chunk.len() >= CHUNK_BYTES {
            self.hand_on()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
