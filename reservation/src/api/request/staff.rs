//! Requests about members of staff, their accounts and the devices at the stand.

use std::collections::BTreeSet;

use access::Caller;
use access::code::OneTimeCode;
use access::registry::StaffContact;
use chrono::TimeDelta;
use contract::form::Form;
use contract::reservation::roles::drafts as role_drafts;
use contract::reservation::{devices, sessions, staff};
use contract::values::{AnyVenue, Line, List, Secret};
use events::staff::{Role, RoleGrant};
use events::{DeviceId, StaffId, VenueId};

use super::contact::person;
use super::reason::reason_or;
use crate::app::App;
use crate::app::accounts::{Again, Joining, Typed};
use crate::app::commands::{DeviceCommand, StaffCommand};
use crate::app::contact::email;

/// How long an invitation by mail is open.
const INVITATION: TimeDelta = TimeDelta::days(3);
/// Lifetime of an invitation whose link is returned in the response.
const SHOWN_INVITATION: TimeDelta = TimeDelta::minutes(15);

/// The reason code of an account that ended without a reason.
const LEFT: &str = "left";
/// The reason code of a device that was revoked without a reason.
const REVOKED: &str = "revoked";

pub(in crate::api) fn invite(form: &mut Form, app: &App) -> Option<StaffCommand> {
    let draft = staff::drafts::InviteStaff::take(form);
    let roles = draft.roles.and_then(|roles| read_roles(form, app, roles));
    let name = draft.name.and_then(|name| person(form, &["name"], &name));
    let address = draft.email.map(|text| address(form, &text));
    let locale = draft.locale.unwrap_or_default();
    if address.is_some() && name.is_none() && !form.has_fault("name") {
        form.fault("name", "value_error", "an invitation by mail names the person", None);
    }
    if address.is_none() && name.is_some() && !form.has_fault("email") {
        form.fault("name", "value_error", "without email the person enters the name: leave it out", None);
    }
    let contact = address.map(|email| Some(StaffContact { name: name?, email: email?, locale }));
    let contact = match contact {
        Some(contact) => Some(contact?),
        None => None,
    };
    let lasts = if contact.is_some() { INVITATION } else { SHOWN_INVITATION };
    Some(StaffCommand::Invite { id: StaffId(app.env.new_id()), roles: roles?, contact, lasts })
}

pub(in crate::api) fn change_roles(form: &mut Form, app: &App, id: StaffId) -> Option<StaffCommand> {
    let draft = staff::drafts::ChangeRoles::take(form);
    let roles = draft.roles.and_then(|roles| read_roles(form, app, roles));
    Some(StaffCommand::ChangeRoles { id, roles: roles? })
}

pub(in crate::api) fn remove(form: &mut Form, id: StaffId) -> Option<StaffCommand> {
    let reason_code = staff::drafts::RemoveStaff::take(form).reason_code;
    let reason_code = reason_or(form, LEFT, reason_code, None)?;
    Some(StaffCommand::Remove { id, reason_code })
}

/// An invitation that was sent by mail is sent by mail again.
pub(in crate::api) fn invite_again(app: &App, id: StaffId) -> StaffCommand {
    let account = app.projections.access().account(id);
    let is_mailed = account.is_some_and(|account| account.contact.is_some());
    StaffCommand::InviteAgain { id, lasts: if is_mailed { INVITATION } else { SHOWN_INVITATION } }
}

/// Reads the roles of a person: at least one, at venues that exist.
fn read_roles(form: &mut Form, app: &App, draft: role_drafts::Roles) -> Option<Vec<RoleGrant>> {
    let named = [(Role::Host, draft.host), (Role::Manager, draft.manager), (Role::Owner, draft.owner)];
    let mut grants = Vec::new();
    for (role, venues) in named {
        let Some(List(venues)) = venues else { continue };
        let ids = venues.into_iter().map(|venue| match venue {
            AnyVenue::All => None,
            AnyVenue::One(id) => Some(id),
        });
        // With `*` the others mean nothing more.
        let venues: Option<BTreeSet<VenueId>> = ids.collect();
        if let Some(unknown) = venues.iter().flatten().find(|id| app.venues.get(Some(id)).is_none()) {
            let msg = format_args!("there is no venue \"{unknown}\"");
            form.fault_at(&["roles", role.word()], "value_error", msg, Some(unknown.as_str().into()));
        }
        grants.push(RoleGrant { role, venues });
    }
    if grants.is_empty() && !form.has_fault_in("roles") {
        form.fault("roles", "value_error", "name at least one role", None);
    }
    (!grants.is_empty()).then_some(grants)
}

/// Reads an e-mail address of a person into its canonical form: people do not care about upper case.
fn address(form: &mut Form, text: &Line<{ staff::EMAIL_CHARS_MAX }>) -> Option<String> {
    let read = form.checked(&["email"], text.as_str(), email(text.as_str()))?;
    Some(read.ascii.to_lowercase())
}

/// The canonical form of an address with which a person signs in. One that is no address belongs to no account.
fn typed_address(text: &Line<{ staff::EMAIL_CHARS_MAX }>) -> String {
    email(text.as_str()).map_or_else(|_| text.as_str().to_owned(), |email| email.ascii).to_lowercase()
}

fn revealed<const MIN: usize, const MAX: usize>(secret: &Secret<MIN, MAX>) -> String {
    secret.reveal().to_owned()
}

pub(in crate::api) fn sign_in(form: &mut Form, browser: Option<String>) -> Option<Typed> {
    let draft = sessions::drafts::SignIn::take(form);
    let (code, pin) = (draft.code.as_ref().map(revealed), draft.pin.as_ref().map(revealed));
    match (draft.email, draft.password, draft.staff_id, pin) {
        (Some(email), Some(password), None, None) => {
            let (email, password) = (typed_address(&email), revealed(&password));
            Some(Typed::Password { email, password, code, browser })
        }
        (None, None, Some(id), Some(pin)) if code.is_none() => Some(Typed::Pin { id, pin }),
        (email, password, ..) => {
            let msg = "name email and password, or on a device at the stand staff_id and pin";
            let first = if email.is_some() && password.is_none() { "password" } else { "email" };
            form.fault(first, "value_error", msg, None);
            None
        }
    }
}

pub(in crate::api) fn prove(form: &mut Form) -> Option<Again> {
    let draft = sessions::drafts::ProveIdentity::take(form);
    match (draft.password, draft.pin) {
        (Some(password), None) => {
            Some(Again::Password(revealed(&password), draft.code.as_ref().map(revealed)))
        }
        (None, Some(pin)) => Some(Again::Pin(revealed(&pin))),
        _ => {
            form.fault("password", "value_error", "name password, or on a device at the stand pin", None);
            None
        }
    }
}

pub(in crate::api) fn join(form: &mut Form, app: &App, caller: &Caller) -> Option<Joining> {
    let draft = staff::drafts::AcceptInvitation::take(form);
    let name = draft.name.map(|name| person(form, &["name"], &name));
    let email = draft.email.map(|text| address(form, &text));
    // Without a contact in the invitation, the person enters it.
    let info = caller.link().and_then(|link| app.staff_link_info(link));
    let is_open = info.as_ref().is_some_and(|info| info.email.is_none());
    if is_open && email.is_none() && !form.has_fault("email") {
        form.fault("email", "value_error", "enter the address: the invitation has none", None);
    }
    if is_open && name.is_none() && !form.has_fault("name") {
        form.fault("name", "value_error", "enter the name: the invitation has none", None);
    }
    if info.is_some_and(|info| info.email.is_some()) && email.is_some() {
        form.fault("email", "value_error", "the invitation names the e-mail address", None);
    }
    Some(Joining {
        password: revealed(&draft.password?),
        name: name.map_or(Some(None), |name| name.map(Some))?,
        email: email.map_or(Some(None), |email| email.map(Some))?,
        locale: draft.locale,
    })
}

/// Reads the address of a person who forgot the password.
pub(in crate::api) fn reset_address(form: &mut Form) -> Option<String> {
    let draft = sessions::drafts::RequestPasswordReset::take(form);
    draft.email.as_ref().map(typed_address)
}

/// Reads a new password and a code.
pub(in crate::api) fn reset(form: &mut Form) -> Option<(String, Option<String>)> {
    let draft = sessions::drafts::ResetPassword::take(form);
    Some((revealed(&draft.password?), draft.code.as_ref().map(revealed)))
}

/// Reads the current password, a code, and the new password.
pub(in crate::api) fn change_password(form: &mut Form) -> Option<(String, Option<String>, String)> {
    let draft = sessions::drafts::ChangePassword::take(form);
    let code = draft.code.as_ref().map(revealed);
    Some((revealed(&draft.current_password?), code, revealed(&draft.password?)))
}

/// Reads the secret and a code of an authenticator app.
pub(in crate::api) fn enrol_authenticator(form: &mut Form) -> Option<(String, String)> {
    let draft = sessions::drafts::EnrolAuthenticator::take(form);
    Some((revealed(&draft.secret?), revealed(&draft.code?)))
}

pub(in crate::api) fn pin(form: &mut Form) -> Option<String> {
    sessions::drafts::SetPin::take(form).pin.as_ref().map(revealed)
}

pub(in crate::api) fn add_device(form: &mut Form, app: &App) -> Option<(DeviceCommand, OneTimeCode)> {
    let draft = devices::drafts::AddDevice::take(form);
    if let Some(id) = &draft.venue_id
        && app.venues.get(Some(id)).is_none()
    {
        let msg = format_args!("there is no venue \"{id}\"");
        form.fault("venue_id", "value_error", msg, Some(id.as_str().into()));
    }
    let code = OneTimeCode::new(app.env.as_ref());
    let (id, venue_id, name) = (DeviceId(app.env.new_id()), draft.venue_id?, draft.name?.into());
    Some((DeviceCommand::Add { id, venue_id, name, code: code.clone() }, code))
}

pub(in crate::api) fn revoke_device(form: &mut Form, id: DeviceId) -> Option<DeviceCommand> {
    let reason_code = devices::drafts::RevokeDevice::take(form).reason_code;
    let reason_code = reason_or(form, REVOKED, reason_code, None)?;
    Some(DeviceCommand::Revoke { id, reason_code })
}

/// Reads the code of a device. `Some(None)` is a text that is no code.
pub(in crate::api) fn device_code(form: &mut Form) -> Option<Option<OneTimeCode>> {
    let draft = devices::drafts::EnrolDevice::take(form);
    draft.code.map(|code| OneTimeCode::parse(code.reveal()))
}
