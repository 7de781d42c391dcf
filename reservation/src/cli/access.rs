//! `reservation access …`: the commands for keys and for members of staff. They use the interface of the running service.

mod ca;
mod service;
mod staff;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use access::secrets::write_key;
use anyhow::Context as _;
use chrono::{DateTime, Utc};
use contract::reservation::access::{CreateKey, IssuedKey, KeyView, Keys, RevokeKey, RotateKey};
use contract::values::{Item as _, Line, List, ReasonCode, Whole};
use events::values::Scope;
use events::{KeyId, VenueId};
use reqwest::Method;
use tokio::runtime::Runtime;

pub use self::ca::CaAction;
pub use self::service::Reach;
use self::service::{Service, print};
pub use self::staff::StaffAction;

/// A command for access.
#[derive(Debug, clap::Subcommand)]
pub enum AccessAction {
    /// A command for the keys of a running service.
    #[command(flatten)]
    Keys(KeyAction),
    /// A command for the members of staff of a running service.
    #[command(flatten)]
    Staff(StaffAction),
    /// Make a private authority, and certificates with which the services encrypt their connections
    Ca(CaAction),
    /// Create a new key of the owner in the log of a stopped service, and write it to owner.header
    Recover {
        /// Also revoke every other key, device and link, end every account of staff, and create new keys of the services:
        /// for example after an older backup was restored
        #[arg(long)]
        revoke_all: bool,
    },
}

/// A command for the keys of a running service.
#[derive(Debug, clap::Subcommand)]
pub enum KeyAction {
    /// List the keys, without their secrets
    List,
    /// Create a key and print it; this is the only time that it is shown
    Create {
        /// A name for people, such as the program that uses it; it is published and cannot be erased
        #[arg(long)]
        name: String,
        /// A permission; may be repeated. You need it yourself
        #[arg(long = "scope", required = true)]
        scopes: Vec<Scope>,
        /// A venue that the key may act for; may be repeated [default: all venues]
        #[arg(id = "key_venues", long = "venue")]
        venues: Vec<VenueId>,
        /// When it ends by itself, RFC 3339 [default: never]
        #[arg(long)]
        expires_at: Option<DateTime<Utc>>,
        /// Write it to this file, which only this user can read, instead of printing it
        #[arg(long)]
        into: Option<PathBuf>,
    },
    /// Give a key a new secret and print it; the previous one stays valid for the overlap
    Rotate {
        /// The id of the key, see `list`
        key_id: KeyId,
        /// For how many hours the previous secret is valid too (0 to 720)
        #[arg(long, default_value_t = 24, value_parser = clap::value_parser!(i64).range(0..=720))]
        overlap_hours: i64,
        /// Write it to this file, which only this user can read, instead of printing it
        #[arg(long)]
        into: Option<PathBuf>,
    },
    /// Revoke a key at once; it cannot be undone
    Revoke {
        /// The id of the key, see `list`
        key_id: KeyId,
        /// The reason, a code such as leaked
        #[arg(long, default_value = "revoked", value_parser = code)]
        reason: ReasonCode,
    },
}

impl KeyAction {
    /// Runs the command on the service that `reach` leads to.
    ///
    /// # Errors
    /// A message for the operator.
    pub fn run(&self, reach: &Reach) -> anyhow::Result<ExitCode> {
        Runtime::new()?.block_on(self.ask(&Service::at(reach)?))
    }

    async fn ask(&self, service: &Service) -> anyhow::Result<ExitCode> {
        match self {
            Self::List => {
                let Keys { items } = service.send::<(), _>(Method::GET, "/keys", None).await?;
                items.iter().try_for_each(|key| print(&line(key)))?;
            }
            Self::Create { name, scopes, venues, expires_at, into } => {
                let body = CreateKey {
                    name: Line::known(name.as_str()),
                    scopes: List(scopes.clone()),
                    venues: (!venues.is_empty()).then(|| List(venues.clone())),
                    expires_at: *expires_at,
                };
                hand_over(&service.send(Method::POST, "/keys", Some(&body)).await?, into.as_deref())?;
            }
            Self::Rotate { key_id, overlap_hours, into } => {
                let body = RotateKey { overlap_hours: Some(Whole::known(*overlap_hours)) };
                let issued =
                    service.send(Method::POST, &format!("/keys/{key_id}/rotate"), Some(&body)).await?;
                hand_over(&issued, into.as_deref())?;
            }
            Self::Revoke { key_id, reason } => {
                let body = RevokeKey { reason_code: Some(reason.clone()) };
                let path = format!("/keys/{key_id}/revoke");
                let key: KeyView = service.send(Method::POST, &path, Some(&body)).await?;
                print(&line(&key))?;
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// A reason code.
fn code(text: &str) -> Result<ReasonCode, String> {
    match (1..=ReasonCode::CHARS_MAX).contains(&text.len()) {
        true => ReasonCode::read(text),
        false => Err(format!("a reason has 1 to {} letters", ReasonCode::CHARS_MAX)),
    }
}
fn line(key: &KeyView) -> String {
    let scopes: Vec<_> = key.scopes.iter().map(Scope::word).collect();
    let venues = key.venues.as_ref().map_or("all venues".to_owned(), |venues| {
        venues.iter().map(VenueId::as_str).collect::<Vec<_>>().join(",")
    });
    let used = key.last_used_on.map_or("never used".to_owned(), |day| format!("used on {day}"));
    let end = key.expires_at.map(|at| format!(", expires at {at}")).unwrap_or_default();
    format!(
        "{:12}  {:7}  {}  {venues}  {}  {used}{end}",
        key.key_id,
        key.status,
        key.name,
        if scopes.is_empty() { "no scope".to_owned() } else { scopes.join(",") },
    )
}

/// Prints a new key, or writes it to a file.
fn hand_over(issued: &IssuedKey, into: Option<&Path>) -> anyhow::Result<()> {
    let token = issued.token.as_deref().context("the service did not send the key: create another one")?;
    match into {
        Some(path) => {
            write_key(path, token)?;
            print(&format!("{} is in {}", issued.key.key_id, path.display()))
        }
        None => print(token),
    }
}
