//! Settings: flags with environment twins, checked as a whole before a port or a file is opened.

use std::net::SocketAddr;
use std::path::PathBuf;

use chassis::config::{self, ConfigError, Faults, service_token};
use chassis::secret::Token;
use chassis::telemetry::{self, LogFormat};
use clap::Parser;
use tracing_subscriber::EnvFilter;

use crate::log::LogAction;

/// Table reservations: REST commands in, an append-only log, a feed of events out.
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
Exit codes: 0 stopped as asked, 1 failed, 2 a setting, a venue file or the data directory can not be used,
3 `log verify` found a log that can not be trusted.";

/// What the binary is asked to do.
#[derive(Debug, clap::Subcommand)]
pub enum Action {
    /// Serve until SIGTERM or Ctrl-C (the default)
    Serve,
    /// Check the settings and the venue files, then exit
    Check,
    /// Look at the venue files
    Venues {
        /// What to do with them.
        #[command(subcommand)]
        command: VenuesAction,
    },
    /// Look at the log and keep it: verify, show, back up, restore, replay …
    Log {
        /// What to do with it.
        #[command(subcommand)]
        command: LogAction,
    },
}

/// What can be done with venue files.
#[derive(Debug, Clone, Copy, clap::Subcommand)]
pub enum VenuesAction {
    /// Tell every fault of every file, or what each venue has; a running service takes them at SIGHUP
    Check,
}

#[derive(Debug, clap::Args)]
struct Raw {
    /// Address to listen on, host:port; port 0 takes a free one
    #[arg(long, env = "RESERVATION_LISTEN", default_value = "127.0.0.1:8000", global = true)]
    listen: String,
    /// Directory of the event log; created if it is not there
    #[arg(long, env = "RESERVATION_DATA_DIR", default_value = "data/reservation", global = true)]
    data_dir: PathBuf,
    /// Directory with one JSON file for each venue
    #[arg(long, env = "RESERVATION_VENUES", default_value = "data/venues", global = true)]
    venues: PathBuf,
    /// Where the notifier is, to ask for its payment channels
    #[arg(long, env = "NOTIFIER_URL", default_value = "http://127.0.0.1:8001", global = true)]
    notifier_url: String,
    /// Token that the notifier shows to post results and to read contacts
    #[arg(long, env = "RESERVATION_SERVICE_TOKEN", hide_env_values = true, global = true)]
    service_token: Option<String>,
    /// File that holds the token
    #[arg(long, env = "RESERVATION_SERVICE_TOKEN_FILE", global = true)]
    service_token_file: Option<PathBuf>,
    /// Page cache of the log, in MiB (1 to 65536)
    #[arg(long, env = "RESERVATION_CACHE_MIB", default_value = "64", global = true)]
    cache_mib: u64,
    /// Space that must stay free on the disk of the log, in MiB; with less, commands are answered 503
    #[arg(long, env = "RESERVATION_DISK_RESERVE_MIB", default_value = "64", global = true)]
    disk_reserve_mib: u64,
    /// Connections at a time; more wait (1 to 65536)
    #[arg(long, env = "RESERVATION_CONNECTIONS_MAX", default_value = "4096", global = true)]
    connections_max: usize,
    /// Appends that may wait for the disk; more are answered 503 (1 to 65536)
    #[arg(long, env = "RESERVATION_QUEUE_APPENDS_MAX", default_value = "4096", global = true)]
    queue_appends_max: usize,
    /// What is logged, for example info, debug or reservation=debug,info
    #[arg(long, env = "RESERVATION_LOG", default_value = "info", global = true)]
    log: String,
    /// How log lines look
    #[arg(long, env = "RESERVATION_LOG_FORMAT", value_enum, default_value_t, global = true)]
    log_format: LogFormat,
}

/// Settings that can be used.
#[derive(Debug)]
pub struct Config {
    /// What to do.
    pub action: Action,
    /// Where to listen.
    pub listen: SocketAddr,
    /// Where the log is.
    pub data_dir: PathBuf,
    /// Where the venue files are.
    pub venues: PathBuf,
    /// Base URL of the notifier, without a slash at its end.
    pub notifier_url: String,
    /// What the notifier must show.
    pub service_token: Option<Token>,
    /// Page cache of the log.
    pub cache_bytes: u64,
    /// What must stay free on the disk.
    pub disk_reserve_bytes: u64,
    /// Connections at a time.
    pub connections_max: usize,
    /// Appends that may wait.
    pub queue_appends_max: usize,
    /// What is logged.
    pub log_filter: EnvFilter,
    /// How it looks.
    pub log_format: LogFormat,
}

impl Cli {
    /// Checks everything.
    ///
    /// # Errors
    /// [`ConfigError`] with every fault there is.
    pub fn check(self) -> Result<Config, ConfigError> {
        let Raw {
            data_dir,
            venues,
            cache_mib,
            connections_max,
            disk_reserve_mib,
            queue_appends_max,
            log_format,
            ..
        } = self.raw;
        let mut faults = Faults::default();
        let listen = faults.take("RESERVATION_LISTEN", config::listen(&self.raw.listen));
        let notifier_url = faults.take("NOTIFIER_URL", config::base_url(&self.raw.notifier_url));
        let log_filter = faults.take("RESERVATION_LOG", telemetry::filter(&self.raw.log));
        for (setting, value) in [
            ("RESERVATION_CACHE_MIB", cache_mib),
            ("RESERVATION_CONNECTIONS_MAX", connections_max as u64),
            ("RESERVATION_QUEUE_APPENDS_MAX", queue_appends_max as u64),
        ] {
            if !(1..=65_536).contains(&value) {
                faults.add(setting, format_args!("{value} is not possible: 1 to 65536"));
            }
        }
        let service_token = listen.and_then(|listen| {
            let (token, file) = (self.raw.service_token, self.raw.service_token_file);
            service_token(&mut faults, "RESERVATION_SERVICE_TOKEN", token, file.as_deref(), listen)
        });
        let config = (|| {
            Some(Config {
                action: self.command.unwrap_or(Action::Serve),
                listen: listen?,
                data_dir,
                venues,
                notifier_url: notifier_url?,
                service_token,
                cache_bytes: cache_mib << 20,
                disk_reserve_bytes: disk_reserve_mib << 20,
                connections_max,
                queue_appends_max,
                log_filter: log_filter?,
                log_format,
            })
        })();
        faults.check(config)
    }
}
