//! Converts amounts. ISO 4217 defines the decimals of a currency; Stripe uses other units for some.

use events::values::{Currency, Money};

/// Currencies for which Stripe differs from ISO 4217, with the decimals that Stripe uses
/// (docs.stripe.com/currencies: zero-decimal currencies and special cases).
const OTHERWISE: [(&str, u16); 3] = [("ISK", 2), ("MGA", 0), ("UGX", 2)];
/// Stripe accepts at most eight digits, for rupiah twelve.
const DIGITS_MAX: u32 = 8;
const DIGITS_IDR_MAX: u32 = 12;

fn decimals(currency: Currency) -> Result<(u16, u16), String> {
    let code = currency.code();
    let iso = iso_currency::Currency::from_code(code).and_then(|known| known.exponent());
    let iso = iso.ok_or_else(|| format!("ISO 4217 does not list {code} with minor units"))?;
    let stripe = OTHERWISE.iter().find(|(other, _)| *other == code).map_or(iso, |(_, decimals)| *decimals);
    Ok((iso, stripe))
}

/// The amount and the currency in the format of Stripe.
///
/// # Errors
/// A message, when the amount cannot be expressed in Stripe's unit or is too large.
pub(super) fn to_stripe(money: Money) -> Result<(i64, String), String> {
    let (iso, stripe) = decimals(money.currency)?;
    let (code, minor) = (money.currency.code(), money.amount_minor);
    let amount = scaled(minor, iso, stripe)
        .ok_or_else(|| format!("{minor} minor units of {code} cannot be expressed in Stripe's unit"))?;
    // With three decimals the last one must be zero.
    if stripe == 3 && amount % 10 != 0 {
        return Err(format!(
            "{minor} minor units of {code}: Stripe accepts two decimals, so the last digit must be 0"
        ));
    }
    let max = 10_i64.pow(if code == "IDR" { DIGITS_IDR_MAX } else { DIGITS_MAX }) - 1;
    if !(1..=max).contains(&amount) {
        return Err(format!("{minor} minor units of {code} are not in the range 1 to {max} of Stripe"));
    }
    Ok((amount, code.to_ascii_lowercase()))
}

/// An amount of Stripe in the minor units of ISO 4217.
///
/// # Errors
/// A message, when the amount cannot be expressed in them, or the currency is unknown.
pub(super) fn from_stripe(amount: i64, currency: &str) -> Result<Money, String> {
    let code = currency.to_ascii_uppercase();
    let currency = Currency::from_code(&code).ok_or_else(|| format!("{code:?} is not a currency"))?;
    let (iso, stripe) = decimals(currency)?;
    let amount_minor = scaled(amount, stripe, iso)
        .ok_or_else(|| format!("{amount} {code} of Stripe cannot be expressed in minor units"))?;
    Ok(Money { amount_minor, currency })
}

fn scaled(amount: i64, from: u16, to: u16) -> Option<i64> {
    match to.checked_sub(from) {
        Some(more) => amount.checked_mul(10_i64.checked_pow(u32::from(more))?),
        None => {
            let unit = 10_i64.checked_pow(u32::from(from - to))?;
            (amount % unit == 0).then_some(amount / unit)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An amount as an event can contain it, with any code.
    fn money(amount_minor: i64, code: &str) -> Money {
        let currency = serde_json::from_value(code.into()).unwrap();
        Money { amount_minor, currency }
    }

    #[test]
    fn amounts_convert_to_stripe_and_back() {
        for (minor, code, stripe) in [
            (30_000_000, "IDR", 30_000_000),
            (10_050, "EUR", 10_050),
            (5_000, "JPY", 5_000),
            (1_230, "KWD", 1_230),
            (500, "ISK", 50_000),
            (700, "UGX", 70_000),
            (4_200, "MGA", 42),
        ] {
            assert_eq!(to_stripe(money(minor, code)), Ok((stripe, code.to_ascii_lowercase())));
            assert_eq!(from_stripe(stripe, &code.to_ascii_lowercase()), Ok(money(minor, code)));
        }
    }

    #[test]
    fn amounts_that_stripe_cannot_express_are_refused() {
        for (minor, code) in [
            (1_235, "KWD"),
            (4_250, "MGA"),
            (0, "EUR"),
            (-5, "EUR"),
            (100_000_000, "EUR"),
            (1, "XAU"),
            (1, "ZZZ"),
        ] {
            assert!(to_stripe(money(minor, code)).is_err(), "{minor} {code}");
        }
        assert!(from_stripe(50, "isk").is_err(), "half a krona");
        assert!(to_stripe(money(999_999_999_999, "IDR")).is_ok());
    }
}
