//! What people do with their own accounts.

use access::code::OneTimeCode;
use access::registry::{Account, HashedPassword, HashedSecret, OpenLink, StaffContact, TotpPayload};
use access::sign_in::Proof;
use access::token::OpaqueToken;
use access::totp::TotpSecret;
use chrono::TimeDelta;
use events::event::{
    CalendarLinkCreated, CalendarLinkRevoked, PasswordChanged, PasswordResetRequested, PinSet, StaffJoined,
    TotpEnrolled, TotpRemoved,
};
use events::staff::{SignInMethod, UsedCode};
use events::values::Scope;
use events::{Position, SessionId, StaffId, Tag, VenueId};

use super::super::sessions::{NewSession, joined, proved};
use super::super::{AccessCommand, AccessEvent, AccessRefusal, Deciding};
use crate::app::executor::CommandError;

/// How long the link to reset a password is valid, in minutes.
const RESET_MINUTES: i64 = 60;
/// How soon another link to reset a password is sent, in minutes. Earlier requests change nothing, so that a flood of
/// them fills no mailbox.
const RESET_PAUSE_MINUTES: i64 = 5;

/// What people do with their own accounts.
#[derive(Debug, Clone)]
pub enum AccountCommand {
    /// Accept an invitation, and sign in.
    Join {
        /// The person.
        id: StaffId,
        /// The number of the invitation in the link.
        number: u32,
        /// Name, e-mail address and language.
        contact: StaffContact,
        /// The hash of the password.
        password: HashedPassword,
        /// The session.
        new: NewSession,
    },
    /// Ask for a link to reset the password.
    RequestReset {
        /// The person.
        id: StaffId,
    },
    /// Reset the password with the link, and sign in.
    Reset {
        /// The person.
        id: StaffId,
        /// The number of the request in the link.
        number: u32,
        /// The hash of the password.
        password: HashedPassword,
        /// The code of the authenticator app, if one is enrolled.
        used: UsedCode,
        /// The session.
        new: NewSession,
    },
    /// Change the password.
    ChangePassword {
        /// The proof with the earlier one.
        proof: Proof,
        /// The session, which stays.
        session_id: SessionId,
        /// The hash of the new one.
        password: HashedPassword,
    },
    /// Enrol an authenticator app, in place of an earlier one.
    EnrolTotp {
        /// The person.
        id: StaffId,
        /// The session, which stays.
        session_id: SessionId,
        /// The shared secret.
        secret: TotpSecret,
        /// The time step of the code that confirmed it.
        step: u64,
        /// The recovery codes.
        codes: Vec<OneTimeCode>,
    },
    /// Sign in without codes again.
    RemoveTotp {
        /// The person.
        id: StaffId,
    },
    /// Set the PIN.
    SetPin {
        /// The person.
        id: StaffId,
        /// The hash of the PIN.
        pin: HashedPassword,
    },
    /// Create a link to the calendar of a venue, in place of an earlier one.
    LinkCalendar {
        /// The person.
        id: StaffId,
        /// The venue.
        venue_id: VenueId,
        /// The link.
        token: OpaqueToken,
    },
    /// Revoke the link to the calendar of a venue.
    UnlinkCalendar {
        /// The person.
        id: StaffId,
        /// The venue.
        venue_id: VenueId,
    },
}

impl AccountCommand {
    fn id(&self) -> StaffId {
        match self {
            Self::ChangePassword { proof, .. } => proof.staff_id,
            Self::Join { id, .. }
            | Self::RequestReset { id }
            | Self::Reset { id, .. }
            | Self::EnrolTotp { id, .. }
            | Self::RemoveTotp { id }
            | Self::SetPin { id, .. }
            | Self::LinkCalendar { id, .. }
            | Self::UnlinkCalendar { id, .. } => *id,
        }
    }
}

/// Checks that a link with this number is the last one, and that its time is not over.
fn check_link(link: Option<OpenLink>, number: u32, from: &Deciding<'_>) -> Result<(), CommandError> {
    let is_valid = |link: OpenLink| link.number == number && from.now < link.expires_at;
    if link.is_some_and(is_valid) { Ok(()) } else { Err(AccessRefusal::LinkOver.into()) }
}

/// The event of a new password. The earlier one is forgotten.
fn password_changed(
    from: &Deciding<'_>,
    account: &Account,
    session_id: Option<SessionId>,
    password: &HashedPassword,
) -> Result<AccessEvent, CommandError> {
    let sealed = from.seal(password)?;
    let changed = PasswordChanged { staff_id: account.id, session_id, secret_digest: sealed.digest.clone() };
    let earlier = account.password.as_ref().map(|password| password.at);
    let forgets = earlier.into_iter().chain(other_sessions(from, account, session_id));
    Ok(AccessEvent::of_person(account.id, changed).with(sealed).forgetting(forgets))
}

/// The confidential payloads of the sessions that end, because only `kept` stays.
fn other_sessions(from: &Deciding<'_>, account: &Account, kept: Option<SessionId>) -> Vec<Position> {
    let sessions = from.registry.sessions_of(account.id, from.now);
    sessions.iter().filter(|session| Some(session.id) != kept).map(|session| session.at).collect()
}

fn join(
    from: &Deciding<'_>,
    account: &Account,
    contact: &StaffContact,
    password: &HashedPassword,
) -> Result<Vec<AccessEvent>, CommandError> {
    let is_other = |other: &&Account| other.id != account.id;
    let accounts = from.registry.accounts();
    let mut contacts = accounts.iter().filter(is_other).filter_map(|other| other.contact.as_ref());
    if contacts.any(|other| other.email == contact.email) {
        return Err(AccessRefusal::AddressTaken.into());
    }
    let sealed = from.seal(contact)?;
    let joined = StaffJoined { staff_id: account.id, contact_digest: sealed.digest.clone() };
    let joined = AccessEvent::of_person(account.id, joined).with(sealed);
    let joined = joined.forgetting(account.contact_payloads.iter().copied());
    Ok(vec![joined, password_changed(from, account, None, password)?])
}

/// The request for a link to reset the password.
fn request_reset(from: &Deciding<'_>, account: &Account) -> Result<Vec<AccessEvent>, CommandError> {
    let pause = TimeDelta::minutes(RESET_PAUSE_MINUTES);
    if account.reset_requested_at.is_some_and(|at| from.now - at < pause) {
        return Ok(vec![]);
    }
    let expires_at = from.now + TimeDelta::minutes(RESET_MINUTES);
    // A link that is open is sent again: a stranger who keeps asking must not end it.
    let open = account.reset.filter(|reset| from.now < reset.expires_at);
    let reset = open.map_or(account.resets + 1, |open| open.number);
    let requested = PasswordResetRequested { staff_id: account.id, reset, expires_at };
    Ok(vec![AccessEvent::of_person(account.id, requested)])
}

/// The new password of a person with the link of a reset, and the session.
fn reset(
    from: &Deciding<'_>,
    id: StaffId,
    number: u32,
    password: &HashedPassword,
    used: UsedCode,
    new: &NewSession,
) -> Result<Vec<AccessEvent>, CommandError> {
    let account = from.registry.account(id).ok_or(AccessRefusal::LinkOver)?;
    check_link(account.reset, number, from)?;
    if !account.accepts(used) {
        return Err(AccessRefusal::ProofOver.into());
    }
    let method = match used {
        UsedCode { totp_step: Some(_), .. } => SignInMethod::Totp,
        UsedCode { recovery_code: Some(_), .. } => SignInMethod::RecoveryCode,
        _ => SignInMethod::Password,
    };
    let changed = password_changed(from, &account, None, password)?;
    Ok(std::iter::once(changed).chain(new.events(from, id, method, used, None)?).collect())
}

impl AccessCommand for AccountCommand {
    fn decide(&self, from: &Deciding<'_>) -> Result<Vec<AccessEvent>, CommandError> {
        let id = self.id();
        let one = |event| Ok(vec![event]);
        match self {
            Self::Join { number, contact, password, new, .. } => {
                let account = from.registry.account(id).ok_or(AccessRefusal::LinkOver)?;
                check_link((!account.is_joined()).then_some(account.invitation), *number, from)?;
                let mut events = join(from, &account, contact, password)?;
                events.extend(new.events(from, id, SignInMethod::Password, UsedCode::default(), None)?);
                Ok(events)
            }
            Self::RequestReset { .. } => request_reset(from, &joined(from, id)?),
            Self::Reset { number, password, used, new, .. } => reset(from, id, *number, password, *used, new),
            Self::ChangePassword { proof, session_id, password } => {
                let account = proved(from, proof)?;
                one(password_changed(from, &account, Some(*session_id), password)?)
            }
            Self::EnrolTotp { session_id, secret, step, codes, .. } => {
                let account = joined(from, id)?;
                let sealed = from.seal(&TotpPayload::new(secret, codes))?;
                let (session_id, totp_step, secret_digest) = (*session_id, *step, sealed.digest.clone());
                let enrolled = TotpEnrolled { staff_id: id, session_id, totp_step, secret_digest };
                let earlier = account.totp.as_ref().map(|totp| totp.at);
                let forgets = earlier.into_iter().chain(other_sessions(from, &account, Some(session_id)));
                one(AccessEvent::of_person(id, enrolled).with(sealed).forgetting(forgets))
            }
            Self::RemoveTotp { .. } => {
                let totp = joined(from, id)?.totp.ok_or(AccessRefusal::NoTotp)?;
                let removed = TotpRemoved { staff_id: id, reason_code: "removed".to_owned() };
                one(AccessEvent::of_person(id, removed).forgetting([totp.at]))
            }
            Self::SetPin { pin, .. } => {
                let account = joined(from, id)?;
                let sealed = from.seal(pin)?;
                let set = PinSet { staff_id: id, secret_digest: sealed.digest.clone() };
                let earlier = account.pin.map(|pin| pin.at);
                one(AccessEvent::of_person(id, set).with(sealed).forgetting(earlier))
            }
            Self::LinkCalendar { venue_id, token, .. } => {
                let account = joined(from, id)?;
                let exists = from.venues.get(Some(venue_id)).is_some();
                if !exists || from.caller.needs(Scope::Read, Some(venue_id)).is_err() {
                    return Err(CommandError::HiddenVenue(venue_id.clone()));
                }
                let sealed = from.seal(&HashedSecret::from(token))?;
                let (venue, secret_digest) = (venue_id.clone(), sealed.digest.clone());
                let created = CalendarLinkCreated { staff_id: id, venue_id: venue, secret_digest };
                let earlier = calendar_at(&account, venue_id);
                one(AccessEvent::of_person(id, created).with(sealed).forgetting(earlier))
            }
            Self::UnlinkCalendar { venue_id, .. } => {
                let at = calendar_at(&joined(from, id)?, venue_id).ok_or(AccessRefusal::NoCalendar)?;
                let revoked = CalendarLinkRevoked { staff_id: id, venue_id: venue_id.clone() };
                one(AccessEvent::of_person(id, revoked).forgetting([at]))
            }
        }
    }

    fn tags(&self) -> Vec<Tag> {
        // Addresses are compared, so that people who join exclude each other.
        let all = matches!(self, Self::Join { .. }).then(Tag::access);
        std::iter::once(Tag::credential(self.id())).chain(all).collect()
    }
}

fn calendar_at(account: &Account, venue_id: &VenueId) -> Option<Position> {
    account.calendars.get(venue_id).map(|link| link.at)
}
