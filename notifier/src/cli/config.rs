//! Settings. Each is a flag and an environment variable; all are checked before a port or a file is opened.

mod messages;
mod money;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use access::AccessMode;
use access::first::{NOTIFIER_FILE, OWNER_FILE};
use access::secrets::SecretsDir;
use chassis::config::{self, ConfigError, Faults, GoneArgs, PublicUrlArgs};
use chassis::files;
use chassis::network::{Network, NetworkArgs, encrypted_or_local};
use chassis::telemetry::{self, LogFormat};
use chassis::traces::TraceArgs;
use chrono::TimeDelta;
use clap::Parser;
use events::store::place::{Place, Settings};
use tracing_subscriber::EnvFilter;

use self::messages::MessageArgs;
pub use self::messages::{Mail, Messaging, Sms};
pub use self::money::Money;
use self::money::MoneyArgs;
use crate::adapters::outside::Outside;
use crate::cli::preview::Preview;
use crate::cli::reconcile::Reconcile;
use crate::cli::store::StoreArgs;
use crate::domain::retry_policy::RetrySettings;
use crate::domain::webhooks::Webhooks;

/// Reads the events of the reservation service, collects deposits, sends messages and webhooks, and reports the results.
#[derive(Debug, Parser)]
#[command(version, about, after_help = AFTER_HELP)]
pub struct Cli {
    #[command(subcommand)]
    command: Option<Action>,
    #[command(flatten)]
    raw: Raw,
}

const AFTER_HELP: &str = "\
Interactive API documentation is at /docs of a running service, metrics at /metrics.
Exit codes: 0 success, 1 failure, 2 a setting is not usable, or the data directory (1 for `log` commands),
3 `log verify` found a log that is not valid, 4 `reconcile` found differences.";

/// The command of the binary.
#[derive(Debug, clap::Subcommand)]
pub enum Action {
    /// Serve until SIGTERM or Ctrl-C (the default)
    Serve,
    /// Check the settings, then exit
    Check,
    /// Compare payments and bookings, in the running service
    Reconcile(Reconcile),
    /// Print one message about a reservation as the guest would get it; nothing is sent
    Preview(Preview),
    /// Commands for the notifier's own log: verify, show, back up, restore …
    Log {
        /// The command.
        #[command(subcommand)]
        command: log_tools::command::LogCommand,
    },
}

/// How the feed is read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum UpstreamFeed {
    /// Long polls of `GET /events`.
    #[default]
    Http,
    /// The stream of `meja.v1.Log`.
    Grpc,
}

impl UpstreamFeed {
    /// The `url` of the stream, if the feed is followed there.
    fn url(self, url: &str, faults: &mut Faults) -> Option<Option<String>> {
        let url = faults.take("RESERVATION_GRPC_URL", config::base_url(url).and_then(encrypted_or_local))?;
        Some(Some(url).filter(|_| self == Self::Grpc))
    }
}

#[derive(Debug, clap::Args)]
struct Raw {
    /// IP address and port to listen on; port 0 selects a free port
    #[arg(long, env = "NOTIFIER_LISTEN", default_value = "127.0.0.1:8001", global = true)]
    listen: String,
    /// IP address and port to listen on for gRPC; off: none
    #[arg(long, env = "NOTIFIER_GRPC_LISTEN", default_value = "127.0.0.1:8011", global = true)]
    grpc_listen: String,
    #[command(flatten)]
    public_url: PublicUrlArgs,
    /// Directory of the notifier's own log; created if it does not exist
    #[arg(long, env = "NOTIFIER_DATA_DIR", default_value = "data/notifier", global = true)]
    data_dir: PathBuf,
    #[command(flatten)]
    store: StoreArgs,
    /// URL of the reservation service
    #[arg(long, env = "RESERVATION_URL", default_value = "http://127.0.0.1:8000", global = true)]
    reservation_url: String,
    /// How the feed is read: http polls GET /events, grpc follows the stream of meja.v1.Log
    #[arg(long, env = "NOTIFIER_UPSTREAM_FEED", value_enum, default_value_t, global = true)]
    upstream_feed: UpstreamFeed,
    /// URL of the reservation service for gRPC, with --upstream-feed grpc
    #[arg(long, env = "RESERVATION_GRPC_URL", default_value = "http://127.0.0.1:8010", global = true)]
    reservation_grpc_url: String,
    /// Whether callers need credentials
    #[arg(long, env = "NOTIFIER_ACCESS", value_enum, default_value_t, global = true)]
    access: AccessMode,
    /// Directory with the key of this service, notifier.key, which the reservation service writes at its first start
    #[arg(long, env = "NOTIFIER_SECRETS_DIR", default_value = "data/secrets", global = true)]
    secrets_dir: PathBuf,
    /// File with the credential that commands present to a running service [default: owner.header in the directory of
    /// secrets]
    #[arg(long, env = "NOTIFIER_CREDENTIAL_FILE", global = true)]
    credential_file: Option<PathBuf>,
    #[command(flatten)]
    network: NetworkArgs,
    #[command(flatten)]
    gone: GoneArgs,
    #[command(flatten)]
    money: MoneyArgs,
    /// Networks that may be called besides public addresses, such as 10.0.0.0/8, separated by commas: for webhooks and
    /// providers in your own network, also without encryption
    #[arg(
        long,
        env = "NOTIFIER_CALLS_ALLOWED",
        default_value = "",
        hide_default_value = true,
        global = true
    )]
    calls_allowed: String,
    /// JSON file with the webhook subscriptions
    #[arg(long, env = "NOTIFIER_HOOKS", global = true)]
    hooks: Option<PathBuf>,
    #[command(flatten)]
    messages: MessageArgs,
    /// Maximum number of concurrent effects per lane (1 to 1024)
    #[arg(long, env = "NOTIFIER_CONCURRENCY", default_value = "16", global = true)]
    concurrency: usize,
    /// Maximum number of attempts before an effect is a dead letter (1 to 100)
    #[arg(long, env = "NOTIFIER_ATTEMPTS_MAX", default_value = "8", global = true)]
    attempts_max: u32,
    /// Delay after the first failed attempt, in milliseconds; doubled after each, up to five minutes
    #[arg(long, env = "NOTIFIER_BACKOFF_MS", default_value = "1000", global = true)]
    backoff_ms: u32,
    /// Size of the log's page cache in MiB (1 to 65536)
    #[arg(long, env = "NOTIFIER_CACHE_MIB", default_value = "64", global = true)]
    cache_mib: u64,
    /// Disk space that must stay free, in MiB; with less, no new effects are stored
    #[arg(long, env = "NOTIFIER_DISK_RESERVE_MIB", default_value = "64", global = true)]
    disk_reserve_mib: u64,
    /// Log filter, for example info, debug or notifier=debug,info
    #[arg(long, env = "NOTIFIER_LOG", default_value = "info", global = true)]
    log: String,
    /// Format of log lines
    #[arg(long, env = "NOTIFIER_LOG_FORMAT", value_enum, default_value_t, global = true)]
    log_format: LogFormat,
    #[command(flatten)]
    traces: TraceArgs,
}

/// Valid settings.
#[derive(Debug)]
pub struct Config {
    /// The command.
    pub action: Action,
    /// The address to listen on.
    pub listen: SocketAddr,
    /// The address to listen on for gRPC, if there is one.
    pub grpc_listen: Option<SocketAddr>,
    /// The URL for guests; `None`: the address that the service listens on.
    pub public_url: Option<String>,
    /// The directory of this process, and of the log unless it is in a database.
    pub data_dir: PathBuf,
    /// Where the log is kept.
    pub place: Place,
    /// Base URL of the reservation service.
    pub reservation_url: String,
    /// Base URL of the reservation service for gRPC, if the feed is followed there.
    pub upstream_grpc_url: Option<String>,
    /// Whether callers need credentials.
    pub access_mode: AccessMode,
    /// How the service is reached.
    pub network: Network,
    /// The file with the key of this service.
    pub key_file: PathBuf,
    /// The file with the credential for a running service.
    pub credential_file: PathBuf,
    /// Payment providers and channels.
    pub money: Money,
    /// Messages to guests.
    pub messaging: Messaging,
    /// Which addresses may be called.
    pub outside: Outside,
    /// The webhook subscriptions.
    pub hooks: Webhooks,
    /// How failed effects are retried.
    pub retry_settings: RetrySettings,
    /// Size of the log's page cache, in bytes.
    pub cache_bytes: u64,
    /// Disk space that must stay free, in bytes.
    pub disk_reserve_bytes: u64,
    /// The log filter.
    pub log_filter: EnvFilter,
    /// The format of log lines.
    pub log_format: LogFormat,
    /// The URL of the collector of traces, if there is one.
    pub trace_collector: Option<String>,
}

impl Raw {
    fn retry_settings(&self) -> RetrySettings {
        RetrySettings {
            concurrency: self.concurrency,
            attempts_max: self.attempts_max,
            backoff: TimeDelta::milliseconds(i64::from(self.backoff_ms)),
            backoff_max: TimeDelta::minutes(5),
        }
    }
}

impl Config {
    /// How the log is opened.
    #[must_use]
    pub fn log_settings(&self) -> Settings {
        Settings {
            cache_bytes: self.cache_bytes,
            reserve_bytes: self.disk_reserve_bytes,
            ..Settings::new("notifier")
        }
    }
}

impl Cli {
    /// Checks all settings.
    ///
    /// # Errors
    /// [`ConfigError`] with all faults.
    pub fn check(self) -> Result<Config, ConfigError> {
        let raw = self.raw;
        let mut faults = Faults::default();
        let retry_settings = raw.retry_settings();
        let listen = faults.take("NOTIFIER_LISTEN", config::listen(&raw.listen));
        let grpc_listen = faults.take("NOTIFIER_GRPC_LISTEN", config::optional_listen(&raw.grpc_listen));
        let reservation_url = faults
            .take("RESERVATION_URL", config::base_url(&raw.reservation_url).and_then(encrypted_or_local));
        let upstream_grpc_url = raw.upstream_feed.url(&raw.reservation_grpc_url, &mut faults);
        let public_url = raw.public_url.check(&mut faults);
        let trace_collector = raw.traces.check(&mut faults);
        let log_filter = faults.take("NOTIFIER_LOG", telemetry::filter(&raw.log));
        for (setting, value, max) in [
            ("NOTIFIER_CONCURRENCY", raw.concurrency as u64, 1_024),
            ("NOTIFIER_ATTEMPTS_MAX", u64::from(raw.attempts_max), 100),
            ("NOTIFIER_BACKOFF_MS", u64::from(raw.backoff_ms), 300_000),
            ("NOTIFIER_CACHE_MIB", raw.cache_mib, 65_536),
        ] {
            if !(1..=max).contains(&value) {
                faults.add(setting, format_args!("{value} is not in the range 1 to {max}"));
            }
        }
        let access_mode = listen.and_then(|at| faults.take("NOTIFIER_ACCESS", raw.access.check(at)));
        let further = grpc_listen.flatten();
        further.map(|at| faults.take("NOTIFIER_ACCESS", raw.access.check(at)));
        let is_open = raw.access == AccessMode::Open;
        let network = raw.network.check(listen, further, public_url.as_deref(), is_open, &mut faults);
        let group_access = network.as_ref().is_some_and(|network| network.group_access);
        for (setting, dir) in
            [("NOTIFIER_DATA_DIR", &raw.data_dir), ("NOTIFIER_SECRETS_DIR", &raw.secrets_dir)]
        {
            faults.take(setting, files::check_private(dir, group_access));
        }
        raw.gone.check(&mut faults);
        let secrets = SecretsDir(raw.secrets_dir);
        let key_file = secrets.file(NOTIFIER_FILE);
        let credential_file = raw.credential_file.unwrap_or_else(|| secrets.file(OWNER_FILE));
        let money = raw.money.check(listen, &mut faults);
        let hooks = raw.hooks.as_deref().map_or(Ok(Webhooks::default()), Webhooks::load);
        let hooks =
            hooks.map_err(|all| all.into_iter().for_each(|fault| faults.add("NOTIFIER_HOOKS", fault))).ok();
        let outside = outside(&raw.calls_allowed, hooks.as_ref(), &mut faults);
        let place = network.as_ref().and_then(|network| raw.store.check(&raw.data_dir, network, &mut faults));
        let messaging = raw.messages.check(&raw.data_dir, &mut faults);
        let config = (|| {
            Some(Config {
                action: self.command.unwrap_or(Action::Serve),
                listen: listen?,
                grpc_listen: grpc_listen?,
                public_url,
                reservation_url: reservation_url?,
                upstream_grpc_url: upstream_grpc_url?,
                access_mode: access_mode?,
                network: network?,
                key_file,
                credential_file,
                money: money?,
                messaging: messaging?,
                outside: outside?,
                hooks: hooks?,
                retry_settings,
                cache_bytes: raw.cache_mib << 20,
                disk_reserve_bytes: raw.disk_reserve_mib << 20,
                data_dir: raw.data_dir,
                place: place?,
                log_filter: log_filter?,
                log_format: raw.log_format,
                trace_collector,
            })
        })();
        faults.check(config)
    }
}

/// The addresses that may be called: public ones, and those in `allowed`. Each webhook goes to one of them.
fn outside(allowed: &str, hooks: Option<&Webhooks>, faults: &mut Faults) -> Option<Outside> {
    let outside = Outside::new(faults.take("NOTIFIER_CALLS_ALLOWED", allowed.parse())?);
    for hook in hooks.into_iter().flat_map(Webhooks::iter) {
        if let Err(fault) = outside.check(&hook.url) {
            faults.add("NOTIFIER_HOOKS", format_args!("hook {:?}: {fault}", hook.id));
        }
    }
    Some(outside)
}

fn read_secret(path: &Path) -> Result<String, String> {
    std::fs::read_to_string(path).map_err(|error| format!("could not read {}: {error}", path.display()))
}
