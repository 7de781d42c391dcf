//! The running service, for commands about access.

use std::io::Write as _;
use std::path::PathBuf;

use access::secrets::CredentialFile;
use anyhow::{Context as _, bail};
use chassis::network::Authorities;
use reqwest::Method;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// How commands reach the running service.
#[derive(Debug)]
pub struct Reach {
    /// Its base URL.
    pub url: String,
    /// What is trusted there.
    pub authorities: Authorities,
    /// The file with the credential to present.
    pub credential_file: PathBuf,
}

/// The running service.
pub(super) struct Service {
    url: String,
    client: reqwest::Client,
    credential: CredentialFile,
}

/// What a problem says to a person.
#[derive(Deserialize)]
struct Detail {
    detail: serde_json::Value,
}

impl Service {
    /// The service that `reach` leads to.
    pub(super) fn at(reach: &Reach) -> anyhow::Result<Self> {
        let credential = CredentialFile::new(reach.credential_file.clone());
        credential.reload().context("could not read the credential: give its file with --credential-file")?;
        let client = reach.authorities.client().build()?;
        Ok(Self { url: format!("{}/api/access", reach.url), client, credential })
    }

    /// Sends a request to `path` below `/api/access`.
    pub(super) async fn send<B: Serialize, T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Option<&B>,
    ) -> anyhow::Result<T> {
        let text = self.text(method, path, body).await?;
        serde_json::from_str(&text).context("the response is not the one of a reservation service")
    }

    /// Sends a request whose response is empty.
    pub(super) async fn send_empty(&self, method: Method, path: &str) -> anyhow::Result<()> {
        self.text::<()>(method, path, None).await.map(drop)
    }

    async fn text<B: Serialize>(
        &self,
        method: Method,
        path: &str,
        body: Option<&B>,
    ) -> anyhow::Result<String> {
        let mut request = self.client.request(method, format!("{}{path}", self.url));
        if let Some(body) = body {
            request = request.json(body);
        }
        if let Some(token) = self.credential.token() {
            request = request.bearer_auth(token.reveal());
        }
        let response = request.send().await.map_err(reqwest::Error::without_url).with_context(|| {
            format!(
                "there is no reservation service at {}: start it, or give its address with --listen",
                self.url
            )
        })?;
        let status = response.status();
        let text = response.text().await.context("the response is incomplete")?;
        if !status.is_success() {
            let detail = serde_json::from_str::<Detail>(&text).map(|problem| match problem.detail {
                serde_json::Value::String(words) => words,
                faults => in_words(&faults),
            });
            bail!("the service responded {status}: {}", detail.unwrap_or(text));
        }
        Ok(text)
    }
}

/// The faults of a request: each member with what is wrong.
fn in_words(faults: &serde_json::Value) -> String {
    let word = |fault: &serde_json::Value| {
        let place = fault["loc"].as_array()?.iter().skip(1).map(|part| part.as_str().map(str::to_owned));
        let place: Option<Vec<_>> = place.collect();
        Some(format!("{}: {}", place?.join("."), fault["msg"].as_str()?))
    };
    let words: Option<Vec<_>> = faults.as_array().and_then(|faults| faults.iter().map(word).collect());
    words.map_or_else(|| faults.to_string(), |words| words.join("; "))
}

/// Prints one line.
pub(super) fn print(line: &str) -> anyhow::Result<()> {
    writeln!(std::io::stdout().lock(), "{line}").context("could not print")
}
