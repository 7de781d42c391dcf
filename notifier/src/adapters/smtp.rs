//! Mail over SMTP: TLS from the start or with STARTTLS, with or without authentication, over pooled connections.

use std::fmt;
use std::time::Duration;

use futures::future::BoxFuture;
use lettre::address::Envelope;
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::transport::smtp::{Error, PoolConfig, SMTP_PORT, SUBMISSION_PORT, SUBMISSIONS_PORT};
use lettre::{Message, SmtpTransport, Transport as _};
use percent_encoding::percent_decode_str;

use crate::domain::effect::{About, EffectKey};
use crate::ports::{MailSender, ProviderError};

/// Maximum duration of sending a mail, including connecting. A send that takes longer may still succeed.
const SEND_MAX: Duration = Duration::from_secs(30);
/// Maximum duration of connecting, and of each read and write.
const IO_MAX: Duration = Duration::from_secs(20);
/// Maximum number of pooled connections, and how long they may be unused. Servers close them after some minutes.
const POOL_CONNECTIONS_MAX: u32 = 16;
const POOL_IDLE_MAX: Duration = Duration::from_secs(30);
/// The first line of a certificate.
const PEM: &[u8] = b"-----BEGIN CERTIFICATE-----";

/// Whether the connection is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Security {
    /// Never.
    None,
    /// If the server offers STARTTLS.
    Opportunistic,
    /// With STARTTLS, which the server must offer.
    Required,
    /// From the start.
    Wrapper,
}

impl Security {
    fn tls(self, parameters: impl FnOnce() -> Result<TlsParameters, String>) -> Result<Tls, String> {
        Ok(match self {
            Self::None => Tls::None,
            Self::Opportunistic => Tls::Opportunistic(parameters()?),
            Self::Required => Tls::Required(parameters()?),
            Self::Wrapper => Tls::Wrapper(parameters()?),
        })
    }
}

/// The parameters for `host`. `ca` is a certificate in PEM that is trusted besides the usual ones.
fn tls_parameters(host: &str, ca: Option<&[u8]>) -> Result<TlsParameters, String> {
    let mut builder = TlsParameters::builder(host.to_owned());
    if let Some(pem) = ca {
        // The parser accepts a file without certificates.
        if !pem.windows(PEM.len()).any(|part| part == PEM) {
            return Err("the file has no certificate in PEM".into());
        }
        let ca = Certificate::from_pem(pem);
        let ca = ca.map_err(|error| format!("the certificate cannot be parsed: {error}"))?;
        builder = builder.add_root_certificate(ca);
    }
    builder.build().map_err(|error| format!("TLS cannot be set up: {error}"))
}

/// An SMTP server. The password is never printed.
#[derive(Clone)]
pub struct SmtpServer {
    host: String,
    port: u16,
    tls: Tls,
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
        let (security, port) = match (url.scheme(), wanted.as_deref()) {
            ("smtp", None) => (Security::None, SMTP_PORT),
            ("smtp", Some("opportunistic")) => (Security::Opportunistic, SUBMISSION_PORT),
            ("smtp", Some("required")) => (Security::Required, SUBMISSION_PORT),
            ("smtps", None) => (Security::Wrapper, SUBMISSIONS_PORT),
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
        if credentials.is_some() && security == Security::None && !is_loopback(&host) {
            return Err("a password is sent in the clear: add ?tls=required, or use smtps://".into());
        }
        let tls = security.tls(|| tls_parameters(&host, ca))?;
        Ok(Self { port: url.port().unwrap_or(port), host, tls, credentials })
    }
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Sends mail to an SMTP server.
///
/// With the blocking client of the library, because its asynchronous client has no timeout for responses. Cancelling
/// that one from outside would return a connection in the middle of a command to the pool, and the next mail could
/// become part of the previous one.
#[derive(Debug, Clone)]
pub struct Smtp(SmtpTransport);

impl Smtp {
    /// Sends to `server`.
    #[must_use]
    pub fn new(server: SmtpServer) -> Self {
        Self::with_timeout(server, IO_MAX)
    }

    fn with_timeout(server: SmtpServer, io_max: Duration) -> Self {
        let pool = PoolConfig::new().max_size(POOL_CONNECTIONS_MAX).idle_timeout(POOL_IDLE_MAX);
        let mut builder = SmtpTransport::builder_dangerous(server.host)
            .port(server.port)
            .tls(server.tls)
            .timeout(Some(io_max))
            .pool_config(pool);
        if let Some(credentials) = server.credentials {
            builder = builder.credentials(credentials);
        }
        Self(builder.build())
    }

    fn send_blocking(&self, envelope: &Envelope, mail: &[u8]) -> Result<(), ProviderError> {
        let Err(error) = self.0.send_raw(envelope, mail) else { return Ok(()) };
        let is_refusal = (error.is_permanent() || error.is_client()) && !is_login(&error);
        // A server that also refuses connections, TLS or the authentication did not refuse this mail.
        match is_refusal && self.0.test_connection().unwrap_or(false) {
            true => Err(ProviderError::Final(error.to_string())),
            false => Err(ProviderError::Transient(error.to_string())),
        }
    }
}

impl MailSender for Smtp {
    fn send(
        &self,
        _: &EffectKey,
        _: Option<About>,
        mail: Message,
    ) -> BoxFuture<'_, Result<(), ProviderError>> {
        let smtp = self.clone();
        Box::pin(async move {
            let sent =
                tokio::task::spawn_blocking(move || smtp.send_blocking(mail.envelope(), &mail.formatted()));
            // The thread keeps its connection when it is no longer waited for, so no other mail can use it.
            match tokio::time::timeout(SEND_MAX, sent).await {
                // The task ends without a result only when the runtime shuts down.
                Ok(sent) => sent.unwrap_or_else(|error| Err(ProviderError::Transient(error.to_string()))),
                Err(_) => Err(ProviderError::Transient(format!(
                    "the mail server did not finish within {} s",
                    SEND_MAX.as_secs()
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
    use std::io::{BufRead as _, BufReader, Write as _};
    use std::net::{TcpListener, TcpStream};

    use super::*;

    #[test]
    fn urls_say_where_mail_goes() {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let parse = |url: &str| SmtpServer::parse(url, None);
        for (url, host, port, expected) in [
            ("smtp://127.0.0.1:2525", "127.0.0.1", 2525, Security::None),
            ("smtp://[::1]", "::1", 25, Security::None),
            ("smtp://u:p%40ss@mail.example.com?tls=required", "mail.example.com", 587, Security::Required),
            ("smtp://mail.example.com?tls=opportunistic", "mail.example.com", 587, Security::Opportunistic),
            ("smtps://u:p@mail.example.com", "mail.example.com", 465, Security::Wrapper),
        ] {
            let server = parse(url).unwrap();
            let security = match &server.tls {
                Tls::None => Security::None,
                Tls::Opportunistic(_) => Security::Opportunistic,
                Tls::Required(_) => Security::Required,
                Tls::Wrapper(_) => Security::Wrapper,
            };
            assert_eq!((server.host.as_str(), server.port, security), (host, port, expected), "{url}");
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

    /// An SMTP server that accepts two connections. On the first one it does not respond to the text of the mail.
    /// Returns the lines that it got after DATA on each connection.
    fn half_deaf_server(listener: &TcpListener) -> [String; 2] {
        let mut first: Option<TcpStream> = None;
        std::array::from_fn(|connection| {
            let (stream, _) = listener.accept().unwrap();
            let mut replies = stream.try_clone().unwrap();
            let mut lines = BufReader::new(&stream).lines().map_while(Result::ok);
            let mut reply = |words: &str| replies.write_all(format!("{words}\r\n").as_bytes()).unwrap();
            reply("220 ready");
            let text: Option<String> = loop {
                match lines.next().as_deref() {
                    Some("DATA") => {
                        reply("354 go on");
                        break Some(lines.by_ref().take_while(|line| line != ".").collect());
                    }
                    Some(_) => reply("250 OK"),
                    None => break None,
                }
            };
            match connection {
                0 => first = Some(stream.try_clone().unwrap()),
                _ => reply("250 OK"),
            }
            text.unwrap_or_default()
        })
    }

    #[tokio::test]
    async fn a_connection_without_a_response_is_not_used_for_the_next_mail() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let server = SmtpServer::parse(&format!("smtp://{}", listener.local_addr().unwrap()), None).unwrap();
        let server_side = std::thread::spawn(move || half_deaf_server(&listener));
        let smtp = Smtp::with_timeout(server, Duration::from_millis(300));
        let mail = |text: &str| {
            let to = |name: &str| format!("{name}@example.com").parse().unwrap();
            Message::builder().from(to("meja")).to(to("sari")).subject("s").body(text.to_owned()).unwrap()
        };
        let key = EffectKey("k".into());
        let error = smtp.send(&key, None, mail("first")).await.unwrap_err();
        assert!(matches!(error, ProviderError::Transient(_)), "{error}");
        smtp.send(&key, None, mail("second")).await.unwrap();
        let texts = server_side.join().unwrap();
        assert!(texts[0].contains("first") && !texts[0].contains("second"), "{texts:?}");
        assert!(texts[1].contains("second") && !texts[1].contains("first"), "{texts:?}");
    }

    #[tokio::test]
    async fn a_server_that_refuses_connections_did_not_refuse_the_mail() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let server = SmtpServer::parse(&format!("smtp://{}", listener.local_addr().unwrap()), None).unwrap();
        std::thread::spawn(move || {
            while let Ok((mut stream, _)) = listener.accept() {
                let _ = stream.write_all(b"554 5.3.2 no service\r\n");
            }
        });
        let address = || "sari@example.com".parse().unwrap();
        let mail = Message::builder().from(address()).to(address()).subject("s").body(String::new()).unwrap();
        let error = Smtp::new(server).send(&EffectKey("k".into()), None, mail).await.unwrap_err();
        assert!(matches!(error, ProviderError::Transient(_)), "{error}");
    }
}
