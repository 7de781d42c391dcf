//! Closures: times at which a venue, or a part of it, takes no parties.

use access::Caller;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use chassis::api::{ETag, PathParameters, Query};
use chassis::docs::{Conditional, Conflict, NotFound, Repeatable, Stale};
use chassis::problem::Problem;
use contract::reservation::closures::{
    CloseVenue, ClosureList, ClosurePath, ClosureView, DeclareClosure, drafts,
};
use contract::reservation::venues::VenuePath;
use events::{ClosureId, VenueId};

use super::extract::{Answer, Post};
use super::respond::{located, marked, with_etag};
use crate::api::request;
use crate::app::App;
use crate::app::commands::ClosureCommand;
use crate::app::outcome::ClosureOutcome;
use crate::app::request_context::RequestContext;

impl App {
    /// Runs `command` and responds.
    async fn closure_command(
        &self,
        venue_id: &VenueId,
        id: ClosureId,
        command: ClosureCommand,
        context: &RequestContext,
        answer: Answer,
    ) -> Result<Response, Problem> {
        let outcome = self.change_closure(venue_id, id, &command, context).await;
        self.respond_closure(&outcome.map_err(|error| self.problem(error))?, answer)
    }

    /// The response to a command about a closure.
    pub(super) fn respond_closure(
        &self,
        outcome: &ClosureOutcome,
        answer: Answer,
    ) -> Result<Response, Problem> {
        let ClosureOutcome { venue_id, closure, replayed } = outcome;
        let view = self.closure_view(venue_id, closure);
        let response = marked(with_etag(&view, ETag::version(closure.version)), *replayed);
        Ok(located(response, answer, format_args!("/api/venues/{venue_id}/closures/{}", closure.id)))
    }
}

/// List the closures of a venue
///
/// Those that are in force and not over, each with the bookings that it affects now.
#[utoipa::path(get, path = "/api/venues/{venue_id}/closures", operation_id = "listClosures", tag = "venues",
    params(VenuePath),
    responses((status = 200, body = ClosureList), NotFound))]
pub(super) async fn list(
    State(app): State<App>,
    PathParameters(VenuePath { venue_id }): PathParameters<VenuePath>,
    caller: Caller,
) -> Result<Response, Problem> {
    let items = app.closures(&venue_id, &caller).await?;
    let items = items.ok_or_else(|| Problem::not_found(format!("There is no venue {venue_id}.")))?;
    Ok(axum::Json(ClosureList { items }).into_response())
}

/// Close a venue, or a part of it, on some business days
///
/// From then on bookings there are refused: areas, tables and services of the closure are not offered, and offers to waiting
/// parties are withdrawn. The response lists the future bookings under the closure. They are marked with `closure_id`, nothing
/// is due for them, and their open payments are closed; staff move or cancel them, one by one or all together. With
/// `dry_run=true` nothing changes.
#[utoipa::path(post, path = "/api/venues/{venue_id}/closures", operation_id = "closeVenue", tag = "venues",
    params(VenuePath, DeclareClosure, Repeatable),
    request_body(content = CloseVenue, example = json!({"from": "2026-12-24", "areas": ["Teras"], "reason_code": "private_event"})),
    responses((status = 200, body = ClosureView, headers(("ETag" = String), ("Location" = String))), NotFound, Conflict))]
pub(super) async fn declare(
    State(app): State<App>,
    PathParameters(VenuePath { venue_id }): PathParameters<VenuePath>,
    Query(mut form): Query,
    post: Post,
) -> Result<Response, Problem> {
    let dry_run = drafts::DeclareClosure::take(&mut form).dry_run;
    let is_dry_run = form.finish(Some(dry_run.unwrap_or(false)))?;
    let venue = app.venue_of(&venue_id, post.caller()).await?;
    let venue = venue.ok_or_else(|| Problem::not_found(format!("There is no venue {venue_id}.")))?;
    let (command, context) = post.read(|form, _| request::close_venue(form, &venue, app.env.now()))?;
    if let (true, ClosureCommand::Declare(request)) = (is_dry_run, &command) {
        let preview = app.preview_closure(&venue, request).map_err(|refusal| app.problem(refusal.into()))?;
        return Ok(with_etag(&preview, ETag::version(preview.version)));
    }
    let id = ClosureId(app.env.new_id());
    app.closure_command(&venue_id, id, command, &context, Answer::Created).await
}

/// Read a closure
///
/// With the bookings that it affects now, and the number of those that were cancelled together.
#[utoipa::path(get, path = "/api/venues/{venue_id}/closures/{closure_id}", operation_id = "getClosure", tag = "venues",
    params(ClosurePath),
    responses((status = 200, body = ClosureView, headers(("ETag" = String))), NotFound))]
pub(super) async fn get(
    State(app): State<App>,
    PathParameters(ClosurePath { venue_id, closure_id }): PathParameters<ClosurePath>,
    caller: Caller,
) -> Result<Response, Problem> {
    let view = app.closure(&venue_id, closure_id, &caller).await?;
    let view = view.ok_or_else(|| Problem::not_found(format!("There is no closure {closure_id}.")))?;
    let etag = ETag::version(view.version);
    Ok(with_etag(&view, etag))
}

/// Cancel the bookings under a closure
///
/// As the restaurant: deposits go back, and each guest gets a message with the reason. The response arrives before that is
/// done: read the closure to see how many are left. It goes on after a restart. A booking that staff move meanwhile stays.
#[utoipa::path(post, path = "/api/venues/{venue_id}/closures/{closure_id}/cancel-affected", operation_id = "cancelAffected", tag = "venues",
    params(ClosurePath, Repeatable, Conditional),
    responses((status = 200, body = ClosureView, headers(("ETag" = String))), NotFound, Conflict, Stale))]
pub(super) async fn cancel_affected(
    State(app): State<App>,
    PathParameters(ClosurePath { venue_id, closure_id }): PathParameters<ClosurePath>,
    post: Post,
) -> Result<Response, Problem> {
    let (command, context) = post.read(|_, _| Some(ClosureCommand::CancelAffected))?;
    app.closure_command(&venue_id, closure_id, command, &context, Answer::Changed).await
}

/// Lift a closure
///
/// From then on the venue takes parties again at that time. The bookings under the closure that were not cancelled are valid
/// again; deposits that were not paid are due again, with a new deadline.
#[utoipa::path(post, path = "/api/venues/{venue_id}/closures/{closure_id}/lift", operation_id = "liftClosure", tag = "venues",
    params(ClosurePath, Repeatable, Conditional),
    responses((status = 200, body = ClosureView, headers(("ETag" = String))), NotFound, Conflict, Stale))]
pub(super) async fn lift(
    State(app): State<App>,
    PathParameters(ClosurePath { venue_id, closure_id }): PathParameters<ClosurePath>,
    post: Post,
) -> Result<Response, Problem> {
    let (command, context) = post.read(|_, _| Some(ClosureCommand::Lift))?;
    app.closure_command(&venue_id, closure_id, command, &context, Answer::Changed).await
}
