//! Webhooks over HTTP.

use std::time::Duration;

use axum::http::{StatusCode, header};
use chrono::{DateTime, Utc};
use futures::future::BoxFuture;

use super::http_client::HttpClient;
use super::outside::Outside;
use super::retry_after::retry_after;
use crate::domain::webhooks::Webhook;
use crate::ports::{Delivery, ProviderError, WebhookSender};

/// Maximum duration of a request. A later response counts as a failure: Standard Webhooks.
const REQUEST_MAX: Duration = Duration::from_secs(15);

/// Sends webhooks over HTTP. Every response except 2xx and 410 is a failure.
#[derive(Debug, Clone)]
pub struct HttpWebhooks {
    client: HttpClient,
    outside: Outside,
}

impl HttpWebhooks {
    /// A sender that uses `client`, and calls the addresses of `outside` only.
    #[must_use]
    pub fn new(client: HttpClient, outside: Outside) -> Self {
        Self { client, outside }
    }

    async fn deliver(
        &self,
        hook: &Webhook,
        id: &str,
        body: String,
        now: DateTime<Utc>,
    ) -> Result<Delivery, ProviderError> {
        self.outside.check(&hook.url).map_err(ProviderError::Final)?;
        let timestamp = now.timestamp();
        let request = self
            .client
            .post(&hook.url)
            .timeout(REQUEST_MAX)
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
            (status, _) if status.is_success() => Ok(Delivery::Accepted),
            (_, Some(after)) => Err(ProviderError::Busy { words, after }),
            _ => Err(ProviderError::Transient(words)),
        }
    }
}

impl WebhookSender for HttpWebhooks {
    fn send<'a>(
        &'a self,
        hook: &'a Webhook,
        id: &'a str,
        body: String,
        now: DateTime<Utc>,
    ) -> BoxFuture<'a, Result<Delivery, ProviderError>> {
        Box::pin(self.deliver(hook, id, body, now))
    }
}
