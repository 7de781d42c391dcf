//! The HTTP API of Stripe: forms, JSON, and the meaning of responses.

use std::sync::Arc;
use std::time::Duration;

use axum::http::StatusCode;
use backon::{ExponentialBuilder, Retryable as _};
use chassis::environment::SharedEnvironment;
use chassis::secret::Token;
use chrono::TimeDelta;
use futures::future::BoxFuture;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::adapters::http_client::HttpClient;
use crate::adapters::retry_after::retry_after;
use crate::ports::ProviderError;

const RESPONSE_MAX: Duration = Duration::from_secs(20);
/// The delay after 429 without Retry-After.
const BUSY: TimeDelta = TimeDelta::seconds(2);
const BUSY_MAX: TimeDelta = TimeDelta::minutes(5);
/// Number of attempts at a page of a list, and the delays between them.
const PAGE_ATTEMPTS_MAX: usize = 6;
const PAGE_RETRY_MIN: Duration = Duration::from_millis(100);
const PAGE_RETRY_MAX: Duration = Duration::from_secs(2);
const PAGE_ITEMS: &str = "100";
/// 100,000 items.
const PAGES_MAX: usize = 1_000;

/// A client of Stripe's API.
pub(super) struct Client {
    http: HttpClient,
    base_url: String,
    secret_key: Token,
    env: SharedEnvironment,
}

/// A page of a list.
#[derive(Debug, Deserialize)]
pub(super) struct Page<T> {
    pub(super) data: Vec<T>,
    has_more: bool,
}

impl<T> Page<T> {
    /// Whether later pages contain nothing since `since`. Lists are in descending order of time; one in ascending order
    /// is read to its end.
    pub(super) fn ends_before(&self, since: i64, created: impl Fn(&T) -> i64) -> bool {
        match (self.data.first(), self.data.last()) {
            (Some(first), Some(last)) => created(first) >= created(last) && created(last) < since,
            _ => true,
        }
    }
}

#[derive(Deserialize)]
struct Named {
    id: String,
}

impl Client {
    pub(super) fn new(http: HttpClient, base_url: String, secret_key: Token, env: SharedEnvironment) -> Self {
        Self { http, base_url, secret_key, env }
    }

    /// Posts `form` with the idempotency key `key`.
    pub(super) async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        form: &[(&str, String)],
        key: &str,
    ) -> Result<T, ProviderError> {
        let request = self.http.post(format!("{}{path}", self.base_url));
        self.answer(request.header("idempotency-key", key).form(form)).await
    }

    /// Reads an object or a page.
    pub(super) async fn get<T: DeserializeOwned>(
        &self,
        path: &str,
        query: &[(&str, &str)],
    ) -> Result<T, ProviderError> {
        self.answer(self.http.get(format!("{}{path}", self.base_url)).query(query)).await
    }

    /// Reads a page of a list, with several attempts, so that a failure does not discard the pages before it.
    ///
    /// Boxed, because the compiler cannot prove that the future of the library is `Send`.
    fn get_page<'a>(
        &'a self,
        path: &'a str,
        query: &'a [(&'a str, &'a str)],
    ) -> BoxFuture<'a, Result<Page<serde_json::Value>, ProviderError>> {
        let delays = ExponentialBuilder::new()
            .with_min_delay(PAGE_RETRY_MIN)
            .with_max_delay(PAGE_RETRY_MAX)
            .with_max_times(PAGE_ATTEMPTS_MAX - 1);
        let env = Arc::clone(&self.env);
        let page = (move || self.get(path, query))
            .retry(delays)
            .sleep(move |delay| env.sleep(delay))
            .when(is_temporary)
            .adjust(page_delay);
        Box::pin(page.into_future())
    }

    /// Passes the pages of a list to `more` until it returns false or there are no more.
    pub(super) async fn each<T: DeserializeOwned>(
        &self,
        path: &str,
        query: &[(&str, &str)],
        mut more: impl FnMut(Page<T>) -> bool,
    ) -> Result<(), ProviderError> {
        let mut after: Option<String> = None;
        for _ in 0..PAGES_MAX {
            let mut query = [query, &[("limit", PAGE_ITEMS)]].concat();
            query.extend(after.as_deref().map(|id| ("starting_after", id)));
            let page = self.get_page(path, &query).await?;
            let has_more = page.has_more;
            let last = page.data.last().map(|item| Named::deserialize(item).map(|named| named.id));
            let items: Result<Vec<T>, _> = page.data.into_iter().map(serde_json::from_value).collect();
            let data = items.map_err(|error| strange(&error))?;
            if !more(Page { data, has_more }) || !has_more {
                return Ok(());
            }
            after = last.transpose().map_err(|error| strange(&error))?;
        }
        Err(ProviderError::Final(format!("Stripe's list {path} has more than {PAGES_MAX} pages")))
    }

    async fn answer<T: DeserializeOwned>(
        &self,
        request: reqwest::RequestBuilder,
    ) -> Result<T, ProviderError> {
        let request = request.timeout(RESPONSE_MAX);
        let sent = request.bearer_auth(self.secret_key.reveal()).send().await;
        let response = sent.map_err(unreachable)?;
        let status = response.status();
        let after = retry_after(response.headers());
        let body = response.bytes().await.map_err(unreachable)?;
        if status.is_success() {
            return serde_json::from_slice(&body).map_err(|error| strange(&error));
        }
        let words = format!("Stripe responded {status}: {}", said(&body));
        Err(match status {
            StatusCode::TOO_MANY_REQUESTS => {
                ProviderError::Busy { words, after: after.unwrap_or(BUSY).min(BUSY_MAX) }
            }
            // A request with the same key is being processed.
            StatusCode::CONFLICT => ProviderError::Busy { words, after: BUSY },
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                tracing::error!(%status, "Stripe rejects the secret key: check NOTIFIER_STRIPE_SECRET_KEY");
                ProviderError::Transient(words)
            }
            StatusCode::REQUEST_TIMEOUT => ProviderError::Transient(words),
            // A stored failure. Other 5xx come from a proxy, and the request may still be processed.
            StatusCode::INTERNAL_SERVER_ERROR => ProviderError::Failed(words),
            status if status.is_server_error() => ProviderError::Transient(words),
            _ => ProviderError::Final(words),
        })
    }
}

fn is_temporary(error: &ProviderError) -> bool {
    !matches!(error, ProviderError::Final(_))
}

/// The delay before another request for a page. If Stripe asks to wait, at least that long, up to the maximum.
fn page_delay(error: &ProviderError, delay: Option<Duration>) -> Option<Duration> {
    match error {
        ProviderError::Busy { after, .. } => {
            delay.map(|delay| delay.max(after.to_std().unwrap_or_default()).min(PAGE_RETRY_MAX))
        }
        _ => delay,
    }
}

/// The code and the message of an error of Stripe.
fn said(body: &[u8]) -> String {
    #[derive(Deserialize)]
    struct Body {
        error: Said,
    }
    #[derive(Deserialize)]
    struct Said {
        #[serde(default)]
        code: Option<String>,
        #[serde(default)]
        message: Option<String>,
    }
    let Ok(Body { error }) = serde_json::from_slice(body) else { return "without a message".into() };
    let words = [error.code, error.message].into_iter().flatten().collect::<Vec<_>>().join(", ");
    words.chars().take(200).collect()
}

fn unreachable(error: reqwest::Error) -> ProviderError {
    let error = error.without_url();
    ProviderError::Transient(chassis::causes::with_causes(&error))
}

fn strange(error: &serde_json::Error) -> ProviderError {
    ProviderError::Transient(format!("the response of Stripe cannot be parsed: {error}"))
}
