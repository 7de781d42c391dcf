//! Devices at the stands of venues.

use access::registry::Device;
use access::token::{OpaqueKind, OpaqueToken};
use access::{Caller, cookies};
use axum::extract::State;
use axum::response::Response;
use chassis::api::PathParameters;
use chassis::docs::{Conflict, NotFound};
use chassis::problem::Problem;
use chrono::TimeDelta;
use contract::reservation::devices::{
    AddDevice, AddedDevice, DevicePath, DeviceView, Devices, EnrolDevice, RevokeDevice, StandPresence,
    StandView,
};
use events::DeviceId;

use super::extract::Post;
use super::respond::{no_content, private, with_cookies};
use crate::api::problem::{code_over, note_problem, unknown_device};
use crate::api::request;
use crate::app::App;
use crate::app::commands::DeviceCommand;
use crate::app::stands::{self, PRESENCE_SECONDS};

/// List the devices at the stands
#[utoipa::path(get, path = "/api/access/devices", operation_id = "listDevices", tag = "access",
    responses((status = 200, body = Devices)))]
pub(super) async fn list(State(app): State<App>, caller: Caller) -> Result<Response, Problem> {
    app.catch_up().await?;
    Ok(private(&Devices { items: app.devices(&caller) }))
}

/// Add a device at the stand of a venue
///
/// The response contains a code that enrols it within ten minutes. People then sign in there with their PINs.
#[utoipa::path(post, path = "/api/access/devices", operation_id = "addDevice", tag = "access",
    request_body(content = AddDevice, example = json!({"venue_id": "bandung-dago", "name": "tablet at the door"})),
    responses((status = 200, body = AddedDevice), NotFound, Conflict))]
pub(super) async fn add(State(app): State<App>, post: Post) -> Result<Response, Problem> {
    let ((command, code), context) = post.read_unrepeated(|form, _| request::add_device(form, &app))?;
    app.executor.change_access(&command, &context).await.map_err(|error| app.problem(error))?;
    let device = app.device(command.id())?;
    Ok(private(&AddedDevice { device: app.device_view(&device), code: code.reveal() }))
}

/// Revoke a device
///
/// From this response on no session on it is valid. It cannot be undone.
#[utoipa::path(post, path = "/api/access/devices/{device_id}/revoke", operation_id = "revokeDevice", tag = "access",
    params(DevicePath),
    request_body(content = Option<RevokeDevice>, example = json!({"reason_code": "lost"})),
    responses((status = 204, description = "The device is revoked"), NotFound))]
pub(super) async fn revoke(
    State(app): State<App>,
    PathParameters(DevicePath { device_id }): PathParameters<DevicePath>,
    post: Post,
) -> Result<Response, Problem> {
    let (command, context) = post.read_unrepeated(|form, _| request::revoke_device(form, device_id))?;
    app.executor.change_access(&command, &context).await.map_err(|error| app.problem(error))?;
    Ok(no_content())
}

/// Enrol this device
///
/// The response sets the cookie of the device, and signs out of this browser: a session of an owner must not stay on it.
#[utoipa::path(post, path = "/api/stand/enrol", operation_id = "enrolDevice", tag = "accounts",
    request_body(content = EnrolDevice, example = json!({"code": "7F3KM-Q2W9T"})),
    responses((status = 200, body = DeviceView, headers(("Set-Cookie" = String)))))]
pub(super) async fn enrol(State(app): State<App>, post: Post) -> Result<Response, Problem> {
    app.catch_up().await?;
    let (code, context) = post.read_unrepeated(|form, _| request::device_code(form))?;
    let device = code.as_ref().and_then(|code| app.projections.access().device_of(&code.hash()));
    let (code, device) = code.zip(device).ok_or_else(code_over)?;
    let token = OpaqueToken::new(OpaqueKind::Device, app.env.as_ref());
    let cookie = token.reveal();
    let command = DeviceCommand::Enrol { id: device.id, code, token };
    app.executor.change_access(&command, &context).await.map_err(|error| app.problem(error))?;
    let view = app.device_view(&app.device(device.id)?);
    let lasts = TimeDelta::days(cookies::DEVICE_DAYS);
    let signed_out = (cookies::SESSION, None, TimeDelta::zero());
    Ok(with_cookies(private(&view), [(cookies::DEVICE, Some(cookie), lasts), signed_out]))
}

/// The device, and the people who can sign in on it
///
/// The people who have a role at the venue and a PIN, by name.
#[utoipa::path(get, path = "/api/stand", operation_id = "getStand", tag = "accounts",
    responses((status = 200, body = StandView)))]
pub(super) async fn stand(State(app): State<App>, caller: Caller) -> Result<Response, Problem> {
    app.catch_up().await?;
    let id = caller.device().map(|device| device.id).ok_or_else(Problem::unauthorized)?;
    Ok(private(&app.stand(&app.device(id)?)))
}

/// Say that this device is there
///
/// A device at the stand does so every 30 seconds. While none of the devices of a venue does, automatic no-shows wait during
/// its services, for an hour at most.
#[utoipa::path(post, path = "/api/stand/presence", operation_id = "reportPresence", tag = "accounts",
    responses((status = 200, body = StandPresence)))]
pub(super) async fn presence(State(app): State<App>, caller: Caller) -> Result<Response, Problem> {
    let device = caller.device().ok_or_else(Problem::unauthorized)?;
    let at = app.env.now();
    stands::hear(&app.notes, &device.venue_id, at).await.map_err(|error| note_problem(&error))?;
    Ok(private(&StandPresence { at, repeat_after_seconds: PRESENCE_SECONDS }))
}

impl App {
    fn device(&self, id: DeviceId) -> Result<Device, Problem> {
        self.projections.access().device(id).ok_or_else(|| unknown_device(id))
    }
}
