//! What a role allows.

use std::sync::Arc;

use events::VenueId;
use events::staff::{Role, RoleGrant};
use events::values::{Scope, Scopes};

use crate::venues::Venues;

/// What may be done, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// What.
    pub scopes: Scopes,
    /// Where.
    pub venues: Venues,
}

/// The scopes of a role.
#[must_use]
pub fn scopes_of(role: Role) -> Scopes {
    let host = [Scope::Book, Scope::Read, Scope::Manage, Scope::Floor];
    let manager = [Scope::Override, Scope::Stats, Scope::Audit, Scope::Payments, Scope::Rules];
    let owner = [Scope::Refund, Scope::Contact, Scope::Access];
    match role {
        Role::Host => host.into_iter().collect(),
        Role::Manager => host.into_iter().chain(manager).collect(),
        Role::Owner => host.into_iter().chain(manager).chain(owner).collect(),
    }
}

/// What a person with these roles may do.
#[must_use]
pub fn grants_of(roles: &[RoleGrant]) -> Arc<[Grant]> {
    roles.iter().map(|role| grant(role.role, role.venues.clone().into())).collect()
}

/// What a person with these roles may do on a device at the stand of `venue`. A PIN is short and is typed in public, so
/// that it never opens what only owners may do.
#[must_use]
pub fn grants_at_stand(roles: &[RoleGrant], venue: &VenueId) -> Arc<[Grant]> {
    let here = |role: &&RoleGrant| role.venues.as_ref().is_none_or(|venues| venues.contains(venue));
    let only = Venues::from(Some([venue.clone()].into()));
    roles.iter().filter(here).map(|role| grant(role.role.min(Role::Manager), only.clone())).collect()
}

fn grant(role: Role, venues: Venues) -> Grant {
    Grant { scopes: scopes_of(role), venues }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_role_may_do_what_the_one_before_may() {
        let [host, manager, owner] = Role::ALL.map(scopes_of);
        assert!(host.without(manager) == Scopes::NONE && manager.without(owner) == Scopes::NONE);
        for reserved in [Scope::Feed, Scope::Results, Scope::Operate] {
            assert!(!owner.contains(reserved), "{reserved:?}");
        }
    }

    #[test]
    fn a_pin_opens_nothing_that_only_owners_may_do() {
        let (dago, ubud): (VenueId, VenueId) = ("bandung-dago".parse().unwrap(), "ubud".parse().unwrap());
        let roles = [
            RoleGrant { role: Role::Owner, venues: Some([dago.clone()].into()) },
            RoleGrant { role: Role::Host, venues: None },
        ];
        let at_dago = grants_at_stand(&roles, &dago);
        assert_eq!(
            at_dago.iter().map(|grant| grant.scopes).collect::<Vec<_>>(),
            [Role::Manager, Role::Host].map(scopes_of)
        );
        assert!(at_dago.iter().all(|grant| grant.venues.list() == Some(vec![dago.clone()])));
        assert_eq!(grants_at_stand(&roles, &ubud).len(), 1);
    }
}
