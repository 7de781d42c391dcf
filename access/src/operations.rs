//! The operations of an API, each registered together with what it needs.

mod describe;

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use axum::{Router, routing::MethodRouter};
use chassis::problem::Problem;
use events::values::{Scope, Scopes};
use utoipa::openapi::path::{Operation, PathItem, Paths};
use utoipa::openapi::schema::Schema;
use utoipa::openapi::{OpenApi, RefOr};
use utoipa_axum::router::OpenApiRouter;

use self::describe::{schemes, secure};
use crate::caller::{Caller, Identified};
use crate::cookies;
use crate::door::{APPROVAL_HEADER, Door, Turned, is_from_gateway};
use crate::limits::ClientLimits;
use crate::link::LinkOf;
use crate::problems::{cross_site, wrong_kind};
use crate::sign_in::SignInError;
use crate::venues::Venues;

/// What an operation needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Nothing: every caller may use it.
    Public,
    /// A credential with this scope.
    Scope(Scope),
    /// A credential with this scope. A person must have proved the identity just now.
    Fresh(Scope),
    /// A credential with this scope, or the link of the guest to whom the object belongs.
    Own(Scope),
    /// A credential with this scope for all venues: what the operation reads or changes belongs to none.
    Everywhere(Scope),
    /// A signed-in person, who reads or changes what belongs to the person.
    Person,
    /// A signed-in person who proved the identity just now with the password.
    FreshPerson,
    /// The link of an invitation, or the one-time link of the first owner.
    Invitation,
    /// The link to reset a password.
    PasswordReset,
    /// A device at the stand of a venue.
    Device,
}

impl Access {
    /// The scope, if one is needed.
    fn scope(self) -> Option<Scope> {
        match self {
            Self::Scope(scope) | Self::Fresh(scope) | Self::Own(scope) | Self::Everywhere(scope) => {
                Some(scope)
            }
            Self::Public
            | Self::Person
            | Self::FreshPerson
            | Self::Invitation
            | Self::PasswordReset
            | Self::Device => None,
        }
    }

    /// Whether a person must have proved the identity just now.
    fn is_fresh(self) -> bool {
        matches!(self, Self::Fresh(_) | Self::FreshPerson)
    }

    /// The credential that is needed instead of a scope, in words.
    fn words(self) -> &'static str {
        match self {
            Self::Invitation => "the link of an invitation",
            Self::PasswordReset => "the link to reset a password",
            Self::Device => "the cookie of a device at the stand of a venue",
            _ => "the session of a person: sign in with POST /api/sessions",
        }
    }

    /// The sender of a request, if it may send it.
    fn admit(self, caller: Caller) -> Result<Caller, Box<Problem>> {
        let refused = |problem: Problem| Err(Box::new(problem));
        let is_of = |is: fn(&LinkOf) -> bool| caller.link.is_some_and(|link| is(&link.of));
        let is_admitted = match self {
            Self::Public => true,
            Self::Scope(_) | Self::Fresh(_) | Self::Everywhere(_) => false,
            Self::Own(_) => is_of(|of| of.staff_id().is_none()),
            Self::Person | Self::FreshPerson => caller.person.is_some(),
            Self::Invitation => is_of(|of| matches!(of, LinkOf::Invitation(_))),
            Self::PasswordReset => is_of(|of| matches!(of, LinkOf::PasswordReset(_))),
            Self::Device => caller.device.is_some(),
        };
        match self.scope() {
            _ if is_admitted => {}
            Some(scope) if caller.scopes.contains(scope) => {
                let caller = caller.admitted_with(scope);
                if matches!(self, Self::Everywhere(_)) && caller.venues != Venues::All {
                    return refused(Problem::all_venues_required());
                }
                return self.check_proof(caller);
            }
            Some(scope) if !caller.is_anonymous() => return refused(Problem::scope_missing(scope.word())),
            _ if caller.is_anonymous() => return refused(Problem::unauthorized()),
            _ => return refused(wrong_kind(self.words())),
        }
        self.check_proof(caller)
    }

    fn check_proof(self, caller: Caller) -> Result<Caller, Box<Problem>> {
        let proved = match self {
            Self::Fresh(_) => caller.is_fresh(),
            Self::FreshPerson => caller.is_fresh_by_password(),
            _ => Ok(()),
        };
        proved.map(|()| caller).map_err(|denied| Box::new(denied.into()))
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
        let components = api.components.get_or_insert_default();
        for (name, scheme) in schemes() {
            components.add_security_scheme(name, scheme);
        }
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
            _ => routes.route_layer(middleware::from_fn(move |request, next| admit(access, request, next))),
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

/// `router` behind `door`: its routes know their caller and the address of the client, and `limits` apply.
pub fn identified(router: Router, door: Arc<dyn Door>, limits: Arc<ClientLimits>) -> Router {
    router.layer(middleware::from_fn_with_state((door, limits), identify))
}

async fn identify(
    State((door, limits)): State<(Arc<dyn Door>, Arc<ClientLimits>)>,
    mut request: Request,
    next: Next,
) -> Response {
    let client = limits.client_of(&request, is_from_gateway(door.as_ref(), request.headers()));
    let caller = match door.caller(request.headers()) {
        Ok(caller) => caller,
        Err(turned) => {
            let counted = match turned {
                Turned::Invalid => limits.count_failure(client),
                Turned::Unchecked | Turned::NotApproved(_) => Ok(()),
            };
            return counted.map_or_else(Problem::from, |()| turned.into()).into_response();
        }
    };
    if let Err(exceeded) = limits.count(&caller, client) {
        return Problem::from(exceeded).into_response();
    }
    if cookies::is_cross_site_write(request.method(), request.headers()) {
        return cross_site().into_response();
    }
    let approved = match request.headers().get(APPROVAL_HEADER) {
        None => Ok(caller),
        Some(approval) => match approval.to_str().map(str::to_owned) {
            Ok(approval) => door.approved(caller, &approval).await,
            Err(_) => Err(Turned::NotApproved(SignInError::Wrong)),
        },
    };
    match approved {
        Ok(caller) => {
            request.extensions_mut().insert(Identified(caller));
            if let Some(client) = client {
                request.extensions_mut().insert(client);
            }
            next.run(request).await
        }
        Err(turned) => Problem::from(turned).into_response(),
    }
}

/// Admits a request if its caller has what `access` asks for. A scope that the caller has at some venues limits the
/// request to those venues.
pub async fn admit(access: Access, mut request: Request, next: Next) -> Response {
    let Some(Identified(caller)) = request.extensions_mut().remove::<Identified>() else {
        return Problem::unauthorized().into_response();
    };
    match access.admit(caller) {
        Ok(caller) => {
            request.extensions_mut().insert(Identified(caller));
            next.run(request).await
        }
        Err(problem) => problem.into_response(),
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::http::header::AUTHORIZATION;
    use axum::http::{HeaderMap, StatusCode};
    use chassis::environment::{SharedEnvironment, SystemEnvironment};
    use chassis::network::Network;
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
        let env: SharedEnvironment = Arc::new(SystemEnvironment);
        let limits = ClientLimits::new(&Network::local(), &env);
        (identified(router, Arc::new(ScopeDoor), limits), api)
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
        let needed = serde_json::json!([{"bearer": ["floor"]}, {"session": ["floor"]}]);
        assert_eq!(security(Access::Scope(Scope::Floor)), [needed, serde_json::json!([{}])]);
        let optional = serde_json::json!([{}, {"bearer": ["read"]}, {"session": ["read"]}]);
        assert_eq!(security(Access::Scope(Scope::Read))[0], optional);
    }
}
