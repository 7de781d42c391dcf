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
use notifier::app::App;
use notifier::breaker::Breakers;
use notifier::channels::Channels;
use notifier::config::{Action, Cli, Config, Mail, Sms};
use notifier::follow::Following;
use notifier::gateway::files::MailFiles;
use notifier::gateway::hook::HookSender;
use notifier::gateway::simulated::Simulated;
use notifier::gateway::smtp::Smtp;
use notifier::gateway::stripe::{Stripe, StripeSettings};
use notifier::gateway::text::{Console, Twilio};
use notifier::gateway::{MailGateway, SmsGateway};
use notifier::http;
use notifier::journal::Entries;
use notifier::outbox::Outbox;
use notifier::perform::Performer;
use notifier::throttle::Throttle;
use notifier::tills::Tills;
use notifier::upstream::Upstream;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

fn main() -> ExitCode {
    // Before anything may speak TLS; nobody else installs one.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let config = match Cli::parse().check() {
        Ok(config) => config,
        Err(error) => return refuse(error),
    };
    match &config.action {
        Action::Serve => {}
        Action::Check => return exit::tell("notifier", "settings are fine"),
        Action::Reconcile(reconcile) => {
            let base_url = format!("http://{}", config.listen);
            let asked = block_on(reconcile.run(&base_url, config.service_token.as_ref()));
            return asked.unwrap_or_else(|error| exit::fail("notifier", error));
        }
        Action::Preview(preview) => {
            let public_url = config.public_url.unwrap_or_else(|| format!("http://{}", config.listen));
            let shown = Upstream::new(config.reservation_url, config.service_token)
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
        return refuse(anyhow::anyhow!("logs and metrics can not be started twice"));
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
            "could not listen on {}: is another process there? Choose another address with --listen",
            config.listen
        )
    })?;
    let address = listener.local_addr()?;
    let outbox = Arc::new(Outbox::open(Arc::clone(&store) as Arc<dyn EventStore>, Arc::clone(&clock)).await?);
    let public_url = config.public_url.clone().unwrap_or_else(|| format!("http://{address}"));
    let hooks = Arc::new(config.hooks);
    let books = config.data_dir.join("simulated-provider.jsonl");
    let tills = Arc::new(tills(config.money.channels, config.money.stripe, &public_url, &clock, &books)?);
    let performer = Performer {
        upstream: Upstream::new(config.reservation_url.clone(), config.service_token.clone())?,
        outbox: Arc::clone(&outbox),
        tills: Arc::clone(&tills),
        hooks: Arc::clone(&hooks),
        hook_sender: HookSender::new()?,
        throttle: Throttle::new(config.messaging.limits),
        habits: config.messaging.habits,
        mail: mail(config.messaging.mail)?,
        sms: sms(&config.messaging.sms)?,
        messages: config.messaging.messages,
        public_url,
        clock: Arc::clone(&clock),
    };
    let (following, service_token) = (Following::default(), config.service_token);
    let archive =
        LogRoute { store: Arc::clone(&store), token: service_token.clone(), shutdown: shutdown.clone() };
    let upstream = performer.upstream.clone();
    let app = App {
        outbox,
        following,
        upstream,
        tills,
        hooks,
        breakers: Arc::new(Breakers::new(config.pace.attempts_max)),
        reconciling: Arc::new(Semaphore::new(1)),
        service_token,
        clock,
        shutdown: shutdown.clone(),
    };
    let worker = app.start(performer, config.pace, config.money.decision);
    tracing::info!(%address, log_id = %store.log_id(), head = %store.known_head(), "notifier is ready");
    trigger.on_signals()?;
    let limits = Limits::default();
    let drained = async {
        shutdown.requested().await;
        // As long as requests: what is not done by then is done after the next start.
        let _ = tokio::time::timeout(limits.drain_timeout, worker).await;
    };
    tokio::join!(
        serve(listener, http::router(app, Some(metrics), Some(archive)), limits, shutdown.clone()),
        drained
    );
    tracing::info!(head = %store.known_head(), "notifier has stopped");
    Ok(())
}

fn tills(
    channels: Channels,
    stripe: Option<StripeSettings>,
    public_url: &str,
    clock: &SharedEnvironment,
    books: &Path,
) -> anyhow::Result<Tills> {
    let simulated = Simulated::open(public_url.to_owned(), Arc::clone(clock), books)
        .with_context(|| format!("could not open the simulated provider's books {}", books.display()))?;
    let stripe = stripe.map(|settings| Stripe::new(settings, public_url.to_owned())).transpose()?;
    Ok(Tills::new(channels, Arc::new(simulated), stripe.map(Arc::new)))
}

fn mail(mail: Mail) -> anyhow::Result<Arc<dyn MailGateway>> {
    Ok(match mail {
        Mail::Files(dir) => Arc::new(MailFiles::create(&dir)?),
        Mail::Smtp(server) => Arc::new(Smtp::new(server)),
    })
}

fn sms(sms: &Sms) -> anyhow::Result<Option<Arc<dyn SmsGateway>>> {
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
