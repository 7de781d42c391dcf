//! The service `meja.v1.Reservations`.

use access::Access;
use contract::reservation::commands::{ReservationPath, WaitlistPath};
use contract::reservation::view::ReservationView;
use contract::reservation::waitlist::WaitlistView;
use events::values::Scope;
use events::{ReservationId, WaitlistId};
use futures::FutureExt as _;
use futures::future::BoxFuture;
use prost::{Message, Name};
use rpc::{Called, Question, shown, v1};
use tonic::{Request, Response, Status};

use super::exchange::{Change, reservation_again, respond, waitlist_again};
use crate::api::answers::{Answered, Link};
use crate::api::call::Call;
use crate::api::operations::{reservations, waitlist};
use crate::app::App;

/// What each method needs.
pub(super) const NEEDS: [(&str, Access); 17] = [
    ("CreateReservation", Access::Public),
    ("GetReservation", Access::Own(Scope::Read)),
    ("RescheduleReservation", Access::Own(Scope::Manage)),
    ("ChangePartySize", Access::Own(Scope::Manage)),
    ("CorrectReservation", Access::Own(Scope::Manage)),
    ("CancelReservation", Access::Own(Scope::Manage)),
    ("RenewDeposit", Access::Own(Scope::Manage)),
    ("AnswerQuestion", Access::Own(Scope::Floor)),
    ("ProveContact", Access::Own(Scope::Floor)),
    ("ListCharges", Access::Own(Scope::Audit)),
    ("JoinWaitlist", Access::Public),
    ("GetWaitlistEntry", Access::Own(Scope::Read)),
    ("AcceptOffer", Access::Own(Scope::Manage)),
    ("DeclineOffer", Access::Own(Scope::Manage)),
    ("LeaveWaitlist", Access::Own(Scope::Manage)),
    ("AnswerWaitlistQuestion", Access::Own(Scope::Floor)),
    ("ProveWaitlistContact", Access::Own(Scope::Floor)),
];

/// The implementation.
pub(super) struct Service(pub(super) App);

type Answer<'a, V> = BoxFuture<'a, Result<Answered<V>, chassis::problem::Problem>>;

impl Service {
    /// Changes the reservation that the message names with `operation`.
    async fn change<T: Message + Name>(
        &self,
        method: &str,
        request: Request<T>,
        operation: impl for<'a> FnOnce(&'a App, ReservationId, Call) -> Answer<'a, ReservationView>,
    ) -> Result<Response<v1::Reservation>, Status> {
        self.change_fields(Called::of(method, request)?, operation).await
    }

    async fn change_fields(
        &self,
        mut called: Called,
        operation: impl for<'a> FnOnce(&'a App, ReservationId, Call) -> Answer<'a, ReservationView>,
    ) -> Result<Response<v1::Reservation>, Status> {
        let ReservationPath { reservation_id: id } = called.fields.identified(&["reservation_id"])?;
        respond(match Change::of(&self.0, called, Some(id.to_string())).await? {
            Change::New(call) => operation(&self.0, id, *call).await,
            Change::Repeated(earlier, caller) => {
                reservation_again(&self.0, earlier, Link::Hidden, &caller).await
            }
        })
    }

    /// Changes the waitlist entry that the message names with `operation`.
    async fn change_entry<T: Message + Name>(
        &self,
        method: &str,
        request: Request<T>,
        operation: impl for<'a> FnOnce(&'a App, WaitlistId, Call) -> Answer<'a, WaitlistView>,
    ) -> Result<Response<v1::WaitlistEntry>, Status> {
        let mut called = Called::of(method, request)?;
        let WaitlistPath { waitlist_id: id } = called.fields.identified(&["waitlist_id"])?;
        respond(match Change::of(&self.0, called, Some(id.to_string())).await? {
            Change::New(call) => operation(&self.0, id, *call).await,
            Change::Repeated(earlier, caller) => {
                waitlist_again(&self.0, earlier, Link::Hidden, &caller).await
            }
        })
    }
}

#[tonic::async_trait]
impl v1::reservations_server::Reservations for Service {
    async fn create_reservation(
        &self,
        request: Request<v1::CreateReservationRequest>,
    ) -> Result<Response<v1::Reservation>, Status> {
        let called = Called::of("/meja.v1.Reservations/CreateReservation", request)?;
        respond(match Change::of(&self.0, called, None).await? {
            Change::New(call) => reservations::create(&self.0, *call).await,
            Change::Repeated(earlier, caller) => {
                reservation_again(&self.0, earlier, Link::Shown, &caller).await
            }
        })
    }

    async fn get_reservation(
        &self,
        request: Request<v1::GetReservationRequest>,
    ) -> Result<Response<v1::Reservation>, Status> {
        let mut question = Question::of("/meja.v1.Reservations/GetReservation", request).await?;
        let ReservationPath { reservation_id: id } = question.fields.identified(&["reservation_id"])?;
        let (form, caller) = question.into_form();
        shown(reservations::get(&self.0, id, form, &caller).await.map(|read| read.view))
    }

    async fn reschedule_reservation(
        &self,
        request: Request<v1::RescheduleReservationRequest>,
    ) -> Result<Response<v1::Reservation>, Status> {
        let method = "/meja.v1.Reservations/RescheduleReservation";
        self.change(method, request, |app, id, call| reservations::reschedule(app, id, call).boxed()).await
    }

    async fn change_party_size(
        &self,
        request: Request<v1::ChangePartySizeRequest>,
    ) -> Result<Response<v1::Reservation>, Status> {
        let method = "/meja.v1.Reservations/ChangePartySize";
        self.change(method, request, |app, id, call| reservations::change_party_size(app, id, call).boxed())
            .await
    }

    async fn correct_reservation(
        &self,
        request: Request<v1::CorrectReservationRequest>,
    ) -> Result<Response<v1::Reservation>, Status> {
        let removed = request.get_ref().removed_fields.clone();
        let mut called = Called::of("/meja.v1.Reservations/CorrectReservation", request)?;
        called.fields.0.remove("removed_fields");
        called.fields.clear(&removed);
        self.change_fields(called, |app, id, call| reservations::correct(app, id, call).boxed()).await
    }

    async fn cancel_reservation(
        &self,
        request: Request<v1::CancelReservationRequest>,
    ) -> Result<Response<v1::Reservation>, Status> {
        let method = "/meja.v1.Reservations/CancelReservation";
        self.change(method, request, |app, id, call| reservations::cancel(app, id, call).boxed()).await
    }

    async fn renew_deposit(
        &self,
        request: Request<v1::RenewDepositRequest>,
    ) -> Result<Response<v1::Reservation>, Status> {
        let method = "/meja.v1.Reservations/RenewDeposit";
        self.change(method, request, |app, id, call| reservations::renew_deposit(app, id, call).boxed()).await
    }

    async fn answer_question(
        &self,
        request: Request<v1::AnswerQuestionRequest>,
    ) -> Result<Response<v1::Reservation>, Status> {
        let method = "/meja.v1.Reservations/AnswerQuestion";
        self.change(method, request, |app, id, call| reservations::answer(app, id, call).boxed()).await
    }

    async fn prove_contact(
        &self,
        request: Request<v1::ProveContactRequest>,
    ) -> Result<Response<v1::Reservation>, Status> {
        let method = "/meja.v1.Reservations/ProveContact";
        self.change(method, request, |app, id, call| reservations::prove_contact(app, id, call).boxed()).await
    }

    async fn list_charges(
        &self,
        request: Request<v1::ListChargesRequest>,
    ) -> Result<Response<v1::ListChargesResponse>, Status> {
        let mut question = Question::of("/meja.v1.Reservations/ListCharges", request).await?;
        let ReservationPath { reservation_id: id } = question.fields.identified(&["reservation_id"])?;
        shown(self.0.charges(id, &question.caller).await.map_err(Into::into))
    }

    async fn join_waitlist(
        &self,
        request: Request<v1::JoinWaitlistRequest>,
    ) -> Result<Response<v1::WaitlistEntry>, Status> {
        let called = Called::of("/meja.v1.Reservations/JoinWaitlist", request)?;
        respond(match Change::of(&self.0, called, None).await? {
            Change::New(call) => waitlist::join(&self.0, *call).await,
            Change::Repeated(earlier, caller) => waitlist_again(&self.0, earlier, Link::Shown, &caller).await,
        })
    }

    async fn get_waitlist_entry(
        &self,
        request: Request<v1::GetWaitlistEntryRequest>,
    ) -> Result<Response<v1::WaitlistEntry>, Status> {
        let mut question = Question::of("/meja.v1.Reservations/GetWaitlistEntry", request).await?;
        let WaitlistPath { waitlist_id: id } = question.fields.identified(&["waitlist_id"])?;
        shown(waitlist::get(&self.0, id, &question.caller).await)
    }

    async fn accept_offer(
        &self,
        request: Request<v1::AcceptOfferRequest>,
    ) -> Result<Response<v1::Reservation>, Status> {
        let mut called = Called::of("/meja.v1.Reservations/AcceptOffer", request)?;
        let WaitlistPath { waitlist_id: id } = called.fields.identified(&["waitlist_id"])?;
        respond(match Change::of(&self.0, called, Some(id.to_string())).await? {
            Change::New(call) => waitlist::accept(&self.0, id, *call).await,
            Change::Repeated(earlier, caller) => {
                reservation_again(&self.0, earlier, Link::Shown, &caller).await
            }
        })
    }

    async fn decline_offer(
        &self,
        request: Request<v1::DeclineOfferRequest>,
    ) -> Result<Response<v1::WaitlistEntry>, Status> {
        let method = "/meja.v1.Reservations/DeclineOffer";
        self.change_entry(method, request, |app, id, call| waitlist::decline(app, id, call).boxed()).await
    }

    async fn leave_waitlist(
        &self,
        request: Request<v1::LeaveWaitlistRequest>,
    ) -> Result<Response<v1::WaitlistEntry>, Status> {
        let method = "/meja.v1.Reservations/LeaveWaitlist";
        self.change_entry(method, request, |app, id, call| waitlist::leave(app, id, call).boxed()).await
    }

    async fn answer_waitlist_question(
        &self,
        request: Request<v1::AnswerWaitlistQuestionRequest>,
    ) -> Result<Response<v1::WaitlistEntry>, Status> {
        let method = "/meja.v1.Reservations/AnswerWaitlistQuestion";
        self.change_entry(method, request, |app, id, call| waitlist::answer(app, id, call).boxed()).await
    }

    async fn prove_waitlist_contact(
        &self,
        request: Request<v1::ProveWaitlistContactRequest>,
    ) -> Result<Response<v1::WaitlistEntry>, Status> {
        let method = "/meja.v1.Reservations/ProveWaitlistContact";
        self.change_entry(method, request, |app, id, call| waitlist::prove_contact(app, id, call).boxed())
            .await
    }
}
