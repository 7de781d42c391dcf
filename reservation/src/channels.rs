//! The payment channels that the notifier offers, asked for now and then.
//!
//! While the notifier can not be asked, any channel is taken: the notifier falls back to its
//! default one. A booking never waits for it.

use std::collections::BTreeSet;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use chassis::serve::Shutdown;
use serde::Deserialize;

const ASK_EVERY: Duration = Duration::from_secs(30);
const ASK_AGAIN: Duration = Duration::from_secs(2);
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// What the notifier last said. Nothing until it was reached.
#[derive(Debug, Clone, Default)]
pub struct Channels(Arc<RwLock<Option<BTreeSet<String>>>>);

#[derive(Deserialize)]
struct Answer {
    channels: Vec<Offered>,
}

#[derive(Deserialize)]
struct Offered {
    code: String,
}

impl Channels {
    /// Channels that are known already.
    #[must_use]
    pub fn known(codes: impl IntoIterator<Item = String>) -> Self {
        Self(Arc::new(RwLock::new(Some(codes.into_iter().collect()))))
    }

    /// Whether `code` may be asked for.
    ///
    /// # Errors
    /// In words: the codes there are, when this is none of them.
    pub fn check(&self, code: &str) -> Result<(), String> {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        match known.as_ref() {
            Some(codes) if !codes.contains(code) => {
                let codes: Vec<_> = codes.iter().map(String::as_str).collect();
                Err(format!("{code:?} is not a payment channel: {}", codes.join(", ")))
            }
            _ => Ok(()),
        }
    }

    /// Keeps asking the notifier at `notifier_url` until the service stops.
    pub async fn follow(self, client: reqwest::Client, notifier_url: String, shutdown: Shutdown) {
        let url = format!("{notifier_url}/api/payment-channels");
        loop {
            let wait = match ask(&client, &url).await {
                Ok(codes) => {
                    *self.0.write().unwrap_or_else(PoisonError::into_inner) = Some(codes);
                    ASK_EVERY
                }
                Err(error) => {
                    // What was known stays known: channels seldom change.
                    tracing::debug!(%error, "the notifier does not tell its payment channels");
                    ASK_AGAIN
                }
            };
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = shutdown.requested() => return,
            }
        }
    }
}

async fn ask(client: &reqwest::Client, url: &str) -> Result<BTreeSet<String>, reqwest::Error> {
    let answer = client.get(url).timeout(ANSWER_WITHIN).send().await?.error_for_status()?;
    let answer: Answer = answer.json().await?;
    Ok(answer.channels.into_iter().map(|channel| channel.code).collect())
}
