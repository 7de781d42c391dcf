//! The reservation service, as the notifier sees it.

mod visit;

use std::time::Duration;

use axum::http::StatusCode;
use bytes::Bytes;
use chassis::secret::Token;
use events::feed::{Batch, CURSOR_NOT_IN_LOG, HEAD_POSITION_HEADER, LIMIT_EVENTS_MAX};
use events::{EventId, Position, ReservationId, WaitlistId};
use serde::{Deserialize, Serialize};

pub use self::visit::{Cancellation, Contact, Deposit, Offer, OfferedTable, Reservation, Visit, Waiting};
use crate::effect::{About, EffectKey};
use crate::journal::Author;

const ANSWER_WITHIN: Duration = Duration::from_secs(10);
const CONNECT_WITHIN: Duration = Duration::from_secs(2);

/// Why the reservation service gave no answer that helps.
#[derive(Debug, Clone, thiserror::Error)]
pub enum UpstreamError {
    /// It can not be reached, is overloaded or failed: later it may be better.
    #[error("the reservation service does not answer: {0}")]
    Unavailable(String),
    /// It understood and said no.
    #[error("the reservation service answered {status} {code}")]
    Refused {
        /// HTTP status.
        status: u16,
        /// The `code` of its problem.
        code: String,
    },
}

/// A page of the feed.
#[derive(Debug)]
pub struct FeedPage {
    /// A JSON array of events.
    pub body: Bytes,
    /// Where the log ended when the page was made.
    pub head: Position,
}

/// Talks to the reservation service.
#[derive(Debug, Clone)]
pub struct Upstream {
    client: reqwest::Client,
    base_url: String,
    token: Option<Token>,
}

impl Upstream {
    /// A client for the service at `base_url` that shows `token`.
    ///
    /// # Errors
    /// When TLS can not be set up.
    pub fn new(base_url: String, token: Option<Token>) -> Result<Self, reqwest::Error> {
        let client = reqwest::Client::builder()
            .connect_timeout(CONNECT_WITHIN)
            .redirect(reqwest::redirect::Policy::none())
            .build()?;
        Ok(Self { client, base_url, token })
    }

    /// Events after `cursor`; waits up to `timeout` for one.
    ///
    /// # Errors
    /// [`UpstreamError`]; `Refused` with the code `cursor_not_in_log` when the log was replaced.
    pub async fn feed(&self, cursor: Option<EventId>, timeout: Duration) -> Result<FeedPage, UpstreamError> {
        self.page(cursor, timeout, None, LIMIT_EVENTS_MAX).await
    }

    /// The event that follows `cursor`, as it stands in the feed; `None` if there is none.
    ///
    /// # Errors
    /// [`UpstreamError`].
    pub async fn event_after(&self, cursor: Option<EventId>) -> Result<Option<String>, UpstreamError> {
        let page = self.page(cursor, Duration::ZERO, None, 1).await?;
        let strange = |error: serde_json::Error| UpstreamError::Unavailable(error.to_string());
        let batch = Batch::parse(&page.body).map_err(strange)?;
        Ok(batch.events.first().map(|event| event.get().to_owned()))
    }

    /// Events of one type after `cursor`.
    ///
    /// # Errors
    /// [`UpstreamError`].
    pub async fn events_of(
        &self,
        event_type: &str,
        cursor: Option<EventId>,
    ) -> Result<FeedPage, UpstreamError> {
        self.page(cursor, Duration::ZERO, Some(event_type), LIMIT_EVENTS_MAX).await
    }

    async fn page(
        &self,
        cursor: Option<EventId>,
        timeout: Duration,
        event_type: Option<&str>,
        limit: usize,
    ) -> Result<FeedPage, UpstreamError> {
        let mut query = vec![("timeout", timeout.as_millis().to_string()), ("limit", limit.to_string())];
        query.extend(event_type.map(|event_type| ("type", event_type.to_owned())));
        query.extend(cursor.map(|cursor| ("lastEventId", cursor.to_string())));
        let request = self
            .client
            .get(format!("{}/events", self.base_url))
            .query(&query)
            .timeout(timeout + ANSWER_WITHIN);
        let response = check(request.send().await).await?;
        let head = response
            .headers()
            .get(HEAD_POSITION_HEADER)
            .and_then(|v| v.to_str().ok()?.parse().ok())
            .map(Position);
        let body = response.bytes().await.map_err(|error| unavailable(&error))?;
        Ok(FeedPage { body, head: head.unwrap_or_default() })
    }

    /// The reservation as it is now; `None` if there is none.
    ///
    /// # Errors
    /// [`UpstreamError`].
    pub async fn reservation(
        &self,
        id: ReservationId,
        by: &Author,
    ) -> Result<Option<Reservation>, UpstreamError> {
        self.get(&format!("/api/reservations/{id}"), by).await
    }

    /// The party that waits as it is now; `None` if there is none.
    ///
    /// # Errors
    /// [`UpstreamError`].
    pub async fn waiting(&self, id: WaitlistId, by: &Author) -> Result<Option<Waiting>, UpstreamError> {
        self.get(&format!("/api/waitlist/{id}"), by).await
    }

    /// Answers an offer as the guest does: `accept` or `decline`.
    ///
    /// # Errors
    /// [`UpstreamError`].
    pub async fn answer_offer(&self, id: WaitlistId, answer: &str) -> Result<(), UpstreamError> {
        let url = format!("{}/api/waitlist/{id}/{answer}", self.base_url);
        check(self.client.post(url).timeout(ANSWER_WITHIN).send().await).await.map(drop)
    }

    /// How to reach the guest; `None` if that was forgotten.
    ///
    /// # Errors
    /// [`UpstreamError`].
    pub async fn contact(&self, about: About, by: &Author) -> Result<Option<Contact>, UpstreamError> {
        self.get(&format!("{}/contact", about.path()), by).await
    }

    /// Posts a result; `key` makes it count once.
    ///
    /// # Errors
    /// [`UpstreamError`].
    pub async fn post(
        &self,
        about: About,
        what: &str,
        key: &EffectKey,
        body: &impl Serialize,
        by: &Author,
    ) -> Result<(), UpstreamError> {
        let url = format!("{}{}/{what}", self.base_url, about.path());
        let request = self.client.post(url).header("idempotency-key", &key.0).json(body);
        check(self.signed(request, by).send().await).await.map(drop)
    }

    async fn get<T: serde::de::DeserializeOwned>(
        &self,
        path: &str,
        by: &Author,
    ) -> Result<Option<T>, UpstreamError> {
        let request = self.client.get(format!("{}{path}", self.base_url));
        match check(self.signed(request, by).send().await).await {
            Ok(response) => response.json().await.map(Some).map_err(|error| unavailable(&error)),
            Err(UpstreamError::Refused { status: 404 | 410, .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Adds who calls and why.
    fn signed(&self, request: reqwest::RequestBuilder, by: &Author) -> reqwest::RequestBuilder {
        let mut request = request.timeout(ANSWER_WITHIN).header("x-request-id", &by.correlation_id);
        if let Some(event) = &by.causation_id {
            request = request.header("x-causation-id", event);
        }
        if let Some(traceparent) = &by.traceparent {
            request = request.header("traceparent", traceparent);
        }
        match &self.token {
            Some(token) => request.bearer_auth(token.reveal()),
            None => request,
        }
    }
}

impl UpstreamError {
    /// Whether the log is not the one that the cursor is from.
    #[must_use]
    pub fn is_foreign_cursor(&self) -> bool {
        matches!(self, Self::Refused { code, .. } if code == CURSOR_NOT_IN_LOG)
    }
}

fn unavailable(error: &reqwest::Error) -> UpstreamError {
    let mut words = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        words = format!("{words}: {error}");
        cause = error.source();
    }
    UpstreamError::Unavailable(words)
}

async fn check(sent: Result<reqwest::Response, reqwest::Error>) -> Result<reqwest::Response, UpstreamError> {
    #[derive(Deserialize)]
    struct Problem {
        code: String,
    }
    let response = sent.map_err(|error| unavailable(&error))?;
    let status = response.status();
    if status.is_success() {
        return Ok(response);
    }
    let code = response.json::<Problem>().await.map_or_else(|_| "unknown".to_owned(), |problem| problem.code);
    if matches!(status.as_u16(), 401 | 403) {
        tracing::error!(%status, "the reservation service does not take our token: set RESERVATION_SERVICE_TOKEN to the same for both");
    }
    // A token may be set right, a proxy go away, a race be won: these get better without a new request.
    let may_pass = status.is_server_error()
        || status.is_redirection()
        || matches!(status.as_u16(), 401 | 403 | 408 | 429)
        || matches!(code.as_str(), "contended" | "conflict");
    if may_pass {
        Err(UpstreamError::Unavailable(format!("{status} {code}")))
    } else {
        Err(UpstreamError::Refused { status: StatusCode::as_u16(&status), code })
    }
}
