//! Serving: puts the gateway together from the settings, and runs it until the shutdown.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use chassis::environment::{SharedEnvironment, SystemEnvironment};
use chassis::metrics;
use chassis::serve::{Interface, Protocol, Shutdown, bind, serve};
use metrics_exporter_prometheus::PrometheusHandle;

use crate::app::App;
use crate::cli::Config;
use crate::routes;

/// Maximum time for tasks to end after the shutdown.
const STOP_MAX: Duration = Duration::from_secs(1);
/// How often the key is read again: the reservation service writes it at its first start, and an operator rotates it.
const KEY_INTERVAL: Duration = Duration::from_secs(5);
/// The same while there is none.
const KEY_INTERVAL_WITHOUT: Duration = Duration::from_millis(200);

/// Serves until a signal to stop.
///
/// # Errors
/// When an address cannot be used, or the services cannot be called with these settings.
pub fn run(config: Config, metrics: PrometheusHandle) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Runtime::new().context("could not start the worker threads")?;
    let served = runtime.block_on(serve_until_stopped(config, metrics));
    runtime.shutdown_timeout(STOP_MAX);
    served
}

async fn serve_until_stopped(config: Config, metrics: PrometheusHandle) -> anyhow::Result<()> {
    let (trigger, shutdown) = Shutdown::new();
    let env: SharedEnvironment = Arc::new(SystemEnvironment);
    drop(env.spawn(Box::pin(metrics::upkeep(metrics.clone()))));
    let listener = bind(config.listen, "--listen").await?;
    let address = listener.local_addr()?;
    let metrics_listener = match config.metrics_listen {
        Some(at) => Some(bind(at, "--metrics-listen").await?),
        None => None,
    };
    let public_url = config.public_url.clone().unwrap_or_else(|| config.network.url_at(address));
    let app = App::new(&config, public_url, env, shutdown.clone())?;
    tokio::spawn(read_key(app.clone()));
    tracing::info!(%address, "gateway is ready");
    trigger.on_signals()?;
    let pages = Interface { listener, protocol: Protocol::Http1, router: routes::router(app) };
    let metrics = metrics_listener.map(|listener| Interface {
        listener,
        protocol: Protocol::Http1,
        router: routes::metrics(metrics),
    });
    serve([Some(pages), metrics].into_iter().flatten(), &config.network, shutdown).await;
    tracing::info!("gateway has stopped");
    Ok(())
}

/// Reads the key of the gateway again and again. Without it the services count all guests as one client.
async fn read_key(app: App) {
    let mut is_missing = false;
    loop {
        let read = app.key.reload();
        match (&read, is_missing) {
            (Err(error), false) => {
                tracing::warn!(%error, "without its key the gateway cannot tell the services who calls; waiting for it");
            }
            (Ok(()), true) => tracing::info!("the key of the gateway is there"),
            _ => {}
        }
        is_missing = read.is_err();
        let pause = if app.key.token().is_none() { KEY_INTERVAL_WITHOUT } else { KEY_INTERVAL };
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = app.shutdown.requested() => return,
        }
    }
}
