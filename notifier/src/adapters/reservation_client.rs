//! The client of the reservation service over HTTP.

mod checkpoints;
mod feed;
mod guests;
mod reports;
mod staff;
mod stream;

use std::sync::Arc;
use std::time::Duration;

use access::GATEWAY_HEADER;
use access::secrets::{CredentialFile, SecretsError};
use axum::http::StatusCode;
use chassis::causes::with_causes;
use chassis::secret::Token;
use chassis::traces;
use contract::reservation::access::AccessSnapshot;
use contract::reservation::staff::{StaffContactView, StaffLinkInfo};
use contract::reservation::view::{ContactView, ReservationView};
use contract::reservation::waitlist::WaitlistView;
use events::event::GuestAnswer;
use events::feed::{Batch, CURSOR_NOT_IN_LOG, LIMIT_EVENTS_MAX};
use events::recorded::EventMetadata;
use events::{EventId, ReservationId, StaffId, WaitlistId};
use rustls::ClientConfig;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::json;
use serde_json::value::RawValue;

use self::reports::{notification_result, payment_result};
use self::stream::FeedStream;
use super::http_client::HttpClient;
use crate::domain::checkpoint::LogCheckpoint;
use crate::domain::effect::{About, EffectKey, NotificationResult, PaymentResult};
use crate::domain::visit::Reservation;
use crate::ports::reservation_api::{
    Entered, FeedPage, LinkUse, OfferAnswer, Refusal, Requested, ReservationApi, ReservationError, StaffPage,
};

/// The reason code of a cancellation by a guest on the page of the booking.
const CANCELLED_BY_GUEST: &str = "guest_request";

/// Maximum duration of a request, without the time that it waits for events.
const RESPONSE_MAX: Duration = Duration::from_secs(10);

/// A client of the reservation service.
#[derive(Debug, Clone)]
pub struct ReservationClient {
    client: HttpClient,
    base_url: String,
    credential: Arc<CredentialFile>,
    /// The feed as a stream, if it is not polled over HTTP.
    stream: Option<Arc<FeedStream>>,
}

impl ReservationClient {
    /// A client for the service at `base_url` that presents `credential`.
    #[must_use]
    pub fn new(client: HttpClient, base_url: String, credential: CredentialFile) -> Self {
        Self { client, base_url, credential: Arc::new(credential), stream: None }
    }

    /// The client, which follows the feed as a stream of gRPC from `url`. Encrypted connections use `tls`.
    ///
    /// # Errors
    /// When the URL is not valid.
    pub fn following(self, url: &str, tls: &ClientConfig) -> Result<Self, tonic::transport::Error> {
        Ok(Self { stream: Some(Arc::new(FeedStream::new(url, tls)?)), ..self })
    }

    async fn get<T: DeserializeOwned>(
        &self,
        path: &str,
        by: &EventMetadata,
    ) -> Result<Option<T>, ReservationError> {
        let request = self.client.get(format!("{}{path}", self.base_url));
        match self.check(self.signed(request, by)?.send().await).await {
            Ok(response) => {
                let body = response.bytes().await.map_err(unavailable)?;
                serde_json::from_slice(&body).map(Some).map_err(unreadable)
            }
            Err(error) if error.refusal() == Some(Refusal::NotFound) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Reports a result. It counts once per `key`.
    async fn report(
        &self,
        about: About,
        what: &str,
        key: &EffectKey,
        body: &impl Serialize,
        by: &EventMetadata,
    ) -> Result<(), ReservationError> {
        let url = format!("{}{}/{what}", self.base_url, about.path());
        let request = self.client.post(url).header("idempotency-key", &key.0).json(body);
        self.check(self.signed(request, by)?.send().await).await.map(drop)
    }

    /// Adds the key of this service, the request and its cause.
    fn signed(
        &self,
        request: reqwest::RequestBuilder,
        by: &EventMetadata,
    ) -> Result<reqwest::RequestBuilder, ReservationError> {
        let mut request =
            traced(request, by.traceparent.as_deref()).header("x-request-id", &by.correlation_id);
        if let Some(event) = &by.causation_id {
            request = request.header("x-causation-id", event);
        }
        Ok(request.bearer_auth(self.token()?.reveal()))
    }

    /// Adds the link of a guest, and the key of this service: requests of all guests must not count for this address.
    fn for_guest(
        &self,
        request: reqwest::RequestBuilder,
        link: &Token,
    ) -> Result<reqwest::RequestBuilder, ReservationError> {
        let request = request.header(GATEWAY_HEADER, self.token()?.reveal());
        Ok(request.bearer_auth(link.reveal()))
    }

    /// The key of this service. Until the file with it exists, the reservation service counts as unavailable.
    fn token(&self) -> Result<Token, ReservationError> {
        if let Some(token) = self.credential.token() {
            return Ok(token);
        }
        let path = self.credential.path().display();
        let waiting = |error: SecretsError| {
            let error = with_causes(&error);
            ReservationError::Unavailable(format!(
                "waiting for the key in {path}, which the reservation service writes at its first start ({error})"
            ))
        };
        self.credential.reload().map_err(waiting)?;
        self.credential.token().ok_or_else(|| ReservationError::Unavailable("there is no key".to_owned()))
    }

    /// The response to a request with the key of this service. A key that was refused is read again: it may have been
    /// replaced.
    async fn check(
        &self,
        sent: Result<reqwest::Response, reqwest::Error>,
    ) -> Result<reqwest::Response, ReservationError> {
        let refused = sent.as_ref().is_ok_and(|response| {
            matches!(response.status(), StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN)
        });
        if refused {
            tracing::error!(path = %self.credential.path().display(), "the reservation service rejects the key of this service; reading it again");
            if let Err(error) = self.credential.reload() {
                tracing::error!(error = &error as &dyn std::error::Error, "the key cannot be read again");
            }
        }
        match check(sent).await {
            // The same request succeeds once the key is the right one.
            Err(ReservationError::Refused { code, .. }) if refused => {
                Err(ReservationError::Unavailable(code))
            }
            other => other,
        }
    }
}

impl ReservationApi for ReservationClient {
    fn feed(&self, cursor: Option<EventId>, timeout: Duration) -> Requested<'_, FeedPage> {
        match &self.stream {
            Some(stream) => Box::pin(self.streamed(stream, cursor, timeout)),
            None => Box::pin(self.page(cursor, timeout, None, LIMIT_EVENTS_MAX)),
        }
    }

    fn event_after(&self, cursor: Option<EventId>) -> Requested<'_, Option<Box<RawValue>>> {
        Box::pin(async move {
            let page = self.page(cursor, Duration::ZERO, None, 1).await?;
            let batch = Batch::parse(&page.body).map_err(unreadable)?;
            Ok(batch.events.first().map(|event| (*event).to_owned()))
        })
    }

    fn events_of<'a>(&'a self, event_type: &'a str, cursor: Option<EventId>) -> Requested<'a, FeedPage> {
        Box::pin(self.page(cursor, Duration::ZERO, Some(event_type), LIMIT_EVENTS_MAX))
    }

    fn reservation<'a>(
        &'a self,
        id: ReservationId,
        by: &'a EventMetadata,
    ) -> Requested<'a, Option<Reservation>> {
        Box::pin(async move {
            let view: Option<ReservationView> = self.get(&About::from(id).path(), by).await?;
            Ok(view.map(Reservation::from))
        })
    }

    fn waitlist_entry<'a>(
        &'a self,
        id: WaitlistId,
        by: &'a EventMetadata,
    ) -> Requested<'a, Option<WaitlistView>> {
        Box::pin(async move { self.get(&About::Waitlist { waitlist_id: id }.path(), by).await })
    }

    fn checkpoint<'a>(&'a self, by: &'a EventMetadata) -> Requested<'a, LogCheckpoint> {
        Box::pin(self.newest_checkpoint(by))
    }

    fn receipt<'a>(
        &'a self,
        id: ReservationId,
        by: &'a EventMetadata,
    ) -> Requested<'a, Option<Box<RawValue>>> {
        Box::pin(async move { self.get(&format!("{}/receipt", About::from(id).path()), by).await })
    }

    fn contact<'a>(&'a self, about: About, by: &'a EventMetadata) -> Requested<'a, Option<ContactView>> {
        Box::pin(async move { self.get(&format!("{}/contact", about.path()), by).await })
    }

    fn waitlist_entry_for<'a>(
        &'a self,
        id: WaitlistId,
        link: &'a Token,
    ) -> Requested<'a, Option<WaitlistView>> {
        Box::pin(async move { self.get_for(&About::Waitlist { waitlist_id: id }.path(), link).await })
    }

    fn reservation_for<'a>(
        &'a self,
        id: ReservationId,
        link: &'a Token,
    ) -> Requested<'a, Option<Reservation>> {
        Box::pin(async move {
            let view: Option<ReservationView> = self.get_for(&About::from(id).path(), link).await?;
            Ok(view.map(Reservation::from))
        })
    }

    fn answer_offer<'a>(&'a self, id: WaitlistId, answer: OfferAnswer, link: &'a Token) -> Requested<'a, ()> {
        Box::pin(async move {
            let path = About::Waitlist { waitlist_id: id }.path();
            self.post_for(&format!("{path}/{}", answer.word()), &json!({}), link).await
        })
    }

    fn answer_for<'a>(&'a self, about: About, answer: GuestAnswer, link: &'a Token) -> Requested<'a, ()> {
        Box::pin(async move {
            let path = format!("{}/answer", about.path());
            self.post_for(&path, &json!({"answer": answer.word()}), link).await
        })
    }

    fn prove_for<'a>(&'a self, about: About, proof: &'a str, link: &'a Token) -> Requested<'a, ()> {
        Box::pin(async move {
            let path = format!("{}/prove-contact", about.path());
            self.post_for(&path, &json!({"proof": proof}), link).await
        })
    }

    fn cancel_for<'a>(&'a self, id: ReservationId, link: &'a Token) -> Requested<'a, ()> {
        Box::pin(async move {
            let path = format!("{}/cancel", About::from(id).path());
            self.post_for(&path, &json!({"reason_code": CANCELLED_BY_GUEST}), link).await
        })
    }

    fn staff_contact<'a>(
        &'a self,
        id: StaffId,
        by: &'a EventMetadata,
    ) -> Requested<'a, Option<StaffContactView>> {
        Box::pin(async move { self.get(&format!("/api/access/staff/{id}/contact"), by).await })
    }

    fn staff_link<'a>(&'a self, page: StaffPage, link: &'a Token) -> Requested<'a, Option<StaffLinkInfo>> {
        Box::pin(async move { self.get_for(staff::path_of(page), link).await })
    }

    fn use_staff_link<'a>(
        &'a self,
        page: StaffPage,
        entered: &'a Entered,
        link: &'a Token,
    ) -> Requested<'a, LinkUse> {
        Box::pin(self.use_link(page, entered, link))
    }

    fn access_snapshot(&self) -> Requested<'_, AccessSnapshot> {
        Box::pin(async move {
            let by = EventMetadata::system("access");
            let snapshot = self.get("/api/access/snapshot", &by).await?;
            snapshot.ok_or_else(|| ReservationError::Unreadable("there is no snapshot of keys".to_owned()))
        })
    }

    fn report_payment<'a>(
        &'a self,
        reservation_id: ReservationId,
        key: &'a EffectKey,
        result: &'a PaymentResult,
        by: &'a EventMetadata,
    ) -> Requested<'a, ()> {
        Box::pin(async move {
            let body = payment_result(result);
            self.report(reservation_id.into(), "payment-results", key, &body, by).await
        })
    }

    fn report_notification<'a>(
        &'a self,
        about: About,
        key: &'a EffectKey,
        result: &'a NotificationResult,
        by: &'a EventMetadata,
    ) -> Requested<'a, ()> {
        Box::pin(async move {
            let body = notification_result(result);
            self.report(about, "notification-results", key, &body, by).await
        })
    }
}

/// Limits the duration of a request, and adds the trace of the current span, or else `traceparent`.
fn traced(request: reqwest::RequestBuilder, traceparent: Option<&str>) -> reqwest::RequestBuilder {
    let request = request.timeout(RESPONSE_MAX);
    let current = traces::traceparent_of(&tracing::Span::current());
    match current.as_deref().or(traceparent) {
        Some(traceparent) => request.header(traces::TRACEPARENT, traceparent),
        None => request,
    }
}

/// The text does not contain the URL, which is internal: `/readyz` shows it.
fn unavailable(error: reqwest::Error) -> ReservationError {
    ReservationError::Unavailable(with_causes(&error.without_url()))
}

fn unreadable(error: serde_json::Error) -> ReservationError {
    ReservationError::Unreadable(error.to_string())
}

async fn check(
    sent: Result<reqwest::Response, reqwest::Error>,
) -> Result<reqwest::Response, ReservationError> {
    /// Only the code: other members can be those of a later version, or of a proxy.
    #[derive(Deserialize)]
    struct Problem {
        code: String,
    }
    let response = sent.map_err(unavailable)?;
    let status = response.status();
    if status.is_success() {
        return Ok(response);
    }
    let code = response.json::<Problem>().await.map_or_else(|_| "unknown".to_owned(), |problem| problem.code);
    if status == StatusCode::TOO_MANY_REQUESTS {
        return Err(ReservationError::Limited(code));
    }
    if is_temporary(status, &code) {
        return Err(ReservationError::Unavailable(format!("{status} {code}")));
    }
    Err(ReservationError::Refused { refusal: refusal(status, &code), code })
}

/// Whether the same request can succeed later: without a proxy, or after a concurrent change.
fn is_temporary(status: StatusCode, code: &str) -> bool {
    let may_succeed = status == StatusCode::REQUEST_TIMEOUT;
    may_succeed
        || status.is_server_error()
        || status.is_redirection()
        || matches!(code, "contended" | "conflict")
}

fn refusal(status: StatusCode, code: &str) -> Refusal {
    match (status, code) {
        (_, CURSOR_NOT_IN_LOG) => Refusal::ForeignCursor,
        (_, "unknown_payment" | "amount_mismatch") => Refusal::PaymentNotAssigned,
        // A link that is not valid leads nowhere.
        (StatusCode::UNAUTHORIZED | StatusCode::NOT_FOUND | StatusCode::GONE, _) => Refusal::NotFound,
        (StatusCode::CONFLICT, _) => Refusal::Conflict,
        _ => Refusal::Other,
    }
}
