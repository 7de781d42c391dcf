//! Settings of payment providers and channels.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use chassis::config::{self, Faults};
use chassis::network::encrypted_or_local;
use chassis::secret::Token;
use chrono::TimeDelta;
use clap::ValueEnum;

use super::read_secret;
use crate::adapters::simulated::SIMULATED;
use crate::adapters::stripe::StripeSettings;
use crate::domain::payment_channels::Channels;
use crate::domain::payment_channels::STRIPE;
use crate::workers::simulated_guest::Decision;

/// A payment provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Provider {
    /// A simulation with a checkout page of this service
    Simulated,
    /// Stripe, or a service with its API
    Stripe,
}

/// The decision of the simulated guest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Outcome {
    /// The guest pays
    Pay,
    /// The guest refuses
    Refuse,
}

#[derive(Debug, clap::Args)]
pub(super) struct MoneyArgs {
    /// Provider of the payment channels that name none; by default Stripe if it is configured, otherwise simulated
    #[arg(long, env = "NOTIFIER_PAYMENT_PROVIDER", value_enum, global = true)]
    payment_provider: Option<Provider>,
    /// Offer the simulated provider although other machines reach the service: anybody pays there without money
    #[arg(long, env = "NOTIFIER_SIMULATED_PROVIDER_ON_PURPOSE", global = true)]
    simulated_provider_on_purpose: bool,
    /// JSON file with the payment channels; by default qris, bank_transfer, gopay and card
    #[arg(long, env = "NOTIFIER_CHANNELS", global = true)]
    channels: Option<PathBuf>,
    /// Let the simulated guest decide after this many milliseconds; by default a person decides on the checkout page
    #[arg(long, env = "NOTIFIER_SIMULATED_DECIDE_AFTER_MS", global = true)]
    simulated_decide_after_ms: Option<u32>,
    /// Decision of the simulated guest
    #[arg(long, env = "NOTIFIER_SIMULATED_OUTCOME", value_enum, default_value = "pay", global = true)]
    simulated_outcome: Outcome,
    /// URL of Stripe's API
    #[arg(long, env = "NOTIFIER_STRIPE_URL", default_value = "https://api.stripe.com", global = true)]
    stripe_url: String,
    /// Stripe's secret key, sk_… or a restricted rk_…
    #[arg(long, env = "NOTIFIER_STRIPE_SECRET_KEY", hide_env_values = true, global = true)]
    stripe_secret_key: Option<String>,
    /// File that contains Stripe's secret key
    #[arg(
        long,
        env = "NOTIFIER_STRIPE_SECRET_KEY_FILE",
        conflicts_with = "stripe_secret_key",
        global = true
    )]
    stripe_secret_key_file: Option<PathBuf>,
    /// Stripe's publishable key, pk_…, for the checkout page
    #[arg(long, env = "NOTIFIER_STRIPE_PUBLISHABLE_KEY", global = true)]
    stripe_publishable_key: Option<String>,
    /// URL of Stripe's script for the checkout page
    #[arg(
        long,
        env = "NOTIFIER_STRIPE_SCRIPT_URL",
        default_value = "https://js.stripe.com/v3/",
        global = true
    )]
    stripe_script_url: String,
    /// Secret of Stripe's webhook signatures, whsec_…; during a change both, separated by a comma
    #[arg(long, env = "NOTIFIER_STRIPE_WEBHOOK_SECRET", hide_env_values = true, global = true)]
    stripe_webhook_secret: Option<String>,
    /// File that contains the secret of Stripe's webhook signatures
    #[arg(
        long,
        env = "NOTIFIER_STRIPE_WEBHOOK_SECRET_FILE",
        conflicts_with = "stripe_webhook_secret",
        global = true
    )]
    stripe_webhook_secret_file: Option<PathBuf>,
    /// Minimum interval at which Stripe is asked about an open payment, in milliseconds, in case a webhook is lost
    #[arg(long, env = "NOTIFIER_STRIPE_POLL_MS", default_value = "60000", global = true)]
    stripe_poll_ms: u32,
}

/// Payment providers and channels.
#[derive(Debug)]
pub struct Money {
    /// The payment channels.
    pub channels: Channels,
    /// Stripe, if it is configured.
    pub stripe: Option<StripeSettings>,
    /// Whether the simulated provider is offered.
    pub simulated: bool,
    /// The automatic decision of the simulated guest, if any.
    pub decision: Option<Decision>,
}

impl MoneyArgs {
    /// The settings of a service that listens on `listen`.
    pub(super) fn check(self, listen: Option<SocketAddr>, faults: &mut Faults) -> Option<Money> {
        let secret = given(self.stripe_secret_key.as_deref(), self.stripe_secret_key_file.as_deref());
        let stripe = match secret {
            None => None,
            Some(secret) => Some(self.stripe(secret, faults)?),
        };
        let provider = match self.payment_provider {
            Some(Provider::Simulated) => SIMULATED,
            None if stripe.is_none() => SIMULATED,
            Some(Provider::Stripe) | None => STRIPE,
        };
        let simulated = self.simulated_provider_on_purpose || listen.is_none_or(|at| at.ip().is_loopback());
        if provider == SIMULATED && !simulated {
            faults.add(
                "NOTIFIER_PAYMENT_PROVIDER",
                "other machines reach this service, and at the simulated provider anybody pays without money: configure Stripe, listen on 127.0.0.1, or set NOTIFIER_SIMULATED_PROVIDER_ON_PURPOSE",
            );
            return None;
        }
        if provider == STRIPE && stripe.is_none() {
            faults.add("NOTIFIER_STRIPE_SECRET_KEY", "is required for NOTIFIER_PAYMENT_PROVIDER=stripe");
            return None;
        }
        let mut providers = Vec::new();
        providers.extend(simulated.then_some(SIMULATED));
        providers.extend(stripe.as_ref().map(|_| STRIPE));
        let channels = Channels::load(self.channels.as_deref(), provider, &providers);
        let channels = channels
            .map_err(|all| all.into_iter().for_each(|fault| faults.add("NOTIFIER_CHANNELS", fault)))
            .ok()?;
        let decision = self.simulated_decide_after_ms.map(|after| Decision {
            after: TimeDelta::milliseconds(i64::from(after)),
            pays: self.simulated_outcome == Outcome::Pay,
        });
        Some(Money { channels, stripe, simulated, decision })
    }

    fn stripe(&self, secret: Result<String, String>, faults: &mut Faults) -> Option<StripeSettings> {
        let token = |text: String| {
            Token::try_from(text.trim().to_owned())
                .map_err(|_| "a key or secret of Stripe has 16 to 256 visible ASCII characters".to_owned())
        };
        let base_url = faults.take("NOTIFIER_STRIPE_URL", api_url(&self.stripe_url));
        let script_url = faults.take("NOTIFIER_STRIPE_SCRIPT_URL", script_url(&self.stripe_script_url));
        let secret_key = faults.take("NOTIFIER_STRIPE_SECRET_KEY", secret.and_then(token));
        let publishable_key = faults.take(
            "NOTIFIER_STRIPE_PUBLISHABLE_KEY",
            self.stripe_publishable_key
                .clone()
                .filter(|key| key.starts_with("pk_"))
                .ok_or("the publishable key, pk_…, is required for the checkout page"),
        );
        let signed = given(self.stripe_webhook_secret.as_deref(), self.stripe_webhook_secret_file.as_deref());
        let webhook_secrets = signed.unwrap_or(Ok(String::new())).and_then(|text| {
            text.split([',', '\n']).filter(|s| !s.trim().is_empty()).map(|s| token(s.to_owned())).collect()
        });
        let webhook_secrets = faults.take("NOTIFIER_STRIPE_WEBHOOK_SECRET", webhook_secrets);
        if !(100..=3_600_000).contains(&self.stripe_poll_ms) {
            faults.add(
                "NOTIFIER_STRIPE_POLL_MS",
                format_args!("{} is not in the range 100 to 3600000", self.stripe_poll_ms),
            );
        }
        Some(StripeSettings {
            base_url: base_url?,
            secret_key: secret_key?,
            publishable_key: publishable_key?,
            script_url: script_url?,
            webhook_secrets: webhook_secrets?,
            poll_every: TimeDelta::milliseconds(i64::from(self.stripe_poll_ms)),
        })
    }
}

/// A secret that is given directly or as a file.
fn given(text: Option<&str>, file: Option<&Path>) -> Option<Result<String, String>> {
    text.map(|text| Ok(text.to_owned())).or_else(|| file.map(read_secret))
}

/// Parses the URL of the API. The secret key is sent there, so it must be encrypted except on loopback.
fn api_url(text: &str) -> Result<String, String> {
    config::base_url(text).and_then(encrypted_or_local)
}

/// Parses the URL of the script, which is part of a page and of its content security policy.
fn script_url(text: &str) -> Result<String, String> {
    let fits = (text.starts_with("https://") || text.starts_with("http://"))
        && text.bytes().all(|byte| byte.is_ascii_graphic() && !b"\"'<>;,".contains(&byte));
    if fits {
        Ok(text.to_owned())
    } else {
        Err(format!("{text:?} is not a URL such as https://js.stripe.com/v3/"))
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    #[derive(clap::Parser)]
    struct Settings {
        #[command(flatten)]
        money: MoneyArgs,
    }

    const CONFIGURED: [&str; 4] = [
        "--stripe-secret-key",
        "sk_test_0123456789abcdef",
        "--stripe-publishable-key",
        "pk_test_0123456789abcdef",
    ];

    /// The settings of a service that listens on `listen`.
    fn money(listen: &str, args: &[&str]) -> Result<Money, String> {
        let given = std::iter::once("notifier").chain(args.iter().copied());
        let mut faults = Faults::default();
        let money = Settings::parse_from(given).money.check(Some(listen.parse().unwrap()), &mut faults);
        faults.check(money).map_err(|fault| fault.to_string())
    }

    #[test]
    fn the_simulated_provider_is_for_one_machine_unless_it_is_offered_on_purpose() {
        assert!(money("127.0.0.1:8001", &[]).unwrap().simulated);
        for args in [&[][..], &["--payment-provider", "simulated"]] {
            let fault = money("0.0.0.0:8001", args).unwrap_err();
            assert!(fault.contains("NOTIFIER_SIMULATED_PROVIDER_ON_PURPOSE"), "{fault}");
        }
        assert!(money("0.0.0.0:8001", &["--simulated-provider-on-purpose"]).unwrap().simulated);
        assert!(!money("0.0.0.0:8001", &CONFIGURED).unwrap().simulated);
    }

    #[test]
    fn the_simulated_provider_is_never_the_default_beside_another() {
        for purpose in [&[][..], &["--simulated-provider-on-purpose"]] {
            let money = money("127.0.0.1:8001", &[&CONFIGURED[..], purpose].concat()).unwrap();
            assert!(money.simulated);
            let providers = money.channels.iter().map(|channel| channel.provider.as_str());
            assert_eq!(providers.collect::<Vec<_>>(), [STRIPE]);
        }
    }
}
