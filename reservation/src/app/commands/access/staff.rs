//! Accounts of staff: what owners decide about them, and what people do with their own.

mod accounts;

use access::Venues;
use access::registry::{Account, STAFF_MAX, StaffContact};
use access::role::scopes_of;
use chrono::TimeDelta;
use events::event::{StaffInvited, StaffRemoved, StaffRolesChanged, TotpRemoved};
use events::staff::RoleGrant;
use events::{StaffId, Tag};

pub use self::accounts::AccountCommand;
use super::{AccessCommand, AccessEvent, AccessRefusal, Deciding};
use crate::app::executor::CommandError;

/// What owners decide about members of staff.
#[derive(Debug, Clone)]
pub enum StaffCommand {
    /// Invite a person.
    Invite {
        /// The person.
        id: StaffId,
        /// What the person may do.
        roles: Vec<RoleGrant>,
        /// The recipient of the mail; without it the response contains the link.
        contact: Option<StaffContact>,
        /// How long the invitation is open.
        lasts: TimeDelta,
    },
    /// Send another invitation in place of the earlier one.
    InviteAgain {
        /// The person.
        id: StaffId,
        /// How long the invitation is open.
        lasts: TimeDelta,
    },
    /// Give a person other roles.
    ChangeRoles {
        /// The person.
        id: StaffId,
        /// All roles.
        roles: Vec<RoleGrant>,
    },
    /// Let a person who lost the authenticator app and the recovery codes sign in without a code.
    RecoverTotp {
        /// The person.
        id: StaffId,
    },
    /// End an account.
    Remove {
        /// The person.
        id: StaffId,
        /// The reason as a stable code.
        reason_code: String,
    },
}

impl StaffCommand {
    /// The person.
    #[must_use]
    pub fn id(&self) -> StaffId {
        match self {
            Self::Invite { id, .. }
            | Self::InviteAgain { id, .. }
            | Self::ChangeRoles { id, .. }
            | Self::RecoverTotp { id }
            | Self::Remove { id, .. } => *id,
        }
    }
}

/// Checks that the caller has all that `roles` give, at the same venues, and that its own credential does not end before
/// the account, which has no end.
fn may_give(from: &Deciding<'_>, roles: &[RoleGrant]) -> Result<(), CommandError> {
    from.caller.may_grant_until(None)?;
    roles.iter().try_for_each(|grant| {
        let venues = Venues::from(grant.venues.clone());
        Ok(from.caller.may_grant(scopes_of(grant.role), &venues)?)
    })
}

/// The account of a person. A caller reaches only people who act for no other venues than the caller does.
fn reached(from: &Deciding<'_>, id: StaffId) -> Result<Account, CommandError> {
    let account = from.registry.account(id).filter(|account| account.is_within(&from.caller.venues));
    Ok(account.ok_or(AccessRefusal::UnknownPerson(id))?)
}

/// The event that invites a person with this number.
fn invited(
    from: &Deciding<'_>,
    id: StaffId,
    roles: &[RoleGrant],
    contact: Option<&StaffContact>,
    (invitation, lasts): (u32, TimeDelta),
) -> Result<AccessEvent, CommandError> {
    let sealed = contact.map(|contact| from.seal(contact)).transpose()?;
    let contact_digest = sealed.as_ref().map(|sealed| sealed.digest.clone());
    let (roles, expires_at) = (roles.to_vec(), from.now + lasts);
    let invited = StaffInvited { staff_id: id, roles, invitation, expires_at, contact_digest };
    let event = AccessEvent::of_person(id, invited);
    Ok(match sealed {
        Some(sealed) => event.with(sealed),
        None => event,
    })
}

impl AccessCommand for StaffCommand {
    fn decide(&self, from: &Deciding<'_>) -> Result<Vec<AccessEvent>, CommandError> {
        Ok(match self {
            Self::Invite { id, roles, contact, lasts } => {
                may_give(from, roles)?;
                let accounts = from.registry.accounts();
                if accounts.len() >= STAFF_MAX {
                    return Err(AccessRefusal::TooManyStaff.into());
                }
                let address = |contact: &StaffContact| contact.email.clone();
                let taken =
                    |other: &Account| other.contact.as_ref().map(address) == contact.as_ref().map(address);
                if contact.is_some() && accounts.iter().any(taken) {
                    return Err(AccessRefusal::AddressTaken.into());
                }
                vec![invited(from, *id, roles, contact.as_ref(), (1, *lasts))?]
            }
            Self::InviteAgain { id, lasts } => {
                let account = reached(from, *id)?;
                may_give(from, &account.roles)?;
                if account.is_joined() {
                    return Err(AccessRefusal::AlreadyJoined.into());
                }
                vec![invited(from, *id, &account.roles, None, (account.invitation.number + 1, *lasts))?]
            }
            Self::ChangeRoles { id, roles } => {
                let account = reached(from, *id)?;
                may_give(from, &account.roles)?;
                may_give(from, roles)?;
                let (staff_id, roles) = (*id, roles.clone());
                let is_new = account.roles != roles;
                let changed = AccessEvent::of_person(*id, StaffRolesChanged { staff_id, roles });
                is_new.then_some(changed).into_iter().collect()
            }
            Self::RecoverTotp { id } => {
                let account = reached(from, *id)?;
                may_give(from, &account.roles)?;
                let totp = account.totp.ok_or(AccessRefusal::NoTotp)?;
                let removed = TotpRemoved { staff_id: *id, reason_code: "recovered".to_owned() };
                vec![AccessEvent::of_person(*id, removed).forgetting([totp.at])]
            }
            Self::Remove { id, reason_code } => {
                let account = reached(from, *id)?;
                vec![removed(from, &account, reason_code)]
            }
        })
    }

    fn tags(&self) -> Vec<Tag> {
        // People are counted and their addresses are compared, so that invitations exclude each other.
        let all = matches!(self, Self::Invite { .. }).then(Tag::access);
        std::iter::once(Tag::credential(self.id())).chain(all).collect()
    }
}

/// The event that ends an account. All that is confidential about the person is forgotten.
pub(super) fn removed(from: &Deciding<'_>, account: &Account, reason_code: &str) -> AccessEvent {
    let sessions = from.registry.sessions_of(account.id, from.now);
    let forgets: Vec<_> = account.payloads().chain(sessions.iter().map(|session| session.at)).collect();
    let removed = StaffRemoved { staff_id: account.id, reason_code: reason_code.to_owned() };
    AccessEvent::of_person(account.id, removed).forgetting(forgets)
}
