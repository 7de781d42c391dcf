//! Settings. Each is a flag and an environment variable; all are checked before a port is opened.

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;

use access::first::GATEWAY_FILE;
use access::secrets::SecretsDir;
use chassis::config::{self, ConfigError, Faults, PublicUrlArgs};
use chassis::files;
use chassis::network::{Network, NetworkArgs, encrypted_or_local};
use chassis::telemetry::{self, LogFormat};
use chassis::traces::TraceArgs;
use clap::Parser;
use tracing_subscriber::EnvFilter;

/// The one door for people: pages for guests, and the interfaces of both services below one origin.
#[derive(Debug, Parser)]
#[command(version, about, after_help = AFTER_HELP)]
pub struct Cli {
    #[command(subcommand)]
    command: Option<Action>,
    #[command(flatten)]
    raw: Raw,
}

const AFTER_HELP: &str = "\
The gateway keeps no data: it can be stopped at any time, and several can run.
Exit codes: 0 success, 1 failure, 2 a setting is not usable.";

/// The command of the binary.
#[derive(Debug, Clone, Copy, clap::Subcommand)]
pub enum Action {
    /// Serve until SIGTERM or Ctrl-C (the default)
    Serve,
    /// Check the settings, then exit
    Check,
}

#[derive(Debug, clap::Args)]
struct Raw {
    /// IP address and port to listen on; port 0 selects a free port
    #[arg(long, env = "GATEWAY_LISTEN", default_value = "127.0.0.1:8080", global = true)]
    listen: String,
    /// IP address and port to listen on for metrics; off: none
    #[arg(long, env = "GATEWAY_METRICS_LISTEN", default_value = "off", global = true)]
    metrics_listen: String,
    #[command(flatten)]
    public_url: PublicUrlArgs,
    /// URL of the reservation service
    #[arg(long, env = "RESERVATION_URL", default_value = "http://127.0.0.1:8000", global = true)]
    reservation_url: String,
    /// URL of the reservation service for gRPC
    #[arg(long, env = "RESERVATION_GRPC_URL", default_value = "http://127.0.0.1:8010", global = true)]
    reservation_grpc_url: String,
    /// URL of the notifier
    #[arg(long, env = "NOTIFIER_URL", default_value = "http://127.0.0.1:8001", global = true)]
    notifier_url: String,
    /// URL of the notifier for gRPC
    #[arg(long, env = "NOTIFIER_GRPC_URL", default_value = "http://127.0.0.1:8011", global = true)]
    notifier_grpc_url: String,
    /// Directory with the key of this service, gateway.key, which the reservation service writes at its first start
    #[arg(long, env = "GATEWAY_SECRETS_DIR", default_value = "data/secrets", global = true)]
    secrets_dir: PathBuf,
    #[command(flatten)]
    network: NetworkArgs,
    /// Maximum number of requests to each service in progress (1 to 4096), without streams
    #[arg(long, env = "GATEWAY_REQUESTS_MAX", default_value = "128", global = true)]
    requests_max: NonZeroU32,
    /// Maximum number of streams and long polls of each service in progress (1 to 4096)
    #[arg(long, env = "GATEWAY_STREAMS_MAX", default_value = "64", global = true)]
    streams_max: NonZeroU32,
    /// Log filter, for example info, debug or gateway=debug,info
    #[arg(long, env = "GATEWAY_LOG", default_value = "info", global = true)]
    log: String,
    /// Format of log lines
    #[arg(long, env = "GATEWAY_LOG_FORMAT", value_enum, default_value_t, global = true)]
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
    /// The address to listen on for metrics, if there is one.
    pub metrics_listen: Option<SocketAddr>,
    /// The URL under which guests reach the gateway; `None`: the address that it listens on.
    pub public_url: Option<String>,
    /// The reservation service.
    pub reservation: ServiceUrls,
    /// The notifier.
    pub notifier: ServiceUrls,
    /// How the gateway is reached.
    pub network: Network,
    /// The file with the key of the gateway.
    pub key_file: PathBuf,
    /// Maximum numbers of requests in progress.
    pub in_progress: InProgressMax,
    /// The log filter.
    pub log_filter: EnvFilter,
    /// The format of log lines.
    pub log_format: LogFormat,
    /// The URL of the collector of traces, if there is one.
    pub trace_collector: Option<String>,
}

/// Where a service is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceUrls {
    /// Base URL for HTTP.
    pub http: String,
    /// Base URL for gRPC.
    pub grpc: String,
}

/// Maximum numbers of requests to a service in progress. The services limit the connections of one address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InProgressMax {
    /// Requests.
    pub requests: u32,
    /// Streams and long polls.
    pub streams: u32,
}

/// Upper bound of the settings of [`InProgressMax`].
const IN_PROGRESS_MAX: u32 = 4_096;

impl Cli {
    /// Checks all settings.
    ///
    /// # Errors
    /// [`ConfigError`] with all faults.
    pub fn check(self) -> Result<Config, ConfigError> {
        let raw = self.raw;
        let mut faults = Faults::default();
        let listen = faults.take("GATEWAY_LISTEN", config::listen(&raw.listen));
        let metrics_listen =
            faults.take("GATEWAY_METRICS_LISTEN", config::optional_listen(&raw.metrics_listen));
        let mut url =
            |setting, text: &str| faults.take(setting, config::base_url(text).and_then(encrypted_or_local));
        let reservation = url("RESERVATION_URL", &raw.reservation_url)
            .zip(url("RESERVATION_GRPC_URL", &raw.reservation_grpc_url));
        let notifier =
            url("NOTIFIER_URL", &raw.notifier_url).zip(url("NOTIFIER_GRPC_URL", &raw.notifier_grpc_url));
        for (setting, value) in
            [("GATEWAY_REQUESTS_MAX", raw.requests_max), ("GATEWAY_STREAMS_MAX", raw.streams_max)]
        {
            if value.get() > IN_PROGRESS_MAX {
                faults.add(setting, format_args!("{value} is not in the range 1 to {IN_PROGRESS_MAX}"));
            }
        }
        let public_url = raw.public_url.check(&mut faults);
        let trace_collector = raw.traces.check(&mut faults);
        let log_filter = faults.take("GATEWAY_LOG", telemetry::filter(&raw.log));
        let network =
            raw.network.check(listen, metrics_listen.flatten(), public_url.as_deref(), false, &mut faults);
        let group_access = network.as_ref().is_some_and(|network| network.group_access);
        faults.take("GATEWAY_SECRETS_DIR", files::check_private(&raw.secrets_dir, group_access));
        let urls = |(http, grpc)| ServiceUrls { http, grpc };
        let config = (|| {
            Some(Config {
                action: self.command.unwrap_or(Action::Serve),
                listen: listen?,
                metrics_listen: metrics_listen?,
                public_url,
                reservation: reservation.map(urls)?,
                notifier: notifier.map(urls)?,
                network: network?,
                key_file: SecretsDir(raw.secrets_dir).file(GATEWAY_FILE),
                in_progress: InProgressMax {
                    requests: raw.requests_max.get(),
                    streams: raw.streams_max.get(),
                },
                log_filter: log_filter?,
                log_format: raw.log_format,
                trace_collector,
            })
        })();
        faults.check(config)
    }
}
