//! Stripe, or a service with its HTTP API: one PaymentIntent per payment, with our reference in its metadata.
//!
//! Stripe stores the response to an `Idempotency-Key` for a day, including its own failures. Therefore a request that
//! may have been made before is first looked up by our reference. Lists are used for that, because they contain new
//! objects immediately, unlike Stripe's search. Only what is not found is requested again, after a 5xx with a new key.

mod amounts;
mod client;
pub mod webhook;

use std::fmt;
use std::sync::Arc;

use chassis::environment::SharedEnvironment;
use chassis::secret::Token;
use chrono::{DateTime, TimeDelta, Utc};
use events::PaymentId;
use futures::future::BoxFuture;
use serde::Deserialize;

use self::amounts::{from_stripe, to_stripe};
use self::client::{Client, Page};
use super::http_client::HttpClient;
use crate::domain::payment_channels::STRIPE;
use crate::ports::ProviderError;
use crate::ports::payment::{
    Asking, Checkout, LedgerEntry, OpenedPayment, PaymentOrder, PaymentProvider, ProviderStatus, RefundOrder,
};

/// The name of the metadata with our reference of a payment.
pub const PAYMENT_ID: &str = "meja_payment_id";
/// The name of the metadata with our reference of a refund.
const REFUND_KEY: &str = "meja_refund_key";
/// Maximum difference between the clocks of both sides.
const CLOCKS_APART: TimeDelta = TimeDelta::minutes(5);

/// The settings for Stripe.
#[derive(Clone)]
pub struct StripeSettings {
    /// The URL of the API, without `/v1`.
    pub base_url: String,
    /// `sk_…` or `rk_…`.
    pub secret_key: Token,
    /// `pk_…`, sent to the browser of the guest.
    pub publishable_key: String,
    /// The URL of the script for the browser of the guest.
    pub script_url: String,
    /// The secrets of webhook signatures: the current one and, during a change, the previous one.
    pub webhook_secrets: Vec<Token>,
    /// The minimum interval at which an open payment is checked.
    pub poll_every: TimeDelta,
}

impl fmt::Debug for StripeSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StripeSettings").field("base_url", &self.base_url).finish_non_exhaustive()
    }
}

/// Stripe.
pub struct Stripe {
    client: Client,
    settings: StripeSettings,
    public_url: String,
    env: SharedEnvironment,
}

/// The used members of a PaymentIntent.
#[derive(Debug, Deserialize)]
pub(super) struct Intent {
    id: String,
    status: String,
    amount: i64,
    currency: String,
    created: i64,
    #[serde(default)]
    client_secret: Option<String>,
    #[serde(default)]
    amount_received: Option<i64>,
    #[serde(default)]
    metadata: std::collections::HashMap<String, String>,
}

/// The used members of a Refund.
#[derive(Debug, Deserialize)]
struct Refund {
    id: String,
    amount: i64,
    #[serde(default)]
    status: Option<String>,
    #[serde(default)]
    payment_intent: Option<String>,
    created: i64,
    #[serde(default)]
    metadata: std::collections::HashMap<String, String>,
}

impl Intent {
    fn payment_id(&self) -> Option<PaymentId> {
        self.metadata.get(PAYMENT_ID)?.parse().ok()
    }

    /// The status. A payment that waits for the guest or for the guest's bank is open.
    fn status(&self) -> Result<ProviderStatus, ProviderError> {
        match self.status.as_str() {
            "succeeded" => {
                let received = self.amount_received.unwrap_or(self.amount);
                from_stripe(received, &self.currency).map(ProviderStatus::Paid).map_err(ProviderError::Final)
            }
            "canceled" => Ok(ProviderStatus::Closed),
            _ => Ok(ProviderStatus::Open),
        }
    }
}

impl Refund {
    /// Whether the refund counts. One that the guest's bank returned does not.
    fn went(&self) -> bool {
        !matches!(self.status.as_deref(), Some("failed" | "canceled"))
    }
}

impl Stripe {
    /// The account in `settings`. Guests pay on pages below `public_url`.
    #[must_use]
    pub fn new(
        http: HttpClient,
        settings: StripeSettings,
        public_url: String,
        env: SharedEnvironment,
    ) -> Self {
        let (base_url, secret_key) = (settings.base_url.clone(), settings.secret_key.clone());
        let client = Client::new(http, base_url, secret_key, Arc::clone(&env));
        Self { client, settings, public_url, env }
    }

    /// The event in a webhook of Stripe, if its signature is valid.
    ///
    /// # Errors
    /// [`webhook::WebhookError`].
    pub fn read_webhook(
        &self,
        signature: Option<&str>,
        body: &[u8],
        now: DateTime<Utc>,
    ) -> Result<webhook::Notice, webhook::WebhookError> {
        webhook::verify(&self.settings.webhook_secrets, signature, body, now)?;
        webhook::read(body)
    }

    async fn find_intent(&self, order: &PaymentOrder) -> Result<Option<Intent>, ProviderError> {
        let wanted = |intent: &Intent| intent.payment_id() == Some(order.payment_id);
        let mut found = None;
        let since = (order.asking.since - CLOCKS_APART).timestamp();
        self.client
            .each("/v1/payment_intents", &[], |page: Page<Intent>| {
                let is_last = page.ends_before(since, |intent| intent.created);
                found = page.data.into_iter().find(wanted);
                found.is_none() && !is_last
            })
            .await?;
        Ok(found)
    }

    async fn find_refund(&self, asking: &Asking, reference: &str) -> Result<Option<Refund>, ProviderError> {
        let mut found = None;
        self.client
            .each("/v1/refunds", &[("payment_intent", reference)], |page: Page<Refund>| {
                found = page.data.into_iter().find(|r| r.metadata.get(REFUND_KEY) == Some(&asking.key.0));
                found.is_none()
            })
            .await?;
        Ok(found)
    }

    async fn open_intent(&self, order: &PaymentOrder) -> Result<OpenedPayment, ProviderError> {
        let (amount, currency) = to_stripe(order.amount).map_err(ProviderError::Final)?;
        let known = if order.asking.tried { self.find_intent(order).await? } else { None };
        let intent = match known {
            Some(intent) => intent,
            None => {
                let method = order.method.as_deref().unwrap_or("card");
                let (payment_id, reservation_id) =
                    (order.payment_id.to_string(), order.reservation_id.to_string());
                let form = [
                    ("amount", amount.to_string()),
                    ("currency", currency),
                    ("payment_method_types[]", method.to_owned()),
                    ("metadata[meja_payment_id]", payment_id),
                    ("metadata[meja_reservation_id]", reservation_id),
                ];
                self.client.post("/v1/payment_intents", &form, &order.asking.idempotency_key()).await?
            }
        };
        Ok(self.opened(intent))
    }

    fn opened(&self, intent: Intent) -> OpenedPayment {
        let url = format!("{}/checkout/{}", self.public_url, intent.id);
        OpenedPayment { reference: intent.id, url }
    }

    async fn intent(&self, reference: &str) -> Result<Intent, ProviderError> {
        self.client.get(&format!("/v1/payment_intents/{reference}"), &[]).await
    }

    async fn close_intent(&self, reference: &str) -> Result<ProviderStatus, ProviderError> {
        let path = format!("/v1/payment_intents/{reference}/cancel");
        let key = format!("{reference}.cancel-{}", self.env.random_id().simple());
        match self.client.post::<Intent>(&path, &[], &key).await {
            Ok(intent) => intent.status(),
            // It may have been paid or closed meanwhile.
            Err(ProviderError::Final(words)) => match self.intent(reference).await?.status()? {
                ProviderStatus::Open => Err(ProviderError::Transient(words)),
                status => Ok(status),
            },
            Err(error) => Err(error),
        }
    }

    async fn refund_intent(&self, order: &RefundOrder) -> Result<String, ProviderError> {
        let (amount, _) = to_stripe(order.amount).map_err(ProviderError::Final)?;
        let known =
            if order.asking.tried { self.find_refund(&order.asking, &order.reference).await? } else { None };
        let refund = match known {
            Some(refund) => refund,
            None => {
                let form = [
                    ("payment_intent", order.reference.clone()),
                    ("amount", amount.to_string()),
                    ("metadata[meja_refund_key]", order.asking.key.0.clone()),
                    ("metadata[meja_payment_id]", order.payment_id.to_string()),
                ];
                self.client.post("/v1/refunds", &form, &order.asking.idempotency_key()).await?
            }
        };
        match refund.went() {
            true => Ok(refund.id),
            false => Err(ProviderError::Final(format!(
                "the guest's bank rejected the refund {}: refund the money by hand",
                refund.id
            ))),
        }
    }

    async fn books(&self, since: DateTime<Utc>) -> Result<Vec<LedgerEntry>, ProviderError> {
        let since = since.timestamp();
        let (mut intents, mut refunds) = (Vec::new(), Vec::new());
        self.client
            .each("/v1/payment_intents", &[], |page: Page<Intent>| {
                let is_last = page.ends_before(since, |intent| intent.created);
                // Payments without our reference belong to another use of the account.
                let ours = |intent: &Intent| intent.created >= since && intent.payment_id().is_some();
                intents.extend(page.data.into_iter().filter(ours));
                !is_last
            })
            .await?;
        self.client
            .each("/v1/refunds", &[], |page: Page<Refund>| {
                let is_last = page.ends_before(since, |refund| refund.created);
                refunds.extend(page.data);
                !is_last
            })
            .await?;
        let mut returned = std::collections::HashMap::<String, i64>::new();
        for refund in refunds.into_iter().filter(Refund::went) {
            if let Some(intent) = refund.payment_intent {
                *returned.entry(intent).or_default() += refund.amount;
            }
        }
        let entry = |intent: Intent| {
            let refunded = returned.get(&intent.id).copied().unwrap_or_default();
            let refunded = from_stripe(refunded, &intent.currency).map_err(ProviderError::Final)?;
            Ok(LedgerEntry {
                payment_id: intent.payment_id(),
                at: DateTime::from_timestamp(intent.created, 0).unwrap_or_default(),
                status: intent.status()?,
                refunded_minor: refunded.amount_minor,
                reference: intent.id,
            })
        };
        intents.into_iter().map(entry).collect()
    }
}

impl PaymentProvider for Stripe {
    fn name(&self) -> &'static str {
        STRIPE
    }

    fn open<'a>(&'a self, order: &'a PaymentOrder) -> BoxFuture<'a, Result<OpenedPayment, ProviderError>> {
        Box::pin(self.open_intent(order))
    }

    fn find<'a>(
        &'a self,
        order: &'a PaymentOrder,
    ) -> BoxFuture<'a, Result<Option<OpenedPayment>, ProviderError>> {
        Box::pin(async { Ok(self.find_intent(order).await?.map(|intent| self.opened(intent))) })
    }

    fn status<'a>(&'a self, reference: &'a str) -> BoxFuture<'a, Result<ProviderStatus, ProviderError>> {
        Box::pin(async { self.intent(reference).await?.status() })
    }

    fn close<'a>(&'a self, reference: &'a str) -> BoxFuture<'a, Result<ProviderStatus, ProviderError>> {
        Box::pin(self.close_intent(reference))
    }

    fn refund<'a>(&'a self, order: &'a RefundOrder) -> BoxFuture<'a, Result<String, ProviderError>> {
        Box::pin(self.refund_intent(order))
    }

    fn checkout<'a>(&'a self, reference: &'a str) -> BoxFuture<'a, Result<Checkout, ProviderError>> {
        Box::pin(async move {
            let intent = self.intent(reference).await?;
            let secret = intent.client_secret.ok_or_else(|| {
                ProviderError::Final(format!("the provider returned no client_secret of {reference}"))
            })?;
            Ok(Checkout::StripeForm {
                script_url: self.settings.script_url.clone(),
                publishable_key: self.settings.publishable_key.clone(),
                client_secret: secret,
            })
        })
    }

    fn ledger(&self, since: DateTime<Utc>) -> BoxFuture<'_, Result<Vec<LedgerEntry>, ProviderError>> {
        Box::pin(self.books(since))
    }

    fn poll_every(&self) -> Option<TimeDelta> {
        Some(self.settings.poll_every)
    }
}
