//! The payment providers and the channels that lead to them.

use std::collections::BTreeMap;
use std::sync::Arc;

use events::values::Money;

use crate::adapters::simulated::Simulated;
use crate::adapters::stripe::Stripe;
use crate::domain::payment_channels::{Channel, Channels};
use crate::ports::payment::PaymentProvider;

/// The payment providers and the channels that lead to them.
pub struct PaymentProviders {
    /// The payment channels.
    pub channels: Channels,
    /// The simulated provider.
    pub simulated: Arc<Simulated>,
    /// Stripe, if it is configured.
    pub stripe: Option<Arc<Stripe>>,
    providers: BTreeMap<&'static str, Arc<dyn PaymentProvider>>,
}

impl PaymentProviders {
    /// All of them, in order.
    #[must_use]
    pub fn new(channels: Channels, simulated: Arc<Simulated>, stripe: Option<Arc<Stripe>>) -> Self {
        let mut all: Vec<Arc<dyn PaymentProvider>> = vec![simulated.clone()];
        all.extend(stripe.clone().map(|stripe| stripe as Arc<dyn PaymentProvider>));
        let providers = all.into_iter().map(|provider| (provider.name(), provider)).collect();
        Self { channels, simulated, stripe, providers }
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
