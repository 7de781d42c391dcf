//! The address of a database and how it is reached.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio_postgres::config::{Host, SslMode, TargetSessionAttrs};
use tokio_postgres::error::Severity;
use tokio_postgres::{Client, Config, Socket};
use tokio_postgres_rustls::MakeRustlsConnect;

/// Maximum time until one host has accepted a connection and can be used. The time limit of the driver does not cover a server that
/// accepts connections and then says nothing, such as one that is paused.
pub(super) const CONNECT_MAX: Duration = Duration::from_secs(3);

/// A connection whose peer does not acknowledge data for this long is closed.
const UNACKNOWLEDGED_MAX: Duration = Duration::from_secs(5);

/// How long a connection is idle before the peer is probed, and the interval between probes.
const PROBE_AFTER: Duration = Duration::from_secs(2);

/// Number of unanswered probes after which a connection is closed.
const PROBES_MAX: u32 = 3;

/// A database, with the credentials and the trust to reach it. Its debug output has no password.
#[derive(Clone)]
pub struct Server {
    config: Arc<Config>,
    /// The same settings for each host alone.
    hosts: Arc<[Config]>,
    tls: MakeRustlsConnect,
}

/// Why a database cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// The URL is not valid.
    #[error(
        "the URL of the store is not valid: use postgres://USER@HOST:PORT/DATABASE, with several hosts separated by commas"
    )]
    Url(#[source] tokio_postgres::Error),
    /// The URL has a password, which the list of processes would show.
    #[error("the URL of the store has a password: put it into a file, and name the file instead")]
    Password,
    /// The URL turns TLS off for a host that is not this machine.
    #[error("the store is reached over a network without TLS: remove sslmode from its URL")]
    Plain,
    /// The URL names an address beside a host.
    #[error("the URL of the store has a hostaddr: name the host alone")]
    Address,
    /// The connection failed.
    #[error("could not connect to the database of the log")]
    Connect(#[source] tokio_postgres::Error),
    /// A statement failed.
    #[error("a statement to the database of the log failed")]
    Statement(#[source] tokio_postgres::Error),
    /// The database did not respond.
    #[error("the database of the log did not respond within {} s", .0.as_secs())]
    Timeout(Duration),
    /// The table of confidential payloads was not written anew.
    #[error("the table of confidential payloads was not written anew: use the role that owns it")]
    NotCompacted,
    /// The database acknowledges commits that are not durable.
    #[error(
        "the setting {name} of the database is {value}, so that it acknowledges commits that are not durable: set it to on"
    )]
    NotDurable {
        /// The setting.
        name: &'static str,
        /// Its value.
        value: String,
    },
}

/// The error and its causes in one line.
pub(super) fn in_full(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    std::iter::once(error.to_string()).chain(causes.map(ToString::to_string)).collect::<Vec<_>>().join(": ")
}

/// Whether the server refused the statement, so that it had no effect and will have none. A server that ends the
/// connection can have committed before.
pub(super) fn is_refused(error: &ServerError) -> bool {
    let ServerError::Statement(error) = error else { return false };
    error.as_db_error().is_some_and(|error| error.parsed_severity() == Some(Severity::Error))
}

impl ServerError {
    /// Whether the database is away, in contrast to one that refuses a statement.
    #[must_use]
    pub fn is_outage(&self) -> bool {
        match self {
            Self::Connect(_) | Self::Timeout(_) => true,
            Self::Statement(_) => !is_refused(self),
            _ => false,
        }
    }
}

impl Server {
    /// The database at `url`, `postgres://user@host:port/database`, with several hosts separated by commas.
    ///
    /// Only a server that can be written is used. Connections to other machines use TLS, and the certificate of the
    /// server must be valid according to `tls`.
    ///
    /// # Errors
    /// [`ServerError::Url`], [`ServerError::Password`] or [`ServerError::Plain`].
    pub fn parse(
        url: &str,
        password: Option<&str>,
        tls: Arc<rustls::ClientConfig>,
    ) -> Result<Self, ServerError> {
        let mut config: Config = url.parse().map_err(ServerError::Url)?;
        if config.get_password().is_some() {
            return Err(ServerError::Password);
        }
        if let Some(password) = password {
            config.password(password);
        }
        // The address would decide where the data goes, and the host which certificate is trusted.
        if !config.get_hostaddrs().is_empty() {
            return Err(ServerError::Address);
        }
        if !config.get_hosts().iter().all(is_this_machine) {
            if config.get_ssl_mode() == SslMode::Disable {
                return Err(ServerError::Plain);
            }
            config.ssl_mode(SslMode::Require);
        } else if config.get_ssl_mode() == SslMode::Prefer {
            // A local server often has a self-signed certificate, which would be refused.
            config.ssl_mode(SslMode::Disable);
        }
        let hosts = (0..config.get_hosts().len()).map(|number| for_host(&config, number)).collect();
        Ok(Self { config: Arc::new(config), hosts, tls: MakeRustlsConnect::new(Arc::unwrap_or_clone(tls)) })
    }

    /// Connects for a few statements. The connection ends with the client.
    pub(super) async fn client(&self, source: &str) -> Result<Client, ServerError> {
        let (client, connection) = self.connect(source).await?;
        // Its errors are those of the statements.
        tokio::spawn(async move { drop(connection.await) });
        Ok(client)
    }

    /// Connects to the first host that can be written, and returns the client and the connection, which the caller must drive.
    pub(super) async fn connect(&self, source: &str) -> Result<Connected, ServerError> {
        let mut failure = ServerError::Timeout(CONNECT_MAX);
        for config in self.hosts.iter() {
            let mut config = config.clone();
            config.application_name(format!("meja-{source}"));
            match tokio::time::timeout(CONNECT_MAX, config.connect(self.tls.clone())).await {
                Ok(Ok(connected)) => return Ok(connected),
                Ok(Err(error)) => failure = ServerError::Connect(error),
                Err(_) => {}
            }
        }
        Err(failure)
    }
}

/// A client and its connection.
pub(super) type Connected = (Client, tokio_postgres::Connection<Socket, Stream>);

/// The settings in `all` for its host `number` alone.
fn for_host(all: &Config, number: usize) -> Config {
    let mut config = Config::new();
    match &all.get_hosts()[number] {
        Host::Tcp(name) => config.host(name),
        Host::Unix(path) => config.host_path(path),
    };
    // One port counts for all hosts.
    let ports = all.get_ports();
    if let Some(port) = ports.get(number).or(ports.first()) {
        config.port(*port);
    }
    if let Some(user) = all.get_user() {
        config.user(user);
    }
    if let Some(password) = all.get_password() {
        config.password(password);
    }
    if let Some(name) = all.get_dbname() {
        config.dbname(name);
    }
    if let Some(options) = all.get_options() {
        config.options(options);
    }
    config
        .ssl_mode(all.get_ssl_mode())
        .ssl_negotiation(all.get_ssl_negotiation())
        .channel_binding(all.get_channel_binding())
        .target_session_attrs(TargetSessionAttrs::ReadWrite)
        .tcp_user_timeout(UNACKNOWLEDGED_MAX)
        .keepalives_idle(PROBE_AFTER)
        .keepalives_interval(PROBE_AFTER)
        .keepalives_retries(PROBES_MAX);
    config
}

/// A connection with TLS.
pub(super) type Stream = <MakeRustlsConnect as tokio_postgres::tls::MakeTlsConnect<Socket>>::Stream;

/// Whether data to `host` does not leave this machine.
fn is_this_machine(host: &Host) -> bool {
    match host {
        Host::Unix(_) => true,
        Host::Tcp(name) => {
            name == "localhost" || name.parse().is_ok_and(|address: std::net::IpAddr| address.is_loopback())
        }
    }
}

impl fmt::Display for Server {
    /// The database with its hosts, as in its URL.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = |host: &Host| match host {
            Host::Tcp(name) => name.clone(),
            Host::Unix(path) => path.display().to_string(),
        };
        let hosts = self.config.get_hosts().iter().map(host).collect::<Vec<_>>().join(",");
        write!(f, "the database {} at {hosts}", self.config.get_dbname().unwrap_or("of the user"))
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("config", &self.config).finish_non_exhaustive()
    }
}
