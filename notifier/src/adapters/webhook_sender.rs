//! Webhooks over HTTP.

use std::time::Duration;

use axum::http::{StatusCode, header};
use chrono::{DateTime, TimeDelta, Utc};

use crate::domain::webhooks::Webhook;
use crate::ports::ProviderError;

/// A receiver that does not answer in time is asked again, as Standard Webhooks has it.
const ANSWER_WITHIN: Duration = Duration::from_secs(15);
const CONNECT_WITHIN: Duration = Duration::from_secs(5);
/// The longest a receiver may ask to be left alone.
const BUSY_MAX: TimeDelta = TimeDelta::hours(1);

/// What a receiver made of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivery {
    /// It has it.
    Taken,
    /// 410: it wants nothing any more.
    Gone,
}

/// Sends webhooks.
#[derive(Debug, Clone)]
pub struct WebhookSender(reqwest::Client);

impl WebhookSender {
    /// Follows no redirects: a receiver is where its operator said it is.
    ///
    /// # Errors
    /// When TLS can not be set up.
    pub fn new() -> Result<Self, reqwest::Error> {
        let client = reqwest::Client::builder()
            .connect_timeout(CONNECT_WITHIN)
            .timeout(ANSWER_WITHIN)
            .redirect(reqwest::redirect::Policy::none())
            .build()?;
        Ok(Self(client))
    }

    /// Tells `hook` what `body` says; `id` is the same at every try.
    ///
    /// # Errors
    /// [`ProviderError`]; anything but 2xx and 410 is worth another try.
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
                true => format!("no answer within {} s", ANSWER_WITHIN.as_secs()),
                false => error.without_url().to_string(),
            })
        })?;
        let status = response.status();
        let after =
            response.headers().get(header::RETRY_AFTER).and_then(|v| v.to_str().ok()?.parse::<u32>().ok());
        let words = format!("the receiver answered {status}");
        match (status, after) {
            (StatusCode::GONE, _) => Ok(Delivery::Gone),
            (status, _) if status.is_success() => Ok(Delivery::Taken),
            (_, Some(seconds)) => {
                let after = TimeDelta::seconds(i64::from(seconds)).min(BUSY_MAX);
                Err(ProviderError::Busy { words, after })
            }
            _ => Err(ProviderError::Transient(words)),
        }
    }
}
