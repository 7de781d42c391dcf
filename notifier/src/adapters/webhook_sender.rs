//! Webhooks over HTTP.

use std::time::Duration;

use axum::http::{StatusCode, header};
use chrono::{DateTime, Utc};

use super::retry_after::retry_after;
use crate::domain::webhooks::Webhook;
use crate::ports::ProviderError;

/// Maximum duration of a request. A later response counts as a failure: Standard Webhooks.
const REQUEST_MAX: Duration = Duration::from_secs(15);
/// Maximum duration of connecting.
const CONNECT_MAX: Duration = Duration::from_secs(5);
/// The response of a receiver.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivery {
    /// It accepted the event.
    Taken,
    /// 410: it wants no more events.
    Gone,
}

/// Sends webhooks.
#[derive(Debug, Clone)]
pub struct WebhookSender(reqwest::Client);

impl WebhookSender {
    /// A sender that follows no redirects: events go only to the configured URL.
    ///
    /// # Errors
    /// When TLS cannot be set up.
    pub fn new() -> Result<Self, reqwest::Error> {
        let client = reqwest::Client::builder()
            .connect_timeout(CONNECT_MAX)
            .timeout(REQUEST_MAX)
            .redirect(reqwest::redirect::Policy::none())
            .build()?;
        Ok(Self(client))
    }

    /// Sends `body` to `hook`. `id` is the same for every attempt.
    ///
    /// # Errors
    /// [`ProviderError`]; every response except 2xx and 410 is tried again.
    pub async fn send(
        &self,
        hook: &Webhook,
        id: &str,
        body: String,
        now: DateTime<Utc>,
    ) -> Result<Delivery, ProviderError> {
        let timestamp = now.timestamp();
        let request = self
            .0
            .post(&hook.url)
            .header(header::CONTENT_TYPE, "application/json")
            .header("webhook-id", id)
            .header("webhook-timestamp", timestamp.to_string())
            .header("webhook-signature", hook.sign(id, timestamp, &body))
            .body(body);
        let response = request.send().await;
        let response = response.map_err(|error| {
            ProviderError::Transient(match error.is_timeout() {
                true => format!("no response within {} s", REQUEST_MAX.as_secs()),
                false => error.without_url().to_string(),
            })
        })?;
        let status = response.status();
        let after = retry_after(response.headers());
        let words = format!("the receiver responded {status}");
        match (status, after) {
            (StatusCode::GONE, _) => Ok(Delivery::Gone),
            (status, _) if status.is_success() => Ok(Delivery::Taken),
            (_, Some(after)) => Err(ProviderError::Busy { words, after }),
            _ => Err(ProviderError::Transient(words)),
        }
    }
}
