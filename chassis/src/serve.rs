//! Accepts connections, and drains them at shutdown.

mod bare_errors;

use std::any::Any;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{MatchedPath, Request};
use axum::http::{Method, StatusCode, Uri};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tower_http::catch_panic::CatchPanicLayer;

use self::bare_errors::WithBodies;
use crate::api::encode;
use crate::problem::Problem;
use crate::request_trace::observe;

/// Limits of the listener.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Maximum number of open connections; further ones wait in the kernel's backlog.
    pub connections_max: usize,
    /// Maximum time for the headers of a request, and for an idle connection.
    pub header_timeout: Duration,
    /// Maximum time for requests in progress at shutdown.
    pub drain_timeout: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections_max: 4_096,
            header_timeout: Duration::from_secs(10),
            drain_timeout: Duration::from_secs(10),
        }
    }
}

/// A shutdown signal that tasks can wait for.
#[derive(Debug, Clone)]
pub struct Shutdown(watch::Receiver<bool>);

/// The sender of a [`Shutdown`].
#[derive(Debug)]
pub struct ShutdownTrigger(watch::Sender<bool>);

impl Shutdown {
    /// A shutdown signal and its trigger.
    #[must_use]
    pub fn new() -> (ShutdownTrigger, Self) {
        let (sender, receiver) = watch::channel(false);
        (ShutdownTrigger(sender), Self(receiver))
    }

    /// Waits until the shutdown is requested.
    pub async fn requested(&self) {
        // A dropped trigger requests the shutdown as well.
        let _ = self.0.clone().wait_for(|stop| *stop).await;
    }

    /// Whether the shutdown was requested.
    #[must_use]
    pub fn is_requested(&self) -> bool {
        *self.0.borrow()
    }
}

impl ShutdownTrigger {
    /// Requests the shutdown.
    pub fn fire(&self) {
        self.0.send_replace(true);
    }

    /// Requests the shutdown at SIGTERM or Ctrl-C.
    ///
    /// # Errors
    /// When signal handlers cannot be installed.
    pub fn on_signals(self) -> std::io::Result<()> {
        use tokio::signal::unix::{SignalKind, signal};
        let (mut terminate, mut interrupt) =
            (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
        tokio::spawn(async move {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            tracing::info!(
                "shutting down: no new connections are accepted, requests in progress are completed"
            );
            self.fire();
        });
        Ok(())
    }
}

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

/// Observes and encodes in one middleware, because every layer boxes and clones a service for each request.
async fn outermost(path: Option<MatchedPath>, request: Request, next: Next) -> Response {
    observe(path, request, |request| encode(request, next)).await
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
pub async fn serve(listener: TcpListener, app: Router, limits: Limits, shutdown: Shutdown) {
    // HTTP/1.1 only: detecting HTTP/2 by its first bytes would wait for them without a time limit.
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(limits.header_timeout);
    let graceful = GracefulShutdown::new();
    let connections = Arc::new(Semaphore::new(limits.connections_max));
    loop {
        let accepted = tokio::select! {
            accepted = accept(&listener, &connections) => accepted,
            () = shutdown.requested() => break,
        };
        let Some((stream, permit)) = accepted else { continue };
        let (service, builder, watcher) =
            (TowerToHyperService::new(app.clone()), builder.clone(), graceful.watcher());
        tokio::spawn(async move {
            // Held until the connection is closed.
            let _permit = permit;
            let connection = builder.serve_connection(TokioIo::new(WithBodies::new(stream)), service);
            if let Err(error) = watcher.watch(connection).await {
                tracing::debug!(%error, "a connection ended early");
            }
        });
    }
    drop(listener);
    if tokio::time::timeout(limits.drain_timeout, graceful.shutdown()).await.is_err() {
        tracing::warn!("requests were still in progress after {} s", limits.drain_timeout.as_secs());
    }
}

async fn accept(
    listener: &TcpListener,
    connections: &Arc<Semaphore>,
) -> Option<(TcpStream, OwnedSemaphorePermit)> {
    let permit = Arc::clone(connections).acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, _)) => {
            // Send small responses immediately.
            let _ = stream.set_nodelay(true);
            Some((stream, permit))
        }
        Err(error) => {
            // For example too many open files: the backlog keeps waiting connections meanwhile.
            tracing::warn!(%error, "could not accept a connection");
            tokio::time::sleep(Duration::from_millis(50)).await;
            None
        }
    }
}
