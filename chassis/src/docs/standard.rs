//! Completes the description of an API with the parts that all routes have in common: error responses, headers of
//! responses, and descriptions of statuses. A route describes only what is its own.

use crate::api::UNLIMITED;
use axum::http::StatusCode;
use contract::problem::{self, CONTENT_TYPE};
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::path::{Operation, PathItem};
use utoipa::openapi::request_body::RequestBody;
use utoipa::openapi::schema::{AnyOfBuilder, ObjectBuilder};
use utoipa::openapi::security::SecurityRequirement;
use utoipa::openapi::{
    ContentBuilder, Header, OpenApi, Ref, RefOr, Required, Response, ResponseBuilder, Schema, Type,
};

/// Adds the common parts to every operation of `api`.
///
/// - The schemas and responses of problems become components, and the responses refer to them.
/// - A response without a description gets one for its status.
/// - Every response has the header `X-Request-Id`; a repeatable command has `Idempotent-Replayed`.
pub(super) fn complete(api: &mut OpenApi) {
    let components = api.components.get_or_insert_default();
    components.schemas.extend(problem::schemas());
    for (status, body) in [
        (400, "Problem"),
        (401, "Problem"),
        (403, "Problem"),
        (406, "Problem"),
        (408, "Problem"),
        (413, "Problem"),
        (415, "Problem"),
        (421, "Problem"),
        (422, "InvalidRequest"),
        (429, "Problem"),
        (500, "Problem"),
        (503, "Problem"),
        (504, "Problem"),
    ] {
        components.responses.insert(component(status), problem_response(status, schema_ref(body)).into());
    }
    let either = AnyOfBuilder::new().item(schema_ref("InvalidRequest")).item(schema_ref("Problem"));
    components.responses.insert(UNPROCESSABLE.to_owned(), problem_response(422, either.into()).into());
    for (path, item) in &mut api.paths.paths {
        for (reads_body, operation) in operations(item) {
            complete_operation(path, reads_body, operation);
        }
    }
}

/// The component for 422 of an operation that takes an `Idempotency-Key`: faults, or a reused key.
const UNPROCESSABLE: &str = "UnprocessableCommand";

/// The operations, each with whether it reads a body: commands accept an empty object.
fn operations(item: &mut PathItem) -> impl Iterator<Item = (bool, &mut Operation)> {
    let PathItem { get, put, post, delete, patch, .. } = item;
    let all = [(false, get), (true, put), (true, post), (true, delete), (true, patch)];
    all.into_iter().filter_map(|(reads_body, operation)| Some((reads_body, operation.as_mut()?)))
}

fn complete_operation(path: &str, reads_body: bool, operation: &mut Operation) {
    let takes_key = operation
        .parameters
        .iter()
        .flatten()
        .any(|parameter| matches!(parameter, RefOr::T(parameter) if parameter.name == "Idempotency-Key"));
    let takes_parameters = operation.parameters.iter().flatten().next().is_some();
    let security = operation.security.iter().flatten();
    let (knows_caller, needs_scope) = security
        .fold((false, false), |(_, needs), one| (true, needs || *one != SecurityRequirement::default()));
    let is_limited = !UNLIMITED.contains(&path);
    let is_api = path.starts_with("/api/") || path == "/events";
    if let Some(RefOr::T(body)) = &mut operation.request_body {
        allow_no_body(body);
    }
    let responses = &mut operation.responses.responses;
    for (status, response) in responses.iter_mut() {
        if let RefOr::T(response) = response {
            complete_response(status, response, takes_key);
        }
    }
    let standard = [
        (400, is_api || reads_body),
        (401, knows_caller),
        (403, needs_scope),
        (406, is_api),
        (408, reads_body),
        (413, reads_body),
        (415, reads_body),
        (422, is_api || reads_body || takes_parameters),
        (421, is_api),
        // Requests of a client have limits, and a request can carry the PIN of another person, which can be wrong too often.
        (429, knows_caller),
        (500, true),
        (503, true),
        (504, is_limited),
    ];
    for (status, _) in standard.into_iter().filter(|(_, applies)| *applies) {
        let name = if status == 422 && takes_key { UNPROCESSABLE.to_owned() } else { component(status) };
        let reference = || Ref::new(format!("#/components/responses/{name}")).into();
        responses.entry(status.to_string()).or_insert_with(reference);
    }
}

/// A body that can be left out is described as the body or null, but null is not an object.
fn allow_no_body(body: &mut RequestBody) {
    for content in body.content.values_mut() {
        let RefOr::T(content) = content else { continue };
        let Some(RefOr::T(Schema::OneOf(either))) = &content.schema else { continue };
        let object = either.items.iter().find(|item| matches!(item, RefOr::Ref(_))).cloned();
        if let (2, Some(object)) = (either.items.len(), object) {
            content.schema = Some(object);
            body.required = Some(Required::False);
        }
    }
}

fn complete_response(status: &str, response: &mut Response, takes_key: bool) {
    let status = status.parse().unwrap_or(200);
    if response.description.is_empty() {
        status_text(status).clone_into(&mut response.description);
    }
    response.headers.entry("X-Request-Id".to_owned()).or_insert_with(|| request_id().into());
    if takes_key && status < 300 {
        response.headers.entry("Idempotent-Replayed".to_owned()).or_insert_with(|| replayed().into());
    }
}

fn component(status: u16) -> String {
    let reason = StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason());
    reason.unwrap_or("Error").replace(' ', "")
}

fn problem_response(status: u16, body: RefOr<Schema>) -> Response {
    let content = ContentBuilder::new().schema(Some(body)).build();
    let response = ResponseBuilder::new()
        .description(status_text(status))
        .content(CONTENT_TYPE, content)
        .header("X-Request-Id", request_id());
    match status {
        401 => response.header("WWW-Authenticate", text_header("The required scheme", "Bearer")).build(),
        429 => {
            let policy = text_header("The limit that is used up", "\"bookings_per_address\";q=20;w=3600");
            let state =
                text_header("What is left of it, and for how long", "\"bookings_per_address\";r=0;t=180");
            let response = response.header("Retry-After", seconds());
            response.header("RateLimit-Policy", policy).header("RateLimit", state).build()
        }
        503 => response.header("Retry-After", seconds()).build(),
        _ => response.build(),
    }
}

/// The meaning of a status, for responses without a description of their own.
fn status_text(status: u16) -> &'static str {
    match status {
        200 => "Success",
        202 => "Accepted",
        204 => "Done; there is no content",
        304 => "Not changed since the version in the request",
        400 => "The request is malformed: the body, the query or the cursor cannot be parsed",
        401 => "A credential is required, or the presented one is not valid",
        403 => {
            "The credential does not have the scope, or is limited to some venues; `code` names the reason"
        }
        404 => "The resource does not exist",
        408 => "The body did not arrive in time",
        421 => "The service does not answer under the name in `Host`",
        406 => "The request accepts none of the media types of the resource",
        409 => "A business rule or a concurrent change refused the request; `code` names the reason",
        410 => "The resource was erased, or the link to it is over",
        412 => "`If-Match` contains an outdated version",
        413 => "The body is too large",
        415 => "The body has another media type, charset or encoding",
        422 => "The request has faults; `detail` lists all of them",
        429 => {
            "A limit of this client is used up, or too many attempts failed; `Retry-After` contains the time to wait in seconds"
        }
        500 => "The service failed; its log output contains the cause",
        503 => "The service cannot do this at the moment; `Retry-After` contains the time to wait in seconds",
        504 => "The request took too long",
        _ => "See the status",
    }
}

fn request_id() -> Header {
    text_header("Identifies the request in the logs of the services", "01939f3e-7b2a-7c3d-9e4f-5a6b7c8d9e0f")
}

fn replayed() -> Header {
    text_header("`true` if this is the response to an earlier request with the same Idempotency-Key", "true")
}

fn seconds() -> Header {
    let schema = ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(0)).build();
    HeaderBuilder::new()
        .schema(Some(schema))
        .description(Some("Seconds to wait before the next attempt"))
        .build()
}

fn text_header(description: &str, example: &str) -> Header {
    let schema = ObjectBuilder::new().schema_type(Type::String).examples([example]).build();
    HeaderBuilder::new().schema(Some(schema)).description(Some(description)).build()
}

fn schema_ref(name: &str) -> RefOr<Schema> {
    Ref::from_schema_name(name).into()
}
