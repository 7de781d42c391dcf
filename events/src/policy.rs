//! Money, and the house rules about it. Part of [`crate::values`].

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::values::PartySize;

/// An ISO 4217 code, three capital letters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Currency([u8; 3]);

impl Currency {
    /// ISO 4217 for "no currency".
    pub const NONE: Self = Self(*b"XXX");

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
    /// Whether a booking that needs no deposit is confirmed at once.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub auto_confirm: bool,
    /// Minutes after the start at which a party that never came is a no-show by itself; `None`: people say so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub no_show_grace_minutes: Option<u32>,
    /// What a party owes that never came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub no_show_fee: Option<NoShowFee>,
}

/// What a party owes that never came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NoShowFee {
    /// What the amount is multiplied with.
    pub per: DepositPer,
    /// The amount for one guest or for the whole party.
    pub amount: Money,
}

/// What money is asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// A deposit, before the visit.
    #[default]
    Deposit,
    /// The fee for not having come, as far as the deposit does not cover it.
    NoShowFee,
}

impl Purpose {
    /// Whether it is a deposit.
    #[must_use]
    pub fn is_deposit(&self) -> bool {
        *self == Self::Deposit
    }
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

impl DepositPer {
    /// `amount` for a party of `size`.
    fn of(self, amount: Money, size: PartySize) -> Money {
        let times = match self {
            Self::Guest => i64::from(size.get()),
            Self::Party => 1,
        };
        Money { amount_minor: amount.amount_minor.saturating_mul(times), ..amount }
    }
}

impl NoShowFee {
    /// What a party of `size` owes.
    #[must_use]
    pub fn due(&self, size: PartySize) -> Money {
        self.per.of(self.amount, size)
    }
}

impl DepositRule {
    /// What a party of `size` pays, or `None` when it is too small to pay.
    #[must_use]
    pub fn due(&self, size: PartySize) -> Option<Money> {
        (size.get() >= self.from_party_size).then(|| self.per.of(self.amount, size))
    }
}

impl Policy {
    /// What a party of `size` would pay under these rules.
    #[must_use]
    pub fn deposit_due(&self, size: PartySize) -> Option<Money> {
        self.deposit.as_ref().and_then(|rule| rule.due(size))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
