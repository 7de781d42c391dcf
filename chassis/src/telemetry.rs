//! Structured logs on standard error, and traces. Standard output is reserved for requested output.

use std::io::IsTerminal as _;

use clap::ValueEnum;
use opentelemetry_otlp::ExporterBuildError;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::{SubscriberInitExt as _, TryInitError};
use tracing_subscriber::{EnvFilter, Layer as _};

use crate::traces;

/// The format of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum LogFormat {
    /// For a person.
    #[default]
    Human,
    /// One JSON object a line, for a machine.
    Json,
}

/// A log filter that cannot be parsed.
#[derive(Debug, thiserror::Error)]
#[error("{filter:?} is not a log filter: {source}; try info, debug or reservation=debug,info")]
pub struct BadFilter {
    filter: String,
    source: tracing_subscriber::filter::ParseError,
}

/// Parses a filter such as `info` or `reservation=debug,info`.
///
/// # Errors
/// [`BadFilter`] when it cannot be parsed.
pub fn filter(text: &str) -> Result<EnvFilter, BadFilter> {
    EnvFilter::try_new(text).map_err(|source| BadFilter { filter: text.to_owned(), source })
}

/// Why logs and traces cannot be started.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// Logging is already started.
    #[error("logs cannot be started twice")]
    StartedTwice(#[from] TryInitError),
    /// The exporter of traces cannot be set up.
    #[error("traces cannot be exported: check OTEL_EXPORTER_OTLP_ENDPOINT")]
    Traces(#[from] ExporterBuildError),
}

/// Exports the remaining spans when it is dropped.
#[derive(Debug)]
#[must_use = "spans are exported as long as it lives"]
pub struct Telemetry {
    traces: Option<SdkTracerProvider>,
}

impl Drop for Telemetry {
    fn drop(&mut self) {
        if let Some(Err(error)) = self.traces.take().map(|traces| traces.shutdown()) {
            tracing::warn!(%error, "the last spans could not be exported");
        }
    }
}

/// Starts logs, and traces if `collector`, the URL of an OpenTelemetry collector, is given.
///
/// # Errors
/// [`TelemetryError`].
pub fn init(
    service: &'static str,
    format: LogFormat,
    filter: EnvFilter,
    collector: Option<&str>,
) -> Result<Telemetry, TelemetryError> {
    let colours = std::io::stderr().is_terminal();
    let Some(collector) = collector else {
        // One filter for all is faster than a filter per layer.
        let builder =
            tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(colours);
        let started = match format {
            LogFormat::Human => builder.with_target(false).finish().try_init(),
            LogFormat::Json => builder.json().flatten_event(true).with_current_span(true).finish().try_init(),
        };
        started?;
        return Ok(Telemetry { traces: None });
    };
    let (tracer, provider) = traces::export(service, collector)?;
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_ansi(colours);
    let lines = match format {
        LogFormat::Human => lines.with_target(false).with_filter(filter).boxed(),
        LogFormat::Json => {
            lines.json().flatten_event(true).with_current_span(true).with_filter(filter).boxed()
        }
    };
    // Independent of the log filter: spans of our own code, and no events.
    let is_span_of_ours = filter_fn(|metadata| {
        metadata.is_span() && *metadata.level() <= tracing::Level::INFO && is_ours(metadata.target())
    });
    let spans = tracing_opentelemetry::layer().with_tracer(tracer).with_filter(is_span_of_ours);
    tracing_subscriber::registry().with(lines).with(spans).try_init()?;
    Ok(Telemetry { traces: Some(provider) })
}

fn is_ours(target: &str) -> bool {
    ["chassis", "notifier", "reservation"].iter().any(|name| target.split("::").next() == Some(*name))
}
