//! Settings are read as text, once, and checked as a whole. All faults are reported together, before a
//! port or a file is opened.

use std::fmt::Display;
use std::net::SocketAddr;

use axum::http::Uri;

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

/// Settings that no longer exist. A service that is started with one says what replaced it.
#[derive(Debug, clap::Args)]
pub struct GoneArgs {
    #[arg(long, env = "RESERVATION_SERVICE_TOKEN", hide = true, hide_env_values = true, global = true)]
    service_token: Option<String>,
    #[arg(long, env = "RESERVATION_SERVICE_TOKEN_FILE", hide = true, global = true)]
    service_token_file: Option<String>,
}

impl GoneArgs {
    /// Adds a fault for each of them that is set.
    pub fn check(&self, faults: &mut Faults) {
        for (setting, value) in [
            ("RESERVATION_SERVICE_TOKEN", &self.service_token),
            ("RESERVATION_SERVICE_TOKEN_FILE", &self.service_token_file),
        ] {
            if value.is_some() {
                faults.add(
                    setting,
                    "keys have replaced the service token: unset this. At its first start the reservation \
                     service writes a key for each service and one for the owner into the directory of \
                     RESERVATION_SECRETS_DIR; the notifier reads its own from NOTIFIER_SECRETS_DIR",
                );
            }
        }
    }
}

/// Parses an address to listen on.
///
/// # Errors
/// A description of the fault.
pub fn listen(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| format!("{text:?} is not an IP address and port such as 127.0.0.1:8000"))
}

/// Parses an IP address and a port to listen on, or `off`.
///
/// # Errors
/// A description of the fault.
pub fn optional_listen(text: &str) -> Result<Option<SocketAddr>, String> {
    match text {
        "off" => Ok(None),
        text => listen(text).map(Some).map_err(|error| format!("{error}, or off")),
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_faults_are_reported_at_once() {
        let mut faults = Faults::default();
        faults.add("A", "is wrong");
        faults.add("B", "is wrong too");
        let error = faults.check(Some(())).unwrap_err();
        assert_eq!(error.0.len(), 2);
    }
}
