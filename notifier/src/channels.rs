//! The ways to pay that guests are offered.

/// A way to pay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Channel {
    /// Its name in requests and events.
    pub code: &'static str,
    /// For Indonesian guests.
    pub label_id: &'static str,
    /// For the others.
    pub label_en: &'static str,
    /// ISO 4217 codes it can be used with.
    pub currencies: &'static [&'static str],
}

/// All of them; for each currency the first that takes it is the one for guests who did not choose.
pub const CHANNELS: &[Channel] = &[
    Channel { code: "qris", label_id: "QRIS", label_en: "QRIS", currencies: &["IDR"] },
    Channel {
        code: "bank_transfer",
        label_id: "Transfer bank",
        label_en: "Bank transfer",
        currencies: &["IDR", "EUR"],
    },
    Channel { code: "gopay", label_id: "GoPay", label_en: "GoPay", currencies: &["IDR"] },
    Channel {
        code: "card",
        label_id: "Kartu kredit",
        label_en: "Credit card",
        currencies: &["EUR", "IDR", "USD"],
    },
];

/// The channel for a payment in `currency`: what the guest asked for where that is possible.
///
/// Falls back to the default for the currency: the reservation service takes any channel while it
/// can not ask which there are.
#[must_use]
pub fn choose(asked: Option<&str>, currency: &str) -> &'static Channel {
    let takes = |channel: &&Channel| channel.currencies.contains(&currency);
    let asked = CHANNELS.iter().find(|channel| Some(channel.code) == asked).filter(takes);
    asked.or_else(|| CHANNELS.iter().find(takes)).unwrap_or(&CHANNELS[CHANNELS.len() - 1])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_impossible_wish_falls_back() {
        assert_eq!(choose(Some("gopay"), "IDR").code, "gopay");
        assert_eq!(choose(Some("gopay"), "EUR").code, "bank_transfer");
        assert_eq!(choose(Some("shells"), "IDR").code, "qris");
        assert_eq!(choose(None, "CHF").code, "card");
    }
}
