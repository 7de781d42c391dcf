//! The address, the contact and the colour of a restaurant in a rules document.

use contract::form::Form;

use crate::app::contact;
use crate::domain::venue::{Location, Profile};

/// Reads the members of the profile. Recorded rules were checked when they were new: numbering plans and registries of
/// domains change, and must not make them unreadable.
pub(super) fn profile(form: &mut Form, country: Option<&str>, is_new: bool) -> Profile {
    let address = form.optional_prose("address", 300);
    let location = form.optional_object("location", |location| {
        let (latitude, longitude) =
            (location.number("latitude", -90.0, 90.0), location.number("longitude", -180.0, 180.0));
        Some(Location { latitude: latitude?, longitude: longitude? })
    });
    let checked = |text: &str, read: Result<String, String>| match (read, is_new) {
        (Err(_), false) => Ok(text.to_owned()),
        (read, _) => read,
    };
    let phone = form.optional_parsed("phone", 32, |text| match country {
        Some(country) => checked(text, contact::phone(text, country)),
        // The country has a fault already.
        None => Ok(text.to_owned()),
    });
    let mut mail = |name| {
        form.optional_parsed(name, 254, |text| checked(text, contact::email(text).map(|email| email.ascii)))
    };
    let (email, reply_to) = (mail("email"), mail("reply_to"));
    let website = form.optional_parsed("website", 200, |text| {
        let is_web = text.strip_prefix("https://").or(text.strip_prefix("http://")).is_some_and(|rest| {
            !rest.is_empty()
                && rest.bytes().all(|b| b.is_ascii_graphic() && !matches!(b, b'"' | b'<' | b'>' | b'\\'))
        });
        is_web.then(|| text.to_owned()).ok_or_else(|| {
            format!("{text:?} is not the address of a web site such as https://warung.example.com/")
        })
    });
    let accent_colour = form.optional_parsed("accent_colour", 7, |text| {
        let digits = text.strip_prefix('#').filter(|digits| digits.len() == 6);
        let is_colour = digits.is_some_and(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()));
        is_colour
            .then(|| text.to_ascii_lowercase())
            .ok_or_else(|| format!("{text:?} is not a colour such as #8a3b12"))
    });
    Profile { address, location, phone, email, reply_to, website, accent_colour }
}
