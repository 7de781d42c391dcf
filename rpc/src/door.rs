//! The router of a gRPC listener: what stands before every method.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use access::{Access, ClientLimits, Door, admit, identified};
use axum::Router;
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use chassis::network::Hosts;
use chassis::problem::Problem;
use chassis::request_trace::observe;
use chassis::serve::{catch_panics, has_large_head};
use prost::{Message, Name};
use tonic::codegen::Service;
use tonic::server::NamedService;
use tonic::service::{Routes, RoutesBuilder};
use tonic::{Code, Status};
use tonic_health::pb::health_server::HealthServer;

use crate::deadline::Deadline;
use crate::health::{Checks, Readiness};
use crate::json::{DESCRIPTORS, Fields, descriptors};
use crate::status::status_of;

/// Maximum size of a request message, in bytes: that of a body of the JSON interface.
pub const MESSAGE_BYTES_MAX: usize = 64 * 1024;

/// Name and package of the services that every listener has, and that need no credential.
const COMMON: [&str; 3] = [
    "/grpc.health.v1.Health/",
    "/grpc.reflection.v1.ServerReflection/",
    "/grpc.reflection.v1alpha.ServerReflection/",
];

/// The services of a listener, each method with what it needs.
#[derive(Default)]
pub struct Rpc {
    routes: RoutesBuilder,
    methods: HashMap<String, Method>,
    services: Vec<&'static str>,
}

/// What is known about a method.
#[derive(Debug, Clone, Copy)]
struct Method {
    access: Access,
    /// Whether it streams its responses, for as long as the client wants.
    is_stream: bool,
}

/// What the methods of a listener have in common.
pub struct Guard {
    /// Finds out who calls.
    pub door: Arc<dyn Door>,
    /// The limits of clients.
    pub limits: Arc<ClientLimits>,
    /// The names of the service.
    pub hosts: Hosts,
    /// Whether the service is ready.
    pub readiness: Readiness,
    /// Maximum duration of a call that is no stream.
    pub call_max: Duration,
}

impl Rpc {
    /// Adds `service`, whose `methods` need what they are listed with. A method that is not listed is not served.
    #[must_use]
    pub fn service<S>(mut self, service: S, methods: &[(&str, Access)]) -> Self
    where
        S: Service<Request<tonic::body::Body>, Error = Infallible>
            + NamedService
            + Clone
            + Send
            + Sync
            + 'static,
        S::Response: IntoResponse,
        S::Future: Send + 'static,
    {
        let described = descriptors().get_service_by_name(S::NAME);
        for &(name, access) in methods {
            let method = described
                .iter()
                .flat_map(prost_reflect::ServiceDescriptor::methods)
                .find(|m| m.name() == name);
            let is_stream = method.is_some_and(|method| method.is_server_streaming());
            self.methods.insert(format!("/{}/{name}", S::NAME), Method { access, is_stream });
        }
        self.services.push(S::NAME);
        self.routes.add_service(service);
        self
    }

    /// The methods that are served, each with what it needs.
    pub fn methods(&self) -> impl Iterator<Item = (&str, Access)> {
        self.methods.iter().map(|(path, method)| (&path[..], method.access))
    }

    /// The routes of the listener, with health and reflection.
    pub fn router(mut self, guard: Guard) -> Router {
        let Guard { door, limits, hosts, readiness, call_max } = guard;
        self.routes.add_service(HealthServer::new(Checks { readiness, services: self.services.clone() }));
        let reflection = || {
            let builder = tonic_reflection::server::Builder::configure();
            let builder = builder.register_encoded_file_descriptor_set(DESCRIPTORS);
            let builder = builder.register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET);
            let services = self.services.iter().copied().chain(["grpc.health.v1.Health"]);
            services.fold(builder, |builder, name| builder.with_service_name(name))
        };
        if let Ok(v1) = reflection().build_v1() {
            self.routes.add_service(v1);
        }
        if let Ok(v1alpha) = reflection().build_v1alpha() {
            self.routes.add_service(v1alpha);
        }
        let methods = Arc::new(self.methods);
        let routes: Routes = self.routes.routes();
        let router = routes.into_axum_router();
        let router = router.layer(middleware::from_fn_with_state(Arc::clone(&methods), admitted));
        let router = hosts.guard(identified(router, door, limits)).layer(catch_panics());
        router.layer(middleware::from_fn_with_state((methods, call_max), outermost))
    }
}

/// Admits a call whose caller has what the method needs.
async fn admitted(
    State(methods): State<Arc<HashMap<String, Method>>>,
    request: Request,
    next: Next,
) -> Response {
    let path = request.uri().path();
    match methods.get(path).map(|method| method.access) {
        Some(Access::Public) => next.run(request).await,
        Some(access) => admit(access, request, next).await,
        None if COMMON.iter().any(|service| path.starts_with(service)) => next.run(request).await,
        None => unknown(path).into_http(),
    }
}

fn unknown(path: &str) -> Status {
    Status::unimplemented(format!("There is no method {path}. The reflection service lists the methods."))
}

/// Observes every call, ends it at its deadline, and turns problems into statuses.
async fn outermost(
    State((methods, call_max)): State<(Arc<HashMap<String, Method>>, Duration)>,
    mut request: Request,
    next: Next,
) -> Response {
    let known = methods.get_key_value(request.uri().path());
    let route = match known {
        Some((path, _)) => path.clone(),
        None => COMMON
            .into_iter()
            .find(|name| request.uri().path().starts_with(name))
            .unwrap_or("none")
            .to_owned(),
    };
    let deadline = Deadline::of(request.headers());
    request.extensions_mut().insert(deadline);
    let is_limited = known.is_some_and(|(_, method)| !method.is_stream);
    let response = observe(&route, request, async |request| {
        if has_large_head(&request) {
            return Problem::headers_too_large().into_response();
        }
        let limit = async {
            match is_limited {
                true => tokio::time::sleep(call_max).await,
                false => std::future::pending().await,
            }
        };
        // A call that arrives too late is not begun.
        tokio::select! {
            biased;
            () = deadline.passed() => too_late("The deadline of the call has passed").into_http(),
            response = next.run(request) => response,
            () = limit => too_late(&format!("The call took longer than {} s", call_max.as_secs())).into_http(),
        }
    })
    .await;
    let response = match response.extensions().get::<Problem>() {
        Some(problem) => with_request_id(status_of(problem).into_http(), &response),
        None => response,
    };
    count(&route, &response);
    response
}

fn too_late(what: &str) -> Status {
    Status::deadline_exceeded(format!(
        "{what}, and its outcome is unknown. Read the resource, or repeat the call with its idempotency-key."
    ))
}

fn with_request_id(mut status: http::Response<tonic::body::Body>, response: &Response) -> Response {
    let name = chassis::request_trace::REQUEST_ID;
    if let Some(id) = response.headers().get(&name) {
        status.headers_mut().insert(name, id.clone());
    }
    status.map(axum::body::Body::new)
}

/// Counts a response by its method and its code. The code of a stream that has begun is 0.
fn count(route: &str, response: &Response) {
    let code = response.headers().get("grpc-status").and_then(|value| value.to_str().ok()).unwrap_or("0");
    let code = code.parse().map_or(Code::Unknown, Code::from_i32);
    let labels = [("method", route.to_owned()), ("code", format!("{code:?}"))];
    metrics::counter!("meja_grpc_responses_total", &labels).increment(1);
}

/// A call as a request of the other interface: the head, whose metadata are headers, and the fields of its message.
#[derive(Debug)]
pub struct Called {
    /// The method as the path, the metadata as headers, and what stands before every method as extensions.
    pub head: Parts,
    /// The fields of the message.
    pub fields: Fields,
    /// The message as it was sent, for the fingerprint of the request.
    pub bytes: Vec<u8>,
}

impl Called {
    /// The call of `method`.
    ///
    /// # Errors
    /// An internal error, if the message has no descriptor.
    pub fn of<T: Message + Name>(method: &str, request: tonic::Request<T>) -> Result<Self, Status> {
        let (metadata, extensions, message) = request.into_parts();
        let (mut head, ()) = Request::new(()).into_parts();
        head.method = http::Method::POST;
        head.uri = method.parse().map_err(|_| Status::internal("a method has no path"))?;
        (head.headers, head.extensions) = (metadata.into_headers(), extensions);
        Ok(Self { head, fields: Fields::of(&message)?, bytes: message.encode_to_vec() })
    }
}
