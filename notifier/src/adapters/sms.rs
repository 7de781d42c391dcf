//! Text messages: to the log, or to a service that speaks Twilio's HTTP API.

use std::time::Duration;

use chassis::secret::Token;
use futures::future::BoxFuture;

use crate::domain::effect::EffectKey;
use crate::messages::mask_phone;
use crate::ports::{ProviderError, SmsSender};

const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// Writes text messages to the log, with the number masked.
#[derive(Debug, Clone, Copy, Default)]
pub struct Console;

impl SmsSender for Console {
    fn send(&self, key: &EffectKey, to: &str, text: &str) -> BoxFuture<'_, Result<(), ProviderError>> {
        tracing::info!(%key, to = mask_phone(to), text, "text message");
        Box::pin(async { Ok(()) })
    }
}

/// `POST {base}/2010-04-01/Accounts/{account}/Messages.json` with the form that Twilio takes.
#[derive(Debug, Clone)]
pub struct Twilio {
    client: reqwest::Client,
    url: String,
    account: String,
    token: Token,
    from: String,
}

impl Twilio {
    /// The account `account` at `base_url`, sending as `from`.
    #[must_use]
    pub fn new(client: reqwest::Client, base_url: &str, account: String, token: Token, from: String) -> Self {
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
            // Twilio itself ignores it; compatible services that know it send once.
            .header("idempotency-key", &key.0)
            .timeout(ANSWER_WITHIN)
            .form(&form);
        Box::pin(async move {
            let response = request
                .send()
                .await
                .map_err(|error| ProviderError::Transient(error.without_url().to_string()))?;
            let status = response.status();
            let words = || format!("the text message service answered {status}");
            match status.as_u16() {
                200..=299 => Ok(()),
                401 | 403 | 408 | 429 | 500.. => Err(ProviderError::Transient(words())),
                _ => Err(ProviderError::Final(words())),
            }
        })
    }
}
