//! Dates, times and amounts as people write them, and masked addresses for logs.

use chrono::{DateTime, Datelike as _, TimeZone, Timelike as _};
use events::values::{Locale, Money};

const DAYS_ID: [&str; 7] = ["Senin", "Selasa", "Rabu", "Kamis", "Jumat", "Sabtu", "Minggu"];
const DAYS_EN: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
const MONTHS_ID: [&str; 12] = [
    "Januari",
    "Februari",
    "Maret",
    "April",
    "Mei",
    "Juni",
    "Juli",
    "Agustus",
    "September",
    "Oktober",
    "November",
    "Desember",
];
const MONTHS_EN: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// `Kamis, 24 Desember 2026`.
#[must_use]
pub fn date<Z: TimeZone>(at: &DateTime<Z>, locale: Locale) -> String {
    let (days, months) = match locale {
        Locale::Id => (DAYS_ID, MONTHS_ID),
        Locale::En => (DAYS_EN, MONTHS_EN),
    };
    let day = days[at.weekday().num_days_from_monday() as usize % 7];
    let month = months[at.month0() as usize % 12];
    format!("{day}, {} {month} {}", at.day(), at.year())
}

/// `Kam, 24 Des`: for lists, where the year is clear.
#[must_use]
pub fn short_date<Z: TimeZone>(at: &DateTime<Z>, locale: Locale) -> String {
    let (days, months) = match locale {
        Locale::Id => (DAYS_ID, MONTHS_ID),
        Locale::En => (DAYS_EN, MONTHS_EN),
    };
    let short = |name: &str| name.chars().take(3).collect::<String>();
    let day = days[at.weekday().num_days_from_monday() as usize % 7];
    let month = months[at.month0() as usize % 12];
    format!("{}, {} {}", short(day), at.day(), short(month))
}

/// `19.30` in Indonesian, `19:30` in English.
#[must_use]
pub fn time<Z: TimeZone>(at: &DateTime<Z>, locale: Locale) -> String {
    let between = match locale {
        Locale::Id => '.',
        Locale::En => ':',
    };
    format!("{:02}{between}{:02}", at.hour(), at.minute())
}

/// `Kamis, 24 Desember 2026 pukul 19.30`.
#[must_use]
pub fn moment<Z: TimeZone>(at: &DateTime<Z>, locale: Locale) -> String {
    let between = match locale {
        Locale::Id => "pukul",
        Locale::En => "at",
    };
    format!("{} {between} {}", date(at, locale), time(at, locale))
}

/// `Rp 300.000` or `€100.00`: with the decimals of ISO 4217. Rupiah are written without decimals if these are
/// zero, which is the custom in Indonesia.
#[must_use]
pub fn money(amount: Money, locale: Locale) -> String {
    let (sign, whole, fraction) = amount.major_units();
    let (thousands, point) = match locale {
        Locale::Id => ('.', ','),
        Locale::En => (',', '.'),
    };
    let code = amount.currency.code();
    let symbol = match code {
        "IDR" => "Rp ".to_owned(),
        "EUR" => "€".to_owned(),
        other => format!("{other} "),
    };
    let is_zero = fraction.bytes().all(|digit| digit == b'0');
    let fraction = match (fraction.is_empty(), code) {
        (true, _) => String::new(),
        (_, "IDR") if is_zero => String::new(),
        _ => format!("{point}{fraction}"),
    };
    format!("{sign}{symbol}{}{fraction}", grouped(whole, thousands))
}

fn grouped(number: u64, separator: char) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            grouped.push(separator);
        }
        grouped.push(digit);
    }
    grouped
}

/// `s***@e***.com`.
#[must_use]
pub fn mask_mail(address: &str) -> String {
    let first = |text: &str| text.chars().next().map_or_else(String::new, |c| format!("{c}***"));
    let (user, domain) = address.rsplit_once('@').unwrap_or((address, ""));
    let (host, top) = domain.rsplit_once('.').unwrap_or((domain, ""));
    format!("{}@{}.{top}", first(user), first(host))
}

/// `+62***7890`.
#[must_use]
pub fn mask_phone(number: &str) -> String {
    let chars: Vec<_> = number.chars().collect();
    if chars.len() < 8 {
        return "***".into();
    }
    let (head, tail) = (&chars[..3], &chars[chars.len() - 4..]);
    head.iter().chain(&['*', '*', '*']).chain(tail).collect()
}

#[cfg(test)]
mod tests {
    use events::values::Currency;

    use super::*;

    #[test]
    fn amounts_are_written_as_people_write_them() {
        let show = |amount_minor, code, locale| {
            money(Money { amount_minor, currency: Currency::from_code(code).unwrap() }, locale)
        };
        assert_eq!(show(30_000_000, "IDR", Locale::Id), "Rp 300.000");
        assert_eq!(show(10_000, "EUR", Locale::En), "€100.00");
        assert_eq!(show(123_456_789, "EUR", Locale::Id), "€1.234.567,89");
        assert_eq!(show(5_000, "JPY", Locale::En), "JPY 5,000");
        assert_eq!(show(1_005, "KWD", Locale::En), "KWD 1.005");
        assert_eq!(show(7, "USD", Locale::En), "USD 0.07");
    }

    #[test]
    fn masked_addresses_reveal_little() {
        assert_eq!(mask_mail("sari@example.com"), "s***@e***.com");
        assert_eq!(mask_phone("+6281234567890"), "+62***7890");
        assert_eq!(mask_phone("123"), "***");
    }
}
