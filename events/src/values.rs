//! Immutable values that events are made of.
//!
//! Building one from outside is strict (`try_from`, `new`); decoding one that stands in a log is
//! lenient, so that a limit tightened later never makes an old event unreadable.

use std::fmt;

use chrono::{DateTime, Days, NaiveDate, TimeDelta, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

pub use crate::policy::{Currency, DepositPer, DepositRule, Money, NoShowFee, Policy, Purpose};

/// How many guests come, 1 to [`PartySize::MAX`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct PartySize(u8);

/// A party that is empty or larger than any venue seats.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a party of {0} can not be seated: 1 to {max} guests", max = PartySize::MAX)]
pub struct InvalidPartySize(pub i64);

impl PartySize {
    /// The largest party that can be booked.
    pub const MAX: u8 = 50;

    /// The number of guests.
    #[must_use]
    pub fn get(self) -> u8 {
        self.0
    }
}

impl TryFrom<i64> for PartySize {
    type Error = InvalidPartySize;

    fn try_from(guests: i64) -> Result<Self, InvalidPartySize> {
        match u8::try_from(guests) {
            Ok(guests @ 1..=Self::MAX) => Ok(Self(guests)),
            _ => Err(InvalidPartySize(guests)),
        }
    }
}

impl fmt::Display for PartySize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The time a party keeps its table: from `start` up to but not including `end`, in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub struct TimeWindow {
    /// When the party arrives.
    pub start: DateTime<Utc>,
    /// When the table is free again.
    pub end: DateTime<Utc>,
}

impl TimeWindow {
    /// The window of `minutes` that begins at `start`.
    #[must_use]
    pub fn starting(start: DateTime<Utc>, minutes: u32) -> Self {
        Self { start, end: start + TimeDelta::minutes(i64::from(minutes)) }
    }

    /// How long the table is kept, in minutes.
    #[must_use]
    pub fn minutes(&self) -> i64 {
        (self.end - self.start).num_minutes()
    }

    /// Whether both windows want the same minute. Windows that only touch do not.
    #[must_use]
    pub fn overlaps(&self, other: &Self) -> bool {
        self.start < other.end && other.start < self.end
    }

    /// Every UTC date that has a part of the window, ascending. At least one.
    pub fn utc_dates(&self) -> impl Iterator<Item = NaiveDate> + use<> {
        let first = self.start.date_naive();
        // The end is exclusive: a window up to midnight does not touch the next day.
        let last = (self.end - TimeDelta::nanoseconds(1)).date_naive().max(first);
        std::iter::successors(Some(first), move |date| {
            date.checked_add_days(Days::new(1)).filter(|next| *next <= last)
        })
    }
}

/// The language a guest is written to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Locale {
    /// Bahasa Indonesia.
    #[default]
    Id,
    /// English.
    En,
}

impl Locale {
    /// The locale of a tag such as `id`, `en` or `en-GB`; `None` when nothing is written in it.
    #[must_use]
    pub fn from_tag(tag: &str) -> Option<Self> {
        match tag.split(['-', '_']).next()? {
            primary if primary.eq_ignore_ascii_case("id") => Some(Self::Id),
            primary if primary.eq_ignore_ascii_case("en") => Some(Self::En),
            _ => None,
        }
    }

    /// The language tag.
    #[must_use]
    pub fn tag(self) -> &'static str {
        match self {
            Self::Id => "id",
            Self::En => "en",
        }
    }
}

/// Who called a reservation off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CancelledBy {
    /// The guest.
    Guest,
    /// Somebody at the restaurant.
    Staff,
    /// A deadline.
    System,
}

/// Why a table was given back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReleaseCause {
    /// The party moved to another table.
    Moved,
    /// The party comes at another time.
    Rescheduled,
    /// The reservation was cancelled.
    Cancelled,
    /// The party has left.
    Completed,
    /// The party never came.
    NoShow,
}

/// How a message reaches the guest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Medium {
    /// E-mail.
    Mail,
    /// Text message.
    Sms,
}

/// Who did it. Never personal data: a kind and the id of a key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Actor {
    /// CloudEvents `authtype`.
    pub kind: ActorKind,
    /// CloudEvents `authid`: the id of the key that was shown, or the name of the part of the system.
    pub id: Option<String>,
}

/// CloudEvents `authtype`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ActorKind {
    /// A person through an application.
    AppUser,
    /// Another service.
    ServiceAccount,
    /// The system itself, for example a deadline.
    System,
    /// Nobody showed a key.
    Unauthenticated,
    /// A kind that a later version wrote.
    #[serde(other)]
    Unknown,
}

impl ActorKind {
    /// The word that stands in events.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::AppUser => "app_user",
            Self::ServiceAccount => "service_account",
            Self::System => "system",
            Self::Unauthenticated => "unauthenticated",
            Self::Unknown => "unknown",
        }
    }

    /// The kind that a word in an event means.
    #[must_use]
    pub fn from_word(word: &str) -> Self {
        match word {
            "app_user" => Self::AppUser,
            "service_account" => Self::ServiceAccount,
            "system" => Self::System,
            "unauthenticated" => Self::Unauthenticated,
            _ => Self::Unknown,
        }
    }
}

impl Actor {
    /// Nobody showed a key.
    #[must_use]
    pub fn unauthenticated() -> Self {
        Self { kind: ActorKind::Unauthenticated, id: None }
    }

    /// The part `name` of the system, for example `deadlines`.
    #[must_use]
    pub fn system(name: &str) -> Self {
        Self { kind: ActorKind::System, id: Some(name.to_owned()) }
    }

    /// The other service.
    #[must_use]
    pub fn service(name: &str) -> Self {
        Self { kind: ActorKind::ServiceAccount, id: Some(name.to_owned()) }
    }
}

/// What an event says of its private part: salted, so that a guess at a name can not be checked
/// against the published feed once the private part, which holds the salt, is forgotten.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct PrivateDigest(Box<str>);

impl PrivateDigest {
    /// The digest of a private part. The part itself must hold its salt.
    #[must_use]
    pub fn of(private: &[u8]) -> Self {
        Self(hex::encode(Sha256::digest(private)).into())
    }

    /// Whether `private` is what the digest was made of.
    #[must_use]
    pub fn matches(&self, private: &[u8]) -> bool {
        *self == Self::of(private)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn windows_that_touch_do_not_overlap() {
        let first = TimeWindow::starting(at("2026-12-01T18:00:00Z"), 90);
        let second = TimeWindow::starting(first.end, 90);
        assert!(!first.overlaps(&second) && !second.overlaps(&first));
        let late = TimeWindow::starting(first.end - TimeDelta::minutes(1), 90);
        assert!(first.overlaps(&late) && late.overlaps(&first));
    }

    #[test]
    fn a_window_names_every_date_it_touches() {
        let dates = |start, minutes| -> Vec<_> {
            TimeWindow::starting(at(start), minutes).utc_dates().map(|d| d.to_string()).collect()
        };
        assert_eq!(dates("2026-12-31T22:00:00Z", 90), ["2026-12-31"]);
        assert_eq!(dates("2026-12-31T22:00:00Z", 120), ["2026-12-31"]);
        assert_eq!(dates("2026-12-31T22:00:00Z", 121), ["2026-12-31", "2027-01-01"]);
    }

    #[test]
    fn a_party_is_never_empty() {
        assert!(PartySize::try_from(0).is_err());
        assert!(PartySize::try_from(51).is_err());
        assert!(PartySize::try_from(256 + 2).is_err());
        assert_eq!(PartySize::try_from(50).unwrap().get(), 50);
    }
}
