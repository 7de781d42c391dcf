//! Accounts of staff. Part of [`super`].

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use events::staff::{RoleGrant, UsedCode};
use events::{Event, Position, StaffId, VenueId};
use serde::de::DeserializeOwned;
use tokio_util::sync::CancellationToken;

use super::payloads::{HashedPassword, HashedSecret, StaffContact, TotpPayload};
use crate::token::SecretHash;
use crate::totp::TotpSecret;
use crate::venues::Venues;

/// A member of staff.
#[derive(Debug, Clone)]
pub struct Account {
    /// The person.
    pub id: StaffId,
    /// What the person may do.
    pub roles: Vec<RoleGrant>,
    /// Name, e-mail address and language; `None` if the person enters them when joining.
    pub contact: Option<StaffContact>,
    /// When the person was invited first.
    pub invited_at: DateTime<Utc>,
    /// The last invitation. It is open while the person has not joined.
    pub invitation: OpenLink,
    /// When the person accepted the invitation.
    pub joined_at: Option<DateTime<Utc>>,
    /// The last request to reset the password, if it was not used.
    pub reset: Option<OpenLink>,
    /// Number of requests to reset the password so far.
    pub resets: u32,
    /// When the last of them was made.
    pub reset_requested_at: Option<DateTime<Utc>>,
    /// The password, if there is one.
    pub password: Option<KeptHash>,
    /// Number of passwords so far.
    pub passwords: u32,
    /// The authenticator app, if one is enrolled.
    pub totp: Option<EnrolledTotp>,
    /// The PIN, if there is one.
    pub pin: Option<KeptHash>,
    /// The links to calendars, by venue.
    pub calendars: BTreeMap<VenueId, KeptSecret>,
    /// Positions of the confidential payloads with the contact.
    pub contact_payloads: Vec<Position>,
    /// Cancelled when the account ends, or when its roles or its PIN change.
    pub(super) changed: CancellationToken,
}

/// A link that was sent to a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenLink {
    /// Its number, from 1: the generation of the link.
    pub number: u32,
    /// Until when it can be used.
    pub expires_at: DateTime<Utc>,
}

/// The hash of a password or of a PIN.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptHash {
    /// The hash, PHC string format.
    pub argon2: Arc<str>,
    /// Where its payload is.
    pub at: Position,
}

/// The hash of a random secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeptSecret {
    /// Its SHA-256.
    pub hash: SecretHash,
    /// Where its payload is.
    pub at: Position,
}

/// An authenticator app.
#[derive(Debug, Clone)]
pub struct EnrolledTotp {
    /// The shared secret.
    pub secret: TotpSecret,
    /// The hashes of the recovery codes; `None` for those that were used.
    pub recovery_codes: Vec<Option<SecretHash>>,
    /// The last time step of which a code was used.
    pub last_step: u64,
    /// Where its payload is.
    pub at: Position,
}

impl Account {
    /// Whether the person has accepted the invitation, and can sign in.
    #[must_use]
    pub fn is_joined(&self) -> bool {
        self.joined_at.is_some()
    }

    /// Whether the person acts for no other venues than `venues`: only then a caller with these venues reaches the account.
    #[must_use]
    pub fn is_within(&self, venues: &Venues) -> bool {
        self.roles.iter().all(|grant| venues.contain_all(&grant.venues.clone().into()))
    }

    /// Whether `used` is what a proof with the password needs now: a code that was not used before, if the person uses an
    /// authenticator app, and else none.
    #[must_use]
    pub fn accepts(&self, used: UsedCode) -> bool {
        match (&self.totp, used) {
            (None, used) => used == UsedCode::default(),
            (Some(totp), UsedCode { totp_step: Some(step), .. }) => step > totp.last_step,
            (Some(totp), UsedCode { recovery_code: Some(n), .. }) => {
                totp.recovery_codes.get(usize::from(n)).is_some_and(Option::is_some)
            }
            (Some(_), _) => false,
        }
    }

    /// The positions of everything confidential about the person, apart from sessions.
    pub fn payloads(&self) -> impl Iterator<Item = Position> + '_ {
        let hashes = [&self.password, &self.pin].into_iter().flatten().map(|kept| kept.at);
        let totp = self.totp.iter().map(|totp| totp.at);
        let calendars = self.calendars.values().map(|link| link.at);
        self.contact_payloads.iter().copied().chain(hashes).chain(totp).chain(calendars)
    }

    fn use_up(&mut self, used: UsedCode) {
        let Some(totp) = &mut self.totp else { return };
        totp.last_step = totp.last_step.max(used.totp_step.unwrap_or_default());
        if let Some(code) = used.recovery_code.and_then(|n| totp.recovery_codes.get_mut(usize::from(n))) {
            *code = None;
        }
    }
}

/// All accounts.
#[derive(Debug, Default)]
pub(super) struct People {
    accounts: BTreeMap<StaffId, Account>,
    by_email: HashMap<String, StaffId>,
    by_calendar: HashMap<SecretHash, (StaffId, VenueId)>,
}

impl People {
    pub(super) fn get(&self, id: StaffId) -> Option<&Account> {
        self.accounts.get(&id)
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Account> {
        self.accounts.values()
    }

    /// The person who signs in with `email`.
    pub(super) fn by_email(&self, email: &str) -> Option<&Account> {
        self.get(*self.by_email.get(email)?)
    }

    /// The person and the venue of the calendar link with this hash.
    pub(super) fn by_calendar(&self, hash: &SecretHash) -> Option<&(StaffId, VenueId)> {
        self.by_calendar.get(hash)
    }

    /// Applies an event of an account. Other events change nothing.
    pub(super) fn apply(
        &mut self,
        event: &Event,
        at: DateTime<Utc>,
        position: Position,
        payload: Option<&[u8]>,
    ) {
        match event {
            Event::StaffInvited(e) => {
                let invitation = OpenLink { number: e.invitation, expires_at: e.expires_at };
                let new = || Account::invited(e.staff_id, at, invitation);
                let account = self.accounts.entry(e.staff_id).or_insert_with(new);
                account.invitation = invitation;
                account.roles.clone_from(&e.roles);
                if e.contact_digest.is_some() {
                    account.contact = read(payload);
                    account.contact_payloads.push(position);
                }
            }
            Event::StaffJoined(e) => {
                let Some(account) = self.accounts.get_mut(&e.staff_id) else { return };
                account.joined_at = Some(at);
                account.contact = read(payload);
                account.contact_payloads = vec![position];
                let email = account.contact.as_ref().map(|contact| contact.email.clone());
                self.by_email.extend(email.map(|email| (email, e.staff_id)));
            }
            Event::StaffRemoved(e) => {
                let Some(account) = self.accounts.remove(&e.staff_id) else { return };
                account.changed.cancel();
                account.contact.map(|contact| self.by_email.remove(&contact.email));
                account.calendars.values().for_each(|link| drop(self.by_calendar.remove(&link.hash)));
            }
            Event::CalendarLinkCreated(e) => {
                let secret = read::<HashedSecret>(payload).and_then(|secret| secret.hash());
                let (Some(account), Some(hash)) = (self.accounts.get_mut(&e.staff_id), secret) else {
                    return;
                };
                let link = KeptSecret { hash, at: position };
                let earlier = account.calendars.insert(e.venue_id.clone(), link);
                earlier.map(|earlier| self.by_calendar.remove(&earlier.hash));
                self.by_calendar.insert(hash, (e.staff_id, e.venue_id.clone()));
            }
            Event::CalendarLinkRevoked(e) => {
                let Some(account) = self.accounts.get_mut(&e.staff_id) else { return };
                let link = account.calendars.remove(&e.venue_id);
                link.map(|link| self.by_calendar.remove(&link.hash));
            }
            other => self.apply_to_account(other, at, position, payload),
        }
    }

    fn apply_to_account(
        &mut self,
        event: &Event,
        at: DateTime<Utc>,
        position: Position,
        payload: Option<&[u8]>,
    ) {
        let mut change = |id: StaffId, change: &dyn Fn(&mut Account)| {
            if let Some(account) = self.accounts.get_mut(&id) {
                change(account);
            }
        };
        let kept = || {
            let hashed: HashedPassword = read(payload)?;
            Some(KeptHash { argon2: hashed.argon2.into(), at: position })
        };
        match event {
            Event::StaffRolesChanged(e) => change(e.staff_id, &|account| {
                account.roles.clone_from(&e.roles);
                std::mem::take(&mut account.changed).cancel();
            }),
            Event::PasswordChanged(e) => change(e.staff_id, &|account| {
                account.password = kept();
                account.passwords += 1;
                account.reset = None;
            }),
            Event::PasswordResetRequested(e) => change(e.staff_id, &|account| {
                account.reset = Some(OpenLink { number: e.reset, expires_at: e.expires_at });
                account.resets = e.reset;
                account.reset_requested_at = Some(at);
            }),
            Event::TotpEnrolled(e) => {
                let enrolled = || {
                    let payload: TotpPayload = read(payload)?;
                    let secret = TotpSecret::parse(&payload.totp_secret)?;
                    let recovery_codes = payload.recovery_codes().collect();
                    Some(EnrolledTotp { secret, recovery_codes, last_step: e.totp_step, at: position })
                };
                change(e.staff_id, &|account| account.totp = enrolled());
            }
            Event::TotpRemoved(e) => change(e.staff_id, &|account| account.totp = None),
            Event::PinSet(e) => change(e.staff_id, &|account| {
                account.pin = kept();
                std::mem::take(&mut account.changed).cancel();
            }),
            Event::SessionStarted(e) => change(e.staff_id, &|account| account.use_up(e.used)),
            Event::SessionReauthenticated(e) => change(e.staff_id, &|account| account.use_up(e.used)),
            _ => {}
        }
    }
}

impl Account {
    fn invited(id: StaffId, at: DateTime<Utc>, invitation: OpenLink) -> Self {
        Self {
            id,
            roles: Vec::new(),
            contact: None,
            invited_at: at,
            invitation,
            joined_at: None,
            reset: None,
            resets: 0,
            reset_requested_at: None,
            password: None,
            passwords: 0,
            totp: None,
            pin: None,
            calendars: BTreeMap::new(),
            contact_payloads: Vec::new(),
            changed: CancellationToken::new(),
        }
    }
}

fn read<T: DeserializeOwned>(payload: Option<&[u8]>) -> Option<T> {
    serde_json::from_slice(payload?).ok()
}
