//! Prometheus metrics: one recorder for the process, rendered at `GET /metrics`.

use std::collections::HashMap;
use std::sync::{LazyLock, PoisonError, RwLock};
use std::time::Duration;

use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};

const LATENCY_SECONDS: &[f64] =
    &[0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0];
const GROUP_EVENTS: &[f64] = &[1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 48.0, 64.0];

/// Installs the recorder. What is recorded before is lost.
///
/// # Errors
/// When another recorder is installed already.
pub fn install() -> Result<PrometheusHandle, BuildError> {
    let handle = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".into()), LATENCY_SECONDS)?
        .set_buckets_for_metric(Matcher::Suffix("_events".into()), GROUP_EVENTS)?
        .install_recorder()?;
    describe();
    Ok(handle)
}

/// Keeps the histograms small: without it they hold every sample until the next scrape.
pub async fn upkeep(handle: PrometheusHandle) {
    let mut tick = tokio::time::interval(Duration::from_secs(5));
    loop {
        tick.tick().await;
        handle.run_upkeep();
    }
}

/// The figures of one kind of answer.
struct Answers {
    total: metrics::Counter,
    seconds: metrics::Histogram,
}

/// By route; within, by method and status. Looking a figure up by its labels allocates and hashes each of
/// them, which every request would pay for.
type AnswersByRoute = HashMap<String, Vec<((&'static str, u16), Answers)>>;

static ANSWERS: LazyLock<RwLock<AnswersByRoute>> = LazyLock::new(RwLock::default);

/// Counts an answer. `route` is one of the service's own, never what a caller wrote.
pub fn answered(method: &'static str, route: &str, status: u16, elapsed: Duration) {
    let record = |answers: &Answers| {
        answers.total.increment(1);
        answers.seconds.record(elapsed);
    };
    {
        let known = ANSWERS.read().unwrap_or_else(PoisonError::into_inner);
        let kinds = known.get(route).map(Vec::as_slice).unwrap_or_default();
        if let Some((_, answers)) = kinds.iter().find(|(kind, _)| *kind == (method, status)) {
            return record(answers);
        }
    }
    let answers = Answers {
        total: metrics::counter!("http_requests_total", "method" => method, "route" => route.to_owned(), "status" => status.to_string()),
        seconds: metrics::histogram!("http_request_duration_seconds", "method" => method, "route" => route.to_owned()),
    };
    record(&answers);
    let mut known = ANSWERS.write().unwrap_or_else(PoisonError::into_inner);
    known.entry(route.to_owned()).or_default().push(((method, status), answers));
}

fn describe() {
    metrics::describe_counter!("http_requests_total", "Requests by method, route and status");
    metrics::describe_histogram!("http_request_duration_seconds", "Time to answer, by method and route");
    metrics::describe_histogram!("meja_log_append_seconds", "Time an append waits until it is durable");
    metrics::describe_histogram!("meja_log_commit_seconds", "Time of one group: check, write, sync");
    metrics::describe_histogram!("meja_log_group_events", "Events in one group");
    metrics::describe_gauge!("meja_log_head_position", "Last durable position of the log");
}
