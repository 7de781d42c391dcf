//! The roles of people.

use events::VenueId;
use events::staff::Role;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::request::requests;
use crate::values::{ALL_VENUES, AnyVenue, List};

/// Maximum number of venues of a role.
pub const ROLE_VENUES_MAX: usize = 100;

requests! {
    /// The roles of a person: at which venues the person has them, `*` for all, later ones included.
    body Roles {
        /// Receives the guests and runs the room.
        #[example = ["bandung-dago"]]
        optional host: List<AnyVenue, 1, ROLE_VENUES_MAX>,
        /// A host who also overrides and changes the rules of the venue.
        optional manager: List<AnyVenue, 1, ROLE_VENUES_MAX>,
        /// A manager who also refunds, erases contacts, and manages accounts, keys and devices.
        optional owner: List<AnyVenue, 1, ROLE_VENUES_MAX>,
    }
}

/// The roles of a person: at which venues the person has them, `*` for all, later ones included.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RolesView {
    /// Where the person is a host.
    #[schema(example = json!(["bandung-dago"]))]
    pub host: Vec<String>,
    /// Where the person is a manager.
    pub manager: Vec<String>,
    /// Where the person is an owner.
    pub owner: Vec<String>,
}

impl RolesView {
    /// The venues of a role.
    pub fn of(&mut self, role: Role) -> &mut Vec<String> {
        match role {
            Role::Host => &mut self.host,
            Role::Manager => &mut self.manager,
            Role::Owner => &mut self.owner,
        }
    }
}

/// The words for a set of venues.
#[must_use]
pub fn venue_words<'a>(venues: Option<impl IntoIterator<Item = &'a VenueId>>) -> Vec<String> {
    match venues {
        None => vec![ALL_VENUES.to_owned()],
        Some(venues) => venues.into_iter().map(ToString::to_string).collect(),
    }
}
