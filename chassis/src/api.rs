//! The rules of HTTP that every route of an API follows, taken from its description.

mod accept;
mod compression;
mod conditions;
mod idempotency_key;
mod paging;
mod parameters;

use std::collections::HashMap;
use std::str::FromStr as _;
use std::sync::Arc;

use axum::Router;
use axum::extract::{FromRequestParts as _, MatchedPath, Request, State};
use axum::http::{Method, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use mediatype::MediaTypeBuf;
use utoipa::openapi::path::{Operation, ParameterIn};
use utoipa::openapi::{OpenApi, RefOr};

pub use self::accept::{APPLICATION_JSON, Accepted, TEXT_CSV, TEXT_HTML, TEXT_PLAIN, accepts_html};
pub use self::compression::compressed;
pub use self::conditions::{ETag, IfMatch, is_not_modified, not_modified};
pub use self::idempotency_key::{KEY_BYTES_MAX, idempotency_key, mark_replayed};
pub use self::paging::{Cursor, PageQuery, paged};
pub use self::parameters::{PathParameters, Query};
use crate::problem::Problem;

/// The facts about an operation that the rules need.
#[derive(Debug)]
struct Rules {
    /// Whether it has query parameters, which it checks itself.
    takes_query: bool,
    /// The media types of its successful responses.
    media_types: Vec<MediaTypeBuf>,
}

/// The rules of the operations, by path.
type Operations = Arc<HashMap<String, Vec<(Method, Rules)>>>;

/// `router` with the rules for the operations of `api`:
///
/// - a query parameter that the operation does not have is a fault, because it is probably misspelt;
/// - a request that accepts none of the media types of the operation gets 406 before anything is done.
///
/// Operations outside `/api/` and `/events`, such as webhooks of providers, ignore unknown parameters.
pub fn checked(router: Router, api: &OpenApi) -> Router {
    let mut operations = HashMap::<String, Vec<(Method, Rules)>>::new();
    for (path, item) in api.paths.paths.iter().filter(|(path, _)| is_checked(path)) {
        let methods = [
            (Method::GET, &item.get),
            (Method::POST, &item.post),
            (Method::PUT, &item.put),
            (Method::DELETE, &item.delete),
            (Method::PATCH, &item.patch),
        ];
        for (method, operation) in methods {
            if let Some(operation) = operation {
                operations.entry(path.clone()).or_default().push((method, rules(operation)));
            }
        }
    }
    router.layer(middleware::from_fn_with_state(Arc::new(operations), check))
}

fn is_checked(path: &str) -> bool {
    path.starts_with("/api/") || path == "/events"
}

fn rules(operation: &Operation) -> Rules {
    let parameters = operation.parameters.iter().flatten();
    let takes_query = parameters.into_iter().any(
        |parameter| matches!(parameter, RefOr::T(parameter) if parameter.parameter_in == ParameterIn::Query),
    );
    let successes = operation.responses.responses.iter().filter(|(status, _)| status.starts_with('2'));
    let media_types = successes.filter_map(|(_, response)| match response {
        RefOr::T(response) => Some(response.content.keys()),
        RefOr::Ref(_) => None,
    });
    let media_types = media_types.flatten().filter_map(|name| MediaTypeBuf::from_str(name).ok()).collect();
    Rules { takes_query, media_types }
}

async fn check(
    State(operations): State<Operations>,
    path: Option<MatchedPath>,
    request: Request,
    next: Next,
) -> Response {
    let method = if request.method() == Method::HEAD { &Method::GET } else { request.method() };
    let of_path = path.as_ref().and_then(|path| operations.get(path.as_str()));
    let rules = of_path.and_then(|all| all.iter().find(|(known, _)| known == method));
    let Some((_, rules)) = rules else { return next.run(request).await };
    match violation(rules, request).await {
        Ok(request) => next.run(request).await,
        Err(problem) => problem.into_response(),
    }
}

async fn violation(rules: &Rules, request: Request) -> Result<Request, Problem> {
    let is_choosy = request.headers().contains_key(header::ACCEPT) && !rules.media_types.is_empty();
    if is_choosy && Accepted::of(request.headers()).best(&rules.media_types).is_none() {
        let offered: Vec<_> = rules.media_types.iter().map(ToString::to_string).collect();
        let detail = format!("This resource is available as {} only.", offered.join(" or "));
        return Err(Problem::new(StatusCode::NOT_ACCEPTABLE, "not_acceptable", detail));
    }
    if rules.takes_query || request.uri().query().is_none_or(str::is_empty) {
        return Ok(request);
    }
    let (mut parts, body) = request.into_parts();
    let Query(form) = Query::from_request_parts(&mut parts, &()).await?;
    form.finish(Some(()))?;
    Ok(Request::from_parts(parts, body))
}
