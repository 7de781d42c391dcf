//! Routes that every service has: `/docs`, `/openapi.json`, `/problems`, `/livez`, `/metrics`.

mod examples;
mod problems;
mod standard;

use axum::Router;
use axum::extract::State;
use axum::http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use metrics_exporter_prometheus::PrometheusHandle;
use utoipa::IntoParams;
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::ObjectBuilder;
use utoipa::openapi::{OpenApi, Required, Type};
use utoipa_swagger_ui::{Config, SwaggerUi};

use self::examples::Document;
use crate::api::KEY_BYTES_MAX;
use crate::environment::SharedEnvironment;

/// The page of the documentation loads its scripts, styles and pictures from this service.
const PAGE_POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
);

/// The common routes. The assets of the documentation page are embedded in the binary.
pub fn routes(mut api: OpenApi, metrics: Option<PrometheusHandle>, env: SharedEnvironment) -> Router {
    standard::complete(&mut api);
    let document = Document::new(&api, env);
    let description = Router::new().route("/openapi.json", get(examples::document)).with_state(document);
    health(metrics).merge(page("/docs", "/openapi.json")).merge(description)
}

/// The common routes without the documentation of the API: `/livez`, `/metrics`, `/problems`.
pub fn health(metrics: Option<PrometheusHandle>) -> Router {
    Router::new()
        .route("/metrics", get(render))
        .with_state(metrics)
        .route("/livez", get(|| async { "alive\n" }))
        .route("/problems", get(problems::list))
        .route("/problems/{code}", get(problems::one))
}

/// The interactive documentation at `path` of the description at `description`. It draws its own pictures, and asks this
/// origin only.
pub fn page(path: &'static str, description: &'static str) -> Router {
    let page: Router = SwaggerUi::new(path).config(Config::from(description)).into();
    page.layer(axum::middleware::map_response(|mut response: Response| async {
        response.headers_mut().insert(CONTENT_SECURITY_POLICY, PAGE_POLICY);
        response
    }))
}

async fn render(State(handle): State<Option<PrometheusHandle>>) -> impl IntoResponse {
    match handle {
        Some(handle) => (StatusCode::OK, [(CONTENT_TYPE, "text/plain; version=0.0.4")], handle.render()),
        None => (
            StatusCode::NOT_FOUND,
            [(CONTENT_TYPE, "text/plain")],
            "this process does not collect metrics\n".into(),
        ),
    }
}

macro_rules! header_parameters {
    ($($(#[$doc:meta])* $type:ident = $name:literal, $description:literal, $schema:expr;)+) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy)]
        pub struct $type;

        impl IntoParams for $type {
            fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
                vec![ParameterBuilder::new()
                    .name($name)
                    .parameter_in(ParameterIn::Header)
                    .required(Required::False)
                    .description(Some($description))
                    .schema(Some($schema))
                    .build()]
            }
        }
    )+};
}

header_parameters! {
    /// The header of a request that can be repeated.
    Repeatable = "Idempotency-Key",
        "A key that the caller chooses for this request, for example a UUID. A repeated request with the same key gets the first response, and changes nothing. With or without quotes it is the same key.",
        text().min_length(Some(1)).max_length(Some(KEY_BYTES_MAX + 2)).pattern(Some(r#"^("[!#-~]{1,128}"|[!#-~]{1,128})$"#));
    /// The header of a command that must not overlook a change.
    Conditional = "If-Match",
        "The ETag of the version that the caller has seen. If the resource has another version, nothing is changed.",
        text().pattern(Some(r#"^(\*|"[^"]*"( *, *"[^"]*")*)$"#)).examples(["\"3\""]);
    /// The header of a request for a representation that the caller may already have.
    Cached = "If-None-Match",
        "ETags of representations that the caller has. If the current one is among them, the response is 304 without a body.",
        text().examples(["\"3\""]);
}

fn text() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String)
}

/// Not changed since the version in the request.
#[derive(Debug, utoipa::IntoResponses)]
#[response(status = 304, description = "", headers(("ETag" = String)))]
pub struct NotModified;

/// Too many attempts failed.
#[derive(Debug, utoipa::IntoResponses)]
#[response(status = 429, content_type = "application/problem+json", description = "", headers(("Retry-After" = u32)))]
pub struct Delayed(#[expect(dead_code, reason = "only a description")] contract::problem::Problem);

macro_rules! problem_responses {
    ($($(#[$doc:meta])* $name:ident = $status:literal),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(utoipa::IntoResponses)]
        #[response(status = $status, content_type = "application/problem+json", description = "")]
        pub struct $name(#[expect(dead_code, reason = "only a description")] contract::problem::Problem);
    )+};
}

problem_responses! {
    /// The resource does not exist.
    NotFound = 404,
    /// A business rule or a concurrent change refused the request; `code` names the reason.
    Conflict = 409,
    /// The resource was erased, or the link to it is over.
    Gone = 410,
    /// `If-Match` contains an outdated version.
    Stale = 412,
}
