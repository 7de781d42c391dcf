//! How to reach a guest.

use chassis::form::Form;

use crate::domain::venue::Venue;
use crate::private::Contact;

/// The member `contact_info`.
pub(super) fn contact_info(form: &mut Form, venue: Option<&Venue>) -> Option<Contact> {
    let country = venue.map(|venue| venue.country.clone());
    form.object("contact_info", |contact| {
        let name = contact.text("name", 120);
        let phone = contact.parsed("phone", 32, |text| phone(text, country.as_deref()));
        let email = contact.parsed("email", 254, email);
        let (table_preference, special_requests) = (None, None);
        Some(Contact { name: name?, phone: phone?, email: email?, table_preference, special_requests })
    })
}

/// An address that mail can be sent to without extensions that many servers lack.
fn email(text: &str) -> Result<String, String> {
    let plain = text.bytes().all(|b| b.is_ascii_graphic() && b != b'"');
    match text.parse::<lettre::Address>() {
        Ok(_) if plain => Ok(text.to_owned()),
        _ => Err(format!("{text:?} is not an e-mail address such as sari@example.com")),
    }
}

/// E.164. A number without a country code is one of the venue's country.
fn phone(text: &str, country: Option<&str>) -> Result<String, String> {
    let wrong = || format!("{text:?} is not a phone number such as +62 812 3456 7890");
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    let plain = |c: char| c.is_ascii_digit() || matches!(c, ' ' | '-' | '(' | ')' | '.' | '/');
    match text.trim().strip_prefix('+') {
        // E.164 has up to 15 digits, the first no zero; the shortest in use have 7. No table of a
        // country is needed for that, and most numbers come so.
        Some(rest)
            if rest.chars().all(plain) && (7..=15).contains(&digits.len()) && !digits.starts_with('0') =>
        {
            Ok(format!("+{digits}"))
        }
        // Whose country it is can not be told; that has its fault already.
        None if country.is_none() => Ok(text.to_owned()),
        None if text.chars().all(plain) => {
            let country = country.and_then(|code| code.parse().ok());
            match phonenumber::parse(country, text) {
                Ok(number) if (7..=15).contains(&digits.len()) => {
                    Ok(number.format().mode(phonenumber::Mode::E164).to_string())
                }
                _ => Err(wrong()),
            }
        }
        _ => Err(wrong()),
    }
}
