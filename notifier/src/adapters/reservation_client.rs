//! The reservation service, as the notifier sees it.

use events::recorded::EventMetadata;
use std::time::Duration;

use axum::http::StatusCode;
use bytes::Bytes;
use chassis::causes::with_causes;
use chassis::secret::Token;
use events::feed::{Batch, CURSOR_NOT_IN_LOG, HEAD_POSITION_HEADER, LIMIT_EVENTS_MAX};
use events::{EventId, Position, ReservationId, WaitlistId};
use serde::{Deserialize, Serialize};

use crate::domain::effect::{About, EffectKey};
use crate::domain::visit::{Contact, Reservation, WaitlistEntry};

const ANSWER_WITHIN: Duration = Duration::from_secs(10);
const CONNECT_WITHIN: Duration = Duration::from_secs(2);

/// Why the reservation service gave no answer that helps.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ReservationClientError {
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
pub struct ReservationClient {
    client: reqwest::Client,
    base_url: String,
    token: Option<Token>,
}

impl ReservationClient {
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
    /// [`ReservationClientError`]; `Refused` with the code `cursor_not_in_log` when the log was replaced.
    pub async fn feed(
        &self,
        cursor: Option<EventId>,
        timeout: Duration,
    ) -> Result<FeedPage, ReservationClientError> {
        self.page(cursor, timeout, None, LIMIT_EVENTS_MAX).await
    }

    /// The event that follows `cursor`, as it stands in the feed; `None` if there is none.
    ///
    /// # Errors
    /// [`ReservationClientError`].
    pub async fn event_after(
        &self,
        cursor: Option<EventId>,
    ) -> Result<Option<String>, ReservationClientError> {
        let page = self.page(cursor, Duration::ZERO, None, 1).await?;
        let strange = |error: serde_json::Error| ReservationClientError::Unavailable(error.to_string());
        let batch = Batch::parse(&page.body).map_err(strange)?;
        Ok(batch.events.first().map(|event| event.get().to_owned()))
    }

    /// Events of one type after `cursor`.
    ///
    /// # Errors
    /// [`ReservationClientError`].
    pub async fn events_of(
        &self,
        event_type: &str,
        cursor: Option<EventId>,
    ) -> Result<FeedPage, ReservationClientError> {
        self.page(cursor, Duration::ZERO, Some(event_type), LIMIT_EVENTS_MAX).await
    }

    async fn page(
        &self,
        cursor: Option<EventId>,
        timeout: Duration,
        event_type: Option<&str>,
        limit: usize,
    ) -> Result<FeedPage, ReservationClientError> {
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
    /// [`ReservationClientError`].
    pub async fn reservation(
        &self,
        id: ReservationId,
        by: &EventMetadata,
    ) -> Result<Option<Reservation>, ReservationClientError> {
        self.get(&format!("/api/reservations/{id}"), by).await
    }

    /// The party that waits as it is now; `None` if there is none.
    ///
    /// # Errors
    /// [`ReservationClientError`].
    pub async fn waiting(
        &self,
        id: WaitlistId,
        by: &EventMetadata,
    ) -> Result<Option<WaitlistEntry>, ReservationClientError> {
        self.get(&format!("/api/waitlist/{id}"), by).await
    }

    /// Answers an offer as the guest does: `accept` or `decline`.
    ///
    /// # Errors
    /// [`ReservationClientError`].
    pub async fn answer_offer(&self, id: WaitlistId, answer: &str) -> Result<(), ReservationClientError> {
        let url = format!("{}/api/waitlist/{id}/{answer}", self.base_url);
        check(self.client.post(url).timeout(ANSWER_WITHIN).send().await).await.map(drop)
    }

    /// How to reach the guest; `None` if that was forgotten.
    ///
    /// # Errors
    /// [`ReservationClientError`].
    pub async fn contact(
        &self,
        about: About,
        by: &EventMetadata,
    ) -> Result<Option<Contact>, ReservationClientError> {
        self.get(&format!("{}/contact", about.path()), by).await
    }

    /// Posts a result; `key` makes it count once.
    ///
    /// # Errors
    /// [`ReservationClientError`].
    pub async fn post(
        &self,
        about: About,
        what: &str,
        key: &EffectKey,
        body: &impl Serialize,
        by: &EventMetadata,
    ) -> Result<(), ReservationClientError> {
        let url = format!("{}{}/{what}", self.base_url, about.path());
        let request = self.client.post(url).header("idempotency-key", &key.0).json(body);
        check(self.signed(request, by).send().await).await.map(drop)
    }

    async fn get<T: serde::de::DeserializeOwned>(
        &self,
        path: &str,
        by: &EventMetadata,
    ) -> Result<Option<T>, ReservationClientError> {
        let request = self.client.get(format!("{}{path}", self.base_url));
        match check(self.signed(request, by).send().await).await {
            Ok(response) => response.json().await.map(Some).map_err(|error| unavailable(&error)),
            Err(ReservationClientError::Refused { status: 404 | 410, .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Adds who calls and why.
    fn signed(&self, request: reqwest::RequestBuilder, by: &EventMetadata) -> reqwest::RequestBuilder {
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

impl ReservationClientError {
    /// Whether the log is not the one that the cursor is from.
    #[must_use]
    pub fn is_foreign_cursor(&self) -> bool {
        matches!(self, Self::Refused { code, .. } if code == CURSOR_NOT_IN_LOG)
    }
}

fn unavailable(error: &reqwest::Error) -> ReservationClientError {
    ReservationClientError::Unavailable(with_causes(error))
}

async fn check(
    sent: Result<reqwest::Response, reqwest::Error>,
) -> Result<reqwest::Response, ReservationClientError> {
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
        Err(ReservationClientError::Unavailable(format!("{status} {code}")))
    } else {
        Err(ReservationClientError::Refused { status: StatusCode::as_u16(&status), code })
    }
}
