//! The binary `reservation`.

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use chassis::clock::{SharedClock, SystemClock};
use chassis::serve::{Limits, Shutdown, serve};
use chassis::{exit, metrics, telemetry};
use clap::Parser as _;
use events::store::EventStore;
use events::store::sled::{Options, SledStore};
use logbook::serve::LogRoute;
use reservation::app::{App, Parts};
use reservation::channels::Channels;
use reservation::config::{Action, Cli, Config, VenuesAction};
use reservation::http;
use reservation::reload;
use reservation::venues::Venues;
use reservation::views::Views;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::signal::unix::Signal;

/// A tenth less CPU for a booking than with the system's allocator, see docs/performance.md.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    // Before anything may speak TLS; nobody else installs one.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let config = match Cli::parse().check() {
        Ok(config) => config,
        Err(error) => return refuse(error),
    };
    if let Action::Log { command } = &config.action {
        let done = telemetry::init(config.log_format, config.log_filter.clone()).map_err(anyhow::Error::from);
        return done
            .and_then(|()| command.run(&config))
            .unwrap_or_else(|error| exit::fail("reservation", error));
    }
    let venues = match Venues::load(&config.venues) {
        Ok(venues) => venues,
        Err(error) => return refuse(error),
    };
    if let Action::Venues { command: VenuesAction::Check } = config.action {
        return exit::tell("reservation", &venues.to_string());
    }
    if matches!(config.action, Action::Check) {
        let words = format!("settings and {} venue(s) are fine", venues.ids().len());
        return exit::tell("reservation", &words);
    }
    let options = Options {
        cache_bytes: config.cache_bytes,
        queue_appends: config.queue_appends_max,
        reserve_bytes: config.disk_reserve_bytes,
        ..Options::new(&config.data_dir, "reservation")
    };
    // Before the log is opened: what happens there is worth a line.
    let (Ok(metrics), Ok(())) =
        (metrics::install(), telemetry::init(config.log_format, config.log_filter.clone()))
    else {
        return refuse(anyhow::anyhow!("logs and metrics can not be started twice"));
    };
    let runtime = match Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => return refuse(error),
    };
    // Before the log is opened, which may take a while: a hangup meanwhile must not end the start.
    let hangups = match runtime.block_on(async { reload::hangups() }) {
        Ok(hangups) => hangups,
        Err(error) => return refuse(error),
    };
    // The log is read once: what opens it and what is built from it see the same bytes.
    let (mut views, mut readable) = (Views::default(), Ok(()));
    let opened = SledStore::open_visiting(&options, &mut |stored| {
        if readable.is_ok() {
            readable = views.take_in(stored);
        }
    });
    let store = match opened.map_err(anyhow::Error::from).and_then(|store| Ok(readable.map(|()| store)?)) {
        Ok(store) => Arc::new(store),
        Err(error) => return refuse(error),
    };
    match runtime.block_on(run(config, hangups, venues, store, views, metrics)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(
    config: Config,
    hangups: Signal,
    venues: Venues,
    store: Arc<SledStore>,
    views: Views,
    metrics: metrics_exporter_prometheus::PrometheusHandle,
) -> anyhow::Result<()> {
    let (trigger, shutdown) = Shutdown::new();
    let clock: SharedClock = Arc::new(SystemClock);
    let channels = Channels::default();
    let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build()?;
    tokio::spawn(channels.clone().follow(client, config.notifier_url, shutdown.clone()));
    tokio::spawn(metrics::upkeep(metrics.clone()));
    let (log, service_token) = (Arc::clone(&store) as Arc<dyn EventStore>, config.service_token);
    let archive =
        LogRoute { store: Arc::clone(&store), token: service_token.clone(), shutdown: shutdown.clone() };
    let parts =
        Parts { store: log, views, venues, channels, service_token, clock, shutdown: shutdown.clone() };
    let app = App::start(parts).await?;
    reload::note_since_last_run(&app).await.tell();
    tokio::spawn(reload::follow(app.clone(), config.venues, hangups, shutdown.clone()));
    let listener = TcpListener::bind(config.listen).await.with_context(|| {
        format!(
            "could not listen on {}: is another process there? Choose another address with --listen",
            config.listen
        )
    })?;
    tracing::info!(address = %listener.local_addr()?, log_id = %store.log_id(), head = %store.head(), "reservation is ready");
    trigger.on_signals()?;
    let limits = Limits { connections_max: config.connections_max, ..Limits::default() };
    serve(listener, http::router(app, Some(metrics), Some(archive)), limits, shutdown).await;
    tracing::info!(head = %store.head(), "reservation has stopped");
    Ok(())
}

fn refuse(error: impl Into<anyhow::Error>) -> ExitCode {
    exit::refuse("reservation", error.into())
}
