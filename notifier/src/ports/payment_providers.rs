//! The payment providers and the channels that lead to them.

use std::collections::BTreeMap;
use std::sync::Arc;

use events::values::Money;

use super::payment::PaymentProvider;
use crate::domain::payment_channels::{Channel, Channels};

/// The payment providers and the channels that lead to them.
pub struct PaymentProviders {
    /// The payment channels.
    pub channels: Channels,
    providers: BTreeMap<&'static str, Arc<dyn PaymentProvider>>,
}

impl PaymentProviders {
    /// The payment channels `channels` and the providers `all`.
    #[must_use]
    pub fn new(channels: Channels, all: impl IntoIterator<Item = Arc<dyn PaymentProvider>>) -> Self {
        let providers = all.into_iter().map(|provider| (provider.name(), provider)).collect();
        Self { channels, providers }
    }

    /// The provider of this name.
    #[must_use]
    pub fn provider(&self, name: &str) -> Option<&Arc<dyn PaymentProvider>> {
        self.providers.get(name)
    }

    /// All providers.
    pub fn providers(&self) -> impl Iterator<Item = &Arc<dyn PaymentProvider>> {
        self.providers.values()
    }

    /// The channel for a payment of `amount`, as [`Channels::choose`] has it.
    #[must_use]
    pub fn channel(&self, asked: Option<&str>, amount: Money) -> Option<&Channel> {
        self.channels.choose(asked, amount)
    }
}
