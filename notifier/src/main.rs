//! The binary `notifier`.

use std::process::ExitCode;
use std::sync::Arc;

use access::secrets::CredentialFile;
use chassis::environment::SystemEnvironment;
use chassis::{exit, metrics, telemetry};
use clap::Parser as _;
use events::store::place::Settings;
use notifier::adapters::http_client::HttpClient;
use notifier::adapters::reservation_client::ReservationClient;
use notifier::cli::config::{Action, Cli, Config};
use notifier::cli::serve;
use notifier::effects::catalogue::Entries;

fn main() -> ExitCode {
    // Must come before the first TLS connection. Nothing else installs a provider.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let config = match Cli::parse().check() {
        Ok(config) => config,
        Err(error) => return refuse(error),
    };
    chassis::files::keep_private(config.network.group_access);
    let done = match &config.action {
        Action::Serve => return serve(config).unwrap_or_else(refuse),
        Action::Check => return exit::tell("notifier", "the settings are valid"),
        Action::Reconcile(reconcile) => {
            let base_url = config.network.url_at(config.listen);
            let client = HttpClient::trusting(&config.network.authorities);
            let credential = CredentialFile::new(config.credential_file);
            client
                .map_err(anyhow::Error::from)
                .and_then(|client| block_on(reconcile.run(&client, &base_url, &credential)))
        }
        Action::Preview(preview) => {
            let public_url = config.public_url.unwrap_or_else(|| config.network.url_at(config.listen));
            let key = CredentialFile::new(config.key_file);
            let api = HttpClient::trusting(&config.network.authorities)
                .map(|client| ReservationClient::new(client, config.reservation_url, key));
            api.map_err(anyhow::Error::from).and_then(|api| {
                block_on(preview.run(&api, &config.messaging.messages, &public_url, &SystemEnvironment))
            })
        }
        Action::Log { command } => {
            let context = log_tools::Context {
                settings: config.log_settings(),
                place: config.place,
                data_dir: config.data_dir,
                authorities: config.network.authorities,
                credential: CredentialFile::new(config.credential_file),
                restore_notice: None,
                catalogue: &Entries,
            };
            telemetry::init("notifier", config.log_format, config.log_filter, None)
                .map_err(anyhow::Error::from)
                .and_then(|_telemetry| command.run(&context))
        }
    };
    done.unwrap_or_else(|error| exit::fail("notifier", error))
}

/// Opens the log and serves until the service stops.
fn serve(config: Config) -> anyhow::Result<ExitCode> {
    let collector = config.trace_collector.as_deref();
    let _telemetry = telemetry::init("notifier", config.log_format, config.log_filter.clone(), collector)?;
    let metrics = metrics::install()?;
    notifier::metrics::describe();
    let settings = Settings { instance_dir: Some(config.data_dir.clone()), ..config.log_settings() };
    let store = Arc::new(config.place.open(&settings)?);
    match serve::run(config, store, metrics) {
        Ok(()) => Ok(ExitCode::SUCCESS),
        Err(error) => {
            tracing::error!("{error:#}");
            Ok(ExitCode::FAILURE)
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
