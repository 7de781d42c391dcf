//! Asks the notifier for its payment channels.
//!
//! As long as the notifier was not reached, every channel is accepted: the notifier falls back to its default
//! channel. A booking never waits for the notifier.

use std::collections::BTreeSet;
use std::time::Duration;

use serde::Deserialize;

use crate::app::App;

/// Time between two requests.
const INTERVAL: Duration = Duration::from_secs(30);
/// Time until a failed request is repeated.
const RETRY_AFTER: Duration = Duration::from_secs(2);
/// Maximum duration of a request.
const REQUEST_MAX: Duration = Duration::from_secs(5);

#[derive(Deserialize)]
struct ChannelList {
    channels: Vec<Channel>,
}

#[derive(Deserialize)]
struct Channel {
    code: String,
}

/// Asks the notifier at `notifier_url` again and again until the service stops.
pub async fn run(app: App, client: reqwest::Client, notifier_url: String) {
    let url = format!("{notifier_url}/api/payment-channels");
    loop {
        let pause = match fetch(&client, &url).await {
            Ok(codes) => {
                app.channels.set(codes);
                INTERVAL
            }
            Err(error) => {
                // Channels rarely change, so the known ones stay.
                let error = &error as &dyn std::error::Error;
                tracing::debug!(error, "could not read the payment channels of the notifier");
                RETRY_AFTER
            }
        };
        tokio::select! {
            () = app.env.sleep(pause) => {}
            () = app.shutdown.requested() => return,
        }
    }
}

async fn fetch(client: &reqwest::Client, url: &str) -> Result<BTreeSet<String>, reqwest::Error> {
    let response = client.get(url).timeout(REQUEST_MAX).send().await?.error_for_status()?;
    let list: ChannelList = response.json().await?;
    Ok(list.channels.into_iter().map(|channel| channel.code).collect())
}
