//! The routes of a notifier that stands by.

use axum::Router;
use chassis::docs;
use chassis::network::Hosts;
use chassis::problem::Problem;
use chassis::serve::observed;
use metrics_exporter_prometheus::PrometheusHandle;

/// `/livez`, `/metrics` and `/problems`. Everything else is refused, also `/readyz`, so that a load balancer sends requests
/// to the active notifier.
pub fn router(hosts: Hosts, metrics: PrometheusHandle) -> Router {
    let refuse = || async {
        let detail = "This notifier stands by while another one is active. Nothing was done. Send the request to the active one, whose /readyz responds with 200.";
        Problem::unavailable("standby", detail, 1)
    };
    observed(hosts.guard(docs::health(Some(metrics)).fallback(refuse)))
}
