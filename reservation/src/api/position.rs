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

use crate::app::App;

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

/// Waits until this instance has the position.
async fn reached(app: &App, value: &HeaderValue) -> Result<(), Problem> {
    let text = String::from_utf8_lossy(value.as_bytes());
    let position = text.parse().ok().filter(|position| *position <= LOG_EVENTS_MAX).map(Position);
    let Some(position) = position else {
        let msg = format!(
            "Input should be a whole number up to {LOG_EVENTS_MAX}: send the header Meja-Position of the last response, or none"
        );
        return Err(Fault::new("header", "Meja-Position", "value_error", msg, &*text).into());
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
