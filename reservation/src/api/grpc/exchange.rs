//! From messages to operations, and back.

use access::Caller;
use axum::http::HeaderValue;
use chassis::api::REPLAYED;
use chassis::problem::Problem;
use contract::reservation::view::ReservationView;
use contract::reservation::waitlist::WaitlistView;
use prost::{Message, Name};
use rpc::{Called, Fields, from_json, status};
use serde::Serialize;
use tonic::{Response, Status};

use crate::api::answers::{Answered, Link};
use crate::api::call::{Call, Content};
use crate::app::App;
use crate::app::executor::EarlierOutcome;

/// A request to change something.
pub(super) enum Change {
    /// One that came for the first time.
    New(Box<Call>),
    /// One whose Idempotency-Key has an outcome.
    Repeated(EarlierOutcome, Box<Caller>),
}

impl Change {
    /// The change of `subject` that `called` asks for; without a subject it creates one.
    pub(super) async fn of(app: &App, called: Called, subject: Option<String>) -> Result<Self, Status> {
        let Called { mut head, fields: Fields(members), bytes } = called;
        let content = Content { bytes: &bytes, members, subject: subject.as_deref() };
        let mut call = Call::receive(app, &mut head, content).await.map_err(status)?;
        Ok(match call.earlier(app).await.map_err(status)? {
            None => Self::New(Box::new(call)),
            Some(earlier) => Self::Repeated(earlier, Box::new(call.caller().clone())),
        })
    }
}

/// The answer to a repeated request that created or changed a reservation.
pub(super) async fn reservation_again(
    app: &App,
    earlier: EarlierOutcome,
    link: Link,
    caller: &Caller,
) -> Result<Answered<ReservationView>, Problem> {
    let outcome = earlier.reservation().map_err(|error| app.problem(error))?;
    app.answer(&outcome, link, None, caller).await
}

/// The answer to a repeated request about a waitlist entry.
pub(super) async fn waitlist_again(
    app: &App,
    earlier: EarlierOutcome,
    link: Link,
    caller: &Caller,
) -> Result<Answered<WaitlistView>, Problem> {
    let outcome = earlier.waitlist().map_err(|error| app.problem(error))?;
    app.answer_waitlist(&outcome, link, caller).await
}

/// The message for the answer to a change.
pub(super) fn respond<M: Message + Name + Default>(
    answered: Result<Answered<impl Serialize>, Problem>,
) -> Result<Response<M>, Status> {
    let Answered { view, replayed, .. } = answered.map_err(status)?;
    let mut response = Response::new(from_json(&view)?);
    if replayed {
        let metadata = response.metadata_mut().as_mut();
        metadata.insert(REPLAYED, HeaderValue::from_static("true"));
    }
    Ok(response)
}
