//! Settings: flags with environment twins, checked as a whole before a port or a file is opened.

mod money;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use chassis::config::{self, ConfigError, Faults, service_token};
use chassis::secret::Token;
use chassis::telemetry::{self, LogFormat};
use chrono::TimeDelta;
use clap::{Parser, ValueEnum};
use lettre::message::Mailbox;
use tracing_subscriber::EnvFilter;

pub use self::money::Money;
use self::money::MoneyArgs;
use crate::command::reconcile::Reconcile;
use crate::reaction::Habits;
use crate::worker::Pace;

/// What Meja does outside: takes deposits, sends messages, posts the results back.
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
Exit codes: 0 stopped as asked, 1 failed, 2 a setting or the data directory can not be used,
3 `log verify` found a log that can not be trusted, 4 `reconcile` found money and bookings that do not agree.";

/// What the binary is asked to do.
#[derive(Debug, clap::Subcommand)]
pub enum Action {
    /// Serve until SIGTERM or Ctrl-C (the default)
    Serve,
    /// Check the settings, then exit
    Check,
    /// Ask the running service whether money and bookings agree
    Reconcile(Reconcile),
    /// Look at the notifier's own log and keep it: verify, show, back up, restore …
    Log {
        /// What to do with it.
        #[command(subcommand)]
        command: logbook::command::LogCommand,
    },
}

/// Where text messages go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum SmsKind {
    /// Nowhere
    Off,
    /// To the log
    Console,
    /// To a service that speaks Twilio's HTTP API
    Twilio,
}

#[derive(Debug, clap::Args)]
struct Raw {
    /// Address to listen on, host:port; port 0 takes a free one
    #[arg(long, env = "NOTIFIER_LISTEN", default_value = "127.0.0.1:8001", global = true)]
    listen: String,
    /// Where guests reach this service, for payment links; by default the address it listens on
    #[arg(long, env = "NOTIFIER_PUBLIC_URL", global = true)]
    public_url: Option<String>,
    /// Directory of the notifier's own log; created if it is not there
    #[arg(long, env = "NOTIFIER_DATA_DIR", default_value = "data/notifier", global = true)]
    data_dir: PathBuf,
    /// Where the reservation service is
    #[arg(long, env = "RESERVATION_URL", default_value = "http://127.0.0.1:8000", global = true)]
    reservation_url: String,
    /// Token to show to the reservation service, and to be shown for refunds and retries
    #[arg(long, env = "RESERVATION_SERVICE_TOKEN", hide_env_values = true, global = true)]
    service_token: Option<String>,
    /// File that holds the token
    #[arg(long, env = "RESERVATION_SERVICE_TOKEN_FILE", global = true)]
    service_token_file: Option<PathBuf>,
    #[command(flatten)]
    money: MoneyArgs,
    /// Where mail goes: "file" for .eml files below the data directory, or smtp://host:port, smtp://user:password@host?tls=required, smtps://host
    #[arg(long, env = "NOTIFIER_MAIL", default_value = "file", hide_env_values = true, global = true)]
    mail: String,
    /// File that holds where mail goes, for a URL with a password
    #[arg(long, env = "NOTIFIER_MAIL_FILE", conflicts_with = "mail", global = true)]
    mail_file: Option<PathBuf>,
    /// Who mail is from
    #[arg(long, env = "NOTIFIER_MAIL_FROM", default_value = "Meja <reservasi@meja.example>", global = true)]
    mail_from: String,
    /// Where text messages go
    #[arg(long, env = "NOTIFIER_SMS", value_enum, default_value = "console", global = true)]
    sms: SmsKind,
    /// Base URL of the text message service
    #[arg(long, env = "NOTIFIER_SMS_URL", default_value = "https://api.twilio.com", global = true)]
    sms_url: String,
    /// Account at the text message service
    #[arg(long, env = "NOTIFIER_SMS_ACCOUNT", global = true)]
    sms_account: Option<String>,
    /// Token of that account
    #[arg(long, env = "NOTIFIER_SMS_TOKEN", hide_env_values = true, global = true)]
    sms_token: Option<String>,
    /// File that holds that token
    #[arg(long, env = "NOTIFIER_SMS_TOKEN_FILE", global = true)]
    sms_token_file: Option<PathBuf>,
    /// Number that text messages are from, E.164
    #[arg(long, env = "NOTIFIER_SMS_FROM", global = true)]
    sms_from: Option<String>,
    /// Hours before the start at which guests are reminded, with commas between; empty: never
    #[arg(long, env = "NOTIFIER_REMINDER_HOURS", default_value = "24,2", global = true)]
    reminder_hours: String,
    /// Effects performed at a time (1 to 1024)
    #[arg(long, env = "NOTIFIER_CONCURRENCY", default_value = "16", global = true)]
    concurrency: usize,
    /// Tries before an effect is a dead letter (1 to 100)
    #[arg(long, env = "NOTIFIER_ATTEMPTS_MAX", default_value = "8", global = true)]
    attempts_max: u32,
    /// Wait after the first failed try, in milliseconds; doubled after each, up to five minutes
    #[arg(long, env = "NOTIFIER_BACKOFF_MS", default_value = "1000", global = true)]
    backoff_ms: u32,
    /// Page cache of the log, in MiB (1 to 65536)
    #[arg(long, env = "NOTIFIER_CACHE_MIB", default_value = "64", global = true)]
    cache_mib: u64,
    /// Space that must stay free on the disk of the log, in MiB
    #[arg(long, env = "NOTIFIER_DISK_RESERVE_MIB", default_value = "64", global = true)]
    disk_reserve_mib: u64,
    /// What is logged, for example info, debug or notifier=debug,info
    #[arg(long, env = "NOTIFIER_LOG", default_value = "info", global = true)]
    log: String,
    /// How log lines look
    #[arg(long, env = "NOTIFIER_LOG_FORMAT", value_enum, default_value_t, global = true)]
    log_format: LogFormat,
}

/// Settings that can be used.
#[derive(Debug)]
pub struct Config {
    /// What to do.
    pub action: Action,
    /// Where to listen.
    pub listen: SocketAddr,
    /// Where guests reach this service; `None`: where it listens.
    pub public_url: Option<String>,
    /// Where the log is.
    pub data_dir: PathBuf,
    /// Base URL of the reservation service.
    pub reservation_url: String,
    /// What is shown to it.
    pub service_token: Option<Token>,
    /// Who takes money, and how.
    pub money: Money,
    /// Where mail goes.
    pub mail: Mail,
    /// Who it is from.
    pub mail_from: Mailbox,
    /// Where text messages go.
    pub sms: Sms,
    /// What the house wants to be told and when.
    pub habits: Habits,
    /// How effects are performed.
    pub pace: Pace,
    /// Page cache of the log.
    pub cache_bytes: u64,
    /// What must stay free on the disk.
    pub disk_reserve_bytes: u64,
    /// What is logged.
    pub log_filter: EnvFilter,
    /// How it looks.
    pub log_format: LogFormat,
}

/// Where mail goes.
#[derive(Clone, PartialEq, Eq)]
pub enum Mail {
    /// To files in this directory.
    Files(PathBuf),
    /// To the SMTP server of this URL, which may hold a password.
    Smtp(String),
}

impl std::fmt::Debug for Mail {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Files(dir) => f.debug_tuple("Files").field(dir).finish(),
            Self::Smtp(_) => f.write_str("Smtp(***)"),
        }
    }
}

/// Where text messages go.
#[derive(Debug, Clone)]
pub enum Sms {
    /// Nowhere.
    Off,
    /// To the log.
    Console,
    /// To a service that speaks Twilio's HTTP API.
    Twilio {
        /// Its base URL.
        base_url: String,
        /// The account.
        account: String,
        /// The account's token.
        token: Token,
        /// The number they are from.
        from: String,
    },
}

impl Cli {
    /// Checks everything.
    ///
    /// # Errors
    /// [`ConfigError`] with every fault there is.
    pub fn check(self) -> Result<Config, ConfigError> {
        let raw = self.raw;
        let mut faults = Faults::default();
        let listen = faults.take("NOTIFIER_LISTEN", config::listen(&raw.listen));
        let reservation_url = faults.take("RESERVATION_URL", config::base_url(&raw.reservation_url));
        let public_url = raw
            .public_url
            .as_deref()
            .and_then(|url| faults.take("NOTIFIER_PUBLIC_URL", config::base_url(url)));
        let log_filter = faults.take("NOTIFIER_LOG", telemetry::filter(&raw.log));
        let mail_from = faults.take("NOTIFIER_MAIL_FROM", raw.mail_from.parse::<Mailbox>());
        let mail = raw.mail_file.as_ref().map_or(Ok(raw.mail.clone()), |path| read_secret(path));
        let mail =
            faults.take("NOTIFIER_MAIL", mail.and_then(|text| mail_target(text.trim(), &raw.data_dir)));
        for (setting, value, max) in [
            ("NOTIFIER_CONCURRENCY", raw.concurrency as u64, 1_024),
            ("NOTIFIER_ATTEMPTS_MAX", u64::from(raw.attempts_max), 100),
            ("NOTIFIER_BACKOFF_MS", u64::from(raw.backoff_ms), 300_000),
            ("NOTIFIER_CACHE_MIB", raw.cache_mib, 65_536),
        ] {
            if !(1..=max).contains(&value) {
                faults.add(setting, format_args!("{value} is not possible: 1 to {max}"));
            }
        }
        let (token, file) = (raw.service_token.clone(), raw.service_token_file.as_deref());
        let service_token = listen
            .and_then(|listen| service_token(&mut faults, "RESERVATION_SERVICE_TOKEN", token, file, listen));
        let sms = sms(&raw, &mut faults);
        let money = raw.money.check(&mut faults);
        let remind_before = faults.take("NOTIFIER_REMINDER_HOURS", hours(&raw.reminder_hours));
        let config = (|| {
            Some(Config {
                action: self.command.unwrap_or(Action::Serve),
                listen: listen?,
                public_url,
                reservation_url: reservation_url?,
                service_token,
                money: money?,
                mail: mail?,
                mail_from: mail_from?,
                habits: Habits { remind_before: remind_before?, sms: raw.sms != SmsKind::Off },
                sms: sms?,
                pace: Pace {
                    concurrency: raw.concurrency,
                    attempts_max: raw.attempts_max,
                    backoff: TimeDelta::milliseconds(i64::from(raw.backoff_ms)),
                    backoff_max: TimeDelta::minutes(5),
                },
                cache_bytes: raw.cache_mib << 20,
                disk_reserve_bytes: raw.disk_reserve_mib << 20,
                data_dir: raw.data_dir,
                log_filter: log_filter?,
                log_format: raw.log_format,
            })
        })();
        faults.check(config)
    }
}

fn mail_target(text: &str, data_dir: &Path) -> Result<Mail, String> {
    if text == "file" {
        return Ok(Mail::Files(data_dir.join("outbox")));
    }
    // What is wrong is said without the URL: it may hold a password.
    match lettre::transport::smtp::AsyncSmtpTransport::<lettre::Tokio1Executor>::from_url(text) {
        Ok(_) => Ok(Mail::Smtp(text.to_owned())),
        Err(error) => Err(format!("is neither \"file\" nor a URL such as smtp://127.0.0.1:2525: {error}")),
    }
}

fn sms(raw: &Raw, faults: &mut Faults) -> Option<Sms> {
    match raw.sms {
        SmsKind::Off => return Some(Sms::Off),
        SmsKind::Console => return Some(Sms::Console),
        SmsKind::Twilio => {}
    }
    let base_url = faults.take("NOTIFIER_SMS_URL", config::base_url(&raw.sms_url));
    let account = faults
        .take("NOTIFIER_SMS_ACCOUNT", raw.sms_account.clone().ok_or("is needed for NOTIFIER_SMS=twilio"));
    let from =
        faults.take("NOTIFIER_SMS_FROM", raw.sms_from.clone().ok_or("is needed for NOTIFIER_SMS=twilio"));
    let token = match (&raw.sms_token, &raw.sms_token_file) {
        (Some(token), None) => Ok(token.clone()),
        (None, Some(path)) => read_secret(path),
        _ => Err("is needed for NOTIFIER_SMS=twilio, either itself or as a file".to_owned()),
    };
    let token = faults.take("NOTIFIER_SMS_TOKEN", token)?;
    let token = faults.take("NOTIFIER_SMS_TOKEN", Token::try_from(token.trim().to_owned()));
    Some(Sms::Twilio { base_url: base_url?, account: account?, token: token?, from: from? })
}

fn read_secret(path: &Path) -> Result<String, String> {
    std::fs::read_to_string(path).map_err(|error| format!("could not read {}: {error}", path.display()))
}

/// Hours with commas between, each from 1 to 8760.
fn hours(text: &str) -> Result<Vec<TimeDelta>, String> {
    let hour = |part: &str| match part.trim().parse::<i64>() {
        Ok(hours @ 1..=8_760) => Ok(TimeDelta::hours(hours)),
        _ => Err(format!("{:?} is not a number of hours from 1 to 8760", part.trim())),
    };
    let mut all: Vec<_> =
        text.split(',').filter(|part| !part.trim().is_empty()).map(hour).collect::<Result<_, _>>()?;
    all.sort_unstable();
    all.dedup();
    match all.len() {
        0..=10 => Ok(all),
        more => Err(format!("{more} reminders of one visit are not possible: at most 10")),
    }
}
