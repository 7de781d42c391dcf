//! A payment provider for trying out: its checkout page stands at this very service, where a person
//! pays or refuses, unless [`crate::decider`] does. Its books are the notifier's journal.

use events::PaymentId;
use events::values::Money;
use futures::future::BoxFuture;
use uuid::Uuid;

use super::{GatewayError, OpenedPayment, PaymentGateway};
use crate::effect::EffectKey;

/// The simulated provider.
#[derive(Debug, Clone)]
pub struct Simulated {
    public_url: String,
}

impl Simulated {
    /// A provider whose checkout pages stand below `public_url`.
    #[must_use]
    pub fn new(public_url: String) -> Self {
        Self { public_url }
    }
}

impl PaymentGateway for Simulated {
    fn open(
        &self,
        _: &EffectKey,
        _: PaymentId,
        _: Money,
        _: &str,
    ) -> BoxFuture<'_, Result<OpenedPayment, GatewayError>> {
        // Random, unlike the ids of v7, which show their time: who knows the reference can pay. A
        // payment counts from when the journal has it, so a try that was cut short left nothing.
        let reference = format!("sim_{}", Uuid::new_v4().simple());
        let url = format!("{}/checkout/{reference}", self.public_url);
        Box::pin(async move { Ok(OpenedPayment { reference, url }) })
    }

    fn refund(
        &self,
        key: &EffectKey,
        reference: &str,
        _: Money,
    ) -> BoxFuture<'_, Result<String, GatewayError>> {
        // The same key gives the same name, which is all that a repeat must do here.
        let name = Uuid::new_v5(&Uuid::NAMESPACE_URL, format!("{reference}/{key}").as_bytes());
        let name = format!("simr_{}", name.simple());
        Box::pin(async move { Ok(name) })
    }
}
