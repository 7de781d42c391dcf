//! Phone numbers.

use std::borrow::Cow;

use icu_normalizer::ComposingNormalizerBorrowed;
use icu_properties::CodePointSetData;
use icu_properties::props::DefaultIgnorableCodePoint;
use phonenumber::country::Id;
use phonenumber::metadata::DATABASE;
use phonenumber::{PhoneNumber, Type};

/// Country codes of satellite networks, ITU-T E.164: Inmarsat, the global mobile satellite system, and international
/// networks.
const SATELLITE_CODES: [u16; 4] = [870, 881, 882, 883];

/// Reads the metadata of all countries, which takes time, before the first number is parsed.
pub fn load_metadata() {
    let _ = phonenumber::parse(None, "+6281234567890");
}

/// Reads a phone number as people write it into E.164. A number without a country code belongs to `country`, the
/// ISO 3166 code of the venue's country.
///
/// - A leading `00` is the international prefix, as `+` is.
/// - `(0)` after a country code is the trunk prefix, which callers from abroad leave out; in the few countries where it
///   is part of the number, it is kept.
///
/// # Errors
/// The number as it was read, if that is not a valid number of its country; or both readings, if two are valid.
pub fn phone(text: &str, country: &str) -> Result<String, String> {
    let plain = plain(text);
    let text = plain.as_str();
    let malformed = || format!("{text:?} is not a phone number such as +62 812 3456 7890");
    let plus = text.strip_prefix('+');
    if !plus.unwrap_or(text).chars().all(|c| c.is_ascii_digit() || is_separator(c)) {
        return Err(malformed());
    }
    let digits = |text: &str| text.chars().filter(char::is_ascii_digit).collect::<String>();
    let dialled = digits(text);
    let abroad = match (plus, dialled.strip_prefix("00")) {
        (Some(_), _) => Some(dialled.as_str()),
        (None, abroad) => abroad,
    };
    let Some(abroad) = abroad else {
        let country: Id = country.parse().map_err(|_| malformed())?;
        let number = phonenumber::parse(Some(country), &dialled).map_err(|_| malformed())?;
        return valid(&number).ok_or_else(|| not_valid(text, &number));
    };
    // Separators are removed first: the parser takes the number after a slash for an extension.
    let without_trunk = digits(&text.replacen("(0)", "", 1));
    let without_trunk =
        if plus.is_some() { without_trunk.as_str() } else { &without_trunk[2.min(without_trunk.len())..] };
    let read = |digits: &str| phonenumber::parse(None, format!("+{digits}")).map_err(|_| malformed());
    let first = read(without_trunk)?;
    let second = match abroad == without_trunk {
        true => None,
        false => read(abroad).ok().and_then(|number| valid(&number)),
    };
    match (valid(&first), second) {
        (Some(one), Some(other)) if one != other => {
            Err(format!("{text:?} can be read as {one} and as {other}: leave out the (0), or the brackets"))
        }
        (Some(number), _) | (None, Some(number)) => Ok(number),
        (None, None) => Err(not_valid(text, &first)),
    }
}

/// The number as people see it, in ASCII: address books add invisible marks, and keyboards have digits of other scripts.
fn plain(text: &str) -> String {
    let ascii = if text.is_ascii() { Cow::Borrowed(text) } else { Cow::Owned(to_ascii(text)) };
    let number = ascii.trim();
    let number = number.strip_prefix("tel:").unwrap_or(number);
    match number.strip_prefix("(+").and_then(|rest| rest.split_once(')')) {
        Some((code, rest)) => format!("+{code}{rest}"),
        None => number.to_owned(),
    }
}

fn to_ascii(text: &str) -> String {
    let normal = ComposingNormalizerBorrowed::new_nfkc().normalize(text);
    let ignorable = CodePointSetData::new::<DefaultIgnorableCodePoint>();
    let is_mark =
        |c: &char| ignorable.contains(*c) || matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}');
    normal.chars().filter(|c| !is_mark(c)).map(ascii_digit).collect()
}

/// Arabic and Devanagari digits as ASCII digits.
fn ascii_digit(c: char) -> char {
    let zero = match c {
        '\u{0660}'..='\u{0669}' => 0x0660,
        '\u{06F0}'..='\u{06F9}' => 0x06F0,
        '\u{0966}'..='\u{096F}' => 0x0966,
        _ => return c,
    };
    char::from_digit(u32::from(c) - zero, 10).unwrap_or(c)
}

/// White space, also the kind that does not break lines, and the signs that people put between groups of digits.
fn is_separator(c: char) -> bool {
    c.is_whitespace() || matches!(c, '-' | '(' | ')' | '.' | '/' | '\u{2010}'..='\u{2013}')
}

fn e164(number: &PhoneNumber) -> String {
    format!("+{}{}", number.code().value(), number.national())
}

/// The number in E.164, if it is valid in its country.
fn valid(number: &PhoneNumber) -> Option<String> {
    number.is_valid().then(|| e164(number))
}

fn not_valid(text: &str, number: &PhoneNumber) -> String {
    let code = number.code().value();
    format!(
        "{text:?} was read as {}, which is not a valid number with the country code +{code}: begin with + and the country code for a number of another country",
        e164(number)
    )
}

/// Whether a number in E.164 gets text messages: not if a message to it costs more than usual, or goes by satellite.
#[must_use]
pub fn receives_text_messages(number: &str) -> bool {
    phonenumber::parse(None, number).is_ok_and(|number| {
        let kind = number.number_type(&DATABASE);
        !matches!(kind, Type::PremiumRate | Type::SharedCost)
            && !SATELLITE_CODES.contains(&number.code().value())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phone_numbers_become_e164() {
        for (text, country, number) in [
            ("+62 812 3456 7890", "IT", "+6281234567890"),
            ("0812-3456-7890", "ID", "+6281234567890"),
            ("0812\u{a0}3456\u{a0}7890", "ID", "+6281234567890"),
            ("+39 06 69884857", "ID", "+390669884857"),
            ("0039 06 69884857", "ID", "+390669884857"),
            ("+39 (0)6 69884857", "ID", "+390669884857"),
            ("+49 (0)171/1234567", "ID", "+491711234567"),
            ("0049 (0)171/1234567", "ID", "+491711234567"),
            ("+62 (0) 812 3456 7890", "ID", "+6281234567890"),
            ("+1 (212) 555-0100", "ID", "+12125550100"),
            ("06 69884857", "IT", "+390669884857"),
            ("347 123 4567", "IT", "+393471234567"),
            ("+44 (0)20 7946 0958", "ID", "+442079460958"),
            ("(+39) 347 123 4567", "ID", "+393471234567"),
            ("tel:+39-347-123-4567", "ID", "+393471234567"),
            ("\u{202A}+62 812 3456 7890\u{202C}", "IT", "+6281234567890"),
            ("\u{ff0b}62 \u{ff18}12 3456 7890", "IT", "+6281234567890"),
            ("+\u{0666}\u{0662} 812 3456 7890", "IT", "+6281234567890"),
        ] {
            assert_eq!(phone(text, country).as_deref(), Ok(number), "{text}");
        }
    }

    #[test]
    fn a_number_that_is_not_valid_is_refused_with_the_reading_that_was_tried() {
        for (text, country, said) in [
            ("+62 812", "ID", "+62812, which is not a valid number with the country code +62"),
            ("0812345", "ID", "+62812345, which is not a valid number with the country code +62"),
            ("+49 (0)171/12", "ID", "+4917112, which is not a valid number with the country code +49"),
            ("+39 6 69884857", "IT", "+39669884857, which is not a valid number with the country code +39"),
            ("+0 812 3456 7890", "ID", "not a phone number"),
            ("+62", "ID", "not a phone number"),
            ("+999 1234567", "ID", "not a phone number"),
            ("call me", "ID", "not a phone number"),
            ("", "ID", "not a phone number"),
            ("0800 FLOWERS", "ID", "not a phone number"),
        ] {
            let fault = phone(text, country).unwrap_err();
            assert!(fault.contains(said), "{text}: {fault}");
        }
    }

    #[test]
    fn expensive_and_satellite_numbers_get_no_text_messages() {
        for (number, expected) in [
            ("+6281234567890", true),
            ("+393471234567", true),
            ("+12125550100", true),
            // Premium rate in Germany and Italy, shared cost in Italy, Iridium and Inmarsat.
            ("+499001234567", false),
            ("+39899123456", false),
            ("+39840123456", false),
            ("+881612345678", false),
            ("+870773123456", false),
            ("nonsense", false),
        ] {
            assert_eq!(receives_text_messages(number), expected, "{number}");
        }
    }
}
