//! Codes of authenticator apps: time-based one-time passwords, RFC 6238 with SHA-1, six digits and steps of 30 seconds,
//! which every app knows.

use chassis::environment::Environment;
use chrono::{DateTime, Utc};
use totp_rs::{Builder, Secret, Totp};

/// The length of a shared secret, in bytes: what RFC 4226 recommends.
const SECRET_BYTES: usize = 20;
/// How many steps the clock of a phone may be off.
const SKEW_STEPS: u16 = 1;
/// The name of the service in apps.
const ISSUER: &str = "Meja";

/// The secret that a person's authenticator app shares with the service. Printed without it.
#[derive(Clone)]
pub struct TotpSecret(Vec<u8>);

impl TotpSecret {
    /// A new secret.
    #[must_use]
    pub fn new(env: &dyn Environment) -> Self {
        Self(env.random_bytes()[..SECRET_BYTES].to_vec())
    }

    /// Reads a secret in base32; `None` if it is none, or has another length.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let secret = Secret::try_from_base32(text).ok()?;
        (secret.as_bytes().len() == SECRET_BYTES).then(|| Self(secret.as_bytes().to_vec()))
    }

    /// The secret in base32, for typing it.
    #[must_use]
    pub fn reveal(&self) -> String {
        Secret::from(self.0.clone()).to_base32()
    }

    /// The secret as a URI `otpauth://…`, for a QR code. `account` tells accounts in the app apart.
    ///
    /// # Errors
    /// A message, when `account` cannot be part of the URI.
    pub fn url(&self, account: &str) -> Result<String, String> {
        let account = account.replace(':', " ");
        let totp = self.builder().with_account_name(account).with_issuer(Some(ISSUER)).build();
        totp.and_then(|totp| totp.to_url()).map_err(|error| error.to_string())
    }

    /// The time step of `code` if it is valid at `now` and its step comes after `last_step`, so that each code counts once.
    #[must_use]
    pub fn step_of(&self, code: &str, now: DateTime<Utc>, last_step: Option<u64>) -> Option<u64> {
        // Apps show a code in two groups, and people type the space.
        let code: String = code.chars().filter(|c| !c.is_whitespace() && *c != '-').collect();
        let step = self.totp().check(&code, u64::try_from(now.timestamp()).ok()?)?;
        last_step.is_none_or(|last| step > last).then_some(step)
    }

    /// The code at `now`. For tests: people have an app.
    #[must_use]
    pub fn code_at(&self, now: DateTime<Utc>) -> String {
        self.totp().generate(u64::try_from(now.timestamp()).unwrap_or_default()).to_string()
    }

    fn builder(&self) -> Builder {
        Builder::new().with_secret(self.0.clone()).with_skew(SKEW_STEPS)
    }

    fn totp(&self) -> Totp {
        self.builder().build_noncompliant()
    }
}

impl std::fmt::Debug for TotpSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("***")
    }
}

#[cfg(test)]
mod tests {
    use chassis::environment::SystemEnvironment;

    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(seconds, 0).unwrap()
    }

    /// The vectors of RFC 6238, appendix B, for SHA-1. They have eight digits; an app shows the last six.
    #[test]
    fn codes_are_those_of_the_standard() {
        let secret = TotpSecret(b"12345678901234567890".to_vec());
        for (seconds, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            assert_eq!(secret.code_at(at(seconds)), code);
            assert_eq!(secret.step_of(code, at(seconds), None), Some(seconds as u64 / 30));
        }
    }

    #[test]
    fn a_code_counts_once_and_for_a_minute_around_its_time() {
        let secret = TotpSecret::new(&SystemEnvironment);
        let (now, step) = (at(1_800_000_000), 60_000_000);
        let code = secret.code_at(now);
        assert_eq!(secret.step_of(&code, now, Some(step - 1)), Some(step));
        assert_eq!(secret.step_of(&code, now, Some(step)), None);
        assert_eq!(secret.step_of(&code, at(1_800_000_059), None), Some(step));
        assert_eq!(secret.step_of(&code, at(1_800_000_060), None), None);
        assert_eq!(secret.step_of("", now, None), None);
        assert_eq!(secret.step_of("abcdef", now, None), None);
    }

    #[test]
    fn a_secret_is_read_as_it_is_shown() {
        let secret = TotpSecret::new(&SystemEnvironment);
        let text = secret.reveal();
        assert_eq!(TotpSecret::parse(&text).unwrap().0, secret.0);
        assert!(
            text.len() == 32 && TotpSecret::parse(&text[..30]).is_none() && TotpSecret::parse("1").is_none()
        );
        let url = secret.url("sari@warung-sinar.example").unwrap();
        assert!(url.starts_with("otpauth://totp/Meja:sari%40warung-sinar.example?secret="), "{url}");
        assert!(url.contains(&text) && format!("{secret:?}") == "***");
    }
}
