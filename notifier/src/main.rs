//! The binary `notifier`.

use std::process::ExitCode;
use std::sync::Arc;

use chassis::environment::SystemEnvironment;
use chassis::{exit, metrics, telemetry};
use clap::Parser as _;
use events::store::sled::{Options, SledStore};
use notifier::adapters::http_client::HttpClient;
use notifier::adapters::reservation_client::ReservationClient;
use notifier::cli::config::{Action, Cli};
use notifier::cli::serve;
use notifier::effects::entry::Entries;

fn main() -> ExitCode {
    // Must come before the first TLS connection. Nothing else installs a provider.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let config = match Cli::parse().check() {
        Ok(config) => config,
        Err(error) => return refuse(error),
    };
    match &config.action {
        Action::Serve => {}
        Action::Check => return exit::tell("notifier", "the settings are valid"),
        Action::Reconcile(reconcile) => {
            let base_url = format!("http://{}", config.listen);
            let asked = block_on(reconcile.run(&base_url, config.service_token.as_ref()));
            return asked.unwrap_or_else(|error| exit::fail("notifier", error));
        }
        Action::Preview(preview) => {
            let public_url = config.public_url.unwrap_or_else(|| format!("http://{}", config.listen));
            let shown = HttpClient::new().map_err(anyhow::Error::from).and_then(|client| {
                let api = ReservationClient::new(client, config.reservation_url, config.service_token);
                block_on(preview.run(&api, &config.messaging.messages, &public_url, &SystemEnvironment))
            });
            return shown.unwrap_or_else(|error| exit::fail("notifier", error));
        }
        Action::Log { command } => {
            let done =
                telemetry::init(config.log_format, config.log_filter.clone()).map_err(anyhow::Error::from);
            let context = log_tools::Context {
                data_dir: config.data_dir.clone(),
                source: "notifier",
                cache_bytes: config.cache_bytes,
                token: config.service_token.clone(),
                catalogue: &Entries,
            };
            return done
                .and_then(|()| command.run(&context))
                .unwrap_or_else(|error| exit::fail("notifier", error));
        }
    }
    if let Err(error) = telemetry::init(config.log_format, config.log_filter.clone()) {
        return refuse(error);
    }
    let metrics = match metrics::install() {
        Ok(metrics) => metrics,
        Err(error) => return refuse(error),
    };
    let options = Options {
        cache_bytes: config.cache_bytes,
        reserve_bytes: config.disk_reserve_bytes,
        ..Options::new(&config.data_dir, "notifier")
    };
    let store = match SledStore::open(&options) {
        Ok(store) => Arc::new(store),
        Err(error) => return refuse(error),
    };
    match serve::run(config, store, metrics) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

#[tokio::main]
async fn block_on<T>(work: impl Future<Output = T>) -> T {
    work.await
}

fn refuse(error: impl Into<anyhow::Error>) -> ExitCode {
    exit::refuse("notifier", error.into())
}
