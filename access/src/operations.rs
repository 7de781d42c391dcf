//! The operations of an API, each registered together with what it needs.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use axum::{Router, routing::MethodRouter};
use chassis::problem::Problem;
use events::values::{Scope, Scopes};
use utoipa::openapi::path::{Operation, PathItem, Paths};
use utoipa::openapi::schema::Schema;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{OpenApi, RefOr};
use utoipa_axum::router::OpenApiRouter;

use crate::caller::{Identified, Venues};
use crate::door::{Door, Turned};

/// The names of the security schemes in descriptions.
const SCHEME: &str = "bearer";
const GUEST_SCHEME: &str = "guest_link";
const WORDS: &str = "A key, `meja_…`, with the scope of the operation.";
const GUEST_WORDS: &str =
    "The link of a guest, `mejal_…`: for their own booking or waitlist entry, as the booking answered it.";

/// What an operation needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Nothing: every caller may use it.
    Public,
    /// A credential with this scope.
    Scope(Scope),
    /// A credential with this scope, or the link of the guest to whom the object belongs.
    Own(Scope),
    /// A credential with this scope for all venues: what the operation reads or changes belongs to none.
    Everywhere(Scope),
}

impl Access {
    /// The scope, if one is needed.
    fn scope(self) -> Option<Scope> {
        match self {
            Self::Public => None,
            Self::Scope(scope) | Self::Own(scope) | Self::Everywhere(scope) => Some(scope),
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
        let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some(WORDS)).build();
        let guest = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some(GUEST_WORDS)).build();
        let components = api.components.get_or_insert_default();
        components.add_security_scheme(SCHEME, SecurityScheme::Http(bearer));
        components.add_security_scheme(GUEST_SCHEME, SecurityScheme::Http(guest));
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
        let routes = match access.scope() {
            None => routes,
            Some(scope) => routes
                .route_layer(middleware::from_fn(move |request, next| admit(access, scope, request, next))),
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

/// Describes what an operation needs. An empty requirement says that callers without a credential are admitted.
fn secure(operation: &mut Operation, access: Access, anonymous: Scopes) {
    let Some(scope) = access.scope() else {
        operation.security = Some(vec![SecurityRequirement::default()]);
        return;
    };
    let needed = SecurityRequirement::new(SCHEME, [scope.word()]);
    let optional = anonymous.contains(scope).then(SecurityRequirement::default);
    let none: [&str; 0] = [];
    let guest = matches!(access, Access::Own(_)).then(|| SecurityRequirement::new(GUEST_SCHEME, none));
    operation.security = Some(optional.into_iter().chain([needed]).chain(guest).collect());
}

/// `router` behind `door`: its routes know their caller.
pub fn identified(router: Router, door: Arc<dyn Door>) -> Router {
    router.layer(middleware::from_fn_with_state(door, identify))
}

async fn identify(State(door): State<Arc<dyn Door>>, mut request: Request, next: Next) -> Response {
    match door.caller(request.headers()) {
        Ok(caller) => {
            request.extensions_mut().insert(Identified(caller));
            next.run(request).await
        }
        Err(Turned::Invalid) => Problem::credential_invalid().into_response(),
        Err(Turned::Unchecked) => Problem::unavailable(
            "credential_unchecked",
            "The credential cannot be checked, because the reservation service was not reached for 30 seconds. Nothing was done; try again.",
            5,
        )
        .into_response(),
    }
}

/// Lets a request through if its caller has what `access` asks for.
async fn admit(access: Access, scope: Scope, request: Request, next: Next) -> Response {
    let Some(Identified(caller)) = request.extensions().get::<Identified>() else {
        return Problem::unauthorized().into_response();
    };
    let is_of_guest = matches!(access, Access::Own(_)) && caller.guest.is_some();
    if !is_of_guest && !caller.scopes.contains(scope) {
        return match caller.is_anonymous() {
            true => Problem::unauthorized().into_response(),
            false => Problem::scope_missing(scope.word()).into_response(),
        };
    }
    if matches!(access, Access::Everywhere(_)) && caller.venues != Venues::All {
        return Problem::all_venues_required().into_response();
    }
    next.run(request).await
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::http::header::AUTHORIZATION;
    use axum::http::{HeaderMap, StatusCode};
    use tower::ServiceExt as _;
    use utoipa_axum::routes;

    use super::*;
    use crate::caller::Caller;
    use crate::token::bearer;

    /// A credential for each scope: `Bearer <scope>`.
    struct ScopeDoor;

    impl Door for ScopeDoor {
        fn caller(&self, headers: &HeaderMap) -> Result<Caller, Turned> {
            let Some(text) = bearer(headers) else { return Ok(Caller::anonymous(self.anonymous())) };
            let scope: Scope = text.parse().map_err(|_| Turned::Invalid)?;
            Ok(Caller { scopes: [scope].into_iter().collect(), ..Caller::system("test") })
        }

        fn anonymous(&self) -> Scopes {
            [Scope::Read].into_iter().collect()
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
            let is_valid = credential != Some("Bearer nonsense");
            let other = if is_valid { StatusCode::OK } else { StatusCode::UNAUTHORIZED };
            assert_eq!(status(&router, "POST", credential).await, other);
            let other = if is_valid { StatusCode::METHOD_NOT_ALLOWED } else { other };
            assert_eq!(status(&router, "PUT", credential).await, other);
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
        assert_eq!(security(Access::Scope(Scope::Floor)), [needed, serde_json::json!([{}])]);
        let optional = serde_json::json!([{}, {"bearer": ["read"]}]);
        assert_eq!(security(Access::Scope(Scope::Read))[0], optional);
    }
}
