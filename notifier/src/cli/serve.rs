//! Serving: puts the application together from the settings, and runs it until the shutdown.

use std::sync::Arc;
use std::time::Duration;

use access::secrets::CredentialFile;
use access::{ClientLimits, SnapshotDoor};
use anyhow::Context as _;
use chassis::environment::{SharedEnvironment, SystemEnvironment};
use chassis::metrics;
use chassis::serve::{Interface, Protocol, Shutdown, bind, serve};
use events::store::EventStore;
use events::store::lease::Lease;
use events::store::log::StoredLog;
use log_tools::serve::LogRoute;
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

use super::config::{Config, Mail, Sms};
use super::standby::Waiting;
use crate::adapters::http_client::HttpClient;
use crate::adapters::mail_files::MailFiles;
use crate::adapters::reservation_client::ReservationClient;
use crate::adapters::simulated::Simulated;
use crate::adapters::sms::{Console, Twilio};
use crate::adapters::smtp::Smtp;
use crate::adapters::stripe::Stripe;
use crate::adapters::webhook_sender::HttpWebhooks;
use crate::api::{grpc, http};
use crate::app::App;
use crate::effects::EffectLog;
use crate::effects::catalogue::Entries;
use crate::executors::EffectExecutor;
use crate::executors::breaker::Breakers;
use crate::executors::rate_limit::RateLimiter;
use crate::ports::payment::PaymentProvider;
use crate::ports::payment_providers::PaymentProviders;
use crate::ports::reservation_api::ReservationApi;
use crate::ports::{MailSender, SmsSender};
use crate::workers::feed_consumer::FeedStatus;
use crate::workers::lease;

/// Maximum time for tasks and threads to end after the shutdown.
const STOP_MAX: Duration = Duration::from_secs(1);

/// Serves until a signal to stop.
///
/// # Errors
/// When the address cannot be used, or an adapter or the effect log cannot be opened.
pub fn run(config: Config, store: Arc<StoredLog>, metrics: PrometheusHandle) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Runtime::new().context("could not start the worker threads")?;
    let served = runtime.block_on(serve_until_stopped(config, store, metrics));
    // Tasks end and close the log. A mail server that does not respond must not delay the end of the process for long.
    runtime.shutdown_timeout(STOP_MAX);
    served
}

async fn serve_until_stopped(
    config: Config,
    store: Arc<StoredLog>,
    metrics: PrometheusHandle,
) -> anyhow::Result<()> {
    let (trigger, shutdown) = Shutdown::new();
    trigger.on_signals()?;
    let env: SharedEnvironment = Arc::new(SystemEnvironment);
    drop(env.spawn(Box::pin(metrics::upkeep(metrics.clone()))));
    let listener = bind(config.listen, "--listen").await?;
    let lease = Arc::new(Lease::of(&config.place, store.source()));
    let waiting = Waiting {
        lease: &lease,
        store: &store,
        network: &config.network,
        metrics: &metrics,
        env: &env,
        shutdown: &shutdown,
    };
    // A standby finds out now that the address is in use, and not when it takes over.
    if let Some(at) = config.grpc_listen {
        drop(bind(at, "--grpc-listen").await?);
    }
    let served = match waiting.until_active(listener).await {
        Ok(Some((effect_log, listener))) => {
            let active = Active { store: &store, lease: &lease, metrics, env, shutdown, listener };
            active.serve(config, effect_log).await
        }
        Ok(None) => Ok(()),
        Err(error) => Err(error),
    };
    if let Err(error) = lease.release().await {
        let error = &error as &dyn std::error::Error;
        tracing::warn!(error, "a standby has to wait until the lease expires");
    }
    tracing::info!(head = %store.known_head(), "notifier has stopped");
    served
}

/// A notifier that holds the lease of its log.
struct Active<'a> {
    store: &'a Arc<StoredLog>,
    lease: &'a Arc<Lease>,
    metrics: PrometheusHandle,
    env: SharedEnvironment,
    shutdown: Shutdown,
    listener: TcpListener,
}

impl Active<'_> {
    /// Serves until a signal to stop.
    async fn serve(self, config: Config, effect_log: EffectLog) -> anyhow::Result<()> {
        let Self { store, lease, metrics, env, shutdown, listener } = self;
        let address = listener.local_addr()?;
        let grpc_listener = match config.grpc_listen {
            Some(at) => Some(bind(at, "--grpc-listen").await?),
            None => None,
        };
        let log = LogRoute::new(store, Arc::new(Entries), &env, &shutdown);
        let public_url = config.public_url.clone().unwrap_or_else(|| {
            let scheme = if config.network.tls.is_some() { "https" } else { "http" };
            format!("{scheme}://{address}")
        });
        config.access_mode.log();
        let (retry_settings, decision) = (config.retry_settings, config.money.decision);
        let checkpoints = config.messaging.checkpoints.clone();
        let network = config.network.clone();
        let (app, executor) = assemble(config, effect_log, public_url, env, shutdown.clone())?;
        let worker = app.start(executor, retry_settings, decision, checkpoints);
        let keeper = lease.is_shared().then(|| {
            let effect_log = Arc::clone(&app.effect_log);
            app.env.spawn(Box::pin(lease::keep(Arc::clone(lease), effect_log, Arc::clone(&app.env))))
        });
        tracing::info!(%address, log_id = %store.log_id(), head = %store.known_head(), "notifier is ready");
        let drained = async {
            shutdown.requested().await;
            // As long as requests. Effects that have not ended by then are continued after the next start.
            let _ = tokio::time::timeout(network.limits.drain_timeout, worker).await;
        };
        let grpc = grpc_listener.map(|listener| Interface {
            listener,
            protocol: Protocol::Http2,
            router: grpc::router(app.clone()),
        });
        let router = http::router(app, Some(metrics), Some(log));
        let http = Interface { listener, protocol: Protocol::Http1, router };
        let interfaces = [Some(http), grpc].into_iter().flatten();
        tokio::join!(serve(interfaces, &network, shutdown.clone()), drained);
        if let Some(keeper) = keeper {
            keeper.abort();
        }
        Ok(())
    }
}

/// The application, and the executor of its effects.
fn assemble(
    config: Config,
    effect_log: EffectLog,
    public_url: String,
    env: SharedEnvironment,
    shutdown: Shutdown,
) -> anyhow::Result<(App, EffectExecutor)> {
    let client = HttpClient::outside(&config.outside).context("could not set up TLS")?;
    let (money, messaging) = (config.money, config.messaging);
    let simulated = Simulated::open(public_url.clone(), Arc::clone(&env), &config.data_dir)
        .context("could not open the records of the simulated provider")?;
    let simulated = Arc::new(simulated);
    let stripe = money.stripe.map(|settings| {
        Arc::new(Stripe::new(client.clone(), settings, public_url.clone(), Arc::clone(&env)))
    });
    let mut providers: Vec<Arc<dyn PaymentProvider>> = Vec::new();
    providers.extend(money.simulated.then(|| simulated.clone() as Arc<dyn PaymentProvider>));
    providers.extend(stripe.clone().map(|stripe| stripe as Arc<dyn PaymentProvider>));
    let reservation_api = ReservationClient::new(
        HttpClient::trusting(&config.network.authorities).context("could not set up TLS")?,
        config.reservation_url,
        CredentialFile::new(config.key_file),
    );
    let reservation_api = match config.upstream_grpc_url {
        Some(url) => reservation_api.following(&url, &config.network.authorities.tls()?)?,
        None => reservation_api,
    };
    let reservation_api: Arc<dyn ReservationApi> = Arc::new(reservation_api);
    let door = SnapshotDoor::new(config.access_mode.anonymous(), Arc::clone(&env));
    let app = App {
        effect_log: Arc::new(effect_log),
        feed_status: FeedStatus::default(),
        reservation_api,
        payment_providers: Arc::new(PaymentProviders::new(money.channels, providers)),
        simulated,
        stripe,
        hooks: Arc::new(config.hooks),
        breakers: Arc::new(Breakers::new(config.retry_settings.attempts_max)),
        reconciling: Arc::new(Semaphore::new(1)),
        door: Arc::new(door),
        access_mode: config.access_mode,
        limits: ClientLimits::new(&config.network, &env),
        hosts: config.network.hosts,
        env,
        shutdown,
    };
    let executor = EffectExecutor {
        reservation_api: Arc::clone(&app.reservation_api),
        effect_log: Arc::clone(&app.effect_log),
        payment_providers: Arc::clone(&app.payment_providers),
        hooks: Arc::clone(&app.hooks),
        webhook_sender: Arc::new(HttpWebhooks::new(client.clone(), config.outside)),
        rate_limiter: RateLimiter::new(messaging.limits),
        policy: messaging.policy,
        mail: mail(messaging.mail)?,
        sms: sms(messaging.sms, client),
        messages: messaging.messages,
        public_url,
        env: Arc::clone(&app.env),
    };
    Ok((app, executor))
}

fn mail(mail: Mail) -> anyhow::Result<Arc<dyn MailSender>> {
    Ok(match mail {
        Mail::Files(dir) => Arc::new(MailFiles::create(&dir).with_context(|| {
            format!("could not create the directory for mail, {}: choose another with --mail", dir.display())
        })?),
        Mail::Smtp(server) => Arc::new(Smtp::new(server)),
    })
}

fn sms(sms: Sms, client: HttpClient) -> Option<Arc<dyn SmsSender>> {
    match sms {
        Sms::Off => None,
        Sms::Console => Some(Arc::new(Console)),
        Sms::Twilio { base_url, account, token, from } => {
            Some(Arc::new(Twilio::new(client, &base_url, account, token, from)))
        }
    }
}
