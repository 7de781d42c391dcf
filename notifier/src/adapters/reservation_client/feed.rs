//! Reading the feed.

use std::time::Duration;

use events::feed::HEAD_POSITION_HEADER;
use events::{EventId, Position};

use super::stream::FeedStream;
use super::{RESPONSE_MAX, ReservationClient, unavailable};
use crate::ports::reservation_api::{FeedPage, ReservationError};

impl ReservationClient {
    /// Events after `cursor` over HTTP, of one type or of all.
    pub(super) async fn page(
        &self,
        cursor: Option<EventId>,
        timeout: Duration,
        event_type: Option<&str>,
        limit: usize,
    ) -> Result<FeedPage, ReservationError> {
        let mut query = vec![("timeout", timeout.as_millis().to_string()), ("limit", limit.to_string())];
        query.extend(event_type.map(|event_type| ("type", event_type.to_owned())));
        query.extend(cursor.map(|cursor| ("lastEventId", cursor.to_string())));
        let request = self.client.get(format!("{}/events", self.base_url)).query(&query);
        let request = request.timeout(timeout + RESPONSE_MAX).bearer_auth(self.token()?.reveal());
        let response = self.check(request.send().await).await?;
        let head = response
            .headers()
            .get(HEAD_POSITION_HEADER)
            .and_then(|value| value.to_str().ok()?.parse().ok())
            .map(Position);
        let body = response.bytes().await.map_err(unavailable)?;
        Ok(FeedPage { body, head: head.unwrap_or_default() })
    }

    /// The events after `cursor` from the stream, with the key of this service.
    pub(super) async fn streamed(
        &self,
        stream: &FeedStream,
        cursor: Option<EventId>,
        wait: Duration,
    ) -> Result<FeedPage, ReservationError> {
        let page = stream.page(cursor, wait, &self.token()?).await;
        if matches!(page, Err(ReservationError::Unavailable(_))) {
            // The key may have been replaced.
            let _ = self.credential.reload();
        }
        page
    }
}
