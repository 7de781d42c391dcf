//! Requests that read, and messages that show.

use access::Caller;
use axum::extract::FromRequestParts as _;
use axum::http::request::Parts;
use chassis::problem::Problem;
use contract::form::Form;
use contract::request::Request;
use prost::{Message, Name};
use serde::Serialize;
use serde_json::{Map, Value};
use tonic::{Response, Status};

use crate::door::Called;
use crate::json::{Fields, from_json};
use crate::status::status_of;

/// The status for what is, or becomes, a problem.
#[must_use]
pub fn status(problem: impl Into<Problem>) -> Status {
    status_of(&problem.into())
}

/// The sender of a call.
pub async fn caller_of(head: &mut Parts) -> Caller {
    let Ok(caller) = Caller::from_request_parts(head, &()).await;
    caller
}

impl Fields {
    /// Reads the fields `names`, which identify a resource, and removes them.
    ///
    /// # Errors
    /// The faults of the fields.
    pub fn identified<T: Request>(&mut self, names: &[&str]) -> Result<T, Status> {
        let text = |name: &&str| ((*name).to_owned(), Value::String(self.take(name)));
        let members: Map<String, Value> = names.iter().map(text).collect();
        T::read(Form::new(members)).map_err(status)
    }
}

/// A request to read something.
#[derive(Debug)]
pub struct Question {
    /// The fields of the message.
    pub fields: Fields,
    /// The sender.
    pub caller: Caller,
}

impl Question {
    /// The question that `request` asks with `method`.
    ///
    /// # Errors
    /// An internal error, if the message has no descriptor.
    pub async fn of<T: Message + Name>(method: &str, request: tonic::Request<T>) -> Result<Self, Status> {
        let Called { mut head, fields, .. } = Called::of(method, request)?;
        Ok(Self { caller: caller_of(&mut head).await, fields })
    }

    /// Its fields as a form.
    #[must_use]
    pub fn into_form(self) -> (Form, Caller) {
        (Form::new(self.fields.0), self.caller)
    }
}

/// The message for a representation.
///
/// # Errors
/// The status of the problem, or an internal error if the message does not fit.
pub fn shown<M: Message + Name + Default>(
    view: Result<impl Serialize, Problem>,
) -> Result<Response<M>, Status> {
    Ok(Response::new(from_json(&view.map_err(status)?)?))
}
