//! Stripe's webhooks: `Stripe-Signature: t=<seconds>,v1=<hex>`, an HMAC-SHA256 over `<seconds>.<raw body>`.

use chassis::secret::Token;
use chrono::{DateTime, TimeDelta, Utc};
use hmac::{Hmac, Mac as _};
use serde::Deserialize;
use sha2::Sha256;

use super::{Intent, PAYMENT_ID};
use crate::ports::payment::ProviderStatus;

/// Maximum age of a signature, and how far it can be ahead.
pub const WINDOW: TimeDelta = TimeDelta::minutes(5);

/// Why a webhook is rejected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WebhookError {
    /// No secret is configured.
    #[error("no secret for webhooks is configured: set NOTIFIER_STRIPE_WEBHOOK_SECRET")]
    NoSecret,
    /// The header is missing or malformed.
    #[error("the header Stripe-Signature is missing, or not of the form t=…,v1=…")]
    NoSignature,
    /// The signature belongs to another body or another secret.
    #[error("the signature does not match the body")]
    Forged,
    /// The signature is too old, or from the future.
    #[error("the signature was made {0} s from now, {max} s are allowed", max = WINDOW.num_seconds())]
    OutOfTime(i64),
    /// The body is not an event.
    #[error("the body is not an event of Stripe: {0}")]
    Body(String),
}

/// The content of a webhook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// The status of one of our payments.
    Payment {
        /// The provider's reference.
        reference: String,
        /// The status.
        status: ProviderStatus,
    },
    /// An event that requires no action.
    Other(String),
}

/// Checks that `body` was recently signed with one of `secrets`.
///
/// # Errors
/// [`WebhookError`].
pub fn verify(
    secrets: &[Token],
    signature: Option<&str>,
    body: &[u8],
    now: DateTime<Utc>,
) -> Result<(), WebhookError> {
    if secrets.is_empty() {
        return Err(WebhookError::NoSecret);
    }
    let parts: Vec<_> = signature.unwrap_or("").split(',').filter_map(|part| part.split_once('=')).collect();
    let time = parts.iter().find(|(name, _)| *name == "t").map(|(_, value)| *value);
    let (time, seconds) =
        time.and_then(|time| Some((time, time.parse::<i64>().ok()?))).ok_or(WebhookError::NoSignature)?;
    let signatures: Vec<_> =
        parts.iter().filter(|(name, _)| *name == "v1").filter_map(|(_, v)| hex::decode(v).ok()).collect();
    if signatures.is_empty() {
        return Err(WebhookError::NoSignature);
    }
    let fits = secrets.iter().any(|secret| {
        signatures.iter().any(|signature| {
            // HMAC accepts keys of any length.
            Hmac::<Sha256>::new_from_slice(secret.reveal().as_bytes()).is_ok_and(|mac| {
                mac.chain_update(time).chain_update(".").chain_update(body).verify_slice(signature).is_ok()
            })
        })
    });
    if !fits {
        return Err(WebhookError::Forged);
    }
    // Reported only to callers with the secret.
    let apart = now.timestamp().saturating_sub(seconds);
    if apart.saturating_abs() > WINDOW.num_seconds() {
        return Err(WebhookError::OutOfTime(apart));
    }
    Ok(())
}

/// The content of an event of Stripe. A failed attempt needs no action, because the guest can use another card.
pub(super) fn read(body: &[u8]) -> Result<Notice, WebhookError> {
    #[derive(Deserialize)]
    struct Event {
        r#type: String,
        data: Data,
    }
    #[derive(Deserialize)]
    struct Data {
        object: serde_json::Value,
    }
    let broken = |error: serde_json::Error| WebhookError::Body(error.to_string());
    let event: Event = serde_json::from_slice(body).map_err(broken)?;
    if !matches!(event.r#type.as_str(), "payment_intent.succeeded" | "payment_intent.canceled") {
        return Ok(Notice::Other(event.r#type));
    }
    let intent = Intent::deserialize(event.data.object).map_err(broken)?;
    if !intent.metadata.contains_key(PAYMENT_ID) {
        return Ok(Notice::Other("a payment without our reference".into()));
    }
    let status = intent.status().map_err(|error| WebhookError::Body(error.to_string()))?;
    Ok(Notice::Payment { reference: intent.id, status })
}
