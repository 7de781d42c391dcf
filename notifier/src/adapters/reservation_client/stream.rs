//! The feed as a stream of gRPC. It is read in pages as over HTTP, so that the consumer knows no difference.

use std::time::Duration;

use bytes::Bytes;
use chassis::secret::Token;
use events::feed::CURSOR_NOT_IN_LOG;
use events::{EventId, Position};
use rpc::v1::log_client::LogClient;
use rpc::{code_of, v1};
use rustls::ClientConfig;
use tokio::sync::Mutex;
use tonic::metadata::MetadataValue;
use tonic::transport::{Channel, Error};
use tonic::{Code, Request, Status, Streaming};

use crate::ports::reservation_api::{FeedPage, Refusal, ReservationError};

/// Maximum time until the service begins a stream.
const BEGIN_MAX: Duration = Duration::from_secs(10);
/// Maximum size of a message, in bytes: 1,000 events.
const MESSAGE_BYTES_MAX: usize = 32 << 20;

/// The stream of events. Only one is open at a time.
#[derive(Debug)]
pub(super) struct FeedStream {
    client: LogClient<Channel>,
    open: Mutex<Option<Open>>,
}

/// A stream that is open.
#[derive(Debug)]
struct Open {
    messages: Streaming<v1::FollowResponse>,
    /// The last event that it sent.
    cursor: Option<EventId>,
    /// The end of the log as the service said last.
    head: Position,
}

impl FeedStream {
    /// The stream of the service at `url`. Encrypted connections use `tls`.
    pub(super) fn new(url: &str, tls: &ClientConfig) -> Result<Self, Error> {
        let client = LogClient::new(rpc::channel(url, tls)?).max_decoding_message_size(MESSAGE_BYTES_MAX);
        Ok(Self { client, open: Mutex::new(None) })
    }

    /// The events after `cursor`; waits up to `wait` for one. Without one the page is empty.
    ///
    /// A stream that fails is closed: the next call begins another one after the last event that was processed.
    pub(super) async fn page(
        &self,
        cursor: Option<EventId>,
        wait: Duration,
        key: &Token,
    ) -> Result<FeedPage, ReservationError> {
        let mut place = self.open.lock().await;
        // Events that were sent and not processed are sent again.
        let mut open = match place.take().filter(|open| open.cursor == cursor) {
            Some(open) => open,
            None => self.begin(cursor, key).await?,
        };
        let mut body = b"[".to_vec();
        match tokio::time::timeout(wait, open.messages.message()).await {
            // Nothing happened in time.
            Err(_) => {}
            Ok(Ok(Some(page))) => {
                open.head = Position(page.head);
                for event in &page.events {
                    if body.len() > 1 {
                        body.push(b',');
                    }
                    body.extend_from_slice(&event.json);
                }
                if let Some(last) = page.events.last() {
                    open.cursor = Some(id_of(&last.json)?);
                }
            }
            Ok(Ok(None)) => return Err(ReservationError::Unavailable("the stream has ended".to_owned())),
            Ok(Err(status)) => return Err(failed(&status)),
        }
        body.push(b']');
        let head = open.head;
        *place = Some(open);
        Ok(FeedPage { body: Bytes::from(body), head })
    }

    async fn begin(&self, cursor: Option<EventId>, key: &Token) -> Result<Open, ReservationError> {
        let after = cursor.map(|id| id.to_string()).unwrap_or_default();
        let mut request = Request::new(v1::FollowRequest { after, ..Default::default() });
        let authorization = MetadataValue::try_from(format!("Bearer {}", key.reveal()));
        let authorization =
            authorization.map_err(|error| ReservationError::Unavailable(error.to_string()))?;
        request.metadata_mut().insert("authorization", authorization);
        let begun = tokio::time::timeout(BEGIN_MAX, self.client.clone().follow(request)).await;
        let messages = match begun {
            Ok(begun) => begun.map_err(|status| failed(&status))?.into_inner(),
            Err(_) => {
                return Err(ReservationError::Unavailable("the stream did not begin in time".to_owned()));
            }
        };
        let head = cursor.map_or(Position::START, |id| id.position);
        Ok(Open { messages, cursor, head })
    }
}

/// The id of a stored event.
fn id_of(json: &[u8]) -> Result<EventId, ReservationError> {
    #[derive(serde::Deserialize)]
    struct Stub {
        id: EventId,
    }
    let stub: Stub =
        serde_json::from_slice(json).map_err(|error| ReservationError::Unreadable(error.to_string()))?;
    Ok(stub.id)
}

fn failed(status: &Status) -> ReservationError {
    let words = || match status.message() {
        "" => format!("{:?}", status.code()),
        message => message.to_owned(),
    };
    match code_of(status) {
        Some(code) if code == CURSOR_NOT_IN_LOG => {
            ReservationError::Refused { refusal: Refusal::ForeignCursor, code }
        }
        Some(code) if status.code() == Code::ResourceExhausted => ReservationError::Limited(code),
        // The key may be replaced, and the service comes back: the next attempt can succeed.
        _ => ReservationError::Unavailable(words()),
    }
}
