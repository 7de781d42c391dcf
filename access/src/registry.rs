//! The credentials that are recorded in the log, in memory and in step with it.

mod devices;
mod keys;
mod payloads;
mod people;
mod sessions;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use chrono::{DateTime, Datelike as _, NaiveDate, Utc};
use contract::reservation::access::{HashedKey, HashedSession};
use events::access::{KeyRevoked, KeyRotated, KeyUsed};
use events::staff::SessionStarted;
use events::values::Scope;
use events::{DeviceId, Event, KeyId, Position, SessionId, StaffId, Tag};
use parking_lot::RwLock;

pub use self::devices::Device;
use self::devices::Devices;
use self::keys::Entry;
pub use self::keys::Key;
pub use self::payloads::{HashedPassword, HashedSecret, StaffContact, TotpPayload};
use self::people::People;
pub use self::people::{Account, EnrolledTotp, KeptHash, KeptSecret, OpenLink};
pub use self::sessions::Session;
use self::sessions::Sessions;
use crate::caller::{Caller, Presented, StandDevice};
use subtle::ConstantTimeEq as _;

use crate::link::{Link, LinkKey, LinkSecret};
use crate::role::{Grant, grants_at_stand, grants_of};
use crate::token::{KeyToken, SecretHash};
use crate::venues::Venues;

/// Maximum number of keys that are not revoked.
pub const KEYS_MAX: usize = 1_000;
/// Maximum number of accounts of staff.
pub const STAFF_MAX: usize = 1_000;
/// Maximum number of devices at stands.
pub const DEVICES_MAX: usize = 1_000;

/// The recorded credentials.
#[derive(Debug, Default)]
pub struct Registry(RwLock<State>);

#[derive(Debug, Default)]
struct State {
    keys: BTreeMap<KeyId, Entry>,
    people: People,
    sessions: Sessions,
    devices: Devices,
    link_key: Option<LinkKey>,
    /// Whether any access event was recorded.
    is_begun: bool,
}

impl Registry {
    /// Applies an event that was recorded at `position`, with its confidential payload. Other events than those of
    /// credentials change nothing.
    pub fn apply(&self, event: &Event, at: DateTime<Utc>, position: Position, payload: Option<&[u8]>) {
        if !matches!(event, events::access_events!()) {
            return;
        }
        let mut state = self.0.write();
        state.is_begun = true;
        state.apply_to_keys(event, at, position, payload);
        state.people.apply(event, at, position, payload);
        state.devices.apply(event, at, position, payload);
        state.apply_to_sessions(event, at, position, payload);
    }

    /// Whether any event of credentials was recorded.
    #[must_use]
    pub fn is_begun(&self) -> bool {
        self.0.read().is_begun
    }

    /// The sender of a request that presents `token`; `None` if the token is not valid at `now`. Notes the use.
    #[must_use]
    pub fn caller(&self, token: &KeyToken, now: DateTime<Utc>) -> Option<Caller> {
        let state = self.0.read();
        let entry = state.keys.get(token.id()).filter(|entry| entry.key.is_valid_at(now))?;
        let valid_until = entry.accepts(&token.hash(), now)?;
        entry.used_on.store(now.date_naive().num_days_from_ce(), Ordering::Relaxed);
        Some(entry.caller(valid_until))
    }

    /// The sender of a request that presents the session with this secret; `None` if it is not valid at `now`.
    #[must_use]
    pub fn session_caller(&self, secret: &SecretHash, now: DateTime<Utc>) -> Option<Caller> {
        self.0.read().sessions.caller(secret, now)
    }

    /// The person of `account`, who approved one request on `device` with a PIN; `None` if the device was revoked.
    #[must_use]
    pub fn approver(&self, account: &Account, device: StandDevice) -> Option<Caller> {
        let state = self.0.read();
        let grants = grants_at_stand(&account.roles, &device.venue_id);
        let tags = Arc::new([Tag::credential(account.id), Tag::credential(device.id)]);
        let device_revoked = Some(state.devices.get(device.id)?.revoked.clone());
        let presented =
            Presented { tags, revoked: account.changed.clone(), device_revoked, valid_until: None };
        let caller = Caller::proved(account.id).granted(grants);
        Some(Caller { presented: Some(presented), device: Some(device), ..caller })
    }

    /// The holder of the link `text`; `None` if the link is not valid. The object that it is for decides whether it was
    /// replaced.
    #[must_use]
    pub fn linked(&self, text: &str) -> Option<Link> {
        self.0.read().link_key.as_ref()?.verify(text)
    }

    /// The text of a link; `None` if the log has no key for links.
    #[must_use]
    pub fn sign(&self, link: Link) -> Option<String> {
        self.0.read().link_key.as_ref().map(|key| key.sign(link))
    }

    /// The digits that a person types instead of following `link`; `None` without a key for links.
    #[must_use]
    pub fn code(&self, link: Link) -> Option<String> {
        self.0.read().link_key.as_ref().map(|key| key.code(link))
    }

    /// Whether `text` are the digits of `link`. Compares in constant time.
    #[must_use]
    pub fn is_code(&self, link: Link, text: &str) -> bool {
        self.code(link).is_some_and(|code| code.as_bytes().ct_eq(text.as_bytes()).into())
    }

    /// All keys, the first one first.
    #[must_use]
    pub fn keys(&self) -> Vec<Key> {
        let mut keys: Vec<_> = self.0.read().keys.values().map(|entry| entry.key.clone()).collect();
        keys.sort_by_key(|key| key.payloads.first().copied());
        keys
    }

    /// The key `id`.
    #[must_use]
    pub fn key(&self, id: &KeyId) -> Option<Key> {
        self.0.read().keys.get(id).map(|entry| entry.key.clone())
    }

    /// All accounts, the first one first.
    #[must_use]
    pub fn accounts(&self) -> Vec<Account> {
        let mut accounts: Vec<_> = self.0.read().people.all().cloned().collect();
        accounts.sort_by_key(|account| (account.invited_at, account.id));
        accounts
    }

    /// The account of a person.
    #[must_use]
    pub fn account(&self, id: StaffId) -> Option<Account> {
        self.0.read().people.get(id).cloned()
    }

    /// The account of the person who signs in with `email`, in its canonical form.
    #[must_use]
    pub fn account_of_email(&self, email: &str) -> Option<Account> {
        self.0.read().people.by_email(email).cloned()
    }

    /// The holder of the calendar link with this secret: it reads one venue, as long as its person may.
    #[must_use]
    pub fn calendar_caller(&self, secret: &SecretHash) -> Option<Caller> {
        let state = self.0.read();
        let (staff_id, venue_id) = state.people.by_calendar(secret)?;
        let account = state.people.get(*staff_id)?;
        let here = grants_at_stand(&account.roles, venue_id);
        let may_read = here.iter().any(|grant| grant.scopes.contains(Scope::Read));
        let venues = Venues::from(Some([venue_id.clone()].into()));
        let grant = Grant { scopes: [Scope::Read].into_iter().collect(), venues };
        let caller = Caller::proved(*staff_id).granted(Arc::new([grant]));
        may_read.then_some(Caller { is_read_only: true, ..caller })
    }

    /// The sessions of a person that are valid at `now`, the oldest first.
    #[must_use]
    pub fn sessions_of(&self, id: StaffId, now: DateTime<Utc>) -> Vec<Session> {
        self.0.read().sessions.of(id, now)
    }

    /// A session that has not ended.
    #[must_use]
    pub fn session(&self, id: SessionId) -> Option<Session> {
        self.0.read().sessions.get(id).cloned()
    }

    /// The sessions on a device.
    #[must_use]
    pub fn sessions_on(&self, id: DeviceId) -> Vec<Session> {
        self.0.read().sessions.on_device(id).cloned().collect()
    }

    /// All devices, the first one first.
    #[must_use]
    pub fn devices(&self) -> Vec<Device> {
        let mut devices: Vec<_> = self.0.read().devices.all().cloned().collect();
        devices.sort_by_key(|device| (device.added_at, device.id));
        devices
    }

    /// A device.
    #[must_use]
    pub fn device(&self, id: DeviceId) -> Option<Device> {
        self.0.read().devices.get(id).cloned()
    }

    /// The device with this code, or with this cookie.
    #[must_use]
    pub fn device_of(&self, secret: &SecretHash) -> Option<Device> {
        self.0.read().devices.by_secret(secret).cloned()
    }

    /// What another service needs to check the keys that can be used at `now`.
    #[must_use]
    pub fn hashed_keys(&self, now: DateTime<Utc>) -> Vec<HashedKey> {
        let state = self.0.read();
        state.keys.values().filter(|entry| entry.key.is_valid_at(now)).filter_map(Entry::hashed).collect()
    }

    /// What another service needs to check the sessions that are valid at `now`.
    #[must_use]
    pub fn hashed_sessions(&self, now: DateTime<Utc>) -> Vec<HashedSession> {
        self.0.read().sessions.valid_at(now).map(Session::hashed).collect()
    }

    /// Replaces all keys and sessions by those in a snapshot of another service. Requests in progress by others end.
    pub fn replace(&self, keys: Vec<HashedKey>, sessions: Vec<HashedSession>, now: DateTime<Utc>) {
        let mut state = self.0.write();
        let mut before = std::mem::take(&mut state.keys);
        for hashed in keys {
            let revoked = before.remove(&hashed.key_id).map(|entry| entry.revoked).unwrap_or_default();
            state.keys.insert(hashed.key_id.clone(), Entry::of_snapshot(hashed, revoked, now));
        }
        before.values().for_each(|entry| entry.revoked.cancel());
        state.sessions.replace(sessions);
        state.is_begun = true;
    }

    /// Keys that were used on a date that is not recorded yet, with the date.
    #[must_use]
    pub fn unrecorded_uses(&self) -> Vec<(KeyId, NaiveDate)> {
        let state = self.0.read();
        let unrecorded = |entry: &Entry| {
            let used = NaiveDate::from_num_days_from_ce_opt(entry.used_on.load(Ordering::Relaxed))?;
            let is_new = used.num_days_from_ce() > 0 && entry.key.last_used_on < Some(used);
            (is_new && entry.key.revoked_at.is_none()).then(|| (entry.key.id.clone(), used))
        };
        state.keys.values().filter_map(unrecorded).collect()
    }
}

impl State {
    fn apply_to_keys(
        &mut self,
        event: &Event,
        at: DateTime<Utc>,
        position: Position,
        payload: Option<&[u8]>,
    ) {
        let secret = || secret(payload);
        match event {
            Event::KeyCreated(created) => {
                let entry = Entry::new(created, at, position, secret());
                self.keys.insert(created.key_id.clone(), entry);
            }
            Event::KeyRotated(KeyRotated { key_id, previous_until, .. }) => {
                if let Some(entry) = self.keys.get_mut(key_id) {
                    entry.rotate(secret(), *previous_until, position);
                }
            }
            Event::KeyRevoked(KeyRevoked { key_id, .. }) => {
                if let Some(entry) = self.keys.get_mut(key_id) {
                    entry.revoke(at);
                }
            }
            Event::KeyUsed(KeyUsed { key_id, on }) => {
                if let Some(entry) = self.keys.get_mut(key_id) {
                    entry.key.last_used_on = entry.key.last_used_on.max(Some(*on));
                }
            }
            Event::LinkKeyCreated(_) => {
                let secret = payload.and_then(|json| serde_json::from_slice::<LinkSecret>(json).ok());
                self.link_key = secret.and_then(|secret| secret.key());
            }
            _ => {}
        }
    }

    fn apply_to_sessions(
        &mut self,
        event: &Event,
        at: DateTime<Utc>,
        position: Position,
        payload: Option<&[u8]>,
    ) {
        let kept =
            |staff_id, kept| move |other: &Session| other.staff_id == staff_id && Some(other.id) != kept;
        match event {
            Event::SessionStarted(started) => {
                let Some(secret) = secret(payload) else { return };
                let device = started.device_id.and_then(|id| self.stand_device(id));
                let grants = self.grants(started, device.as_ref());
                self.sessions.start(Session::new(started, device, grants, secret, (at, position)));
            }
            Event::SessionReauthenticated(e) => self.sessions.reauthenticate(e.session_id, e.method, at),
            Event::SessionEnded(e) => self.sessions.end_where(|session| session.id == e.session_id),
            Event::PasswordChanged(e) => self.sessions.end_where(kept(e.staff_id, e.session_id)),
            Event::TotpEnrolled(e) => self.sessions.end_where(kept(e.staff_id, Some(e.session_id))),
            Event::StaffRemoved(e) => self.sessions.end_where(kept(e.staff_id, None)),
            Event::StaffRolesChanged(e) => {
                self.sessions.regrant(e.staff_id, |session| match &session.device {
                    Some(device) => grants_at_stand(&e.roles, &device.venue_id),
                    None => grants_of(&e.roles),
                });
            }
            Event::DeviceRevoked(e) => self
                .sessions
                .end_where(|session| session.device.as_ref().is_some_and(|device| device.id == e.device_id)),
            _ => {}
        }
    }

    fn stand_device(&self, id: DeviceId) -> Option<StandDevice> {
        self.devices.get(id).map(|device| StandDevice { id, venue_id: device.venue_id.clone() })
    }

    /// What a new session opens.
    fn grants(&self, started: &SessionStarted, device: Option<&StandDevice>) -> Arc<[Grant]> {
        let Some(account) = self.people.get(started.staff_id) else { return Arc::new([]) };
        match (started.device_id, device) {
            (None, _) => grants_of(&account.roles),
            (Some(_), Some(device)) => grants_at_stand(&account.roles, &device.venue_id),
            // A device that was revoked opens nothing.
            (Some(_), None) => Arc::new([]),
        }
    }
}

fn secret(payload: Option<&[u8]>) -> Option<SecretHash> {
    serde_json::from_slice::<HashedSecret>(payload?).ok()?.hash()
}

#[cfg(test)]
mod tests;
