//! The service `meja.v1.Availability`.

use access::Access;
use contract::reservation::venues::VenuePath;
use rpc::{Question, shown, v1};
use tonic::{Request, Response, Status};

use crate::api::operations::venues as operations;
use crate::app::App;

/// What each method needs.
pub(super) const NEEDS: [(&str, Access); 4] = [
    ("ListVenues", Access::Public),
    ("GetVenue", Access::Public),
    ("GetDay", Access::Public),
    ("ListDays", Access::Public),
];

/// The implementation.
pub(super) struct Service(pub(super) App);

#[tonic::async_trait]
impl v1::availability_server::Availability for Service {
    async fn list_venues(
        &self,
        _: Request<v1::ListVenuesRequest>,
    ) -> Result<Response<v1::ListVenuesResponse>, Status> {
        shown(operations::list(&self.0).await)
    }

    async fn get_venue(&self, request: Request<v1::GetVenueRequest>) -> Result<Response<v1::Venue>, Status> {
        let mut question = Question::of("/meja.v1.Availability/GetVenue", request).await?;
        let VenuePath { venue_id } = question.fields.identified(&["venue_id"])?;
        shown(operations::get(&self.0, &venue_id).await)
    }

    async fn get_day(&self, request: Request<v1::GetDayRequest>) -> Result<Response<v1::Day>, Status> {
        let question = Question::of("/meja.v1.Availability/GetDay", request).await?;
        let (form, caller) = question.into_form();
        shown(operations::availability(&self.0, form, &caller).await)
    }

    async fn list_days(
        &self,
        request: Request<v1::ListDaysRequest>,
    ) -> Result<Response<v1::ListDaysResponse>, Status> {
        let question = Question::of("/meja.v1.Availability/ListDays", request).await?;
        let (form, caller) = question.into_form();
        shown(operations::days(&self.0, form, &caller).await)
    }
}
