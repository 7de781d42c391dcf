//! Stripe, or whatever speaks its HTTP API: a PaymentIntent for each payment, with our own reference in its metadata.
//!
//! Stripe keeps the answer to an `Idempotency-Key` for a day, a failure of its own included. So whatever may have been
//! asked for before is looked up first, by our own reference, in lists (which, unlike Stripe's search, know at once what
//! was just created); only what is not there is asked for again, and after a 5xx under another key.

mod amounts;
mod client;
pub mod webhook;

use std::fmt;

use chassis::secret::Token;
use chrono::{DateTime, TimeDelta, Utc};
use events::PaymentId;
use futures::future::BoxFuture;
use serde::Deserialize;

use self::amounts::{from_stripe, to_stripe};
use self::client::{Client, Page};
use crate::domain::payment_channels::STRIPE;
use crate::ports::ProviderError;
use crate::ports::payment::{
    Asking, Checkout, LedgerEntry, OpenedPayment, PaymentOrder, PaymentProvider, ProviderStatus, RefundOrder,
};

/// Where our own reference of a payment stands in the metadata.
pub const PAYMENT_ID: &str = "meja_payment_id";
/// Where our own reference of a refund stands in the metadata.
const REFUND_KEY: &str = "meja_refund_key";
/// How far the clocks of both sides may be apart.
const CLOCKS_APART: TimeDelta = TimeDelta::minutes(5);

/// What is needed to speak with Stripe.
#[derive(Clone)]
pub struct StripeSettings {
    /// Where the API is, without `/v1`.
    pub base_url: String,
    /// `sk_…` or `rk_…`.
    pub secret_key: Token,
    /// `pk_…`, shown to the guest's browser.
    pub publishable_key: String,
    /// Where the script for the guest's browser is.
    pub script_url: String,
    /// What webhooks are signed with: the present one and, while it is changed, the one before.
    pub webhook_secrets: Vec<Token>,
    /// How often open payments are looked at.
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
}

/// As much of a PaymentIntent as is needed.
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

/// As much of a Refund as is needed.
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

    /// How far it is. What waits for the guest, or for the guest's bank, is open.
    fn standing(&self) -> Result<ProviderStatus, ProviderError> {
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
    /// A refund that the guest's bank has sent back is none.
    fn went(&self) -> bool {
        !matches!(self.status.as_deref(), Some("failed" | "canceled"))
    }
}

impl Stripe {
    /// The account of `settings`; guests pay on pages below `public_url`.
    ///
    /// # Errors
    /// When TLS can not be set up.
    pub fn new(settings: StripeSettings, public_url: String) -> Result<Self, reqwest::Error> {
        let client = Client::new(settings.base_url.clone(), settings.secret_key.clone())?;
        Ok(Self { client, settings, public_url })
    }

    /// The event that a webhook of Stripe carries, if its signature fits.
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
        let key = format!("{reference}.cancel-{}", fastrand::u64(..));
        match self.client.post::<Intent>(&path, &[], &key).await {
            Ok(intent) => intent.standing(),
            // It may have been paid, or closed, in the meantime.
            Err(ProviderError::Final(words)) => match self.intent(reference).await?.standing()? {
                ProviderStatus::Open => Err(ProviderError::Transient(words)),
                standing => Ok(standing),
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
                "the guest's bank did not take the refund {}: give the money back by hand",
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
                // Those without a reference of ours are none of our business.
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
                standing: intent.standing()?,
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

    fn standing<'a>(&'a self, reference: &'a str) -> BoxFuture<'a, Result<ProviderStatus, ProviderError>> {
        Box::pin(async { self.intent(reference).await?.standing() })
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
                ProviderError::Final(format!("the provider gives no client_secret of {reference}"))
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
