//! Serves the log of a running service to its operator, for online backups and `show --follow`.
//!
//! The log contains confidential payloads, so the route requires the service token.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::State;
use axum::http::request::Parts;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use chassis::body::query_form;
use chassis::problem::Problem;
use chassis::secret::Token;
use chassis::serve::Shutdown;
use events::Position;
use events::feed::{HEAD_POSITION_HEADER, TIMEOUT_MS_MAX};
use events::store::EventStore as _;
use events::store::backup::{BackupHeader, BackupWriter};
use events::store::groups::Chain;
use events::store::sled::SledStore;
use futures::StreamExt as _;
use tokio::sync::mpsc;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// The path of the route.
pub const PATH: &str = "/api/log";

/// Maximum number of chunks read ahead of the client.
const PIECES_AHEAD_MAX: usize = 16;

/// Size of a chunk, in bytes.
const PIECE_BYTES: usize = 64 * 1024;

/// The state of the route.
#[derive(Clone)]
pub struct LogRoute {
    /// The log.
    pub store: Arc<SledStore>,
    /// The token that callers must present.
    pub token: Option<Token>,
    /// The shutdown signal of the service.
    pub shutdown: Shutdown,
}

/// The route, to be merged with the routes of a service.
pub fn routes(route: LogRoute) -> OpenApiRouter {
    OpenApiRouter::new().routes(routes!(backup)).with_state(route)
}

struct Asked {
    after: Position,
    timeout: Duration,
}

/// Stream the stored log
///
/// For backups: every group up to the current head, with confidential payloads.
#[utoipa::path(get, path = "/api/log", tag = "operations", security(("service_token" = [])),
    params(("after" = Option<u64>, Query, description = "Groups with events after this position; all by default"),
        ("timeout" = Option<u64>, Query, description = "Milliseconds to wait for an event, up to 30000")),
    responses((status = 200, description = "A backup, as written by `log backup`", content_type = "application/octet-stream"),
        (status = 401, description = "The service token is missing"), (status = 422, description = "A parameter is invalid")))]
async fn backup(State(route): State<LogRoute>, mut parts: Parts) -> Result<Response, Problem> {
    if route.token.as_ref().is_some_and(|token| !token.is_shown_in(&parts.headers)) {
        return Err(Problem::unauthorized());
    }
    let asked = asked(&mut parts).await?;
    let mut heads = route.store.watch_head();
    let grown = heads.wait_for(|head| *head > asked.after);
    tokio::select! {
        _ = tokio::time::timeout(asked.timeout, grown) => {}
        () = route.shutdown.requested() => {}
    }
    let head = route.store.known_head();
    let (to_client, pieces) = mpsc::channel::<io::Result<Bytes>>(PIECES_AHEAD_MAX);
    tokio::task::spawn_blocking(move || {
        let mut writer = Pieces { to_client, piece: Vec::with_capacity(PIECE_BYTES) };
        if let Err(error) = stream(&route.store, asked.after, head, &mut writer) {
            if error.kind() != io::ErrorKind::BrokenPipe {
                tracing::error!(%error, "the log could not be streamed");
            }
            // The client sees a stream without its end record. A client that went away receives nothing more.
            let _ = writer.to_client.blocking_send(Err(error));
        }
    });
    let pieces = futures::stream::unfold(pieces, |mut pieces| async {
        pieces.recv().await.map(|piece| (piece, pieces))
    });
    let mut response = Body::from_stream(pieces.boxed()).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(HEAD_POSITION_HEADER, HeaderValue::from(head.0));
    Ok(response)
}

async fn asked(parts: &mut Parts) -> Result<Asked, Problem> {
    let mut form = query_form(parts, &()).await?;
    let number = |max: u64| {
        move |text: &str| match text.parse::<u64>() {
            Ok(number) if number <= max => Ok(number),
            _ => Err(format!("{text:?} is not a number up to {max}")),
        }
    };
    let after = form.optional_parsed("after", 20, number(u64::MAX - 1));
    let timeout = form.optional_parsed("timeout", 10, number(TIMEOUT_MS_MAX));
    form.finish(Some(Asked {
        after: Position(after.unwrap_or(0)),
        timeout: Duration::from_millis(timeout.unwrap_or(0)),
    }))
}

fn stream(store: &SledStore, after: Position, head: Position, to: &mut Pieces) -> io::Result<()> {
    let header = BackupHeader { log_id: store.log_id(), source: store.source().to_owned(), after };
    let mut backup = BackupWriter::begin(to, &header)?;
    // A part of a log has zeros in its end record; that the record is present is enough.
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
struct Pieces {
    to_client: mpsc::Sender<io::Result<Bytes>>,
    piece: Vec<u8>,
}

impl Pieces {
    fn hand_on(&mut self) -> io::Result<()> {
        let piece = std::mem::replace(&mut self.piece, Vec::with_capacity(PIECE_BYTES));
        let sent = self.to_client.blocking_send(Ok(piece.into()));
        sent.map_err(|_| io::Error::new(io::ErrorKind::BrokenPipe, "the client has disconnected"))
    }
}

impl io::Write for Pieces {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.piece.extend_from_slice(bytes);
        if self.piece.len() >= PIECE_BYTES {
            self.hand_on()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
