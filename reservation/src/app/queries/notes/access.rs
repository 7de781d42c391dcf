//! Short descriptions of events of credentials. Part of [`super`].

use events::Event;
use events::staff::{RoleGrant, SignInMethod};
use events::values::Scope;

/// A short description of an event of a key, an account, a session, a device or a calendar link. People are ids here.
pub(super) fn note_of_access(event: &Event) -> String {
    match event {
        Event::KeyCreated(e) => {
            let scopes: Vec<_> = e.scopes.iter().map(Scope::word).collect();
            format!("Key {} created ({}): {}", e.key_id, e.name, scopes.join(", "))
        }
        Event::KeyRotated(e) => {
            format!("Key {} has a new secret; the previous one is valid until {}", e.key_id, e.previous_until)
        }
        Event::KeyRevoked(e) => format!("Key {} revoked: {}", e.key_id, e.reason_code),
        Event::KeyUsed(e) => format!("Key {} used on {}", e.key_id, e.on),
        Event::LinkKeyCreated(_) => "New key for links; earlier links are not valid".into(),
        Event::StaffInvited(e) => {
            format!("Invitation {} until {}: {}", e.invitation, e.expires_at, roles(&e.roles))
        }
        Event::StaffJoined(_) => "Invitation accepted".into(),
        Event::StaffRolesChanged(e) => format!("Roles changed: {}", roles(&e.roles)),
        Event::StaffRemoved(e) => format!("Account ended: {}", e.reason_code),
        Event::PasswordChanged(e) if e.session_id.is_none() => "Password set by a link".into(),
        Event::PasswordChanged(_) => "Password changed".into(),
        Event::PasswordResetRequested(e) => format!("Link to reset the password until {}", e.expires_at),
        Event::TotpEnrolled(_) => "Authenticator app enrolled".into(),
        Event::TotpRemoved(e) => format!("Authenticator app removed: {}", e.reason_code),
        Event::PinSet(_) => "PIN set".into(),
        Event::SessionStarted(e) => format!("Signed in with {}", method(e.method)),
        Event::SessionReauthenticated(e) => format!("Identity proved again with {}", method(e.method)),
        Event::SessionEnded(e) => format!("Session ended: {}", e.reason_code),
        Event::DeviceAdded(e) => format!("Device added at {}: {}", e.venue_id, e.name),
        Event::DeviceEnrolled(_) => "Device enrolled".into(),
        Event::DeviceRevoked(e) => format!("Device revoked: {}", e.reason_code),
        Event::CalendarLinkCreated(e) => format!("Calendar link for {} created", e.venue_id),
        Event::CalendarLinkRevoked(e) => format!("Calendar link for {} revoked", e.venue_id),
        _ => "Event of a credential".into(),
    }
}

fn roles(grants: &[RoleGrant]) -> String {
    let grant = |grant: &RoleGrant| {
        let venues = grant.venues.as_ref().map_or("all venues".to_owned(), |venues| {
            venues.iter().map(|venue| venue.as_str()).collect::<Vec<_>>().join(", ")
        });
        format!("{} at {venues}", grant.role.word())
    };
    grants.iter().map(grant).collect::<Vec<_>>().join("; ")
}

fn method(method: SignInMethod) -> &'static str {
    match method {
        SignInMethod::Password => "a password",
        SignInMethod::Totp => "a password and a code",
        SignInMethod::RecoveryCode => "a password and a recovery code",
        SignInMethod::Pin => "a PIN",
    }
}
