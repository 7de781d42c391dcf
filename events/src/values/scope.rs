//! What a credential allows. Part of [`crate::values`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

macro_rules! scopes {
    ($($(#[$doc:meta])* $scope:ident = $word:literal,)+) => {
        /// A permission of a credential. Each operation of the interfaces needs one scope, or none.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
        #[serde(rename_all = "snake_case")]
        #[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
        pub enum Scope {
            $($(#[$doc])* $scope,)+
        }

        impl Scope {
            /// All scopes.
            pub const ALL: &[Self] = &[$(Self::$scope,)+];

            /// The word in events, settings and descriptions.
            #[must_use]
            pub fn word(self) -> &'static str {
                match self {
                    $(Self::$scope => $word,)+
                }
            }
        }
    };
}

scopes! {
    /// Book a table and join a waitlist in the name of guests.
    Book = "book",
    /// Read reservations and waitlist entries, with the names and the wishes of guests.
    Read = "read",
    /// Change and cancel reservations and waitlist entries.
    Manage = "manage",
    /// What a host does in the room: floor, waitlist, walk-ins, tables, check-in, no-show.
    Floor = "floor",
    /// Act against a rule of the venue, for example waive a deposit.
    Override = "override",
    /// Read and erase contacts.
    Contact = "contact",
    /// Read counts, covers and revenue.
    Stats = "stats",
    /// Read the feed of events.
    Feed = "feed",
    /// Read histories, earlier states, charges and messages.
    Audit = "audit",
    /// Read payments.
    Payments = "payments",
    /// Order refunds.
    Refund = "refund",
    /// Read and change the rules of venues.
    Rules = "rules",
    /// Create and revoke credentials.
    Access = "access",
    /// Report results of payments and messages.
    Results = "results",
    /// Operate the services: stored log, reconciliation, effects, webhooks.
    Operate = "operate",
}

/// A text that is not a scope.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{:?} is not a scope; the scopes are {}", .0, Scope::ALL.iter().map(|scope| scope.word()).collect::<Vec<_>>().join(", "))]
pub struct UnknownScope(pub String);

impl std::str::FromStr for Scope {
    type Err = UnknownScope;

    fn from_str(word: &str) -> Result<Self, UnknownScope> {
        let known = Self::ALL.iter().copied().find(|scope| scope.word() == word);
        known.ok_or_else(|| UnknownScope(word.to_owned()))
    }
}

/// A set of scopes. In JSON, the list of their words.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(from = "Vec<Scope>", into = "Vec<Scope>")]
#[schemars(with = "Vec<Scope>")]
pub struct Scopes(u32);

impl From<Vec<Scope>> for Scopes {
    fn from(scopes: Vec<Scope>) -> Self {
        scopes.into_iter().collect()
    }
}

impl From<Scopes> for Vec<Scope> {
    fn from(scopes: Scopes) -> Self {
        scopes.iter().collect()
    }
}

impl Scopes {
    /// No scope.
    pub const NONE: Self = Self(0);

    /// All scopes.
    #[must_use]
    pub fn all() -> Self {
        Scope::ALL.iter().copied().collect()
    }

    /// Whether `scope` is among them.
    #[must_use]
    pub fn contains(self, scope: Scope) -> bool {
        self.0 & bit(scope) != 0
    }

    /// The scopes in either set.
    #[must_use]
    pub fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The scopes without those of `other`.
    #[must_use]
    pub fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// The scopes in their order.
    pub fn iter(self) -> impl Iterator<Item = Scope> {
        Scope::ALL.iter().copied().filter(move |scope| self.contains(*scope))
    }
}

fn bit(scope: Scope) -> u32 {
    1 << scope as u32
}

impl FromIterator<Scope> for Scopes {
    fn from_iter<T: IntoIterator<Item = Scope>>(scopes: T) -> Self {
        Self(scopes.into_iter().fold(0, |bits, scope| bits | bit(scope)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_has_the_same_word_in_events_and_in_text() {
        for scope in Scope::ALL {
            assert_eq!(serde_json::to_string(scope).unwrap(), format!("\"{}\"", scope.word()));
            assert_eq!(scope.word().parse(), Ok(*scope));
        }
        assert!("everything".parse::<Scope>().unwrap_err().to_string().contains("manage, floor"));
    }

    #[test]
    fn a_set_contains_what_was_put_into_it() {
        let some: Scopes = [Scope::Operate, Scope::Book].into_iter().collect();
        assert_eq!(some.iter().collect::<Vec<_>>(), [Scope::Book, Scope::Operate]);
        assert!(!some.contains(Scope::Floor) && Scopes::all().contains(Scope::Floor));
        assert_eq!(some.union(Scopes::all()), Scopes::all());
        assert_eq!(Scopes::NONE.iter().count(), 0);
        assert!(!Scopes::all().without(some).contains(Scope::Book));
        let json = serde_json::to_string(&some).unwrap();
        assert_eq!((&json[..], serde_json::from_str(&json).ok()), (r#"["book","operate"]"#, Some(some)));
    }
}
