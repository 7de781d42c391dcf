//! Routes that every service has: `/docs`, `/openapi.json`, `/livez`, `/metrics`.

mod standard;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::routing::get;
use metrics_exporter_prometheus::PrometheusHandle;
use utoipa::Modify;
use utoipa::openapi::OpenApi;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa_swagger_ui::SwaggerUi;

/// The common routes. The assets of the documentation page are embedded in the binary.
pub fn routes(mut api: OpenApi, metrics: Option<PrometheusHandle>) -> Router {
    standard::complete(&mut api);
    let metrics = Router::new().route("/metrics", get(render)).with_state(metrics);
    Router::new()
        .merge(SwaggerUi::new("/docs").url("/openapi.json", api))
        .route("/livez", get(|| async { "alive\n" }))
        .merge(metrics)
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

/// Adds the service token to the OpenAPI document as the security scheme `service_token`.
#[derive(Debug, Clone, Copy)]
pub struct ServiceToken;

impl Modify for ServiceToken {
    fn modify(&self, api: &mut OpenApi) {
        let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build();
        api.components
            .get_or_insert_default()
            .add_security_scheme("service_token", SecurityScheme::Http(bearer));
    }
}

macro_rules! problem_responses {
    ($($(#[$doc:meta])* $name:ident = $status:literal),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(utoipa::IntoResponses)]
        #[response(status = $status, content_type = "application/problem+json", description = "")]
        pub struct $name(#[expect(dead_code, reason = "only a description")] contract::problem::Problem);
    )+};
}

problem_responses! {
    /// 404, for the description of a route.
    NotFound = 404,
    /// 409, for the description of a route.
    Conflict = 409,
    /// 412, for the description of a route that takes `If-Match`.
    Stale = 412,
}
