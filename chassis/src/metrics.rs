//! Prometheus metrics: one recorder for the process, rendered at `GET /metrics`.

use std::collections::HashMap;
use std::sync::LazyLock;
use std::time::Duration;

use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use parking_lot::RwLock;

const LATENCY_SECONDS: &[f64] =
    &[0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0];
const GROUP_EVENTS: &[f64] = &[1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 48.0, 64.0];

/// Installs the recorder. Values recorded earlier are lost.
///
/// # Errors
/// When a recorder is already installed.
pub fn install() -> Result<PrometheusHandle, BuildError> {
    let handle = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".into()), LATENCY_SECONDS)?
        .set_buckets_for_metric(Matcher::Suffix("_events".into()), GROUP_EVENTS)?
        .install_recorder()?;
    describe();
    Ok(handle)
}

/// Runs the periodic upkeep of histograms, which otherwise hold every sample until the next scrape.
pub async fn upkeep(handle: PrometheusHandle) {
    let mut tick = tokio::time::interval(Duration::from_secs(5));
    loop {
        tick.tick().await;
        handle.run_upkeep();
    }
}

/// The metrics of one kind of response.
struct ResponseMetrics {
    total: metrics::Counter,
    seconds: metrics::Histogram,
}

/// By route; within a route by method and status. Cached, because looking up a metric by its labels
/// allocates and hashes all of them on every request.
type MetricsByRoute = HashMap<String, Vec<((&'static str, u16), ResponseMetrics)>>;

static RESPONSES: LazyLock<RwLock<MetricsByRoute>> = LazyLock::new(RwLock::default);

/// Counts a response. `route` must be a route pattern of the service, never text from a caller.
pub fn record_response(method: &'static str, route: &str, status: u16, elapsed: Duration) {
    let record = |metrics: &ResponseMetrics| {
        metrics.total.increment(1);
        metrics.seconds.record(elapsed);
    };
    {
        let known = RESPONSES.read();
        let kinds = known.get(route).map(Vec::as_slice).unwrap_or_default();
        if let Some((_, metrics)) = kinds.iter().find(|(kind, _)| *kind == (method, status)) {
            return record(metrics);
        }
    }
    let metrics = ResponseMetrics {
        total: metrics::counter!("http_requests_total", "method" => method, "route" => route.to_owned(), "status" => status.to_string()),
        seconds: metrics::histogram!("http_request_duration_seconds", "method" => method, "route" => route.to_owned()),
    };
    record(&metrics);
    let mut known = RESPONSES.write();
    known.entry(route.to_owned()).or_default().push(((method, status), metrics));
}

fn describe() {
    metrics::describe_counter!("http_requests_total", "Requests by method, route and status");
    metrics::describe_histogram!("http_request_duration_seconds", "Time to respond, by method and route");
    metrics::describe_counter!("meja_limited_total", "Requests over a limit of their client, by limit");
    metrics::describe_counter!("meja_connections_refused_total", "Connections over the limits");
    metrics::describe_counter!(
        "meja_credentials_refused_total",
        "Requests with a credential that is not valid"
    );
    metrics::describe_histogram!(
        "meja_log_append_seconds",
        "Time from a request to append until it is durable"
    );
    metrics::describe_histogram!("meja_log_commit_seconds", "Time to commit one group: check, write, sync");
    metrics::describe_counter!(
        "meja_log_commits_lost_total",
        "Groups that another process preceded; they were checked and committed again"
    );
    metrics::describe_histogram!("meja_log_group_events", "Events in one group");
    metrics::describe_gauge!("meja_log_head_position", "Last durable position of the log");
}
