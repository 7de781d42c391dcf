//! Devices at the stands of venues. Part of [`super`].

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Utc};
use events::{DeviceId, Event, Position, VenueId};
use tokio_util::sync::CancellationToken;

use super::payloads::HashedSecret;
use super::people::KeptSecret;
use crate::token::SecretHash;

/// A device at the stand of a venue.
#[derive(Debug, Clone)]
pub struct Device {
    /// The device.
    pub id: DeviceId,
    /// The venue.
    pub venue_id: VenueId,
    /// Its name for people.
    pub name: String,
    /// When it was added.
    pub added_at: DateTime<Utc>,
    /// Until when its code is valid.
    pub code_expires_at: DateTime<Utc>,
    /// When it was enrolled.
    pub enrolled_at: Option<DateTime<Utc>>,
    /// The hash of its code, before it is enrolled, and of its cookie afterwards.
    pub secret: Option<KeptSecret>,
    /// Cancelled when it is revoked.
    pub(super) revoked: CancellationToken,
}

impl Device {
    /// Whether its code can still be used at `now`.
    #[must_use]
    pub fn is_open_at(&self, now: DateTime<Utc>) -> bool {
        self.enrolled_at.is_none() && now < self.code_expires_at
    }
}

/// All devices that are not revoked.
#[derive(Debug, Default)]
pub(super) struct Devices {
    by_id: BTreeMap<DeviceId, Device>,
    by_secret: HashMap<SecretHash, DeviceId>,
}

impl Devices {
    pub(super) fn get(&self, id: DeviceId) -> Option<&Device> {
        self.by_id.get(&id)
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Device> {
        self.by_id.values()
    }

    /// The device with this code or cookie.
    pub(super) fn by_secret(&self, secret: &SecretHash) -> Option<&Device> {
        self.by_id.get(self.by_secret.get(secret)?)
    }

    /// Applies an event of a device. Other events change nothing.
    pub(super) fn apply(
        &mut self,
        event: &Event,
        at: DateTime<Utc>,
        position: Position,
        payload: Option<&[u8]>,
    ) {
        let secret = || {
            let hash = serde_json::from_slice::<HashedSecret>(payload?).ok()?.hash()?;
            Some(KeptSecret { hash, at: position })
        };
        match event {
            Event::DeviceAdded(e) => {
                let device = Device {
                    id: e.device_id,
                    venue_id: e.venue_id.clone(),
                    name: e.name.clone(),
                    added_at: at,
                    code_expires_at: e.code_expires_at,
                    enrolled_at: None,
                    secret: None,
                    revoked: CancellationToken::new(),
                };
                self.by_id.insert(e.device_id, device);
                self.give(e.device_id, secret());
            }
            Event::DeviceEnrolled(e) => {
                if let Some(device) = self.by_id.get_mut(&e.device_id) {
                    device.enrolled_at = Some(at);
                }
                self.give(e.device_id, secret());
            }
            Event::DeviceRevoked(e) => {
                self.give(e.device_id, None);
                self.by_id.remove(&e.device_id).inspect(|device| device.revoked.cancel());
            }
            _ => {}
        }
    }

    /// Replaces the secret of a device.
    fn give(&mut self, id: DeviceId, secret: Option<KeptSecret>) {
        let Some(device) = self.by_id.get_mut(&id) else { return };
        let earlier = std::mem::replace(&mut device.secret, secret);
        earlier.map(|earlier| self.by_secret.remove(&earlier.hash));
        secret.map(|secret| self.by_secret.insert(secret.hash, id));
    }
}
