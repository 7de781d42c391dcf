//! Requests of guests with the links of their bookings. Part of [`super`].

use chassis::secret::Token;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{ReservationClient, check, traced, unavailable, unreadable};
use crate::ports::reservation_api::{Refusal, ReservationError};

impl ReservationClient {
    /// Reads `path` with the link of a guest; `None` if the link is not valid for it.
    pub(super) async fn get_for<T: DeserializeOwned>(
        &self,
        path: &str,
        link: &Token,
    ) -> Result<Option<T>, ReservationError> {
        let request = self.for_guest(self.client.get(format!("{}{path}", self.base_url)), link)?;
        match check(traced(request, None).send().await).await {
            Ok(response) => {
                let body = response.bytes().await.map_err(unavailable)?;
                serde_json::from_slice(&body).map(Some).map_err(unreadable)
            }
            Err(error) if error.refusal() == Some(Refusal::NotFound) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Posts to `path` with the link of a guest.
    pub(super) async fn post_for(
        &self,
        path: &str,
        body: &Value,
        link: &Token,
    ) -> Result<(), ReservationError> {
        let request = self.for_guest(self.client.post(format!("{}{path}", self.base_url)), link)?;
        check(traced(request.json(body), None).send().await).await.map(drop)
    }
}
