//! The actor of a command. Part of [`crate::values`].

use serde::{Deserialize, Serialize};

/// The actor of a command. Contains no personal data: a kind and the id of a credential.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Actor {
    /// CloudEvents `authtype`.
    pub kind: ActorKind,
    /// CloudEvents `authid`: the id of the presented credential, or the name of the system component.
    pub id: Option<String>,
}

/// CloudEvents `authtype`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ActorKind {
    /// A guest, by the link to their own booking. In events of earlier versions, a person through an application.
    AppUser,
    /// A member of a restaurant's staff.
    User,
    /// A program with a key.
    ApiKey,
    /// Another service.
    ServiceAccount,
    /// The system itself, for example when a deadline passes.
    System,
    /// The request carried no credential.
    Unauthenticated,
    /// A kind written by a later version.
    #[serde(other)]
    Unknown,
}

impl ActorKind {
    /// The word used in stored events.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::AppUser => "app_user",
            Self::User => "user",
            Self::ApiKey => "api_key",
            Self::ServiceAccount => "service_account",
            Self::System => "system",
            Self::Unauthenticated => "unauthenticated",
            Self::Unknown => "unknown",
        }
    }

    /// The kind for a word found in a stored event.
    #[must_use]
    pub fn from_word(word: &str) -> Self {
        match word {
            "app_user" => Self::AppUser,
            "user" => Self::User,
            "api_key" => Self::ApiKey,
            "service_account" => Self::ServiceAccount,
            "system" => Self::System,
            "unauthenticated" => Self::Unauthenticated,
            _ => Self::Unknown,
        }
    }
}

impl Actor {
    /// An actor without a credential.
    #[must_use]
    pub fn unauthenticated() -> Self {
        Self { kind: ActorKind::Unauthenticated, id: None }
    }

    /// The system component `name`, for example `deadlines`.
    #[must_use]
    pub fn system(name: &str) -> Self {
        Self { kind: ActorKind::System, id: Some(name.to_owned()) }
    }

    /// The service `name`.
    #[must_use]
    pub fn service(name: &str) -> Self {
        Self { kind: ActorKind::ServiceAccount, id: Some(name.to_owned()) }
    }
}
