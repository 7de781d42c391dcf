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
#[error("{filter:?} is not a log filter: {reason}; try info, debug or reservation=debug,info")]
pub struct BadFilter {
    filter: String,
    reason: String,
}

/// The levels of a directive without a target: the documentation of [`EnvFilter`].
const LEVELS: [&str; 12] = ["off", "error", "warn", "info", "debug", "trace", "0", "1", "2", "3", "4", "5"];

/// Parses a filter such as `info` or `reservation=debug,info`. A target needs a level: [`EnvFilter`] alone would read a
/// misspelt level as a target and log nothing.
///
/// # Errors
/// [`BadFilter`] when it cannot be parsed.
pub fn filter(text: &str) -> Result<EnvFilter, BadFilter> {
    let bad = |reason: String| BadFilter { filter: text.to_owned(), reason };
    let is_level = |part: &str| LEVELS.iter().any(|level| level.eq_ignore_ascii_case(part));
    let mut directives = text.split(',').map(str::trim).filter(|part| !part.is_empty());
    if let Some(part) = directives.find(|part| !part.contains(['=', '[']) && !is_level(part)) {
        return Err(bad(format!("{part:?} is not a level")));
    }
    EnvFilter::try_new(text).map_err(|error| bad(error.to_string()))
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
    traces::set_on();
    Ok(Telemetry { traces: Some(provider) })
}

fn is_ours(target: &str) -> bool {
    ["chassis", "notifier", "reservation"].iter().any(|name| target.split("::").next() == Some(*name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_level_is_not_a_target() {
        for good in ["info", "WARN", "reservation=debug,info", "reservation[request]=debug", "off", ""] {
            assert!(filter(good).is_ok(), "{good}");
        }
        for bad in ["inof", "reservation", "info,notifer", "=what="] {
            assert!(filter(bad).is_err(), "{bad}");
        }
    }
}
