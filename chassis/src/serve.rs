//! Accepts connections, and drains them at shutdown.

mod answers;
mod bare_errors;
mod connections;
mod shutdown;

use std::any::Any;
use std::error::Error;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use axum::Router;
use axum::extract::{MatchedPath, Request};
use axum::http::header::AUTHORIZATION;
use axum::http::{Method, StatusCode, Uri};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio_io_timeout::TimeoutStream;
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt as _;
use tower_http::catch_panic::CatchPanicLayer;

use self::answers::protect;
use self::bare_errors::WithBodies;
use self::connections::{Connections, Place};
pub use self::shutdown::{Shutdown, ShutdownTrigger};
use crate::api::encode;
use crate::network::{HEALTH_CHECKS, Limits, Network, Networks, Peer, Tls};
use crate::problem::Problem;
use crate::request_trace::observe;

/// Maximum size of the head of a request, in bytes: its first line and its headers.
pub(crate) const HEAD_BYTES_MAX: usize = 32 * 1024;

/// Maximum time for the headers of a request on a connection that is kept for health checks and services.
const RESERVED_HEADER_MAX: Duration = Duration::from_secs(1);

/// How often the server asks a client with HTTP/2 whether it is still there.
const PING_INTERVAL: Duration = Duration::from_secs(10);

/// Maximum time in which a client with HTTP/2 sends nothing, also before its first request. It answers pings.
const SILENCE_MAX: Duration = Duration::from_secs(30);

/// Maximum number of requests in progress on a connection with HTTP/2.
const STREAMS_PER_CONNECTION_MAX: u32 = 128;

/// The protocol of a listener. A listener has one, because detecting HTTP/2 by its first bytes would wait for them without a
/// time limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// HTTP/1.1.
    Http1,
    /// HTTP/2, for gRPC: without encryption with prior knowledge.
    Http2,
}

/// What the header `Authorization` with a key begins with.
const BEARER_KEY: &[u8] = b"Bearer meja_";

/// Adds what every service has: that of [`observed`], and problems for unknown routes and methods.
pub fn harden(router: Router) -> Router {
    let router = router.fallback(|uri: Uri| async move {
        Problem::not_found(format!("There is no resource at {}. See /docs.", uri.path()))
    });
    observed(router.method_not_allowed_fallback(|method: Method, uri: Uri| async move {
        // The router adds the header Allow to either response.
        if method == Method::OPTIONS {
            return StatusCode::NO_CONTENT.into_response();
        }
        let detail = format!("{} does not support {method}. See /docs.", uri.path());
        Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", detail).into_response()
    }))
}

/// Adds that of [`observed_plain`], and compressed responses.
pub fn observed(router: Router) -> Router {
    router.layer(catch_panics()).layer(axum::middleware::from_fn(encoded))
}

/// Adds request ids, spans and metrics, protecting headers, and a response instead of a dropped connection when a handler panics.
pub fn observed_plain(router: Router) -> Router {
    router.layer(catch_panics()).layer(axum::middleware::from_fn(plain))
}

async fn encoded(path: Option<MatchedPath>, request: Request, next: Next) -> Response {
    outermost(path, request, |request| encode(request, next)).await
}

async fn plain(path: Option<MatchedPath>, request: Request, next: Next) -> Response {
    outermost(path, request, |request| next.run(request)).await
}

/// Observes, responds and protects in one middleware, because every layer boxes and clones a service for each request.
async fn outermost<F: Future<Output = Response>>(
    path: Option<MatchedPath>,
    request: Request,
    respond: impl FnOnce(Request) -> F,
) -> Response {
    let is_encrypted = request.extensions().get::<Peer>().is_some_and(|peer| peer.is_encrypted);
    let route = path.as_ref().map_or("none", MatchedPath::as_str).to_owned();
    let mut response = observe(&route, request, async |request| match has_large_head(&request) {
        true => Problem::headers_too_large().into_response(),
        false => respond(request).await,
    })
    .await;
    protect(response.headers_mut(), is_encrypted);
    response
}

/// Whether the head of a request is larger than 32 KiB. hyper limits it only while a part of it is missing.
#[must_use]
pub fn has_large_head(request: &Request) -> bool {
    head_bytes(request) > HEAD_BYTES_MAX
}

/// The size of the head of a request, in bytes.
fn head_bytes(request: &Request) -> usize {
    let headers: usize =
        request.headers().iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
    headers + request.uri().path_and_query().map_or(0, |target| target.as_str().len())
}

/// Turns a panic of a handler into a response.
#[must_use]
pub fn catch_panics() -> CatchPanicLayer<fn(Box<dyn Any + Send>) -> Response> {
    CatchPanicLayer::custom(panicked)
}

fn panicked(panic: Box<dyn Any + Send>) -> Response {
    #[derive(Debug, thiserror::Error)]
    #[error("a handler panicked: {0}")]
    struct Panicked(String);
    let words = panic
        .downcast_ref::<&str>()
        .map(|words| (*words).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_default();
    Problem::internal(&Panicked(words)).into_response()
}

/// A listener and what it serves.
#[derive(Debug)]
pub struct Interface {
    /// The listener.
    pub listener: TcpListener,
    /// Its protocol.
    pub protocol: Protocol,
    /// Its routes.
    pub router: Router,
}

/// A listener on `address`. `option` is what chooses another address.
///
/// # Errors
/// When the address cannot be used.
pub async fn bind(address: SocketAddr, option: &str) -> Result<TcpListener, BindError> {
    let failed = |source| BindError { address, option: option.to_owned(), source };
    TcpListener::bind(address).await.map_err(failed)
}

/// Why a service cannot listen on an address.
#[derive(Debug, thiserror::Error)]
#[error("could not listen on {address}: another process may use it; choose another address with {option}")]
pub struct BindError {
    address: SocketAddr,
    option: String,
    source: std::io::Error,
}

/// Serves all `interfaces` until `shutdown`, then waits for requests in progress. Each has its own budget of connections.
pub async fn serve(interfaces: impl IntoIterator<Item = Interface>, network: &Network, shutdown: Shutdown) {
    if let Some(Err(error)) = network.tls.as_ref().map(Tls::reload_at_hangups) {
        tracing::warn!(%error, "could not handle SIGHUP: a new certificate counts after a restart");
    }
    let served = interfaces.into_iter().map(|interface| accept_all(interface, network, shutdown.clone()));
    futures::future::join_all(served).await;
}

/// Accepts connections until `shutdown`, then waits for requests in progress.
///
/// Not `axum::serve`, which limits neither the number of connections nor the time for the headers of a request.
async fn accept_all(interface: Interface, network: &Network, shutdown: Shutdown) {
    let Interface { listener, protocol, router: app } = interface;
    let Network { proxies, tls, limits, .. } = network.clone();
    let admission = Admission::of(&listener, protocol, &proxies, tls.as_ref());
    let connections = Connections::new(limits, proxies);
    // For the connections that are kept for health checks and services.
    let for_reserve = app.clone().layer(axum::middleware::from_fn(reserved));
    let graceful = GracefulShutdown::new();
    loop {
        let accepted = tokio::select! {
            accepted = accept(&listener) => accepted,
            () = shutdown.requested() => break,
        };
        let Some((stream, peer)) = accepted.filter(|(_, peer)| admission.admits(*peer)) else { continue };
        let Some(place) = connections.admit(peer) else {
            metrics::counter!("meja_connections_refused_total").increment(1);
            continue;
        };
        let app = if place.is_reserved { &for_reserve } else { &app };
        let peer = Peer { ip: peer, is_encrypted: admission.tls.is_some() };
        let watcher = graceful.watcher();
        let connection = Connection { app: app.clone(), protocol, peer, limits, watcher, place };
        let tls = admission.tls.clone();
        let head_max = connection.head_max();
        tokio::spawn(async move {
            let served = match tls {
                None => connection.serve(stream).await,
                Some(tls) => match tokio::time::timeout(head_max, tls.accept(stream)).await {
                    Ok(Ok(stream)) => connection.serve(stream).await,
                    Ok(Err(error)) => Err(error.into()),
                    Err(elapsed) => Err(elapsed.into()),
                },
            };
            if let Err(error) = served {
                tracing::debug!(error, "a connection ended early");
            }
        });
    }
    drop(listener);
    if tokio::time::timeout(limits.drain_timeout, graceful.shutdown()).await.is_err() {
        tracing::warn!("requests were still in progress after {} s", limits.drain_timeout.as_secs());
    }
}

/// How connections are accepted.
struct Admission {
    tls: Option<TlsAcceptor>,
    /// The networks that may connect without encryption, if not every peer is on this machine.
    only_from: Option<Networks>,
}

impl Admission {
    fn of(listener: &TcpListener, protocol: Protocol, proxies: &Networks, tls: Option<&Tls>) -> Self {
        let is_local = listener.local_addr().is_ok_and(|at| at.ip().is_loopback());
        let only_from = (!is_local && tls.is_none()).then(|| proxies.clone());
        let name = if protocol == Protocol::Http1 { &b"http/1.1"[..] } else { b"h2" };
        Self { tls: tls.map(|tls| tls.acceptor(name)), only_from }
    }

    /// Whether `peer` may connect: off this machine a connection is encrypted, or comes from a proxy.
    fn admits(&self, peer: IpAddr) -> bool {
        let is_admitted =
            self.only_from.as_ref().is_none_or(|networks| networks.contain(peer) || peer.is_loopback());
        if !is_admitted {
            tracing::debug!(%peer, "refused a connection that is not encrypted and not from a proxy");
        }
        is_admitted
    }
}

/// An accepted connection.
struct Connection {
    app: Router,
    protocol: Protocol,
    peer: Peer,
    limits: Limits,
    watcher: Watcher,
    /// Held until the connection is closed.
    place: Place,
}

impl Connection {
    /// Maximum time for the head of a request, and for the handshake before it.
    fn head_max(&self) -> Duration {
        if self.place.is_reserved { RESERVED_HEADER_MAX } else { self.limits.header_timeout }
    }

    async fn serve<S: AsyncRead + AsyncWrite + Send + 'static>(
        self,
        stream: S,
    ) -> Result<(), Box<dyn Error + Send + Sync>> {
        let (peer, limits, is_reserved) = (self.peer, self.limits, self.place.is_reserved);
        let head_max = self.head_max();
        let app = self.app.map_request(move |mut request: hyper::Request<Incoming>| {
            request.extensions_mut().insert(peer);
            request
        });
        // A client that does not read its response must not keep the connection.
        let mut stream = TimeoutStream::new(stream);
        stream.set_write_timeout(Some(limits.write_timeout));
        let app = TowerToHyperService::new(app);
        if self.protocol == Protocol::Http2 {
            stream.set_read_timeout(Some(SILENCE_MAX));
            let connection = http2_builder().serve_connection(TokioIo::new(Box::pin(stream)), app);
            return Ok(self.watcher.watch(connection).await?);
        }
        let stream = TokioIo::new(WithBodies::new(Box::pin(stream)));
        let mut builder = http1::Builder::new();
        builder.timer(TokioTimer::new()).header_read_timeout(head_max);
        builder.max_buf_size(HEAD_BYTES_MAX).keep_alive(!is_reserved);
        let connection = builder.serve_connection(stream, app);
        Ok(self.watcher.watch(connection).await?)
    }
}

fn http2_builder() -> http2::Builder<TokioExecutor> {
    let mut builder = http2::Builder::new(TokioExecutor::new());
    builder.timer(TokioTimer::new()).keep_alive_interval(PING_INTERVAL).keep_alive_timeout(SILENCE_MAX);
    builder.max_header_list_size(HEAD_BYTES_MAX as u32).max_concurrent_streams(STREAMS_PER_CONNECTION_MAX);
    builder
}

/// Lets requests of health checks and services pass, while there are too many connections.
async fn reserved(request: Request, next: Next) -> Response {
    let is_health = HEALTH_CHECKS.contains(&request.uri().path());
    // The operation checks the key. After one response, also an error, the connection is closed.
    let shows_key = request.headers().get(AUTHORIZATION).is_some_and(|value| {
        value.as_bytes().get(..BEARER_KEY.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(BEARER_KEY))
    });
    if is_health || shows_key {
        return next.run(request).await;
    }
    let detail = "There are too many connections. Try again, and use one connection for several requests.";
    Problem::unavailable("too_many_connections", detail, 1).into_response()
}

async fn accept(listener: &TcpListener) -> Option<(TcpStream, IpAddr)> {
    match listener.accept().await {
        Ok((stream, peer)) => {
            // Send small responses immediately.
            let _ = stream.set_nodelay(true);
            Some((stream, peer.ip().to_canonical()))
        }
        Err(error) => {
            // For example too many open files: the backlog keeps waiting connections meanwhile.
            tracing::warn!(%error, "could not accept a connection");
            tokio::time::sleep(Duration::from_millis(50)).await;
            None
        }
    }
}
