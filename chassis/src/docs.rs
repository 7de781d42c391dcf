//! Routes that every service has: `/docs`, `/openapi.json`, `/livez`, `/metrics`.

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
pub fn routes(api: OpenApi, metrics: Option<PrometheusHandle>) -> Router {
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
