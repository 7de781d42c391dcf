//! What members of staff do with their own accounts.

use access::token::{OpaqueKind, OpaqueToken};
use access::totp::TotpSecret;
use access::{Caller, cookies};
use axum::extract::State;
use axum::response::Response;
use chassis::api::PathParameters;
use chassis::docs::{Conflict, Delayed, Gone, NotFound};
use chassis::problem::Problem;
use chrono::TimeDelta;
use contract::reservation::sessions::{
    AuthenticatorSecret, CalendarLinkView, CalendarLinks, CalendarPath, ChangePassword, EnrolAuthenticator,
    RecoveryCodes, RequestPasswordReset, ResetPassword, SetPin, SignedIn,
};
use contract::reservation::staff::{AcceptInvitation, StaffLinkInfo, StaffView};

use super::extract::{Me, Post};
use super::respond::{accepted, no_content, private, with_cookies};
use crate::api::problem::link_over;
use crate::api::request;
use crate::app::App;
use crate::app::accounts::AccountError;
use crate::app::commands::AccountCommand;

/// Read your account
#[utoipa::path(get, path = "/api/account", operation_id = "getAccount", tag = "accounts",
    responses((status = 200, body = StaffView)))]
pub(super) async fn get(State(app): State<App>, Me(me): Me) -> Result<Response, Problem> {
    app.catch_up().await?;
    let account = app.account_of(me).map_err(|refusal| app.problem(refusal.into()))?;
    Ok(private(&app.staff_view(&account)))
}

/// Read an invitation, or a link to reset a password
///
/// Present the link as the credential. The page for it shows this.
#[utoipa::path(get, path = "/api/invitation", operation_id = "getInvitation", tag = "accounts",
    responses((status = 200, body = StaffLinkInfo), Gone))]
pub(super) async fn invitation(State(app): State<App>, caller: Caller) -> Result<Response, Problem> {
    app.link_info(&caller).await
}

/// Accept an invitation
///
/// Present the link of the invitation as the credential. You are signed in then.
#[utoipa::path(post, path = "/api/invitation/accept", operation_id = "acceptInvitation", tag = "accounts",
    request_body(content = AcceptInvitation, example = json!({"password": "kelapa motor sunyi bendera", "name": "Sari Wulandari", "email": "sari@warung-sinar.co.id"})),
    responses((status = 200, body = SignedIn, headers(("Set-Cookie" = String))), Gone, Conflict))]
pub(super) async fn join(State(app): State<App>, post: Post) -> Result<Response, Problem> {
    app.catch_up().await?;
    let (joining, context) = post.read_unrepeated(|form, caller| request::join(form, &app, caller))?;
    let started = app.join(joining, context).await.map_err(|error| app.account_problem(error))?;
    app.respond_signed_in(started)
}

/// Ask for a link to reset the password
///
/// The link is sent by mail if the address belongs to an account. The response does not tell whether it does.
#[utoipa::path(post, path = "/api/password-resets", operation_id = "requestPasswordReset", tag = "accounts",
    request_body(content = RequestPasswordReset, example = json!({"email": "sari@warung-sinar.co.id"})),
    responses((status = 202, description = "A mail is sent if the address belongs to an account")))]
pub(super) async fn request_reset(State(app): State<App>, post: Post) -> Result<Response, Problem> {
    app.catch_up().await?;
    let (email, context) = post.read_unrepeated(|form, _| request::reset_address(form))?;
    app.request_reset_later(email, context);
    Ok(accepted())
}

/// Read a link to reset the password
///
/// Present the link in the mail as the credential.
#[utoipa::path(get, path = "/api/password-reset", operation_id = "getPasswordReset", tag = "accounts",
    responses((status = 200, body = StaffLinkInfo), Gone))]
pub(super) async fn password_reset(State(app): State<App>, caller: Caller) -> Result<Response, Problem> {
    app.link_info(&caller).await
}

/// Reset the password
///
/// Present the link in the mail as the credential. All your sessions end, and you are signed in.
#[utoipa::path(post, path = "/api/password-reset", operation_id = "resetPassword", tag = "accounts",
    request_body(content = ResetPassword, example = json!({"password": "kelapa motor sunyi bendera"})),
    responses((status = 200, body = SignedIn, headers(("Set-Cookie" = String))), Gone, Delayed))]
pub(super) async fn reset(State(app): State<App>, post: Post) -> Result<Response, Problem> {
    app.catch_up().await?;
    let ((password, code), context) = post.read_unrepeated(|form, _| request::reset(form))?;
    let started = app.reset_password(&password, code.as_deref(), context).await;
    app.respond_signed_in(started.map_err(|error| app.account_problem(error))?)
}

/// Change your password
///
/// All your other sessions end.
#[utoipa::path(post, path = "/api/account/password", operation_id = "changePassword", tag = "accounts",
    request_body(content = ChangePassword, example = json!({"current_password": "kelapa motor sunyi bendera", "password": "sepeda hujan lampu kuning"})),
    responses((status = 204, description = "The password has changed", headers(("Set-Cookie" = String))), Delayed, Conflict))]
pub(super) async fn change_password(State(app): State<App>, post: Post) -> Result<Response, Problem> {
    let ((current, code, new), context) = post.read_unrepeated(|form, _| request::change_password(form))?;
    let changed = app.done(app.change_password(&current, code.as_deref(), &new, &context).await)?;
    let account = context.caller.person().and_then(|me| app.account_of(me).ok());
    let browser = account.and_then(|account| app.sign_ins.browser_of(&account));
    // The earlier cookie was for the earlier password.
    let lasts = TimeDelta::days(cookies::BROWSER_DAYS);
    Ok(with_cookies(changed, browser.map(|browser| (cookies::BROWSER, Some(browser), lasts))))
}

/// Get a secret for an authenticator app
///
/// It counts once it is enrolled with a code of the app.
#[utoipa::path(post, path = "/api/account/authenticator/secret", operation_id = "createAuthenticatorSecret", tag = "accounts",
    responses((status = 200, body = AuthenticatorSecret)))]
pub(super) async fn totp_secret(State(app): State<App>, Me(me): Me) -> Result<Response, Problem> {
    let account = app.account_of(me).map_err(|refusal| app.problem(refusal.into()))?;
    let secret = TotpSecret::new(app.env.as_ref());
    let name = account.contact.map(|contact| contact.email).unwrap_or_default();
    let url = secret.url(&name).map_err(|error| Problem::internal(&std::io::Error::other(error)))?;
    Ok(private(&AuthenticatorSecret { secret: secret.reveal(), url }))
}

/// Enrol an authenticator app
///
/// From now on you sign in with a code of the app too, and your other sessions end. The response contains
/// recovery codes, for when you lose the app.
#[utoipa::path(put, path = "/api/account/authenticator", operation_id = "enrolAuthenticator", tag = "accounts",
    request_body(content = EnrolAuthenticator, example = json!({"secret": "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP", "code": "287082"})),
    responses((status = 200, body = RecoveryCodes)))]
pub(super) async fn enrol_totp(State(app): State<App>, post: Post) -> Result<Response, Problem> {
    let ((secret, code), context) = post.read_unrepeated(|form, _| request::enrol_authenticator(form))?;
    let codes = app.enrol_totp(&secret, &code, &context).await.map_err(|error| app.account_problem(error))?;
    Ok(private(&RecoveryCodes { codes: codes.iter().map(access::code::OneTimeCode::reveal).collect() }))
}

/// Remove the authenticator app
#[utoipa::path(delete, path = "/api/account/authenticator", operation_id = "removeAuthenticator", tag = "accounts",
    responses((status = 204, description = "You sign in without codes again"), Conflict))]
pub(super) async fn remove_totp(State(app): State<App>, Me(me): Me, post: Post) -> Result<Response, Problem> {
    app.change_account(AccountCommand::RemoveTotp { id: me.staff_id }, post).await
}

/// Set your PIN
///
/// With it you sign in on devices at the stand, and approve a request on the device of another person.
#[utoipa::path(put, path = "/api/account/pin", operation_id = "setPin", tag = "accounts",
    request_body(content = SetPin, example = json!({"pin": "7294"})),
    responses((status = 204, description = "The PIN is set")))]
pub(super) async fn set_pin(State(app): State<App>, post: Post) -> Result<Response, Problem> {
    let (pin, context) = post.read_unrepeated(|form, _| request::pin(form))?;
    app.done(app.set_pin(&pin, &context).await)
}

/// List your calendar links
#[utoipa::path(get, path = "/api/account/calendars", operation_id = "listCalendarLinks", tag = "accounts",
    responses((status = 200, body = CalendarLinks)))]
pub(super) async fn calendars(State(app): State<App>, Me(me): Me) -> Result<Response, Problem> {
    app.catch_up().await?;
    let account = app.account_of(me).map_err(|refusal| app.problem(refusal.into()))?;
    Ok(private(&CalendarLinks { venues: account.calendars.into_keys().collect() }))
}

/// Create a link to the calendar of a venue
///
/// It reads the bookings of the venue, and changes nothing. It replaces your earlier link for the venue.
#[utoipa::path(put, path = "/api/account/calendars/{venue_id}", operation_id = "createCalendarLink", tag = "accounts",
    params(CalendarPath),
    responses((status = 200, body = CalendarLinkView), NotFound))]
pub(super) async fn link_calendar(
    State(app): State<App>,
    PathParameters(CalendarPath { venue_id }): PathParameters<CalendarPath>,
    Me(me): Me,
    post: Post,
) -> Result<Response, Problem> {
    let token = OpaqueToken::new(OpaqueKind::Calendar, app.env.as_ref());
    let (token_text, venue) = (token.reveal(), venue_id.clone());
    let path = format!("/calendars/{token_text}");
    let view = CalendarLinkView { venue_id: venue, token: token_text, path };
    app.change_account(AccountCommand::LinkCalendar { id: me.staff_id, venue_id, token }, post).await?;
    Ok(private(&view))
}

/// Revoke your link to the calendar of a venue
#[utoipa::path(delete, path = "/api/account/calendars/{venue_id}", operation_id = "revokeCalendarLink", tag = "accounts",
    params(CalendarPath),
    responses((status = 204, description = "The link is not valid any more"), NotFound))]
pub(super) async fn unlink_calendar(
    State(app): State<App>,
    PathParameters(CalendarPath { venue_id }): PathParameters<CalendarPath>,
    Me(me): Me,
    post: Post,
) -> Result<Response, Problem> {
    app.change_account(AccountCommand::UnlinkCalendar { id: me.staff_id, venue_id }, post).await
}

impl App {
    async fn link_info(&self, caller: &Caller) -> Result<Response, Problem> {
        self.catch_up().await?;
        let info = caller.link().and_then(|link| self.staff_link_info(link));
        Ok(private(&info.ok_or_else(link_over)?))
    }

    /// Runs a command of a person about the own account. The response is empty.
    async fn change_account(&self, command: AccountCommand, post: Post) -> Result<Response, Problem> {
        let ((), context) = post.read_unrepeated(|_, _| Some(()))?;
        self.done(self.executor.change_access(&command, &context).await.map_err(AccountError::from))
    }

    /// The empty response to a change.
    fn done(&self, changed: Result<(), AccountError>) -> Result<Response, Problem> {
        changed.map_err(|error| self.account_problem(error))?;
        Ok(no_content())
    }
}
