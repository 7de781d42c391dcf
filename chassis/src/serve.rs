//! Accepts connections, and drains them at shutdown.

mod answers;
mod bare_errors;
mod connections;
mod shutdown;

use std::any::Any;
use std::error::Error;
use std::net::IpAddr;
use std::time::Duration;

use axum::Router;
use axum::extract::{MatchedPath, Request};
use axum::http::header::AUTHORIZATION;
use axum::http::{Method, StatusCode, Uri};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
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

/// What the header `Authorization` with a key begins with.
const BEARER_KEY: &[u8] = b"Bearer meja_";

/// Adds what every service has: request ids, spans and metrics, compressed responses, problems for unknown routes and
/// methods, and a response instead of a dropped connection when a handler panics.
pub fn harden(router: Router) -> Router {
    router
        .fallback(|uri: Uri| async move {
            Problem::not_found(format!("There is no resource at {}. See /docs.", uri.path()))
        })
        .method_not_allowed_fallback(|method: Method, uri: Uri| async move {
            // The router adds the header Allow to either response.
            if method == Method::OPTIONS {
                return StatusCode::NO_CONTENT.into_response();
            }
            let detail = format!("{} does not support {method}. See /docs.", uri.path());
            Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", detail).into_response()
        })
        .layer(CatchPanicLayer::custom(panicked))
        .layer(axum::middleware::from_fn(outermost))
}

/// Observes, encodes and protects in one middleware, because every layer boxes and clones a service for each request.
async fn outermost(path: Option<MatchedPath>, request: Request, next: Next) -> Response {
    let is_encrypted = request.extensions().get::<Peer>().is_some_and(|peer| peer.is_encrypted);
    let is_too_large = head_bytes(&request) > HEAD_BYTES_MAX;
    let mut response = observe(path, request, async |request| match is_too_large {
        true => Problem::headers_too_large().into_response(),
        false => encode(request, next).await,
    })
    .await;
    protect(response.headers_mut(), is_encrypted);
    response
}

/// The size of the head of a request, in bytes. hyper limits it only while a part of it is missing.
fn head_bytes(request: &Request) -> usize {
    let headers: usize =
        request.headers().iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
    headers + request.uri().path_and_query().map_or(0, |target| target.as_str().len())
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

/// Serves `app` on `listener` until `shutdown`, then waits for requests in progress.
///
/// Not `axum::serve`, which limits neither the number of connections nor the time for the headers of a request.
pub async fn serve(listener: TcpListener, app: Router, network: &Network, shutdown: Shutdown) {
    let Network { proxies, tls, limits, .. } = network.clone();
    if let Some(Err(error)) = tls.as_ref().map(Tls::reload_at_hangups) {
        tracing::warn!(%error, "could not handle SIGHUP: a new certificate counts after a restart");
    }
    let admission = Admission::of(&listener, &proxies, tls.as_ref());
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
        let connection = Connection { app: app.clone(), peer, limits, watcher: graceful.watcher(), place };
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
    fn of(listener: &TcpListener, proxies: &Networks, tls: Option<&Tls>) -> Self {
        let is_local = listener.local_addr().is_ok_and(|at| at.ip().is_loopback());
        let only_from = (!is_local && tls.is_none()).then(|| proxies.clone());
        Self { tls: tls.map(Tls::acceptor), only_from }
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
        let stream = TokioIo::new(WithBodies::new(Box::pin(stream)));
        // HTTP/1.1 only: detecting HTTP/2 by its first bytes would wait for them without a time limit.
        let mut builder = http1::Builder::new();
        builder.timer(TokioTimer::new()).header_read_timeout(head_max);
        builder.max_buf_size(HEAD_BYTES_MAX).keep_alive(!is_reserved);
        let connection = builder.serve_connection(stream, TowerToHyperService::new(app));
        Ok(self.watcher.watch(connection).await?)
    }
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
