//! Structured logs on standard error; standard output is reserved for requested output.

use std::io::IsTerminal as _;

use clap::ValueEnum;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::util::SubscriberInitExt as _;

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

/// Starts logging.
///
/// # Errors
/// When logging is already started.
pub fn init(format: LogFormat, filter: EnvFilter) -> Result<(), tracing_subscriber::util::TryInitError> {
    let colours = std::io::stderr().is_terminal();
    let builder =
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(colours);
    match format {
        LogFormat::Human => builder.with_target(false).finish().try_init(),
        LogFormat::Json => builder.json().flatten_event(true).with_current_span(true).finish().try_init(),
    }
}
