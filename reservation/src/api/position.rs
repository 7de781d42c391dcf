//! `Meja-Position`: a client reads its own writes on any instance.
//!
//! The response to a command names the position that the log had reached, and so does every response over gRPC. A request that
//! carries that position waits until this instance has reached it too.

use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use chassis::problem::Problem;
use contract::fault::Fault;
use events::Position;
use events::store::LOG_EVENTS_MAX;
use futures::future::{Either, select};
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn, PathItem};
use utoipa::openapi::schema::{Object, ObjectBuilder};
use utoipa::openapi::{Header, OpenApi, RefOr, Required, Type};

use crate::app::App;

/// The name of the header, as people read it.
const NAME: &str = "Meja-Position";

/// The name of the header.
const MEJA_POSITION: HeaderName = HeaderName::from_static("meja-position");

/// Maximum time that a request waits for its position.
const WAIT_MAX: Duration = Duration::from_secs(5);

/// Number of seconds after which a client tries again.
const RETRY_AFTER_S: u32 = 1;

/// Waits for the position of the request, and adds the position to the response of a command.
pub(super) async fn positioned(State(app): State<App>, request: Request, next: Next) -> Response {
    if let Some(value) = request.headers().get(MEJA_POSITION)
        && let Err(problem) = reached(&app, value).await
    {
        return at_position(&app, problem.into_response());
    }
    let is_command = !request.method().is_safe();
    let response = next.run(request).await;
    if is_command { at_position(&app, response) } else { response }
}

/// The same for a call over gRPC.
pub(super) async fn positioned_call(State(app): State<App>, request: Request, next: Next) -> Response {
    if let Some(value) = request.headers().get(MEJA_POSITION)
        && let Err(problem) = reached(&app, value).await
    {
        return at_position(&app, rpc::status(problem).into_http());
    }
    let response = next.run(request).await;
    at_position(&app, response)
}

/// The response with the position that this instance knows.
fn at_position(app: &App, mut response: Response) -> Response {
    response.headers_mut().insert(MEJA_POSITION, HeaderValue::from(app.store.known_head().0));
    response
}

/// Adds the header to the description of every operation, and to that of the responses to commands.
pub(super) fn describe(api: &mut OpenApi) {
    for item in api.paths.paths.values_mut() {
        let PathItem { get, put, post, delete, patch, .. } = item;
        let operations = [(get, false), (put, true), (post, true), (delete, true), (patch, true)];
        for (operation, is_command) in operations {
            let Some(operation) = operation else { continue };
            operation.parameters.get_or_insert_default().push(parameter().into());
            for (status, response) in &mut operation.responses.responses {
                if let RefOr::T(response) = response
                    && is_command
                    && status.starts_with('2')
                {
                    response.headers.insert(NAME.to_owned(), header().into());
                }
            }
        }
    }
}

fn parameter() -> Parameter {
    let description = format!(
        "The Meja-Position of an earlier response, to read at least that much on any instance. An instance that is behind waits for it up to {} s, and then refuses with `position_not_reached`.",
        WAIT_MAX.as_secs()
    );
    let parameter =
        ParameterBuilder::new().name(NAME).parameter_in(ParameterIn::Header).required(Required::False);
    parameter.description(Some(description)).schema(Some(schema())).build()
}

fn header() -> Header {
    let description =
        "The position that the log had reached. A later request with it reads at least this much.";
    HeaderBuilder::new().schema(Some(schema())).description(Some(description)).build()
}

fn schema() -> Object {
    let most = usize::try_from(LOG_EVENTS_MAX).unwrap_or(usize::MAX);
    ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(0)).maximum(Some(most)).build()
}

/// Waits until this instance has the position.
async fn reached(app: &App, value: &HeaderValue) -> Result<(), Problem> {
    let text = String::from_utf8_lossy(value.as_bytes());
    let position = text.parse().ok().filter(|position| *position <= LOG_EVENTS_MAX).map(Position);
    let Some(position) = position else {
        let msg = format!(
            "Input should be a whole number up to {LOG_EVENTS_MAX}: send the header Meja-Position of the last response, or none"
        );
        return Err(Fault::new("header", NAME, "value_error", msg, &*text).into());
    };
    let caught_up = std::pin::pin!(app.projections.wait_until(position));
    match select(caught_up, app.env.sleep(WAIT_MAX)).await {
        Either::Left(_) => Ok(()),
        Either::Right(_) => {
            let detail = format!(
                "This instance has not reached position {position} of the log within {} s. Nothing was done; try again.",
                WAIT_MAX.as_secs()
            );
            Err(Problem::unavailable("position_not_reached", detail, RETRY_AFTER_S))
        }
    }
}
