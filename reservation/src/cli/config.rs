//! Settings. Each is a flag and an environment variable; all are checked before a port or a file is opened.

use std::net::SocketAddr;
use std::num::{NonZeroU32, NonZeroUsize};
use std::path::PathBuf;

use access::AccessMode;
use access::first::OWNER_FILE;
use access::secrets::SecretsDir;
use chassis::config::{self, ConfigError, Faults, GoneArgs, PublicUrlArgs};
use chassis::files;
use chassis::network::{Network, NetworkArgs};
use chassis::telemetry::{self, LogFormat};
use chassis::traces::TraceArgs;
use clap::Parser;
use events::VenueId;
use events::store::place::{Place, Settings};
use tracing_subscriber::EnvFilter;

use super::access::AccessAction;
use super::log::LogAction;
use super::receipt::ReceiptAction;
use super::signing_key::SigningKeyAction;
use super::store::StoreArgs;
use super::witnesses::WitnessArgs;
use crate::app::admission::AdmissionLimits;
use crate::workers::witnesses::WitnessSettings;

/// Table reservations: REST commands, an append-only event log, and a feed of its events.
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
Exit codes: 0 success, 1 failure, 2 a setting or a venue file is not usable, or the data directory (1 for `log` commands),
3 `log verify` found a log that is not valid, or `receipt verify` a receipt that is not proved.";

/// The command of the binary.
#[derive(Debug, clap::Subcommand)]
pub enum Action {
    /// Serve until SIGTERM or Ctrl-C (the default)
    Serve,
    /// Check the settings and the venue files, then exit
    Check,
    /// Commands for keys and members of staff: create, rotate, revoke, invite …
    Access {
        /// The command.
        #[command(subcommand)]
        command: AccessAction,
    },
    /// Commands for the rules of venues
    Venues {
        /// The command.
        #[command(subcommand)]
        command: VenuesAction,
    },
    /// Record the bookings in a CSV file of another system in the log of a stopped service
    Import(ImportArgs),
    /// Check a receipt that a guest has, without a service and without a connection
    Receipt {
        /// The command.
        #[command(subcommand)]
        command: ReceiptAction,
    },
    /// Commands for the keys that sign the log: list, rotate, retire
    SigningKey {
        /// The command.
        #[command(subcommand)]
        command: SigningKeyAction,
    },
    /// Commands for the event log: verify, show, back up, restore, replay …
    Log {
        /// The command.
        #[command(subcommand)]
        command: LogAction,
    },
}

/// A command for the rules of venues.
#[derive(Debug, Clone, clap::Subcommand)]
pub enum VenuesAction {
    /// Check all files and list their faults; a running service imports changed files at SIGHUP
    Check,
    /// Record the rules in a file of lines, each the rules document of one venue, in the log of a stopped service
    Import {
        /// The file
        file: PathBuf,
    },
}

/// The arguments of `import`.
#[derive(Debug, Clone, clap::Args)]
pub struct ImportArgs {
    /// A CSV file with a header: party_size, name, and start_time or date and time, and more, see docs/import.md
    pub file: PathBuf,
    /// The venue of the bookings
    #[arg(long)]
    pub venue: VenueId,
    /// A JSON file that says how the other system names columns and statuses, orders dates, and encodes text
    #[arg(long)]
    pub map: Option<PathBuf>,
    /// Check the file and say what would be recorded, and record nothing
    #[arg(long)]
    pub dry_run: bool,
}

/// Source of rule changes. The rules in force are always those in the log.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum VenuesSource {
    /// In files, which are imported at start and at SIGHUP, and through the interface
    #[default]
    Files,
    /// Only through the interface: no file is read
    Log,
}

/// Whether this instance signs checkpoints of its log.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Signing {
    /// Checkpoints are signed, and receipts are served
    #[default]
    On,
    /// Nothing is signed, and there are no receipts: for a copy of another installation, whose checkpoints it would contradict
    Off,
}

#[derive(Debug, clap::Args)]
struct AdmissionArgs {
    /// Maximum number of bookings and waitlist entries per hour from one address; no limit while access is open
    #[arg(long, env = "RESERVATION_ADDRESS_BOOKINGS_PER_HOUR_MAX", default_value = "20", global = true)]
    address_bookings_per_hour_max: NonZeroU32,
    /// Maximum number of bookings and waitlist entries per day with one phone number or e-mail address
    #[arg(long, env = "RESERVATION_CONTACT_BOOKINGS_PER_DAY_MAX", default_value = "10", global = true)]
    contact_bookings_per_day_max: NonZeroU32,
    /// Maximum number of requests and streams that wait for events
    #[arg(long, env = "RESERVATION_WAITING_MAX", default_value = "1024", global = true)]
    waiting_max: NonZeroUsize,
}

impl AdmissionArgs {
    fn limits(&self) -> AdmissionLimits {
        AdmissionLimits {
            address_bookings_per_hour_max: self.address_bookings_per_hour_max,
            contact_bookings_per_day_max: self.contact_bookings_per_day_max,
            waiting_max: self.waiting_max,
        }
    }
}

#[derive(Debug, clap::Args)]
struct Raw {
    /// IP address and port to listen on; port 0 selects a free port
    #[arg(long, env = "RESERVATION_LISTEN", default_value = "127.0.0.1:8000", global = true)]
    listen: String,
    /// IP address and port to listen on for gRPC; off: none
    #[arg(long, env = "RESERVATION_GRPC_LISTEN", default_value = "127.0.0.1:8010", global = true)]
    grpc_listen: String,
    /// Directory of the event log; created if it does not exist
    #[arg(long, env = "RESERVATION_DATA_DIR", default_value = "data/reservation", global = true)]
    data_dir: PathBuf,
    #[command(flatten)]
    store: StoreArgs,
    /// Directory with one JSON file per venue
    #[arg(long, env = "RESERVATION_VENUES", default_value = "data/venues", global = true)]
    venues: PathBuf,
    /// Source of rule changes. The rules in force are always those in the log
    #[arg(long, env = "RESERVATION_VENUES_SOURCE", value_enum, default_value_t, global = true)]
    venues_source: VenuesSource,
    /// URL of the notifier, which is asked for its payment channels
    #[arg(long, env = "NOTIFIER_URL", default_value = "http://127.0.0.1:8001", global = true)]
    notifier_url: String,
    /// Whether callers need credentials
    #[arg(long, env = "RESERVATION_ACCESS", value_enum, default_value_t, global = true)]
    access: AccessMode,
    /// Directory that gets the first keys: owner.header for curl, notifier.key and gateway.key
    #[arg(long, env = "RESERVATION_SECRETS_DIR", default_value = "data/secrets", global = true)]
    secrets_dir: PathBuf,
    /// File with the credential that commands present to a running service [default: owner.header in the directory of
    /// secrets]
    #[arg(long, env = "RESERVATION_CREDENTIAL_FILE", global = true)]
    credential_file: Option<PathBuf>,
    #[command(flatten)]
    public_url: PublicUrlArgs,
    #[command(flatten)]
    gone: GoneArgs,
    /// Whether this instance signs checkpoints of its log
    #[arg(long, env = "RESERVATION_SIGNING", value_enum, default_value_t, global = true)]
    signing: Signing,
    #[command(flatten)]
    witnesses: WitnessArgs,
    /// Size of the log's page cache in MiB (1 to 65536)
    #[arg(long, env = "RESERVATION_CACHE_MIB", default_value = "64", global = true)]
    cache_mib: u64,
    /// Disk space that must stay free, in MiB; with less, commands are refused with 503
    #[arg(long, env = "RESERVATION_DISK_RESERVE_MIB", default_value = "64", global = true)]
    disk_reserve_mib: u64,
    #[command(flatten)]
    network: NetworkArgs,
    #[command(flatten)]
    admission: AdmissionArgs,
    /// Maximum number of appends that wait for the disk; further ones are refused with 503 (1 to 65536)
    #[arg(long, env = "RESERVATION_QUEUE_APPENDS_MAX", default_value = "4096", global = true)]
    queue_appends_max: usize,
    /// Log filter, for example info, debug or reservation=debug,info
    #[arg(long, env = "RESERVATION_LOG", default_value = "info", global = true)]
    log: String,
    /// Format of log lines
    #[arg(long, env = "RESERVATION_LOG_FORMAT", value_enum, default_value_t, global = true)]
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
    /// Where the event log is kept.
    pub place: Place,
    /// The directory of the event log, or of what this instance keeps beside a log in a database.
    pub data_dir: PathBuf,
    /// The directory of the venue files.
    pub venues: PathBuf,
    /// Source of rule changes.
    pub venues_source: VenuesSource,
    /// Base URL of the notifier without a trailing slash.
    pub notifier_url: String,
    /// Whether callers need credentials.
    pub access_mode: AccessMode,
    /// The directory that gets the first keys.
    pub secrets_dir: SecretsDir,
    /// The file with the credential for a running service.
    pub credential_file: PathBuf,
    /// The URL under which guests reach their pages, without a trailing slash.
    pub public_url: String,
    /// Whether checkpoints are signed.
    pub signing: Signing,
    /// Where checkpoints of the log are sent.
    pub witnesses: WitnessSettings,
    /// Size of the log's page cache, in bytes.
    pub cache_bytes: u64,
    /// Disk space that must stay free, in bytes.
    pub disk_reserve_bytes: u64,
    /// How the service is reached.
    pub network: Network,
    /// The limits of guests who book, and of consumers who wait for events.
    pub admission: AdmissionLimits,
    /// Maximum number of appends that wait for the disk.
    pub queue_appends_max: usize,
    /// The log filter.
    pub log_filter: EnvFilter,
    /// The format of log lines.
    pub log_format: LogFormat,
    /// The URL of the collector of traces, if there is one.
    pub trace_collector: Option<String>,
}

impl Config {
    /// How the event log is opened.
    #[must_use]
    pub fn log_settings(&self) -> Settings {
        Settings {
            cache_bytes: self.cache_bytes,
            queue_appends: self.queue_appends_max,
            reserve_bytes: self.disk_reserve_bytes,
            ..Settings::new("reservation")
        }
    }
}

impl Cli {
    /// Checks all settings.
    ///
    /// # Errors
    /// [`ConfigError`] with all faults.
    pub fn check(self) -> Result<Config, ConfigError> {
        let Raw {
            data_dir,
            venues,
            venues_source,
            cache_mib,
            disk_reserve_mib,
            queue_appends_max,
            log_format,
            admission,
            signing,
            ..
        } = self.raw;
        let mut faults = Faults::default();
        let listen = faults.take("RESERVATION_LISTEN", config::listen(&self.raw.listen));
        let grpc_listen =
            faults.take("RESERVATION_GRPC_LISTEN", config::optional_listen(&self.raw.grpc_listen));
        let notifier_url = faults.take("NOTIFIER_URL", config::base_url(&self.raw.notifier_url));
        let trace_collector = self.raw.traces.check(&mut faults);
        let log_filter = faults.take("RESERVATION_LOG", telemetry::filter(&self.raw.log));
        check_range("RESERVATION_CACHE_MIB", cache_mib, &mut faults);
        check_range("RESERVATION_QUEUE_APPENDS_MAX", queue_appends_max as u64, &mut faults);
        let access_mode = listen.and_then(|at| faults.take("RESERVATION_ACCESS", self.raw.access.check(at)));
        let further = grpc_listen.flatten();
        further.map(|at| faults.take("RESERVATION_ACCESS", self.raw.access.check(at)));
        let public_url = self.raw.public_url.check(&mut faults).or_else(|| notifier_url.clone());
        let is_open = self.raw.access == AccessMode::Open;
        let network = self.raw.network.check(listen, further, public_url.as_deref(), is_open, &mut faults);
        let group_access = network.as_ref().is_some_and(|network| network.group_access);
        for (setting, dir) in
            [("RESERVATION_DATA_DIR", &data_dir), ("RESERVATION_SECRETS_DIR", &self.raw.secrets_dir)]
        {
            faults.take(setting, files::check_private(dir, group_access));
        }
        let place =
            network.as_ref().and_then(|network| self.raw.store.check(&data_dir, network, &mut faults));
        let witnesses = self.raw.witnesses.check(signing == Signing::On, &mut faults);
        self.raw.gone.check(&mut faults);
        let secrets_dir = SecretsDir(self.raw.secrets_dir);
        let owner_file = || secrets_dir.file(OWNER_FILE);
        let credential_file = self.raw.credential_file.unwrap_or_else(owner_file);
        let config = (|| {
            Some(Config {
                action: self.command.unwrap_or(Action::Serve),
                listen: listen?,
                grpc_listen: grpc_listen?,
                place: place?,
                data_dir,
                venues,
                venues_source,
                notifier_url: notifier_url?,
                access_mode: access_mode?,
                secrets_dir,
                credential_file,
                public_url: public_url?,
                signing,
                witnesses: witnesses?,
                cache_bytes: cache_mib << 20,
                disk_reserve_bytes: disk_reserve_mib << 20,
                network: network?,
                admission: admission.limits(),
                queue_appends_max,
                log_filter: log_filter?,
                log_format,
                trace_collector,
            })
        })();
        faults.check(config)
    }
}

fn check_range(setting: &str, value: u64, faults: &mut Faults) {
    if !(1..=65_536).contains(&value) {
        faults.add(setting, format_args!("{value} is not in the range 1 to 65536"));
    }
}
