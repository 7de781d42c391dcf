//! Members of staff, their sessions and the devices at the stand, as responses show them.

use std::collections::BTreeSet;

use access::link::{Link, LinkOf};
use access::registry::{Account, Device, OpenLink, Session};
use access::{Caller, Venues};
use contract::reservation::devices::{DeviceStatus, DeviceView, StandPerson, StandView};
use contract::reservation::roles::{RolesView, venue_words};
use contract::reservation::sessions::SessionView;
use contract::reservation::staff::{StaffContactView, StaffLinkInfo, StaffLinkView, StaffStatus, StaffView};
use events::staff::RoleGrant;
use events::{SessionId, StaffId, VenueId};

use crate::app::App;

impl App {
    /// The members of staff that `caller` may see: those who act for no other venues than the caller does.
    #[must_use]
    pub fn staff(&self, caller: &Caller) -> Vec<StaffView> {
        let accounts = self.projections.access().accounts();
        let seen = accounts.iter().filter(|account| account.is_within(&caller.venues));
        seen.map(|account| self.staff_view(account)).collect()
    }

    /// A member of staff.
    #[must_use]
    pub fn staff_view(&self, account: &Account) -> StaffView {
        let open = (!account.is_joined()).then_some(account.invitation.expires_at);
        let status = match open {
            None => StaffStatus::Joined,
            Some(expires_at) if self.env.now() < expires_at => StaffStatus::Invited,
            Some(_) => StaffStatus::InvitationOver,
        };
        let contact = account.contact.as_ref();
        StaffView {
            staff_id: account.id,
            name: contact.map(|contact| contact.name.clone()),
            email: contact.map(|contact| contact.email.clone()),
            locale: contact.map(|contact| contact.locale),
            status,
            roles: roles_view(&account.roles),
            invited_at: account.invited_at,
            invitation_expires_at: open,
            joined_at: account.joined_at,
            has_authenticator: account.totp.is_some(),
            has_pin: account.pin.is_some(),
        }
    }

    /// The open invitation of a person.
    #[must_use]
    pub fn invitation(&self, account: &Account) -> Option<StaffLinkView> {
        let open = (!account.is_joined()).then_some(account.invitation);
        self.staff_link(LinkOf::Invitation(account.id), open, "join")
    }

    /// The open link of a person to reset the password.
    #[must_use]
    pub fn password_reset(&self, account: &Account) -> Option<StaffLinkView> {
        self.staff_link(LinkOf::PasswordReset(account.id), account.reset, "password")
    }

    fn staff_link(&self, of: LinkOf, open: Option<OpenLink>, page: &str) -> Option<StaffLinkView> {
        let OpenLink { number, expires_at } = open.filter(|open| self.env.now() < open.expires_at)?;
        let token = self.projections.access().sign(Link { of, generation: number })?;
        Some(StaffLinkView { url: format!("{}/{page}/{token}", self.public_url), token, expires_at })
    }

    /// What a mail to a person needs; `None` if the person is unknown, or enters the address when joining.
    #[must_use]
    pub fn staff_contact(&self, id: StaffId) -> Option<StaffContactView> {
        let account = self.projections.access().account(id)?;
        let contact = account.contact.clone()?;
        let all = account.roles.iter().any(|grant| grant.venues.is_none());
        let named: BTreeSet<_> =
            account.roles.iter().flat_map(|grant| grant.venues.iter().flatten()).collect();
        let first = named.first().copied().cloned();
        let zone = self.venues.get(first.as_ref()).map_or("UTC", |venue| venue.timezone.name());
        let name = |id: &VenueId| {
            self.venues.get(Some(id)).map_or_else(|| id.to_string(), |venue| venue.name.clone())
        };
        Some(StaffContactView {
            name: contact.name,
            email: contact.email,
            locale: contact.locale,
            timezone: zone.to_owned(),
            venues: if all { Vec::new() } else { named.into_iter().map(name).collect() },
            invitation: self.invitation(&account),
            password_reset: self.password_reset(&account),
        })
    }

    /// What the page of a link shows; `None` if the link is not valid any more.
    #[must_use]
    pub fn staff_link_info(&self, link: Link) -> Option<StaffLinkInfo> {
        let account = self.projections.access().account(link.of.staff_id()?)?;
        let (open, is_reset) = match link.of {
            LinkOf::PasswordReset(_) => (account.reset?, true),
            _ if account.is_joined() => return None,
            _ => (account.invitation, false),
        };
        let is_valid = open.number == link.generation && self.env.now() < open.expires_at;
        let contact = account.contact.as_ref();
        is_valid.then(|| StaffLinkInfo {
            name: contact.map(|contact| contact.name.clone()),
            email: contact.map(|contact| contact.email.clone()),
            locale: contact.map(|contact| contact.locale),
            roles: roles_view(&account.roles),
            needs_code: is_reset && account.totp.is_some(),
            expires_at: open.expires_at,
        })
    }

    /// The devices that `caller` may see.
    #[must_use]
    pub fn devices(&self, caller: &Caller) -> Vec<DeviceView> {
        let devices = self.projections.access().devices();
        let seen = devices.iter().filter(|device| caller.venues.contain(&device.venue_id));
        seen.map(|device| self.device_view(device)).collect()
    }

    /// A device.
    #[must_use]
    pub fn device_view(&self, device: &Device) -> DeviceView {
        let status = match device.enrolled_at {
            Some(_) => DeviceStatus::Enrolled,
            None if device.is_open_at(self.env.now()) => DeviceStatus::Waiting,
            None => DeviceStatus::CodeOver,
        };
        DeviceView {
            device_id: device.id,
            venue_id: device.venue_id.clone(),
            name: device.name.clone(),
            status,
            added_at: device.added_at,
            code_expires_at: device.code_expires_at,
            enrolled_at: device.enrolled_at,
        }
    }

    /// What a device shows before a person signs in.
    #[must_use]
    pub fn stand(&self, device: &Device) -> StandView {
        let here = |grant: &RoleGrant| Venues::from(grant.venues.clone()).contain(&device.venue_id);
        let person = |account: &Account| {
            let can_sign_in = account.is_joined() && account.pin.is_some() && account.roles.iter().any(here);
            let name = account.contact.as_ref().filter(|_| can_sign_in)?.name.clone();
            Some(StandPerson { staff_id: account.id, name })
        };
        let mut people: Vec<_> = self.projections.access().accounts().iter().filter_map(person).collect();
        people.sort_by(|a, b| (&a.name, a.staff_id).cmp(&(&b.name, b.staff_id)));
        StandView { device: self.device_view(device), people }
    }
}

/// A session; `current` is the one of the request.
#[must_use]
pub fn session_view(session: &Session, current: SessionId) -> SessionView {
    SessionView {
        session_id: session.id,
        method: session.method,
        device_id: session.device.as_ref().map(|device| device.id),
        started_at: session.started_at,
        proved_at: session.authenticated_at,
        expires_at: session.expires_at,
        current: session.id == current,
    }
}

fn roles_view(roles: &[RoleGrant]) -> RolesView {
    let mut view = RolesView::default();
    for grant in roles {
        view.of(grant.role).extend(venue_words(grant.venues.as_ref()));
    }
    view
}
