//! Immutable values that events are made of.
//!
//! Building one from outside is strict (`try_from`, `new`); decoding one that stands in a log is
//! lenient, so that a limit tightened later never makes an old event unreadable.

use std::fmt;

use chrono::{DateTime, Days, NaiveDate, TimeDelta, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

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

/// An ISO 4217 code, three capital letters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Currency([u8; 3]);

impl Currency {
    /// The currency of a code such as `IDR`; `None` unless it is three capital letters.
    #[must_use]
    pub fn from_code(code: &str) -> Option<Self> {
        let code: [u8; 3] = code.as_bytes().try_into().ok()?;
        code.iter().all(u8::is_ascii_uppercase).then_some(Self(code))
    }

    /// The three letters.
    #[must_use]
    pub fn code(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or("XXX")
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl Serialize for Currency {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.code())
    }
}

impl<'de> Deserialize<'de> for Currency {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let code = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Self::from_code(&code)
            .ok_or_else(|| serde::de::Error::custom(format!("{code:?} is not an ISO 4217 code")))
    }
}

impl JsonSchema for Currency {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Currency".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({"type": "string", "pattern": "^[A-Z]{3}$", "description": "ISO 4217 code"})
    }
}

/// An amount in minor units (cents of EUR, sen of IDR). Never a float.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub struct Money {
    /// Minor units, as many decimals as ISO 4217 gives the currency.
    pub amount_minor: i64,
    /// ISO 4217 code.
    pub currency: Currency,
}

/// The house rules that applied when the table was booked. A snapshot: a later change of the
/// venue's policy never changes an old booking.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Policy {
    /// Whether this booking needed a deposit.
    pub deposit_required: bool,
    /// From which party size on a deposit is asked for, and how much; `None`: never.
    pub deposit: Option<DepositRule>,
    /// Minutes after which an unpaid hold is cancelled by the system.
    pub auto_cancel_minutes: u32,
    /// A deposit is returned when the guest cancels at least this many minutes before the start.
    pub free_cancellation_minutes: u32,
}

/// When a deposit is due and how much it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DepositRule {
    /// The smallest party that pays a deposit.
    pub from_party_size: u8,
    /// What the amount is multiplied with.
    pub per: DepositPer,
    /// The amount for one guest or for the whole party.
    pub amount: Money,
}

/// What a deposit is counted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DepositPer {
    /// Once for each guest.
    Guest,
    /// Once for the party.
    Party,
}

impl DepositRule {
    /// What a party of `size` pays, or `None` when it is too small to pay.
    #[must_use]
    pub fn due(&self, size: PartySize) -> Option<Money> {
        if size.get() < self.from_party_size {
            return None;
        }
        let times = match self.per {
            DepositPer::Guest => i64::from(size.get()),
            DepositPer::Party => 1,
        };
        Some(Money { amount_minor: self.amount.amount_minor.saturating_mul(times), ..self.amount })
    }
}

impl Policy {
    /// What a party of `size` would pay under these rules.
    #[must_use]
    pub fn deposit_due(&self, size: PartySize) -> Option<Money> {
        self.deposit.as_ref().and_then(|rule| rule.due(size))
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
pub struct PrivateDigest(String);

impl PrivateDigest {
    /// The digest of a private part. The part itself must hold its salt.
    #[must_use]
    pub fn of(private: &[u8]) -> Self {
        Self(hex::encode(Sha256::digest(private)))
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
    fn a_deposit_follows_its_rule() {
        let rule = DepositRule {
            from_party_size: 6,
            per: DepositPer::Guest,
            amount: Money { amount_minor: 5_000_000, currency: Currency::from_code("IDR").unwrap() },
        };
        let due = |n| rule.due(PartySize::try_from(n).unwrap()).map(|m| m.amount_minor);
        assert_eq!(due(5), None);
        assert_eq!(due(6), Some(30_000_000));
    }

    #[test]
    fn a_party_is_never_empty() {
        assert!(PartySize::try_from(0).is_err());
        assert!(PartySize::try_from(51).is_err());
        assert!(PartySize::try_from(256 + 2).is_err());
        assert_eq!(PartySize::try_from(50).unwrap().get(), 50);
    }
}
