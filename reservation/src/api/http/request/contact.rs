//! The contact of a guest.

use contract::form::Form;
use contract::reservation::contact::drafts::ContactInfo;

use crate::app::confidential::Contact;
use crate::domain::venue::Venue;

/// Reads the member `contact_info`.
pub(super) fn contact_info(form: &mut Form, draft: ContactInfo, venue: Option<&Venue>) -> Option<Contact> {
    let country = venue.map(|venue| venue.country.as_str());
    let mut checked = |name, text: &str, result: Result<String, String>| {
        form.checked(&["contact_info", name], text, result)
    };
    let phone = draft.phone.and_then(|text| checked("phone", text.as_str(), phone(text.as_str(), country)));
    let email = draft.email.and_then(|text| checked("email", text.as_str(), email(text.as_str())));
    let (table_preference, special_requests) = (None, None);
    Some(Contact {
        name: draft.name?.into(),
        phone: phone?,
        email: email?,
        table_preference,
        special_requests,
    })
}

/// Parses an address. Only those are accepted that need no SMTP extension, because many servers have none.
fn email(text: &str) -> Result<String, String> {
    let plain = text.bytes().all(|b| b.is_ascii_graphic() && b != b'"');
    match text.parse::<lettre::Address>() {
        Ok(_) if plain => Ok(text.to_owned()),
        _ => Err(format!("{text:?} is not an e-mail address such as sari@example.com")),
    }
}

/// Parses a phone number to E.164. A number without a country code belongs to the country of the venue.
fn phone(text: &str, country: Option<&str>) -> Result<String, String> {
    let is_plain = |c: char| c.is_ascii_digit() || matches!(c, ' ' | '-' | '(' | ')' | '.' | '/');
    let text = text.trim();
    let national = text.strip_prefix('+').unwrap_or(text);
    let invalid = || format!("{text:?} is not a phone number such as +62 812 3456 7890");
    if !national.chars().all(is_plain) {
        return Err(invalid());
    }
    let is_international = text.starts_with('+');
    if country.is_none() && !is_international {
        // The unknown venue has a fault already.
        return Ok(text.to_owned());
    }
    let country = country.filter(|_| !is_international).and_then(|code| code.parse().ok());
    // Separators are removed first: the parser takes the number after a slash for an extension.
    let digits: String = national.chars().filter(char::is_ascii_digit).collect();
    let plus = if is_international { "+" } else { "" };
    let number = phonenumber::parse(country, format!("{plus}{digits}")).map_err(|_| invalid())?;
    let number = format!("+{}{}", number.code().value(), number.national());
    // E.164 allows 15 digits with the country code; the shortest numbers in use have 7.
    match (7..=15).contains(&(number.len() - 1)) {
        true => Ok(number),
        false => Err(invalid()),
    }
}

#[cfg(test)]
mod tests {
    use super::phone;

    #[test]
    fn phone_numbers_become_e164() {
        for (text, country, number) in [
            ("+62 812 3456 7890", None, Some("+6281234567890")),
            ("0812-3456-7890", Some("ID"), Some("+6281234567890")),
            ("+39 06 1234 5678", Some("ID"), Some("+390612345678")),
            ("+1 (212) 555 0100", None, Some("+12125550100")),
            ("+0 812 3456 7890", None, None),
            ("+62", None, None),
            ("+999 1234567", None, None),
            ("call me", Some("ID"), None),
        ] {
            assert_eq!(phone(text, country).ok().as_deref(), number, "{text}");
        }
    }
}
