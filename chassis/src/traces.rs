//! OpenTelemetry traces, exported over OTLP. Off unless a collector is configured.
//!
//! A trace crosses the services as W3C Trace Context: in the header `traceparent` of requests, and in the attribute
//! of the same name of events.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use opentelemetry::propagation::TextMapPropagator as _;
use opentelemetry::trace::{TraceContextExt as _, TracerProvider as _};
use opentelemetry::{Context, KeyValue};
use opentelemetry_otlp::{ExporterBuildError, Protocol, SpanExporter, WithExportConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

use crate::config::{self, Faults};

/// The name of the header and of the event attribute with the trace context.
pub const TRACEPARENT: &str = "traceparent";
/// Maximum duration of one export.
const EXPORT_MAX: Duration = Duration::from_secs(10);

static IS_ON: AtomicBool = AtomicBool::new(false);

/// Options for traces.
#[derive(Debug, clap::Args)]
pub struct TraceArgs {
    /// URL of an OpenTelemetry collector that gets traces (OTLP over HTTP), for example http://127.0.0.1:4318; by
    /// default there are no traces
    #[arg(long, env = "OTEL_EXPORTER_OTLP_ENDPOINT", global = true)]
    otlp_endpoint: Option<String>,
}

impl TraceArgs {
    /// The URL of the collector without trailing slashes, if one is set.
    pub fn check(&self, faults: &mut Faults) -> Option<String> {
        // An empty variable means that it is not set: OpenTelemetry specification, environment variables.
        let url = self.otlp_endpoint.as_deref().filter(|url| !url.is_empty())?;
        faults.take("OTEL_EXPORTER_OTLP_ENDPOINT", config::base_url(url))
    }
}

/// Records that spans are exported from now on.
pub(crate) fn set_on() {
    IS_ON.store(true, Ordering::Relaxed);
}

/// Whether traces are exported.
#[must_use]
pub fn is_on() -> bool {
    IS_ON.load(Ordering::Relaxed)
}

/// The tracer of `service`, and its provider, which sends spans to the collector at `endpoint` in the background.
pub(crate) fn export(
    service: &'static str,
    endpoint: &str,
) -> Result<(SdkTracer, SdkTracerProvider), ExporterBuildError> {
    let exporter = SpanExporter::builder()
        .with_http()
        .with_protocol(Protocol::HttpBinary)
        .with_endpoint(format!("{endpoint}/v1/traces"))
        .with_timeout(EXPORT_MAX)
        .build()?;
    let version = KeyValue::new("service.version", env!("CARGO_PKG_VERSION"));
    let resource = Resource::builder().with_service_name(service).with_attribute(version).build();
    let provider = SdkTracerProvider::builder().with_batch_exporter(exporter).with_resource(resource).build();
    Ok((provider.tracer(service), provider))
}

/// The context in `traceparent`, if it is valid: W3C Trace Context §3.2.
fn context(traceparent: &str) -> Option<Context> {
    let carrier = HashMap::from([(TRACEPARENT.to_owned(), traceparent.to_owned())]);
    let context = TraceContextPropagator::new().extract(&carrier);
    (context.span().span_context().is_valid() && is_canonical(traceparent, &context)).then_some(context)
}

/// Whether `traceparent` is written as the specification requires. The library also accepts signs, ids without leading
/// zeros and further parts. The text becomes part of events, so nothing else may be in it.
fn is_canonical(traceparent: &str, context: &Context) -> bool {
    let is_hex = |text: &str| text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    let ids = |text: &str| text.get(2..53).map(str::to_owned);
    let written = serialized(context);
    traceparent.len() == 55
        && traceparent.get(..2).is_some_and(is_hex)
        && traceparent.get(53..).is_some_and(is_hex)
        && written.is_some_and(|written| ids(&written) == ids(traceparent))
}

/// `context` as a `traceparent`, if it is valid.
fn serialized(context: &Context) -> Option<String> {
    let mut carrier = HashMap::new();
    TraceContextPropagator::new().inject_context(context, &mut carrier);
    carrier.remove(TRACEPARENT)
}

/// Whether `traceparent` is valid: W3C Trace Context §3.2.
#[must_use]
pub fn is_valid(traceparent: &str) -> bool {
    context(traceparent).is_some()
}

/// Makes `span` a child of the span in `traceparent`. Must be called before `span` is entered.
pub fn continue_from(span: &Span, traceparent: Option<&str>) {
    if let Some(context) = traceparent.filter(|_| is_on()).and_then(context) {
        // Fails only if the span is disabled. A span without a parent begins a trace.
        let _ = span.set_parent(context);
    }
}

/// The `traceparent` of `span`; `None` without traces.
#[must_use]
pub fn traceparent_of(span: &Span) -> Option<String> {
    if is_on() { serialized(&span.context()) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_valid_contexts_are_accepted() {
        assert!(is_valid("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"));
        for bad in [
            "",
            "00-0-0-0",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-x",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-zz",
            "0-1-1-1",
            "00-1-1-1",
            "+0-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-+1",
            "00-+bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-sari@example.com",
        ] {
            assert!(!is_valid(bad), "{bad}");
        }
    }
}
