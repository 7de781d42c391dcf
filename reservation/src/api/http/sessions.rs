//! Sessions of staff: signing in and out.

use access::cookies;
use axum::extract::State;
use axum::response::Response;
use chassis::api::PathParameters;
use chassis::docs::{Conflict, Delayed, NotFound};
use chassis::problem::Problem;
use chrono::TimeDelta;
use contract::reservation::sessions::{ProveIdentity, SessionPath, SessionView, Sessions, SignIn, SignedIn};

use super::extract::{Me, Post};
use super::respond::{no_content, private, with_cookies};
use crate::api::request;
use crate::app::App;
use crate::app::accounts::StartedSession;
use crate::app::commands::SessionCommand;
use crate::app::queries::session_view;

/// The reason code of a session that its person ended from another one.
const ENDED: &str = "ended";
/// The reason code of a session that its person ended from itself.
const SIGNED_OUT: &str = "signed_out";

/// Sign in
///
/// The response sets the cookie of the session. After failed attempts the next one has to wait, longer each time.
#[utoipa::path(post, path = "/api/sessions", operation_id = "signIn", tag = "accounts",
    request_body(content = SignIn, example = json!({"email": "sari@warung-sinar.co.id", "password": "kelapa motor sunyi bendera"})),
    responses((status = 200, body = SignedIn, headers(("Set-Cookie" = String))), Delayed, Conflict))]
pub(super) async fn sign_in(State(app): State<App>, post: Post) -> Result<Response, Problem> {
    app.catch_up().await?;
    let browser = post.cookie(cookies::BROWSER);
    let (typed, context) = post.read_unrepeated(|form, _| request::sign_in(form, browser))?;
    let started = app.sign_in(&typed, context).await.map_err(|error| app.account_problem(error))?;
    app.respond_signed_in(started)
}

/// List your sessions
#[utoipa::path(get, path = "/api/sessions", operation_id = "listSessions", tag = "accounts",
    responses((status = 200, body = Sessions)))]
pub(super) async fn list(State(app): State<App>, Me(me): Me) -> Result<Response, Problem> {
    app.catch_up().await?;
    let sessions = app.projections.access().sessions_of(me.staff_id, app.env.now());
    let items = sessions.iter().map(|session| session_view(session, me.session_id)).collect();
    Ok(private(&Sessions { items }))
}

/// Prove your identity again
///
/// Some requests need a proof within the last five minutes: refunds, waived deposits, erased contacts and changes of access.
#[utoipa::path(post, path = "/api/sessions/current/proof", operation_id = "proveIdentity", tag = "accounts",
    request_body(content = ProveIdentity, example = json!({"password": "kelapa motor sunyi bendera"})),
    responses((status = 200, body = SessionView), Delayed, Conflict))]
pub(super) async fn prove(State(app): State<App>, Me(me): Me, post: Post) -> Result<Response, Problem> {
    let (again, context) = post.read_unrepeated(|form, _| request::prove(form))?;
    app.prove(&again, &context).await.map_err(|error| app.account_problem(error))?;
    let session = app.projections.access().session(me.session_id).ok_or_else(Problem::credential_invalid)?;
    Ok(private(&session_view(&session, me.session_id)))
}

/// Sign out
#[utoipa::path(delete, path = "/api/sessions/current", operation_id = "signOut", tag = "accounts",
    responses((status = 204, description = "The session has ended", headers(("Set-Cookie" = String)))))]
pub(super) async fn sign_out(State(app): State<App>, Me(me): Me, post: Post) -> Result<Response, Problem> {
    let ((), context) = post.read_unrepeated(|_, _| Some(()))?;
    let command = SessionCommand::End { staff_id: me.staff_id, id: me.session_id, reason_code: SIGNED_OUT };
    app.executor.change_access(&command, &context).await.map_err(|error| app.problem(error))?;
    Ok(with_cookies(no_content(), [(cookies::SESSION, None, TimeDelta::zero())]))
}

/// End one of your sessions
#[utoipa::path(delete, path = "/api/sessions/{session_id}", operation_id = "endSession", tag = "accounts",
    params(SessionPath),
    responses((status = 204, description = "The session has ended"), NotFound))]
pub(super) async fn end(
    State(app): State<App>,
    PathParameters(SessionPath { session_id }): PathParameters<SessionPath>,
    Me(me): Me,
    post: Post,
) -> Result<Response, Problem> {
    let ((), context) = post.read_unrepeated(|_, _| Some(()))?;
    let command = SessionCommand::End { staff_id: me.staff_id, id: session_id, reason_code: ENDED };
    app.executor.change_access(&command, &context).await.map_err(|error| app.problem(error))?;
    Ok(no_content())
}

impl App {
    /// The response to a request that signed a person in, with its cookies.
    pub(super) fn respond_signed_in(&self, started: StartedSession) -> Result<Response, Problem> {
        let registry = self.projections.access();
        let (session, account) = (registry.session(started.id), registry.account(started.staff_id));
        let (session, account) = session.zip(account).ok_or_else(Problem::credential_invalid)?;
        let browser = self.sign_ins.browser_of(&account).filter(|_| !started.at_stand);
        let signed_in =
            SignedIn { session: session_view(&session, started.id), staff: self.staff_view(&account) };
        let lasts = session.expires_at - session.started_at;
        let token = Some(started.token.reveal());
        let recognised =
            browser.map(|link| (cookies::BROWSER, Some(link), TimeDelta::days(cookies::BROWSER_DAYS)));
        let cookies = std::iter::once((cookies::SESSION, token, lasts)).chain(recognised);
        Ok(with_cookies(private(&signed_in), cookies))
    }
}
