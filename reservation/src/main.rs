//! The binary `reservation`.

use std::process::ExitCode;
use std::sync::Arc;

use access::secrets::CredentialFile;
use anyhow::Context as _;
use chassis::environment::{Environment as _, SharedEnvironment, SystemEnvironment};
use chassis::serve::{Interface, Protocol, Shutdown, bind, serve};
use chassis::{exit, metrics, telemetry};
use clap::Parser as _;
use events::store::EventStore;
use events::store::log::StoredLog;
use events::store::notes::Notes;
use futures::FutureExt as _;
use metrics_exporter_prometheus::PrometheusHandle;
use reservation::api::{grpc, http};
use reservation::app::log_tree::LogTree;
use reservation::app::projections::Projections;
use reservation::app::venues::VenueFiles;
use reservation::app::{App, Parts, PaymentChannels};
use reservation::cli::access::{AccessAction, Reach};
use reservation::cli::config::{Action, Cli, Config, VenuesAction, VenuesSource};
use reservation::cli::offline::{open_log, signed};
use reservation::cli::{first_keys, import, log, recovery, venues};
use reservation::workers::{self, payment_channels, venue_import};
use tokio::runtime::Runtime;
use tokio::signal::unix::Signal;

/// A booking needs a tenth less CPU time than with the allocator of the system, see docs/performance.md.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    // Must come before the first TLS connection. Nothing else installs a provider.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let config = match Cli::parse().check() {
        Ok(config) => config,
        Err(error) => return refuse(error),
    };
    chassis::files::keep_private(config.network.group_access);
    if let Action::Log { command } = &config.action {
        let settings = config.log_settings();
        return match telemetry::init("reservation", config.log_format, config.log_filter, None) {
            Ok(_telemetry) => command
                .run(
                    config.place,
                    config.data_dir,
                    settings,
                    config.network.authorities,
                    CredentialFile::new(config.credential_file),
                )
                .unwrap_or_else(|error| exit::fail("reservation", format_args!("{error:#}"))),
            Err(error) => refuse(error),
        };
    }
    match &config.action {
        Action::Access { command } => {
            let reach = Reach {
                url: config.network.url_at(config.listen),
                authorities: config.network.authorities.clone(),
                credential_file: config.credential_file.clone(),
            };
            let done = match command {
                AccessAction::Keys(command) => command.run(&reach),
                AccessAction::Staff(command) => command.run(&reach),
                AccessAction::Ca(command) => command.run(),
                AccessAction::Recover { revoke_all } => recovery::run(&config, *revoke_all),
            };
            done.unwrap_or_else(|error| exit::fail("reservation", format_args!("{error:#}")))
        }
        Action::Venues { command: VenuesAction::Check } => match VenueFiles::load(&config.venues) {
            Ok(files) => exit::tell("reservation", &files.to_string()),
            Err(error) => refuse(error),
        },
        Action::Venues { command: VenuesAction::Import { file } } => {
            venues::import(&config, file).unwrap_or_else(refuse)
        }
        Action::Import(arguments) => import::run(&config, arguments).unwrap_or_else(refuse),
        Action::Receipt { command } => {
            command.run().unwrap_or_else(|error| exit::fail("reservation", format_args!("{error:#}")))
        }
        Action::SigningKey { command } => command
            .run(&config.secrets_dir)
            .unwrap_or_else(|error| exit::fail("reservation", format_args!("{error:#}"))),
        Action::Check | Action::Serve | Action::Log { .. } => {
            let reads_files = config.venues_source == VenuesSource::Files;
            match (reads_files.then(|| VenueFiles::load(&config.venues)).transpose(), &config.action) {
                (Err(error), _) => refuse(error),
                (Ok(files), Action::Check) => {
                    let count = files.map_or(0, |files| files.0.len());
                    exit::tell("reservation", &format!("the settings and {count} venue(s) are valid"))
                }
                (Ok(files), _) => start(config, files).unwrap_or_else(refuse),
            }
        }
    }
}

/// Opens the log and serves until the service stops.
fn start(config: Config, files: Option<VenueFiles>) -> anyhow::Result<ExitCode> {
    // Before the log is opened, which logs too.
    let collector = config.trace_collector.as_deref();
    let _telemetry = telemetry::init("reservation", config.log_format, config.log_filter.clone(), collector)?;
    let metrics = metrics::install()?;
    reservation::metrics::describe();
    let runtime = Runtime::new()?;
    // Before the log is opened, which can take a while: a hangup must not end the process.
    let hangups = runtime.block_on(async { venue_import::hangups() })?;
    let (store, projections, tree) = open_log(&config)?;
    let log_tree = signed(&config, tree, store.known_head(), SystemEnvironment.random_id())?;
    match runtime.block_on(run(config, hangups, files, Arc::new(store), projections, log_tree, metrics)) {
        Ok(()) => Ok(ExitCode::SUCCESS),
        Err(error) => {
            tracing::error!("{error:#}");
            Ok(ExitCode::FAILURE)
        }
    }
}

async fn run(
    config: Config,
    hangups: Signal,
    files: Option<VenueFiles>,
    store: Arc<StoredLog>,
    projections: Projections,
    log_tree: LogTree,
    metrics: PrometheusHandle,
) -> anyhow::Result<()> {
    let (trigger, shutdown) = Shutdown::new();
    let env: SharedEnvironment = Arc::new(SystemEnvironment);
    let app = App::new(Parts {
        store: Arc::clone(&store) as Arc<dyn EventStore>,
        notes: Notes::of(&config.place, "reservation"),
        projections,
        log_tree,
        channels: PaymentChannels::default(),
        access_mode: config.access_mode,
        network: config.network.clone(),
        admission: config.admission,
        public_url: config.public_url,
        env: Arc::clone(&env),
        shutdown: shutdown.clone(),
    });
    let client = config.network.authorities.client().build()?;
    env.spawn(payment_channels::run(app.clone(), client.clone(), config.notifier_url).boxed());
    env.spawn(metrics::upkeep(metrics.clone()).boxed());
    let mut tasks = workers::follow(&app).await?;
    first_keys::prepare(&app, &config.secrets_dir).await?;
    config.access_mode.log();
    import_venues(&app, files.as_ref()).await?;
    tasks.index(&app);
    tasks.sign(&app, &client, &config.witnesses);
    tasks.act(&app);
    let dir = files.map(|_| config.venues);
    env.spawn(venue_import::run(app.clone(), dir, hangups).boxed());
    let listener = bind(config.listen, "--listen").await?;
    let address = listener.local_addr()?;
    let router = http::router(app.clone(), Some(metrics), Some(log::route(&app, &store)));
    let mut interfaces = vec![Interface { listener, protocol: Protocol::Http1, router }];
    if let Some(at) = config.grpc_listen {
        let listener = bind(at, "--grpc-listen").await?;
        tracing::info!(address = %listener.local_addr()?, "gRPC is served");
        interfaces.push(Interface { listener, protocol: Protocol::Http2, router: grpc::router(app.clone()) });
    }
    tracing::info!(%address, log_id = %store.log_id(), head = %store.known_head(), "reservation is ready");
    trigger.on_signals()?;
    serve(interfaces, &config.network, shutdown).await;
    workers::keys::record_uses(&app).await;
    workers::refusals::record_refusals(&app).await;
    tracing::info!(head = %store.known_head(), "reservation has stopped");
    Ok(())
}

/// Imports the venue files, and continues what follows from rules that were recorded before the last stop.
async fn import_venues(app: &App, files: Option<&VenueFiles>) -> anyhow::Result<()> {
    if let Some(files) = files {
        let mut report = venue_import::import(app, files).await;
        if let Some((venue, error)) = report.not_recorded.pop() {
            return Err(error).with_context(|| format!("could not record the rules of the venue {venue}"));
        }
        report.log();
    }
    venue_import::settle(app, files).await.log_failures();
    if app.venues.ids().is_empty() {
        tracing::warn!("there is no venue yet: add one with PUT /api/venues/<id>/rules, or import venues");
    }
    Ok(())
}

fn refuse(error: impl Into<anyhow::Error>) -> ExitCode {
    exit::refuse("reservation", format_args!("{:#}", error.into()))
}
