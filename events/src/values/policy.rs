//! Money, and the booking policies about it. Part of [`crate::values`].

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::party::PartySize;

/// An ISO 4217 code, three capital letters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Currency([u8; 3]);

impl Currency {
    /// ISO 4217 for "no currency".
    pub const NONE: Self = Self(*b"XXX");

    /// The currency of a code such as `IDR`; `None` if ISO 4217 does not list the code with minor units.
    #[must_use]
    pub fn from_code(code: &str) -> Option<Self> {
        iso_currency::Currency::from_code(code)?.exponent()?;
        Self::three_letters(code)
    }

    /// Accepts any code without checking the list. A recorded event stays readable after ISO 4217 withdraws its
    /// currency.
    fn three_letters(code: &str) -> Option<Self> {
        let code: [u8; 3] = code.as_bytes().try_into().ok()?;
        code.iter().all(u8::is_ascii_uppercase).then_some(Self(code))
    }

    /// The number of decimals according to ISO 4217; 2 for a currency that was withdrawn from the list.
    #[must_use]
    pub fn decimals(self) -> u16 {
        iso_currency::Currency::from_code(self.code()).and_then(|known| known.exponent()).unwrap_or(2)
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
        Self::three_letters(&code)
            .ok_or_else(|| serde::de::Error::custom(format!("{code:?} is not an ISO 4217 code")))
    }
}

#[cfg(feature = "openapi")]
impl utoipa::PartialSchema for Currency {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
        crate::openapi::text()
            .pattern(Some("^[A-Z]{3}$"))
            .description(Some("ISO 4217 code"))
            .examples(["IDR"])
            .into()
    }
}

#[cfg(feature = "openapi")]
impl utoipa::ToSchema for Currency {}

impl JsonSchema for Currency {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Currency".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({"type": "string", "pattern": "^[A-Z]{3}$", "description": "ISO 4217 code"})
    }
}

/// An amount in minor units (cents of EUR, sen of IDR). Never a float.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub struct Money {
    /// Minor units, as many decimals as ISO 4217 gives the currency.
    pub amount_minor: i64,
    /// ISO 4217 code.
    pub currency: Currency,
}

impl Money {
    /// The amount in major units: the sign, the whole units, and the decimals that ISO 4217 gives the currency
    /// (empty for a currency without decimals).
    #[must_use]
    pub fn major_units(&self) -> (&'static str, u64, String) {
        let decimals = usize::from(self.currency.decimals());
        let scale = 10_u64.pow(u32::from(self.currency.decimals()));
        let minor = self.amount_minor.unsigned_abs();
        let fraction = if decimals == 0 { String::new() } else { format!("{:0decimals$}", minor % scale) };
        (if self.amount_minor < 0 { "-" } else { "" }, minor / scale, fraction)
    }

    /// The amount as plain text without regard to a language, for example `IDR 300000.00`.
    #[must_use]
    pub fn plain(&self) -> String {
        let (sign, whole, fraction) = self.major_units();
        let point = if fraction.is_empty() { "" } else { "." };
        format!("{} {sign}{whole}{point}{fraction}", self.currency)
    }
}

/// The booking policy that applied when the table was booked. A snapshot: a later change of the
/// venue's policy never changes an existing booking.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Policy {
    /// Whether this booking needed a deposit.
    pub deposit_required: bool,
    /// The deposit rule; `None` if the venue never asks for a deposit.
    pub deposit: Option<DepositRule>,
    /// Minutes after which the system cancels an unpaid hold.
    pub auto_cancel_minutes: u32,
    /// The deposit is refunded if the guest cancels at least this many minutes before the start.
    pub free_cancellation_minutes: u32,
    /// Whether a booking without a deposit is confirmed immediately.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub auto_confirm: bool,
    /// Minutes after the start at which the system records a no-show; `None`: only staff record it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub no_show_grace_minutes: Option<u32>,
    /// The fee that a party owes if it never arrives.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub no_show_fee: Option<NoShowFee>,
    /// Whether a party that becomes smaller in time gets back the part of its deposit that no longer applies. False in
    /// snapshots of versions without this rule.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub refund_on_shrink: bool,
}

/// The fee that a party owes if it never arrives.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NoShowFee {
    /// The unit that the amount is multiplied by.
    pub per: DepositPer,
    /// The amount for one guest or for the whole party.
    pub amount: Money,
}

/// What a payment is for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// A deposit, before the visit.
    #[default]
    Deposit,
    /// The part of the no-show fee that the deposit does not cover.
    NoShowFee,
}

impl Purpose {
    /// Whether it is a deposit.
    #[must_use]
    pub fn is_deposit(&self) -> bool {
        *self == Self::Deposit
    }
}

/// When a deposit is due, and its amount.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DepositRule {
    /// The smallest party that pays a deposit.
    pub from_party_size: u8,
    /// The unit that the amount is multiplied by.
    pub per: DepositPer,
    /// The amount for one guest or for the whole party.
    pub amount: Money,
}

/// The unit that an amount is multiplied by.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DepositPer {
    /// Once for each guest.
    Guest,
    /// Once for the party.
    Party,
}

impl DepositPer {
    /// The total for a party of `size`.
    fn of(self, amount: Money, size: PartySize) -> Money {
        let times = match self {
            Self::Guest => i64::from(size.get()),
            Self::Party => 1,
        };
        Money { amount_minor: amount.amount_minor.saturating_mul(times), ..amount }
    }
}

impl NoShowFee {
    /// The fee for a party of `size`.
    #[must_use]
    pub fn due(&self, size: PartySize) -> Money {
        self.per.of(self.amount, size)
    }
}

impl DepositRule {
    /// The deposit for a party of `size`, or `None` if the party is too small to pay one.
    #[must_use]
    pub fn due(&self, size: PartySize) -> Option<Money> {
        (size.get() >= self.from_party_size).then(|| self.per.of(self.amount, size))
    }
}

impl Policy {
    /// The deposit for a party of `size` under this policy.
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

    #[test]
    fn amounts_have_the_decimals_of_their_currency() {
        for (amount_minor, code, plain) in [
            (30_000_000, "IDR", "IDR 300000.00"),
            (-5, "EUR", "EUR -0.05"),
            (1_500, "JPY", "JPY 1500"),
            (1_234, "KWD", "KWD 1.234"),
        ] {
            let money = Money { amount_minor, currency: Currency::from_code(code).unwrap() };
            assert_eq!(money.plain(), plain);
        }
    }

    #[test]
    fn only_listed_currencies_are_accepted_but_recorded_ones_stay_readable() {
        for unknown in ["ZZZ", "idr", "RP", "XAU"] {
            assert_eq!(Currency::from_code(unknown), None, "{unknown}");
        }
        let recorded: Money = serde_json::from_str(r#"{"amount_minor": 5, "currency": "ZZZ"}"#).unwrap();
        assert_eq!(recorded.plain(), "ZZZ 0.05");
    }
}
