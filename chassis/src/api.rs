//! The rules of HTTP that every route of an API follows, taken from its description.

mod accept;
mod compression;
mod conditions;
mod idempotency_key;
mod paging;

use std::collections::HashMap;
use std::str::FromStr as _;
use std::sync::Arc;

use axum::Router;
use axum::extract::{MatchedPath, Request, State};
use axum::http::{Method, StatusCode};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use contract::form::Form;
use mediatype::MediaTypeBuf;
use utoipa::openapi::path::{Operation, ParameterIn};
use utoipa::openapi::{OpenApi, RefOr};

pub use self::accept::{APPLICATION_JSON, Accepted, TEXT_CSV, TEXT_HTML, TEXT_PLAIN, accepts_html};
pub use self::compression::compressed;
pub use self::conditions::{ETag, IfMatch, is_not_modified, not_modified};
pub use self::idempotency_key::{KEY_BYTES_MAX, idempotency_key, mark_replayed};
pub use self::paging::{Cursor, PageQuery, paged};
use crate::body;
use crate::problem::Problem;

/// What the rules need to know of an operation.
#[derive(Debug)]
struct Rules {
    /// Whether it has query parameters, which it checks itself.
    takes_query: bool,
    /// The media types of its successful responses.
    media_types: Vec<MediaTypeBuf>,
}

type Operations = Arc<HashMap<(Method, String), Rules>>;

/// `router` with the rules for the operations of `api`:
///
/// - a query parameter that the operation does not have is a fault, because it is probably misspelt;
/// - a request that accepts none of the media types of the operation gets 406 before anything is done.
///
/// Operations outside `/api/` and `/events`, such as webhooks of providers, ignore unknown parameters.
pub fn checked(router: Router, api: &OpenApi) -> Router {
    let mut operations = HashMap::new();
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
                operations.insert((method, path.clone()), rules(operation));
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
    let path = path.as_ref().map_or("", MatchedPath::as_str);
    let method = match request.method() {
        &Method::HEAD => Method::GET,
        method => method.clone(),
    };
    let Some(rules) = operations.get(&(method, path.to_owned())) else { return next.run(request).await };
    match violation(rules, request).await {
        Ok(request) => next.run(request).await,
        Err(problem) => problem.into_response(),
    }
}

async fn violation(rules: &Rules, request: Request) -> Result<Request, Problem> {
    if !rules.media_types.is_empty() && Accepted::of(request.headers()).best(&rules.media_types).is_none() {
        let offered: Vec<_> = rules.media_types.iter().map(ToString::to_string).collect();
        let detail = format!("This resource is available as {} only.", offered.join(" or "));
        return Err(Problem::new(StatusCode::NOT_ACCEPTABLE, "not_acceptable", detail));
    }
    if rules.takes_query || request.uri().query().is_none_or(str::is_empty) {
        return Ok(request);
    }
    let (mut parts, body) = request.into_parts();
    let form: Form = body::query_form(&mut parts, &()).await?;
    form.finish(Some(()))?;
    Ok(Request::from_parts(parts, body))
}
