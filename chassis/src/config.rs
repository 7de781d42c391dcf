//! Settings are read as text, once, and checked as a whole. All faults are reported together, before a
//! port or a file is opened.

use std::fmt::Display;
use std::net::SocketAddr;
use std::path::Path;

use axum::http::Uri;

use crate::secret::Token;

/// Exit code for a setting, a venue file or a data directory that cannot be used.
pub const EXIT_CONFIG: u8 = 2;

/// The faults found in the settings.
#[derive(Debug, Default)]
pub struct Faults(Vec<String>);

impl Faults {
    /// Records a fault of `setting`.
    pub fn add(&mut self, setting: &str, what: impl Display) {
        self.0.push(format!("{setting}: {what}"));
    }

    /// The value of `setting`, or `None` after recording its fault.
    pub fn take<T, E: Display>(&mut self, setting: &str, result: Result<T, E>) -> Option<T> {
        result.map_err(|error| self.add(setting, error)).ok()
    }

    /// `value`, if no fault was recorded.
    ///
    /// # Errors
    /// [`ConfigError`] with every recorded fault.
    pub fn check<T>(self, value: Option<T>) -> Result<T, ConfigError> {
        match value {
            Some(value) if self.0.is_empty() => Ok(value),
            _ => Err(ConfigError(self.0)),
        }
    }
}

/// Settings that cannot be used.
#[derive(Debug, PartialEq, Eq)]
pub struct ConfigError(pub Vec<String>);

impl Display for ConfigError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} setting(s) cannot be used; nothing was started:", self.0.len())?;
        self.0.iter().try_for_each(|fault| write!(f, "\n  - {fault}"))
    }
}

impl std::error::Error for ConfigError {}

/// The public address of Meja.
#[derive(Debug, clap::Args)]
pub struct PublicUrlArgs {
    /// URL under which guests reach Meja, for links in messages; by default the address that the service listens on
    #[arg(long, env = "MEJA_PUBLIC_URL", global = true)]
    public_url: Option<String>,
    /// The name of the setting before there was one for all services.
    #[arg(long, env = "NOTIFIER_PUBLIC_URL", hide = true, global = true)]
    notifier_public_url: Option<String>,
}

impl PublicUrlArgs {
    /// The URL without trailing slashes, if one is set.
    pub fn check(&self, faults: &mut Faults) -> Option<String> {
        let (setting, url) = match (&self.public_url, &self.notifier_public_url) {
            (Some(url), _) => ("MEJA_PUBLIC_URL", url),
            (None, Some(url)) => ("NOTIFIER_PUBLIC_URL", url),
            (None, None) => return None,
        };
        faults.take(setting, base_url(url))
    }
}

/// Parses an address to listen on.
///
/// # Errors
/// A description of the fault.
pub fn listen(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| format!("{text:?} is not an IP address and port such as 127.0.0.1:8000"))
}

/// Parses the base URL of a service and removes trailing slashes.
///
/// # Errors
/// A description of the fault.
pub fn base_url(text: &str) -> Result<String, String> {
    let uri = text.parse::<Uri>().ok();
    let fits = uri.is_some_and(|uri| {
        matches!(uri.scheme_str(), Some("http" | "https"))
            && uri.host().is_some_and(|host| !host.is_empty())
            && uri.query().is_none()
    });
    let trimmed = text.trim_end_matches('/').to_owned();
    if fits { Ok(trimmed) } else { Err(format!("{text:?} is not a URL such as http://127.0.0.1:8001")) }
}

/// Reads the service token from `value` or from the file at `file`.
///
/// A service that listens on anything but loopback must have a token; otherwise that is a fault.
pub fn service_token(
    faults: &mut Faults,
    setting: &str,
    value: Option<String>,
    file: Option<&Path>,
    listen: SocketAddr,
) -> Option<Token> {
    let text = match (value, file) {
        (Some(_), Some(_)) => {
            faults.add(setting, "set either the token or the file that holds it, not both");
            return None;
        }
        (Some(value), None) => value,
        (None, Some(path)) => {
            let read = std::fs::read_to_string(path)
                .map_err(|error| format!("could not read {}: {error}", path.display()));
            faults.take(&format!("{setting}_FILE"), read)?
        }
        (None, None) => {
            if !listen.ip().is_loopback() {
                faults.add(
                    setting,
                    format_args!(
                        "is needed to listen on {listen}: without it anyone who can reach this \
                         address could post payment results and read guests' contacts. Set it, or \
                         listen on 127.0.0.1"
                    ),
                );
            }
            return None;
        }
    };
    faults.take(setting, Token::try_from(text.trim().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(value: Option<&str>, listen: &str) -> Result<Option<Token>, ConfigError> {
        let mut faults = Faults::default();
        let token =
            service_token(&mut faults, "TOKEN", value.map(str::to_owned), None, listen.parse().unwrap());
        faults.check(Some(token))
    }

    #[test]
    fn only_loopback_may_go_without_a_token() {
        assert!(token(None, "127.0.0.1:8000").unwrap().is_none());
        assert!(token(None, "[::1]:8000").unwrap().is_none());
        assert!(token(None, "0.0.0.0:8000").unwrap_err().to_string().contains("is needed to listen"));
        assert!(token(Some("0123456789abcdef0123456789abcdef"), "0.0.0.0:8000").unwrap().is_some());
        assert!(token(Some("short"), "127.0.0.1:8000").is_err());
    }

    #[test]
    fn all_faults_are_reported_at_once() {
        let mut faults = Faults::default();
        faults.add("A", "is wrong");
        faults.add("B", "is wrong too");
        let error = faults.check(Some(())).unwrap_err();
        assert_eq!(error.0.len(), 2);
    }
}
