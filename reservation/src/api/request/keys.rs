//! Requests about keys.

use access::token::KeyToken;
use chrono::TimeDelta;
use contract::form::Form;
use contract::reservation::access::drafts;
use events::KeyId;

use super::reason::reason_or;
use crate::app::App;
use crate::app::commands::KeyCommand;

/// For how long the previous secret of a key is valid too, in hours.
const OVERLAP_HOURS: i64 = 24;
/// The reason code of a key that was revoked without a reason.
const REVOKED: &str = "revoked";

pub(in crate::api) fn create_key(form: &mut Form, app: &App) -> Option<KeyCommand> {
    let draft = drafts::CreateKey::take(form);
    let (env, now) = (app.env.as_ref(), app.env.now());
    let expires_at = draft.expires_at.and_then(|at| {
        let in_future = if at > now { Ok(at) } else { Err("this is in the past") };
        form.checked(&["expires_at"], at.to_rfc3339(), in_future)
    });
    let venues = draft.venues.map(|venues| venues.0);
    if let Some(unknown) = venues.iter().flatten().find(|id| app.venues.get(Some(id)).is_none()) {
        let msg = format_args!("there is no venue \"{unknown}\"");
        form.fault("venues", "value_error", msg, Some(unknown.as_str().into()));
    }
    Some(KeyCommand::Create {
        token: KeyToken::new(env),
        name: draft.name?.into(),
        scopes: draft.scopes?.0.into(),
        venues: venues.map(|venues| venues.into_iter().collect()),
        expires_at,
    })
}

pub(in crate::api) fn rotate_key(form: &mut Form, app: &App, id: KeyId) -> Option<KeyCommand> {
    let hours = drafts::RotateKey::take(form).overlap_hours;
    let overlap = TimeDelta::hours(hours.map_or(OVERLAP_HOURS, |hours| hours.get()));
    Some(KeyCommand::Rotate { token: KeyToken::for_id(id, app.env.as_ref()), overlap })
}

pub(in crate::api) fn revoke_key(form: &mut Form, id: KeyId) -> Option<KeyCommand> {
    let reason_code = drafts::RevokeKey::take(form).reason_code;
    let reason_code = reason_or(form, REVOKED, reason_code, None)?;
    Some(KeyCommand::Revoke { id, reason_code })
}
