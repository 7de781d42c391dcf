//! Text messages: to the log, or to a service with the HTTP API of Twilio.

use std::time::Duration;

use chassis::secret::Token;
use futures::future::BoxFuture;

use super::http_client::HttpClient;
use super::retry_after::retry_after;
use crate::domain::effect::EffectKey;
use crate::ports::{ProviderError, SmsSender};
use people::mask_phone;

/// Maximum duration of a request.
const REQUEST_MAX: Duration = Duration::from_secs(10);

/// Writes text messages to the log, with the number masked.
#[derive(Debug, Clone, Copy, Default)]
pub struct Console;

impl SmsSender for Console {
    fn send(&self, key: &EffectKey, to: &str, text: &str) -> BoxFuture<'_, Result<(), ProviderError>> {
        tracing::info!(%key, to = mask_phone(to), text, "text message");
        Box::pin(async { Ok(()) })
    }
}

/// `POST {base}/2010-04-01/Accounts/{account}/Messages.json` with the form parameters of Twilio.
#[derive(Debug, Clone)]
pub struct Twilio {
    client: HttpClient,
    url: String,
    account: String,
    token: Token,
    from: String,
}

impl Twilio {
    /// The account `account` at `base_url`, sending as `from`.
    #[must_use]
    pub fn new(client: HttpClient, base_url: &str, account: String, token: Token, from: String) -> Self {
        let url = format!("{base_url}/2010-04-01/Accounts/{account}/Messages.json");
        Self { client, url, account, token, from }
    }
}

impl SmsSender for Twilio {
    fn send(&self, key: &EffectKey, to: &str, text: &str) -> BoxFuture<'_, Result<(), ProviderError>> {
        let form = [("To", to), ("From", &self.from), ("Body", text)];
        let request = self
            .client
            .post(&self.url)
            .basic_auth(&self.account, Some(self.token.reveal()))
            // Twilio ignores it; compatible services use it to send only once.
            .header("idempotency-key", &key.0)
            .timeout(REQUEST_MAX)
            .form(&form);
        Box::pin(async move {
            let response = request
                .send()
                .await
                .map_err(|error| ProviderError::Transient(error.without_url().to_string()))?;
            let (status, after) = (response.status(), retry_after(response.headers()));
            let words = format!("the text message service responded {status}");
            match (status.as_u16(), after) {
                (200..=299, _) => Ok(()),
                (429 | 503, Some(after)) => Err(ProviderError::Busy { words, after }),
                (401 | 403 | 408 | 429 | 500.., _) => Err(ProviderError::Transient(words)),
                _ => Err(ProviderError::Final(words)),
            }
        })
    }
}
