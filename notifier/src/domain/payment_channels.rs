//! The payment channels offered to guests: settings that are read from a file and checked at start.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use events::values::{Currency, Money};
use serde::Deserialize;

/// The name of Stripe as a payment provider.
pub const STRIPE: &str = "stripe";
/// The built-in payment channels.
const BUILT_IN: &str = include_str!("../../channels.json");
const CHANNELS_MAX: usize = 50;
/// The only payment method of the checkout page for Stripe.
const CARD: &str = "card";

/// A payment channel.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Channel {
    /// The name in requests and events.
    pub code: String,
    /// The name shown to people.
    pub label: Labels,
    /// The provider; by default the one in the settings.
    #[serde(default)]
    pub provider: String,
    /// The provider's name of the payment method, if it needs one.
    #[serde(default)]
    pub method: Option<String>,
    /// The accepted currencies, ISO 4217.
    pub currencies: Vec<String>,
    /// The minimum and maximum amounts by currency.
    #[serde(default)]
    pub limits: BTreeMap<String, Limits>,
}

/// The name shown to people.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Labels {
    /// In Indonesian.
    pub id: String,
    /// In English.
    pub en: String,
}

/// The range of amounts, in minor units.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// The minimum.
    #[serde(default = "one")]
    pub min_minor: i64,
    /// The maximum.
    #[serde(default = "any")]
    pub max_minor: i64,
}

fn one() -> i64 {
    1
}

fn any() -> i64 {
    i64::MAX
}

/// All payment channels, in the order in which they are offered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Channels(Vec<Channel>);

impl Channel {
    /// Whether it accepts `amount`.
    #[must_use]
    pub fn takes(&self, amount: Money) -> bool {
        let limits = self.limits.get(amount.currency.code());
        self.currencies.iter().any(|code| code == amount.currency.code())
            && limits
                .is_none_or(|limits| (limits.min_minor..=limits.max_minor).contains(&amount.amount_minor))
    }
}

impl Channels {
    /// The payment channels in the file at `path`, or the built-in ones. The default provider is `provider`, and only
    /// `providers` are known.
    ///
    /// # Errors
    /// All faults of the file.
    pub fn load(path: Option<&Path>, provider: &str, providers: &[&str]) -> Result<Self, Vec<String>> {
        let text = match path {
            Some(path) => std::fs::read_to_string(path)
                .map_err(|error| vec![format!("could not read {}: {error}", path.display())])?,
            None => BUILT_IN.to_owned(),
        };
        let mut channels = Self::parse(&text, provider, providers)?;
        if path.is_none() && provider == STRIPE {
            channels.0.retain(|channel| channel.code == CARD);
        }
        Ok(channels)
    }

    fn parse(text: &str, provider: &str, providers: &[&str]) -> Result<Self, Vec<String>> {
        let channels: Vec<Channel> = serde_json::from_str(text)
            .map_err(|error| vec![format!("is not a list of payment channels: {error}")])?;
        Self::check(channels, provider, providers)
    }

    fn check(mut channels: Vec<Channel>, provider: &str, providers: &[&str]) -> Result<Self, Vec<String>> {
        for channel in channels.iter_mut().filter(|channel| channel.provider.is_empty()) {
            channel.provider = provider.to_owned();
        }
        let mut faults = Vec::new();
        if channels.is_empty() || channels.len() > CHANNELS_MAX {
            faults.push(format!("{} channels are not in the range 1 to {CHANNELS_MAX}", channels.len()));
        }
        let mut codes = BTreeSet::new();
        for channel in &channels {
            let code = &channel.code;
            let mut fault = |words: String| faults.push(format!("channel {code:?}: {words}"));
            if code.is_empty() || code.len() > 32 || !code.bytes().all(is_code) {
                fault("a code has 1 to 32 characters of a-z, 0-9 and _".into());
            }
            if !codes.insert(code.as_str()) {
                fault("the code is listed twice".into());
            }
            if !providers.contains(&channel.provider.as_str()) {
                let known = providers.join(", ");
                fault(format!("there is no provider {:?} in these settings: {known}", channel.provider));
            }
            if channel.provider == STRIPE && channel.method.as_deref().is_some_and(|method| method != CARD) {
                fault("the checkout page for Stripe accepts only cards: omit method".into());
            }
            if channel.currencies.is_empty() {
                fault("it accepts no currency".into());
            }
            for currency in &channel.currencies {
                if Currency::from_code(currency).is_none()
                    || iso_currency::Currency::from_code(currency).is_none()
                {
                    fault(format!("{currency:?} is not an ISO 4217 code"));
                }
            }
            for (currency, limits) in &channel.limits {
                if !channel.currencies.contains(currency) {
                    fault(format!("limits of {currency}, which it does not accept"));
                }
                if limits.min_minor < 1 || limits.min_minor > limits.max_minor {
                    fault(format!(
                        "{currency}: {} to {} minor units is not a range",
                        limits.min_minor, limits.max_minor
                    ));
                }
            }
        }
        if faults.is_empty() { Ok(Self(channels)) } else { Err(faults) }
    }

    /// All of them, in order.
    pub fn iter(&self) -> impl Iterator<Item = &Channel> {
        self.0.iter()
    }

    /// The one with this id.
    #[must_use]
    pub fn get(&self, code: &str) -> Option<&Channel> {
        self.0.iter().find(|channel| channel.code == code)
    }

    /// The channel for a payment of `amount`: the requested one if it accepts the amount, otherwise the first one that
    /// does; `None` if none does. The reservation service accepts every channel as long as it does not know them.
    #[must_use]
    pub fn choose(&self, asked: Option<&str>, amount: Money) -> Option<&Channel> {
        let asked = asked.and_then(|code| self.get(code)).filter(|channel| channel.takes(amount));
        asked.or_else(|| self.0.iter().find(|channel| channel.takes(amount)))
    }
}

fn is_code(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_'
}

#[cfg(test)]
mod tests {
    use super::*;

    fn money(amount_minor: i64, code: &str) -> Money {
        Money { amount_minor, currency: Currency::from_code(code).unwrap() }
    }

    #[test]
    fn an_unusable_channel_falls_back_to_the_default() {
        let channels = Channels::load(None, "simulated", &["simulated"]).unwrap();
        let at_stripe = Channels::load(None, "stripe", &["simulated", "stripe"]).unwrap();
        assert_eq!(at_stripe.iter().map(|channel| channel.code.as_str()).collect::<Vec<_>>(), ["card"]);
        let choose = |asked, minor, code| {
            channels.choose(asked, money(minor, code)).map(|channel| channel.code.as_str())
        };
        assert_eq!(choose(Some("gopay"), 100_000, "IDR"), Some("gopay"));
        assert_eq!(choose(Some("gopay"), 100_000, "EUR"), Some("bank_transfer"));
        assert_eq!(choose(Some("shells"), 100_000, "IDR"), Some("qris"));
        assert_eq!(choose(Some("qris"), 2_000_000_000, "IDR"), Some("bank_transfer"), "QRIS has a limit");
        assert_eq!(choose(None, 100, "CHF"), None);
    }

    #[test]
    fn every_fault_of_a_file_is_reported() {
        let text = r#"[
            {"code": "Card", "label": {"id": "a", "en": "b"}, "currencies": ["EUR", "EURO"]},
            {"code": "x", "label": {"id": "a", "en": "b"}, "provider": "bank", "currencies": []},
            {"code": "x", "label": {"id": "a", "en": "b"}, "currencies": ["IDR"], "limits": {"EUR": {"min_minor": 5, "max_minor": 4}}}
        ]"#;
        let faults = Channels::parse(text, "simulated", &["simulated"]).unwrap_err().join("\n");
        for words in ["a-z", "\"EURO\"", "\"bank\"", "no currency", "twice", "limits of EUR", "5 to 4"] {
            assert!(faults.contains(words), "{words}: {faults}");
        }
        let misspelt = r#"[{"code": "x", "labels": {}, "currencies": []}]"#;
        assert!(Channels::parse(misspelt, "simulated", &[]).unwrap_err()[0].contains("labels"));
    }
}
