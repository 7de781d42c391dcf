//! Mail over SMTP: TLS from the start or with STARTTLS, with or without authentication, over reused connections.

use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures::future::BoxFuture;
use lettre::Message;
use lettre::address::Envelope;
use lettre::transport::smtp::authentication::{Credentials, DEFAULT_MECHANISMS};
use lettre::transport::smtp::client::{AsyncSmtpConnection, Certificate, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use lettre::transport::smtp::{Error, SMTP_PORT, SUBMISSION_PORT, SUBMISSIONS_PORT};
use percent_encoding::percent_decode_str;

use crate::domain::effect::EffectKey;
use crate::ports::{MailSender, ProviderError};

/// Maximum duration of sending a mail, including connecting.
const SEND_WITHIN: Duration = Duration::from_secs(30);
/// Maximum duration of connecting.
const CONNECT_WITHIN: Duration = Duration::from_secs(10);
/// Maximum number and age of reused connections. Servers close them after some minutes.
const IDLE_CONNECTIONS_MAX: usize = 16;
const IDLE_MAX: Duration = Duration::from_secs(30);
/// The first line of a certificate.
const PEM: &[u8] = b"-----BEGIN CERTIFICATE-----";

/// Whether the connection is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tls {
    /// Never.
    None,
    /// If the server offers STARTTLS.
    Opportunistic,
    /// With STARTTLS, which the server must offer.
    Required,
    /// From the start.
    Wrapper,
}

/// An SMTP server. The password is never printed.
#[derive(Clone)]
pub struct SmtpServer {
    host: String,
    port: u16,
    tls: Tls,
    parameters: Option<TlsParameters>,
    credentials: Option<Credentials>,
}

impl fmt::Debug for SmtpServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SmtpServer")
            .field("host", &self.host)
            .field("port", &self.port)
            .finish_non_exhaustive()
    }
}

impl SmtpServer {
    /// The server at `url`: `smtp://host:port`, `smtp://user:password@host?tls=required` (or `opportunistic`), or
    /// `smtps://…`. `ca` is a certificate in PEM that is trusted besides the usual ones.
    ///
    /// # Errors
    /// A message without the URL, which may contain a password.
    pub fn parse(url: &str, ca: Option<&[u8]>) -> Result<Self, String> {
        let url = reqwest::Url::parse(url).map_err(|error| error.to_string())?;
        let host = url.host_str().ok_or("it names no host")?.trim_matches(['[', ']']).to_owned();
        let wanted = url.query_pairs().find(|(name, _)| name == "tls").map(|(_, value)| value.into_owned());
        let (tls, port) = match (url.scheme(), wanted.as_deref()) {
            ("smtp", None) => (Tls::None, SMTP_PORT),
            ("smtp", Some("opportunistic")) => (Tls::Opportunistic, SUBMISSION_PORT),
            ("smtp", Some("required")) => (Tls::Required, SUBMISSION_PORT),
            ("smtps", None) => (Tls::Wrapper, SUBMISSIONS_PORT),
            ("smtp" | "smtps", Some(other)) => {
                return Err(format!(
                    "tls={other} is not known: required or opportunistic, and none with smtps"
                ));
            }
            (scheme, _) => return Err(format!("{scheme}:// is neither smtp:// nor smtps://")),
        };
        let text = |part: &str| {
            let text = percent_decode_str(part).decode_utf8();
            text.map(std::borrow::Cow::into_owned).map_err(|_| "user and password must be UTF-8".to_owned())
        };
        let credentials = match (url.username(), url.password()) {
            ("", None) => None,
            (user, Some(password)) => Some(Credentials::new(text(user)?, text(password)?)),
            (_, None) => return Err("it has a user without a password".into()),
        };
        if credentials.is_some() && tls == Tls::None && !is_loopback(&host) {
            return Err("a password is sent in the clear: add ?tls=required, or use smtps://".into());
        }
        let parameters = match tls {
            Tls::None => None,
            _ => {
                let mut builder = TlsParameters::builder(host.clone());
                if let Some(pem) = ca {
                    // The parser accepts a file without certificates.
                    if !pem.windows(PEM.len()).any(|part| part == PEM) {
                        return Err("the file has no certificate in PEM".into());
                    }
                    let ca = Certificate::from_pem(pem);
                    let ca = ca.map_err(|error| format!("the certificate cannot be parsed: {error}"))?;
                    builder = builder.add_root_certificate(ca);
                }
                Some(builder.build().map_err(|error| format!("TLS cannot be set up: {error}"))?)
            }
        };
        Ok(Self { port: url.port().unwrap_or(port), host, tls, parameters, credentials })
    }

    async fn connect(&self) -> Result<AsyncSmtpConnection, Error> {
        let hello = ClientId::default();
        let wrapper = self.parameters.clone().filter(|_| self.tls == Tls::Wrapper);
        let address = (self.host.as_str(), self.port);
        let mut connection =
            AsyncSmtpConnection::connect_tokio1(address, Some(CONNECT_WITHIN), &hello, wrapper, None).await?;
        let upgrades = match self.tls {
            Tls::None | Tls::Wrapper => false,
            Tls::Opportunistic => connection.can_starttls(),
            // Fails if the server does not offer it.
            Tls::Required => true,
        };
        if let (true, Some(parameters)) = (upgrades, &self.parameters) {
            connection.starttls(parameters.clone(), &hello).await?;
        }
        if let Some(credentials) = &self.credentials {
            connection.auth(DEFAULT_MECHANISMS, credentials).await?;
        }
        Ok(connection)
    }
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Sends mail to an SMTP server.
#[derive(Debug)]
pub struct Smtp {
    server: SmtpServer,
    idle: Mutex<Vec<Idle>>,
}

/// A connection for the next mail.
struct Idle {
    connection: AsyncSmtpConnection,
    since: Instant,
}

impl fmt::Debug for Idle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Idle").field("since", &self.since).finish_non_exhaustive()
    }
}

impl Smtp {
    /// Sends to `server`.
    #[must_use]
    pub fn new(server: SmtpServer) -> Self {
        Self { server, idle: Mutex::default() }
    }

    fn kept(&self) -> Option<AsyncSmtpConnection> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.retain(|idle| idle.since.elapsed() < IDLE_MAX);
        idle.pop().map(|idle| idle.connection)
    }

    fn keep(&self, connection: AsyncSmtpConnection) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < IDLE_CONNECTIONS_MAX {
            idle.push(Idle { connection, since: Instant::now() });
        }
    }

    async fn connection(&self) -> Result<AsyncSmtpConnection, Error> {
        while let Some(mut kept) = self.kept() {
            // The server may have closed it meanwhile.
            if kept.test_connected().await {
                return Ok(kept);
            }
        }
        self.server.connect().await
    }

    /// Only connections without a failure are reused. After a timeout, the next response on a connection would belong to
    /// the previous mail.
    async fn send_one(&self, envelope: &Envelope, mail: &[u8]) -> Result<(), ProviderError> {
        // A fault of the connection, of TLS or of the authentication is not a fault of this mail.
        let mut connection =
            self.connection().await.map_err(|error| ProviderError::Transient(error.to_string()))?;
        let sent = connection.send(envelope, mail).await;
        sent.map_err(|error| match error.is_permanent() || error.is_client() {
            true if !is_login(&error) => ProviderError::Final(error.to_string()),
            _ => ProviderError::Transient(error.to_string()),
        })?;
        self.keep(connection);
        Ok(())
    }
}

impl MailSender for Smtp {
    fn send(&self, _: &EffectKey, mail: Message) -> BoxFuture<'_, Result<(), ProviderError>> {
        Box::pin(async move {
            let (envelope, bytes) = (mail.envelope().clone(), mail.formatted());
            match tokio::time::timeout(SEND_WITHIN, self.send_one(&envelope, &bytes)).await {
                Ok(sent) => sent,
                Err(_) => Err(ProviderError::Transient(format!(
                    "the mail server did not finish within {} s",
                    SEND_WITHIN.as_secs()
                ))),
            }
        })
    }
}

/// RFC 4954: 530 authentication is required, 534 and 538 wrong mechanism, 535 wrong credentials.
fn is_login(error: &Error) -> bool {
    error.status().is_some_and(|code| matches!(u16::from(code), 530 | 534 | 535 | 538))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_say_where_mail_goes() {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let parse = |url: &str| SmtpServer::parse(url, None);
        for (url, host, port, tls) in [
            ("smtp://127.0.0.1:2525", "127.0.0.1", 2525, Tls::None),
            ("smtp://[::1]", "::1", 25, Tls::None),
            ("smtp://u:p%40ss@mail.example.com?tls=required", "mail.example.com", 587, Tls::Required),
            ("smtp://mail.example.com?tls=opportunistic", "mail.example.com", 587, Tls::Opportunistic),
            ("smtps://u:p@mail.example.com", "mail.example.com", 465, Tls::Wrapper),
        ] {
            let server = parse(url).unwrap();
            assert_eq!((server.host.as_str(), server.port, server.tls), (host, port, tls), "{url}");
            assert!(!format!("{server:?}").contains("p@ss"));
        }
        for url in [
            "mail.example.com",
            "http://mail.example.com",
            "smtp://mail.example.com?tls=maybe",
            "smtps://mail.example.com?tls=required",
            "smtp://user@mail.example.com",
            "smtp://user:secret@mail.example.com",
        ] {
            let error = parse(url).unwrap_err();
            assert!(!error.contains("secret"), "{error}");
        }
        assert!(SmtpServer::parse("smtps://x", Some(b"no certificate")).is_err());
    }
}
