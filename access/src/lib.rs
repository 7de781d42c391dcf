//! Who may use which operation.
//!
//! A route is registered together with what it needs ([`Operations::route`]), and the description of the API and the
//! check at the door come from that one place. Before a handler runs, [`identify`] finds out who calls, and the route
//! compares the scopes of the [`Caller`] with what it needs.

use std::convert::Infallible;
use std::sync::Arc;

use axum::extract::{FromRequestParts, Request, State};
use axum::http::HeaderMap;
use axum::http::request::Parts;
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use axum::{Router, routing::MethodRouter};
use chassis::problem::Problem;
use chassis::secret::Token;
use events::values::{Actor, ActorKind, Scope, Scopes};
use utoipa::openapi::path::{Operation, PathItem, Paths};
use utoipa::openapi::schema::Schema;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{OpenApi, RefOr};
use utoipa_axum::router::OpenApiRouter;

/// The name of the security scheme in descriptions.
const SCHEME: &str = "bearer";

/// What an operation needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Nothing: every caller may use it.
    Public,
    /// A credential with this scope.
    Scope(Scope),
}

/// The sender of a request, as far as its credential tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The actor of the events that follow from the request.
    pub actor: Actor,
    /// What the caller may do.
    pub scopes: Scopes,
}

/// Finds out who calls.
pub trait Door: Send + Sync + 'static {
    /// The caller that presents the credential in `headers`, or none; `None` when the credential is not valid.
    fn caller(&self, headers: &HeaderMap) -> Option<Caller>;
}

/// What the door found out about a request.
#[derive(Debug, Clone)]
struct Identified(Option<Caller>);

/// A door with one token, whose holder may do everything.
#[derive(Debug, Clone)]
pub struct TokenDoor {
    token: Option<Token>,
    holder: &'static str,
    anonymous: Scopes,
}

impl TokenDoor {
    /// A door for the holder of `token`, a service, and for callers without a credential, who have the scopes
    /// `anonymous`. Without a token every caller may do everything: such a service listens on loopback only.
    #[must_use]
    pub fn new(token: Option<Token>, holder: &'static str, anonymous: &[Scope]) -> Self {
        let anonymous = if token.is_none() { Scopes::all() } else { anonymous.iter().copied().collect() };
        Self { token, holder, anonymous }
    }

    /// What callers without a credential may do.
    #[must_use]
    pub fn anonymous(&self) -> Scopes {
        self.anonymous
    }
}

impl Door for TokenDoor {
    fn caller(&self, headers: &HeaderMap) -> Option<Caller> {
        match &self.token {
            Some(token) if token.is_shown_in(headers) => {
                Some(Caller { actor: Actor::service(self.holder), scopes: Scopes::all() })
            }
            // Another credential is ignored: clients of other systems send one along.
            _ => Some(Caller { actor: Actor::unauthenticated(), scopes: self.anonymous }),
        }
    }
}

/// The operations of an API. Each is registered together with what it needs.
pub struct Operations<S> {
    router: OpenApiRouter<S>,
    /// What callers without a credential may do.
    anonymous: Scopes,
}

/// An operation as the macro `routes!` describes it.
pub type Described<S> = (Vec<(String, RefOr<Schema>)>, Paths, MethodRouter<S>);

impl<S: Clone + Send + Sync + 'static> Operations<S> {
    /// No operations yet. `api` describes the API as a whole, and `anonymous` are the scopes of callers without a
    /// credential.
    #[must_use]
    pub fn new(mut api: OpenApi, anonymous: Scopes) -> Self {
        let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build();
        api.components.get_or_insert_default().add_security_scheme(SCHEME, SecurityScheme::Http(bearer));
        Self { router: OpenApiRouter::with_openapi(api), anonymous }
    }

    /// Adds the operations of `described`, which need `access`.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "this is the one place that registers operations")]
    pub fn route(self, access: Access, (schemas, mut paths, routes): Described<S>) -> Self {
        let anonymous = self.anonymous;
        paths
            .paths
            .values_mut()
            .flat_map(operations)
            .for_each(|operation| secure(operation, access, anonymous));
        let routes = match access {
            Access::Public => routes,
            Access::Scope(scope) => {
                routes.route_layer(middleware::from_fn(move |request, next| admit(scope, request, next)))
            }
        };
        Self { router: self.router.routes((schemas, paths, routes)), anonymous }
    }

    /// The operations with their state.
    pub fn with_state<T>(self, state: S) -> Operations<T> {
        Operations { router: self.router.with_state(state), anonymous: self.anonymous }
    }

    /// Adds the operations of `other`.
    #[must_use]
    pub fn merge(self, other: Self) -> Self {
        Self { router: self.router.merge(other.router), ..self }
    }

    /// The routes and their description.
    pub fn split_for_parts(self) -> (Router<S>, OpenApi) {
        self.router.split_for_parts()
    }
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    let PathItem { get, put, post, delete, patch, .. } = item;
    [get, put, post, delete, patch].into_iter().flatten()
}

/// Describes what an operation needs. An empty requirement says that callers without a credential are admitted too.
fn secure(operation: &mut Operation, access: Access, anonymous: Scopes) {
    let Access::Scope(scope) = access else { return };
    let needed = SecurityRequirement::new(SCHEME, [scope.word()]);
    let optional = anonymous.contains(scope).then(SecurityRequirement::default);
    operation.security = Some(optional.into_iter().chain([needed]).collect());
}

/// `router` behind `door`: its routes know their caller.
pub fn identified(router: Router, door: Arc<dyn Door>) -> Router {
    router.layer(middleware::from_fn_with_state(door, identify))
}

async fn identify(State(door): State<Arc<dyn Door>>, mut request: Request, next: Next) -> Response {
    let caller = door.caller(request.headers());
    request.extensions_mut().insert(Identified(caller));
    next.run(request).await
}

/// Lets a request through if its caller has `scope`.
async fn admit(scope: Scope, request: Request, next: Next) -> Response {
    match request.extensions().get::<Identified>().and_then(|Identified(caller)| caller.as_ref()) {
        Some(caller) if caller.scopes.contains(scope) => next.run(request).await,
        Some(caller) if caller.actor.kind != ActorKind::Unauthenticated => {
            Problem::scope_missing(scope.word()).into_response()
        }
        _ => Problem::unauthorized().into_response(),
    }
}

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = Infallible;

    /// An operation that needs nothing does not look at credentials: a request with one that is not valid has no actor.
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let identified = parts.extensions.get::<Identified>().and_then(|Identified(caller)| caller.clone());
        Ok(identified.unwrap_or(Self { actor: Actor::unauthenticated(), scopes: Scopes::NONE }))
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::http::StatusCode;
    use axum::http::header::AUTHORIZATION;
    use tower::ServiceExt as _;
    use utoipa_axum::routes;

    use super::*;

    /// A credential for each scope: `Bearer <scope>`.
    struct ScopeDoor;

    impl Door for ScopeDoor {
        fn caller(&self, headers: &HeaderMap) -> Option<Caller> {
            let anonymous =
                Caller { actor: Actor::unauthenticated(), scopes: [Scope::Read].into_iter().collect() };
            let Some(shown) = headers.get(AUTHORIZATION) else { return Some(anonymous) };
            let scope: Scope = shown.to_str().ok()?.strip_prefix("Bearer ")?.parse().ok()?;
            Some(Caller { actor: Actor::service("test"), scopes: [scope].into_iter().collect() })
        }
    }

    #[utoipa::path(get, path = "/one", responses((status = 200)))]
    async fn one(caller: Caller) -> String {
        format!("{:?}", caller.actor.kind)
    }

    #[utoipa::path(post, path = "/one", responses((status = 200)))]
    async fn other() {}

    fn operations(access: Access) -> (Router, OpenApi) {
        let anonymous = [Scope::Read].into_iter().collect();
        let operations = Operations::<()>::new(OpenApi::default(), anonymous)
            .route(access, routes!(one))
            .route(Access::Public, routes!(other));
        let (router, api) = operations.split_for_parts();
        (identified(router, Arc::new(ScopeDoor)), api)
    }

    async fn status(router: &Router, method: &str, credential: Option<&str>) -> StatusCode {
        let request = Request::builder().method(method).uri("/one");
        let request = credential.into_iter().fold(request, |r, value| r.header(AUTHORIZATION, value));
        router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap().status()
    }

    #[tokio::test]
    async fn a_route_admits_callers_with_its_scope_alone() {
        let (router, _) = operations(Access::Scope(Scope::Floor));
        for (credential, expected) in [
            (Some("Bearer floor"), StatusCode::OK),
            (Some("Bearer read"), StatusCode::FORBIDDEN),
            (Some("Bearer nonsense"), StatusCode::UNAUTHORIZED),
            (None, StatusCode::UNAUTHORIZED),
        ] {
            assert_eq!(status(&router, "GET", credential).await, expected, "{credential:?}");
            // Another operation of the path has its own need, and a method that it does not have is 405.
            assert_eq!(status(&router, "POST", credential).await, StatusCode::OK);
            assert_eq!(status(&router, "PUT", credential).await, StatusCode::METHOD_NOT_ALLOWED);
        }
        let (router, _) = operations(Access::Scope(Scope::Read));
        assert_eq!(status(&router, "GET", None).await, StatusCode::OK);
        assert_eq!(status(&router, "GET", Some("Bearer nonsense")).await, StatusCode::UNAUTHORIZED);
    }

    #[test]
    fn the_description_says_what_an_operation_needs() {
        let security = |access| {
            let api = serde_json::to_value(operations(access).1).unwrap();
            [&api["paths"]["/one"]["get"]["security"], &api["paths"]["/one"]["post"]["security"]]
                .map(Clone::clone)
        };
        let needed = serde_json::json!([{"bearer": ["floor"]}]);
        assert_eq!(security(Access::Scope(Scope::Floor)), [needed, serde_json::Value::Null]);
        let optional = serde_json::json!([{}, {"bearer": ["read"]}]);
        assert_eq!(security(Access::Scope(Scope::Read))[0], optional);
    }
}
