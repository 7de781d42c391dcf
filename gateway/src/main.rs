//! The binary `gateway`.

use std::process::ExitCode;

use chassis::{exit, metrics, telemetry};
use clap::Parser as _;
use gateway::cli::{Action, Cli, Config};
use gateway::serve;

fn main() -> ExitCode {
    // Must come before the first TLS connection. Nothing else installs a provider.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let config = match Cli::parse().check() {
        Ok(config) => config,
        Err(error) => return exit::refuse("gateway", anyhow::Error::from(error)),
    };
    match config.action {
        Action::Serve => run(config).unwrap_or_else(|error| exit::refuse("gateway", error)),
        Action::Check => exit::tell("gateway", "the settings are valid"),
    }
}

/// Serves until the gateway stops.
fn run(config: Config) -> anyhow::Result<ExitCode> {
    let collector = config.trace_collector.as_deref();
    let _telemetry = telemetry::init("gateway", config.log_format, config.log_filter.clone(), collector)?;
    let metrics = metrics::install()?;
    match serve::run(config, metrics) {
        Ok(()) => Ok(ExitCode::SUCCESS),
        Err(error) => {
            tracing::error!("{error:#}");
            Ok(ExitCode::FAILURE)
        }
    }
}
