//! Passes requests on to the services, and their responses back, unchanged but for the headers about connections.

mod allowed;
mod headers;
mod places;

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, HttpBody as _, to_bytes};
use axum::extract::Request;
use axum::http::request::Parts;
use axum::http::uri::{PathAndQuery, Uri};
use axum::http::{HeaderValue, Method, StatusCode, Version};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use chassis::body::read_body;
use chassis::network::{Networks, Peer};
use chassis::problem::Problem;
use chassis::request_trace::REQUEST_ID;
use hyper::body::Incoming;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::ClientConfig;

pub use self::allowed::{Target, target};
use self::headers::remove_hop_by_hop;
pub(crate) use self::headers::{FORWARDED_FOR, FORWARDED_PROTO, GUEST_COOKIE, Origin};
use self::places::{Kind, Places};
use crate::cli::InProgressMax;
use crate::position::{MEJA_POSITION, SeenPosition};

/// Maximum time until a connection to a service is there.
const CONNECT_MAX: Duration = Duration::from_secs(2);
/// Maximum time until a service begins its response. The services answer within 30 s.
const RESPONSE_MAX: Duration = Duration::from_secs(35);
/// The same for a long poll, which waits at most 30 s.
const POLL_MAX: Duration = Duration::from_secs(65);
/// The same for a reconciliation, which reads many pages of a provider.
const RECONCILIATION_MAX: Duration = Duration::from_secs(305);
/// How long a request that reached no service is tried again, if it changes nothing: a service that is restarted is
/// reached again within this time.
const RETRY_MAX: Duration = Duration::from_secs(1);
/// The pause between two attempts.
const RETRY_PAUSE: Duration = Duration::from_millis(50);
/// A response up to this size is read from the service at once, in bytes.
const SMALL_BYTES_MAX: u64 = 256 * 1024;
/// How long an unused connection is kept: less than a service keeps it.
const IDLE_MAX: Duration = Duration::from_secs(5);

/// Why the services cannot be called.
#[derive(Debug, thiserror::Error)]
#[error("the certificates of the system cannot be used for connections to the services")]
pub struct ProxyError(#[from] rustls::Error);

/// Passes requests on to a service.
#[derive(Debug)]
pub struct Upstream {
    target: Target,
    /// Scheme and authority.
    base: Uri,
    /// The path of the base URL, without a slash at the end.
    prefix: String,
    client: Client<HttpsConnector<HttpConnector>, Body>,
    /// The position of the log that the gateway has seen, if the service has a log that counts for guests.
    seen: Option<Arc<SeenPosition>>,
    places: Places,
}

/// The time limit and the kind of a request.
#[derive(Debug, Clone, Copy)]
struct Sending {
    head_max: Duration,
    kind: Kind,
}

impl Sending {
    fn of(path: &str) -> Self {
        match path {
            "/events" => Self { head_max: POLL_MAX, kind: Kind::Stream },
            "/api/reconciliation" => Self { head_max: RECONCILIATION_MAX, kind: Kind::Stream },
            _ => Self { head_max: RESPONSE_MAX, kind: Kind::Request },
        }
    }
}

impl Upstream {
    /// The service `target` at `base_url`. Encrypted connections use `tls`.
    ///
    /// # Errors
    /// When the URL has no authority.
    pub fn new(
        target: Target,
        base_url: &str,
        tls: ClientConfig,
        max: InProgressMax,
    ) -> Result<Self, axum::http::uri::InvalidUri> {
        let base: Uri = base_url.parse()?;
        let prefix = base.path().trim_end_matches('/').to_owned();
        let mut connector = HttpConnector::new();
        connector.set_connect_timeout(Some(CONNECT_MAX));
        connector.set_nodelay(true);
        connector.enforce_http(false);
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls)
            .https_or_http()
            .enable_http1()
            .wrap_connector(connector);
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE_MAX)
            .set_host(false)
            .build(connector);
        Ok(Self { target, base, prefix, client, seen: None, places: Places::new(max) })
    }

    /// A service whose instances share a log: each request names the position of the log in `seen`.
    #[must_use]
    pub(crate) fn positioned(self, seen: Arc<SeenPosition>) -> Self {
        Self { seen: Some(seen), ..self }
    }

    /// Sends `request` to the service and returns its response, whose body arrives as the service sends it.
    pub(crate) async fn forward(&self, request: Request, origin: &Origin<'_>) -> Response {
        let sending = Sending::of(request.uri().path());
        let (mut head, body) = request.into_parts();
        // The whole body before a place: a client that sends slowly must not keep one.
        let body = match read_body(body).await {
            Ok(body) => body,
            Err(problem) => return problem.into_response(),
        };
        let Some(place) = self.places.take(sending.kind).await else {
            let detail = "The gateway has too many requests in progress. Nothing was done; try again.";
            return Problem::unavailable("gateway_busy", detail, 1).into_response();
        };
        let Some(uri) = self.uri(&head.uri) else {
            return Problem::not_found("The path of the request cannot be passed on.").into_response();
        };
        (head.uri, head.version) = (uri, Version::HTTP_11);
        remove_hop_by_hop(&mut head.headers);
        origin.add_to(&mut head.headers);
        // A client that names a position itself waits for that one.
        let names_position = head.headers.contains_key(MEJA_POSITION);
        if let (Some(seen), false) = (&self.seen, names_position) {
            head.headers.extend(seen.value().map(|position| (MEJA_POSITION, position)));
        }
        let sent = tokio::time::timeout(sending.head_max, self.send(head, body)).await;
        let mut response = match sent {
            Ok(Ok(response)) => response,
            Ok(Err(problem)) => return problem.into_response(),
            Err(_) => return self.too_slow(sending.head_max).into_response(),
        };
        if let Some(seen) = &self.seen {
            let is_unavailable = response.status() == StatusCode::SERVICE_UNAVAILABLE && !names_position;
            seen.note(response.headers(), is_unavailable);
        }
        remove_hop_by_hop(response.headers_mut());
        // A client that reads slowly must not keep the place of a request.
        let is_small = response.body().size_hint().exact().is_some_and(|bytes| bytes <= SMALL_BYTES_MAX);
        if !is_small {
            return response.map(|body| Body::new(place.held_by(body)));
        }
        let (head, body) = response.into_parts();
        match tokio::time::timeout(RESPONSE_MAX, to_bytes(Body::new(body), SMALL_BYTES_MAX as usize)).await {
            Ok(Ok(body)) => Response::from_parts(head, Body::from(body)),
            Ok(Err(_)) | Err(_) => self.unanswered().into_response(),
        }
    }

    fn uri(&self, uri: &Uri) -> Option<Uri> {
        let path = uri.path_and_query().map_or("/", PathAndQuery::as_str);
        let path = format!("{}{path}", self.prefix);
        let builder =
            Uri::builder().scheme(self.base.scheme_str()?).authority(self.base.authority()?.as_str());
        builder.path_and_query(path).build().ok()
    }

    /// Sends the request. One that changes nothing is sent again while no connection to the service is there.
    async fn send(&self, head: Parts, body: Bytes) -> Result<Response<Incoming>, Problem> {
        let until = tokio::time::Instant::now() + RETRY_MAX;
        loop {
            let request = Request::from_parts(head.clone(), Body::from(body.clone()));
            match self.client.request(request).await {
                Ok(response) => return Ok(response),
                Err(error)
                    if error.is_connect() && head.method.is_safe() && tokio::time::Instant::now() < until =>
                {
                    tokio::time::sleep(RETRY_PAUSE).await;
                }
                Err(error) => return Err(self.failed(&error)),
            }
        }
    }

    fn failed(&self, error: &hyper_util::client::legacy::Error) -> Problem {
        let name = self.target.name();
        tracing::warn!(service = name, error = error as &dyn std::error::Error, "a request was not answered");
        if error.is_connect() {
            let detail = format!("The {name} service cannot be reached. Nothing was done; try again.");
            return Problem::unavailable("service_down", detail, 1);
        }
        self.unanswered()
    }

    fn unanswered(&self) -> Problem {
        let detail = format!(
            "The {} service did not answer, and the outcome is unknown. Read the resource, or repeat the request with its Idempotency-Key.",
            self.target.name()
        );
        Problem::new(StatusCode::BAD_GATEWAY, "unanswered", detail)
    }

    fn too_slow(&self, max: Duration) -> Problem {
        let detail = format!(
            "The {} service did not answer within {} s, and the outcome is unknown. Read the resource, or repeat the request with its Idempotency-Key.",
            self.target.name(),
            max.as_secs()
        );
        Problem::new(StatusCode::GATEWAY_TIMEOUT, "timeout", detail)
    }

    /// Asks the service whether it is ready.
    ///
    /// # Errors
    /// Why it is not, in a few words.
    pub async fn check_ready(&self, max: Duration) -> Result<(), String> {
        let uri = self.uri(&Uri::from_static("/readyz")).ok_or("its URL is not valid")?;
        let mut request = Request::new(Body::empty());
        (*request.method_mut(), *request.uri_mut()) = (Method::GET, uri);
        let host = self.base.authority().and_then(|host| HeaderValue::from_str(host.as_str()).ok());
        request.headers_mut().extend(host.map(|host| (axum::http::header::HOST, host)));
        match tokio::time::timeout(max, self.client.request(request)).await {
            Ok(Ok(response)) => {
                let is_ready = response.status().is_success();
                // Read, so that the connection is used again.
                drop(to_bytes(Body::new(response.into_body()), SMALL_BYTES_MAX as usize).await);
                if is_ready { Ok(()) } else { Err("not ready".to_owned()) }
            }
            Ok(Err(_)) => Err("cannot be reached".to_owned()),
            Err(_) => Err("does not answer".to_owned()),
        }
    }
}

/// The protocol of the connection of a client, as a trusted proxy says or as it is.
pub(crate) fn protocol(request: &Request, proxies: &Networks) -> &'static str {
    let peer = request.extensions().get::<Peer>();
    let named = request
        .headers()
        .get("x-forwarded-proto")
        .filter(|_| peer.is_some_and(|peer| proxies.contain(peer.ip)));
    let is_encrypted = named.map_or(peer.is_some_and(|peer| peer.is_encrypted), |proto| proto == "https");
    if is_encrypted { "https" } else { "http" }
}

/// Gives the request the id that the gateway gave it, so that its log and those of the services can be compared.
pub(crate) fn set_request_id(request: &mut Request, id: &str) {
    if let Ok(id) = HeaderValue::try_from(id) {
        request.headers_mut().insert(REQUEST_ID, id);
    }
}
