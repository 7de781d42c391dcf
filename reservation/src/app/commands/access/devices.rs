//! Devices at the stands of venues: adding, enrolling and revoking.

use access::code::OneTimeCode;
use access::registry::{DEVICES_MAX, Device, HashedSecret};
use access::token::OpaqueToken;
use chrono::TimeDelta;
use events::event::{DeviceAdded, DeviceEnrolled, DeviceRevoked};
use events::{DeviceId, Tag, VenueId};

use super::{AccessCommand, AccessEvent, AccessRefusal, Deciding};
use crate::app::executor::CommandError;

/// How long the code of a device is valid, in minutes.
const DEVICE_CODE_MINUTES: i64 = 10;

/// What changes a device.
#[derive(Debug, Clone)]
pub enum DeviceCommand {
    /// Add it.
    Add {
        /// Its id.
        id: DeviceId,
        /// The venue.
        venue_id: VenueId,
        /// Its name for people.
        name: String,
        /// The code with which it is enrolled.
        code: OneTimeCode,
    },
    /// Enrol it.
    Enrol {
        /// Its id.
        id: DeviceId,
        /// The code.
        code: OneTimeCode,
        /// Its cookie.
        token: OpaqueToken,
    },
    /// End it, and all sessions on it.
    Revoke {
        /// Its id.
        id: DeviceId,
        /// The reason as a stable code.
        reason_code: String,
    },
}

impl DeviceCommand {
    /// The device.
    #[must_use]
    pub fn id(&self) -> DeviceId {
        match self {
            Self::Add { id, .. } | Self::Enrol { id, .. } | Self::Revoke { id, .. } => *id,
        }
    }
}

impl AccessCommand for DeviceCommand {
    fn decide(&self, from: &Deciding<'_>) -> Result<Vec<AccessEvent>, CommandError> {
        let device_id = self.id();
        let unknown = AccessRefusal::UnknownDevice(device_id);
        Ok(match self {
            Self::Add { venue_id, name, code, .. } => {
                if !from.caller.venues.contain(venue_id) {
                    return Err(CommandError::HiddenVenue(venue_id.clone()));
                }
                from.caller.may_grant_until(None)?;
                if from.registry.devices().len() >= DEVICES_MAX {
                    return Err(AccessRefusal::TooManyDevices.into());
                }
                let sealed = from.seal(&HashedSecret::from(code))?;
                let (venue_id, name) = (venue_id.clone(), name.clone());
                let code_expires_at = from.now + TimeDelta::minutes(DEVICE_CODE_MINUTES);
                let secret_digest = sealed.digest.clone();
                let added = DeviceAdded { device_id, venue_id, name, code_expires_at, secret_digest };
                vec![AccessEvent::of_device(device_id, added).with(sealed)]
            }
            Self::Enrol { code, token, .. } => {
                let device =
                    from.registry.device_of(&code.hash()).filter(|device| device.is_open_at(from.now));
                let device = device.filter(|device| device.id == device_id).ok_or(AccessRefusal::CodeOver)?;
                let sealed = from.seal(&HashedSecret::from(token))?;
                let enrolled = DeviceEnrolled { device_id, secret_digest: sealed.digest.clone() };
                let code_at = device.secret.map(|secret| secret.at);
                vec![AccessEvent::of_device(device_id, enrolled).with(sealed).forgetting(code_at)]
            }
            Self::Revoke { reason_code, .. } => {
                let device = from.registry.device(device_id).ok_or(unknown)?;
                if !from.caller.venues.contain(&device.venue_id) {
                    return Err(unknown.into());
                }
                vec![revoked(from, &device, reason_code)]
            }
        })
    }

    fn tags(&self) -> Vec<Tag> {
        // Devices are counted, so that additions exclude each other.
        let all = matches!(self, Self::Add { .. }).then(Tag::access);
        std::iter::once(Tag::credential(self.id())).chain(all).collect()
    }
}

/// The event that ends a device and the sessions on it.
pub(super) fn revoked(from: &Deciding<'_>, device: &Device, reason_code: &str) -> AccessEvent {
    let sessions = from.registry.sessions_on(device.id);
    let forgets = sessions.iter().map(|session| session.at).chain(device.secret.map(|secret| secret.at));
    let revoked = DeviceRevoked { device_id: device.id, reason_code: reason_code.to_owned() };
    AccessEvent::of_device(device.id, revoked).forgetting(forgets.collect::<Vec<_>>())
}
