//! The gRPC interface: payments and payment channels. A method runs the operation of a route of the JSON interface.

use std::sync::Arc;

use access::Access;
use axum::Router;
use contract::notifier::requests::PaymentPath;
use events::values::Scope;
use rpc::v1::payments_server::{Payments, PaymentsServer};
use rpc::{Guard, MESSAGE_BYTES_MAX, Question, Rpc, shown, v1};
use tonic::{Request, Response, Status};

use super::operations::{REQUEST_MAX, payments, ready};
use crate::app::App;

/// What each method needs.
const NEEDS: [(&str, Access); 3] = [
    ("ListChannels", Access::Public),
    ("GetPayment", Access::Scope(Scope::Payments)),
    ("ListPayments", Access::Scope(Scope::Payments)),
];

/// All methods of the service, each with what it needs.
#[must_use]
pub fn methods(app: &App) -> Rpc {
    let payments = PaymentsServer::new(Service(app.clone()));
    Rpc::default().service(payments.max_decoding_message_size(MESSAGE_BYTES_MAX), &NEEDS)
}

/// The routes of the gRPC listener.
pub fn router(app: App) -> Router {
    let ready_app = app.clone();
    methods(&app).router(Guard {
        door: Arc::new(Arc::clone(&app.door)),
        limits: Arc::clone(&app.limits),
        hosts: app.hosts.clone(),
        readiness: Arc::new(move || ready(&ready_app).is_ok()),
        call_max: REQUEST_MAX,
    })
}

/// The implementation.
struct Service(App);

#[tonic::async_trait]
impl Payments for Service {
    async fn list_channels(
        &self,
        _: Request<v1::ListChannelsRequest>,
    ) -> Result<Response<v1::ListChannelsResponse>, Status> {
        shown(Ok(payments::channels(&self.0)))
    }

    async fn get_payment(
        &self,
        request: Request<v1::GetPaymentRequest>,
    ) -> Result<Response<v1::Payment>, Status> {
        let mut question = Question::of("/meja.v1.Payments/GetPayment", request).await?;
        let PaymentPath { payment_id } = question.fields.identified(&["payment_id"])?;
        shown(payments::get(&self.0, payment_id, &question.caller))
    }

    async fn list_payments(
        &self,
        request: Request<v1::ListPaymentsRequest>,
    ) -> Result<Response<v1::ListPaymentsResponse>, Status> {
        let (form, caller) = Question::of("/meja.v1.Payments/ListPayments", request).await?.into_form();
        shown(payments::list(&self.0, form, &caller))
    }
}
