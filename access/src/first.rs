//! The first keys of an installation.

use chassis::environment::Environment;
use events::access::KeyKind;
use events::values::{Scope, Scopes};

use crate::token::KeyToken;

/// A key that the first start makes.
#[derive(Debug, Clone)]
pub struct FirstKey {
    /// The key.
    pub token: KeyToken,
    /// Its name.
    pub name: &'static str,
    /// What uses it.
    pub kind: KeyKind,
    /// What it may do.
    pub scopes: Scopes,
    /// The file in the directory of secrets that gets it.
    pub file: &'static str,
}

/// The file with the owner's key, as a header for `curl -H @file`.
pub const OWNER_FILE: &str = "owner.header";
/// The file with the key of the notifier.
pub const NOTIFIER_FILE: &str = "notifier.key";
/// The file with the key of the gateway.
pub const GATEWAY_FILE: &str = "gateway.key";

/// The files with first keys.
pub const FILES: [&str; 3] = [OWNER_FILE, NOTIFIER_FILE, GATEWAY_FILE];

/// What an owner may do: everything except what only services do.
#[must_use]
pub fn owner_scopes() -> Scopes {
    Scopes::all().without([Scope::Results].into_iter().collect())
}

/// What the notifier may do: follow the feed, read what a message says and where it goes, and report results.
#[must_use]
pub fn notifier_scopes() -> Scopes {
    [Scope::Read, Scope::Contact, Scope::Feed, Scope::Results].into_iter().collect()
}

/// New first keys: of the owner, the notifier and the gateway.
#[must_use]
pub fn first_keys(env: &dyn Environment) -> [FirstKey; 3] {
    let key = |name, kind, scopes, file| FirstKey { token: KeyToken::new(env), name, kind, scopes, file };
    [
        key("owner", KeyKind::Api, owner_scopes(), OWNER_FILE),
        key("notifier", KeyKind::Service, notifier_scopes(), NOTIFIER_FILE),
        // The gateway passes on the credentials of people. It needs no authority of its own.
        key("gateway", KeyKind::Service, Scopes::NONE, GATEWAY_FILE),
    ]
}
