//! The binary `notifier`.

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use chassis::environment::{SharedEnvironment, SystemEnvironment};
use chassis::serve::{Limits, Shutdown, serve};
use chassis::{exit, metrics, telemetry};
use clap::Parser as _;
use events::store::EventStore;
use events::store::sled::{Options, SledStore};
use log_tools::serve::LogRoute;
use metrics_exporter_prometheus::PrometheusHandle;
use notifier::adapters::mail_files::MailFiles;
use notifier::adapters::payment_providers::PaymentProviders;
use notifier::adapters::reservation_client::ReservationClient;
use notifier::adapters::simulated::Simulated;
use notifier::adapters::sms::{Console, Twilio};
use notifier::adapters::smtp::Smtp;
use notifier::adapters::stripe::{Stripe, StripeSettings};
use notifier::adapters::webhook_sender::WebhookSender;
use notifier::api::http;
use notifier::app::App;
use notifier::cli::config::{Action, Cli, Config, Mail, Sms};
use notifier::domain::payment_channels::Channels;
use notifier::effects::EffectLog;
use notifier::effects::entry::Entries;
use notifier::executors::EffectExecutor;
use notifier::executors::breaker::Breakers;
use notifier::executors::rate_limit::RateLimiter;
use notifier::ports::{MailSender, SmsSender};
use notifier::workers::feed_consumer::FeedStatus;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

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
            let shown = ReservationClient::new(config.reservation_url, config.service_token)
                .map_err(anyhow::Error::from)
                .and_then(|up| block_on(preview.run(&up, &config.messaging.messages, &public_url)));
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
    let (Ok(metrics), Ok(())) =
        (metrics::install(), telemetry::init(config.log_format, config.log_filter.clone()))
    else {
        return refuse(anyhow::anyhow!("logs and metrics cannot be started twice"));
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
    match run(config, store, metrics) {
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

#[tokio::main]
async fn run(config: Config, store: Arc<SledStore>, metrics: PrometheusHandle) -> anyhow::Result<()> {
    let (trigger, shutdown) = Shutdown::new();
    let clock: SharedEnvironment = Arc::new(SystemEnvironment);
    tokio::spawn(metrics::upkeep(metrics.clone()));
    let listener = TcpListener::bind(config.listen).await.with_context(|| {
        format!(
            "could not listen on {}: another process may use it; choose another address with --listen",
            config.listen
        )
    })?;
    let address = listener.local_addr()?;
    let effect_log =
        Arc::new(EffectLog::open(Arc::clone(&store) as Arc<dyn EventStore>, Arc::clone(&clock)).await?);
    let public_url = config.public_url.clone().unwrap_or_else(|| format!("http://{address}"));
    let hooks = Arc::new(config.hooks);
    let books = config.data_dir.join("simulated-provider.jsonl");
    let payment_providers =
        Arc::new(payment_providers(config.money.channels, config.money.stripe, &public_url, &clock, &books)?);
    let executor = EffectExecutor {
        reservation_client: ReservationClient::new(
            config.reservation_url.clone(),
            config.service_token.clone(),
        )?,
        effect_log: Arc::clone(&effect_log),
        payment_providers: Arc::clone(&payment_providers),
        hooks: Arc::clone(&hooks),
        webhook_sender: WebhookSender::new()?,
        rate_limiter: RateLimiter::new(config.messaging.limits),
        policy: config.messaging.policy,
        mail: mail(config.messaging.mail)?,
        sms: sms(&config.messaging.sms)?,
        messages: config.messaging.messages,
        public_url,
        clock: Arc::clone(&clock),
    };
    let (feed_status, service_token) = (FeedStatus::default(), config.service_token);
    let archive =
        LogRoute { store: Arc::clone(&store), token: service_token.clone(), shutdown: shutdown.clone() };
    let reservation_client = executor.reservation_client.clone();
    let app = App {
        effect_log,
        feed_status,
        reservation_client,
        payment_providers,
        hooks,
        breakers: Arc::new(Breakers::new(config.retry_settings.attempts_max)),
        reconciling: Arc::new(Semaphore::new(1)),
        service_token,
        clock,
        shutdown: shutdown.clone(),
    };
    let worker = app.start(executor, config.retry_settings, config.money.decision);
    tracing::info!(%address, log_id = %store.log_id(), head = %store.known_head(), "notifier is ready");
    trigger.on_signals()?;
    let limits = Limits::default();
    let drained = async {
        shutdown.requested().await;
        // As long as requests. Effects that have not ended by then are continued after the next start.
        let _ = tokio::time::timeout(limits.drain_timeout, worker).await;
    };
    tokio::join!(
        serve(listener, http::router(app, Some(metrics), Some(archive)), limits, shutdown.clone()),
        drained
    );
    tracing::info!(head = %store.known_head(), "notifier has stopped");
    Ok(())
}

fn payment_providers(
    channels: Channels,
    stripe: Option<StripeSettings>,
    public_url: &str,
    clock: &SharedEnvironment,
    books: &Path,
) -> anyhow::Result<PaymentProviders> {
    let simulated = Simulated::open(public_url.to_owned(), Arc::clone(clock), books).with_context(|| {
        format!("could not open the records of the simulated provider, {}", books.display())
    })?;
    let stripe = stripe.map(|settings| Stripe::new(settings, public_url.to_owned())).transpose()?;
    Ok(PaymentProviders::new(channels, Arc::new(simulated), stripe.map(Arc::new)))
}

fn mail(mail: Mail) -> anyhow::Result<Arc<dyn MailSender>> {
    Ok(match mail {
        Mail::Files(dir) => Arc::new(MailFiles::create(&dir)?),
        Mail::Smtp(server) => Arc::new(Smtp::new(server)),
    })
}

fn sms(sms: &Sms) -> anyhow::Result<Option<Arc<dyn SmsSender>>> {
    Ok(match sms {
        Sms::Off => None,
        Sms::Console => Some(Arc::new(Console)),
        Sms::Twilio { base_url, account, token, from } => {
            let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build()?;
            Some(Arc::new(Twilio::new(client, base_url, account.clone(), token.clone(), from.clone())))
        }
    })
}

fn refuse(error: impl Into<anyhow::Error>) -> ExitCode {
    exit::refuse("notifier", error.into())
}
