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
use std::time::Duration;

use axum::Router;
use axum::extract::{FromRequestParts as _, MatchedPath, Request, State};
use axum::http::{Method, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use mediatype::MediaTypeBuf;
use utoipa::openapi::path::{Operation, ParameterIn};
use utoipa::openapi::{OpenApi, RefOr};

pub use self::accept::{
    APPLICATION_JSON, Accepted, TEXT_CALENDAR, TEXT_CSV, TEXT_HTML, TEXT_PLAIN, accepts_html,
};
pub use self::compression::encode;
pub use self::conditions::{ETag, IfMatch, is_not_modified, not_modified};
pub use self::idempotency_key::{KEY_BYTES_MAX, REPLAYED, idempotency_key, mark_replayed};
pub use self::paging::{Cursor, PageQuery, paged};
pub use self::parameters::{PathParameters, Query, Segments};
use crate::problem::Problem;

/// The paths of operations without a maximum duration.
pub const UNLIMITED: [&str; 2] = ["/events", "/api/log"];

/// The facts about an operation that the rules need.
#[derive(Debug)]
struct Rules {
    /// Whether unknown query parameters and unacceptable representations are refused.
    is_checked: bool,
    /// Maximum duration; `None` if consumers wait for events, or a copy takes as long as it takes.
    duration_max: Option<Duration>,
    /// Whether it has query parameters, which it checks itself.
    takes_query: bool,
    /// The media types of its successful responses.
    media_types: Vec<MediaTypeBuf>,
}

/// The rules of the operations, by path.
type Operations = Arc<HashMap<String, Vec<(Method, Rules)>>>;

/// `router` with the rules for the operations of `api`:
///
/// - an operation ends after `duration_max`, except those of [`UNLIMITED`];
/// - a query parameter that the operation does not have is a fault, because it is probably misspelt;
/// - a request that accepts none of the media types of the operation gets 406 before anything is done.
///
/// Operations outside `/api/` and `/events`, such as webhooks of providers, ignore unknown parameters.
pub fn checked(router: Router, api: &OpenApi, duration_max: Duration) -> Router {
    let mut operations = HashMap::<String, Vec<(Method, Rules)>>::new();
    for (path, item) in &api.paths.paths {
        let methods = [
            (Method::GET, &item.get),
            (Method::POST, &item.post),
            (Method::PUT, &item.put),
            (Method::DELETE, &item.delete),
            (Method::PATCH, &item.patch),
        ];
        for (method, operation) in methods {
            if let Some(operation) = operation {
                let rules = rules(path, operation, duration_max);
                operations.entry(path.clone()).or_default().push((method, rules));
            }
        }
    }
    router.layer(middleware::from_fn_with_state(Arc::new(operations), check))
}

fn rules(path: &str, operation: &Operation, duration_max: Duration) -> Rules {
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
    let is_checked = path.starts_with("/api/") || path == "/events";
    let duration_max = (!UNLIMITED.contains(&path)).then_some(duration_max);
    Rules { is_checked, duration_max, takes_query, media_types }
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
    let request = match violation(rules, request).await {
        Ok(request) => request,
        Err(problem) => return problem.into_response(),
    };
    match rules.duration_max {
        Some(limit) => within(limit, request, next).await,
        None => next.run(request).await,
    }
}

/// Responds with a problem when a handler takes longer than `limit`.
///
/// Not the timeout of tower-http, whose response is not a problem and does not say what to do.
pub async fn within(limit: Duration, request: Request, next: Next) -> Response {
    let answered = tokio::time::timeout(limit, next.run(request)).await;
    answered.unwrap_or_else(|_| {
        let detail = format!("The request took longer than {} s, and its outcome is unknown. Read the resource, or repeat the request with its Idempotency-Key.", limit.as_secs());
        Problem::new(StatusCode::GATEWAY_TIMEOUT, "timeout", detail).into_response()
    })
}

async fn violation(rules: &Rules, request: Request) -> Result<Request, Problem> {
    if !rules.is_checked {
        return Ok(request);
    }
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
