//! Members of staff: who they are, and what they may do.

use access::Caller;
use axum::extract::State;
use axum::response::Response;
use chassis::api::PathParameters;
use chassis::docs::{Conflict, NotFound};
use chassis::problem::Problem;
use contract::reservation::staff::{
    ChangeRoles, InviteStaff, InvitedStaff, RemoveStaff, StaffContactView, StaffList, StaffPath, StaffView,
};
use events::StaffId;

use super::extract::Post;
use super::respond::{no_content, private};
use crate::api::problem::unknown_person;
use crate::api::request;
use crate::app::App;
use crate::app::commands::StaffCommand;
use crate::app::request_context::RequestContext;

/// List the members of staff
///
/// Only people whose roles are all within your venues, the first one first.
#[utoipa::path(get, path = "/api/access/staff", operation_id = "listStaff", tag = "access",
    responses((status = 200, body = StaffList)))]
pub(super) async fn list(State(app): State<App>, caller: Caller) -> Result<Response, Problem> {
    app.catch_up().await?;
    Ok(private(&StaffList { items: app.staff(&caller) }))
}

/// Invite a person
///
/// With an e-mail address the invitation is sent there, and is open for three days. Without one the response contains the
/// link, which is valid for 15 minutes.
#[utoipa::path(post, path = "/api/access/staff", operation_id = "inviteStaff", tag = "access",
    request_body(content = InviteStaff, example = json!({"email": "sari@warung-sinar.co.id", "name": "Sari Wulandari", "roles": {"manager": ["bandung-dago"]}})),
    responses((status = 200, body = InvitedStaff), Conflict))]
pub(super) async fn invite(State(app): State<App>, post: Post) -> Result<Response, Problem> {
    let (command, context) = post.read_unrepeated(|form, _| request::invite(form, &app))?;
    app.invite(command, &context).await
}

/// Invite a person again
///
/// The earlier invitation is not valid any more.
#[utoipa::path(post, path = "/api/access/staff/{staff_id}/invitation", operation_id = "inviteStaffAgain", tag = "access",
    params(StaffPath),
    responses((status = 200, body = InvitedStaff), NotFound, Conflict))]
pub(super) async fn invite_again(
    State(app): State<App>,
    PathParameters(StaffPath { staff_id }): PathParameters<StaffPath>,
    post: Post,
) -> Result<Response, Problem> {
    app.catch_up().await?;
    let ((), context) = post.read_unrepeated(|_, _| Some(()))?;
    app.invite(request::invite_again(&app, staff_id), &context).await
}

/// Change the roles of a person
///
/// They count at once, also in sessions and requests in progress.
#[utoipa::path(post, path = "/api/access/staff/{staff_id}/roles", operation_id = "changeRoles", tag = "access",
    params(StaffPath),
    request_body(content = ChangeRoles, example = json!({"roles": {"host": ["bandung-dago"]}})),
    responses((status = 200, body = StaffView), NotFound))]
pub(super) async fn change_roles(
    State(app): State<App>,
    PathParameters(StaffPath { staff_id }): PathParameters<StaffPath>,
    post: Post,
) -> Result<Response, Problem> {
    let (command, context) = post.read_unrepeated(|form, _| request::change_roles(form, &app, staff_id))?;
    app.change_staff(&command, staff_id, &context).await
}

/// Let a person sign in without the authenticator app
///
/// For a person who lost the app and the recovery codes. Make sure that it is the person who asks.
#[utoipa::path(delete, path = "/api/access/staff/{staff_id}/authenticator", operation_id = "recoverAuthenticator", tag = "access",
    params(StaffPath),
    responses((status = 200, body = StaffView), NotFound, Conflict))]
pub(super) async fn recover_totp(
    State(app): State<App>,
    PathParameters(StaffPath { staff_id }): PathParameters<StaffPath>,
    post: Post,
) -> Result<Response, Problem> {
    let ((), context) = post.read_unrepeated(|_, _| Some(()))?;
    app.change_staff(&StaffCommand::RecoverTotp { id: staff_id }, staff_id, &context).await
}

/// End an account
///
/// From this response on no session, PIN or calendar link of the person is valid. Name, e-mail address and passwords are
/// erased; events keep the id. It cannot be undone.
#[utoipa::path(post, path = "/api/access/staff/{staff_id}/remove", operation_id = "removeStaff", tag = "access",
    params(StaffPath),
    request_body(content = Option<RemoveStaff>, example = json!({"reason_code": "left"})),
    responses((status = 204, description = "The account has ended"), NotFound))]
pub(super) async fn remove(
    State(app): State<App>,
    PathParameters(StaffPath { staff_id }): PathParameters<StaffPath>,
    post: Post,
) -> Result<Response, Problem> {
    let (command, context) = post.read_unrepeated(|form, _| request::remove(form, staff_id))?;
    app.executor.change_access(&command, &context).await.map_err(|error| app.problem(error))?;
    Ok(no_content())
}

/// What a mail to a person needs
///
/// Name, address, and the links that are open. For the notifier.
#[utoipa::path(get, path = "/api/access/staff/{staff_id}/contact", operation_id = "getStaffContact", tag = "service",
    params(StaffPath),
    responses((status = 200, body = StaffContactView), NotFound))]
pub(super) async fn contact(
    State(app): State<App>,
    PathParameters(StaffPath { staff_id }): PathParameters<StaffPath>,
) -> Result<Response, Problem> {
    app.catch_up().await?;
    Ok(private(&app.staff_contact(staff_id).ok_or_else(|| unknown_person(staff_id))?))
}

impl App {
    /// Runs a command that invites a person. The response contains the link, unless it is sent by mail.
    async fn invite(&self, command: StaffCommand, context: &RequestContext) -> Result<Response, Problem> {
        self.executor.change_access(&command, context).await.map_err(|error| self.problem(error))?;
        let account = self.projections.access().account(command.id());
        let account = account.ok_or_else(|| unknown_person(command.id()))?;
        let invitation = self.invitation(&account).filter(|_| account.contact.is_none());
        Ok(private(&InvitedStaff { staff: self.staff_view(&account), invitation }))
    }

    /// Runs a command about a person, and responds with the person.
    async fn change_staff(
        &self,
        command: &StaffCommand,
        id: StaffId,
        context: &RequestContext,
    ) -> Result<Response, Problem> {
        self.executor.change_access(command, context).await.map_err(|error| self.problem(error))?;
        let account = self.projections.access().account(id).ok_or_else(|| unknown_person(id))?;
        Ok(private(&self.staff_view(&account)))
    }
}
