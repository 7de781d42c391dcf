//! The client of the reservation service.

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

/// Why a request to the reservation service failed.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ReservationClientError {
    /// A temporary failure: it was not reached, is overloaded or failed.
    #[error("the reservation service is not available: {0}")]
    Unavailable(String),
    /// It refused the request.
    #[error("the reservation service responded {status} {code}")]
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
    /// The end of the log when the page was read.
    pub head: Position,
}

/// A client of the reservation service.
#[derive(Debug, Clone)]
pub struct ReservationClient {
    client: reqwest::Client,
    base_url: String,
    token: Option<Token>,
}

impl ReservationClient {
    /// A client for the service at `base_url` that presents `token`.
    ///
    /// # Errors
    /// When TLS cannot be set up.
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

    /// The event after `cursor`, as JSON; `None` if there is none.
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

    /// The current reservation; `None` if it does not exist.
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

    /// The current waitlist entry; `None` if it does not exist.
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

    /// Accepts or declines an offer for the guest: `accept` or `decline`.
    ///
    /// # Errors
    /// [`ReservationClientError`].
    pub async fn answer_offer(&self, id: WaitlistId, answer: &str) -> Result<(), ReservationClientError> {
        let url = format!("{}/api/waitlist/{id}/{answer}", self.base_url);
        check(self.client.post(url).timeout(ANSWER_WITHIN).send().await).await.map(drop)
    }

    /// The contact of the guest; `None` if it was forgotten.
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

    /// Reports a result. It counts once per `key`.
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

    /// Adds the token, the request and its cause.
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
    /// Whether the cursor belongs to another log.
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
        tracing::error!(%status, "the reservation service rejects the token: set RESERVATION_SERVICE_TOKEN to the same value for both services");
    }
    // These can succeed later: after a corrected token, without a proxy, or after a concurrent change.
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
