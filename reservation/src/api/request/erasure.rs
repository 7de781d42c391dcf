//! A request to erase everything about one guest.

use contract::form::Form;
use contract::reservation::erasures::drafts::EraseGuest;

use super::reason::reason_or;
use crate::app::App;
use crate::app::contact::{email, phone};
use crate::app::erasing::Guest;

/// Reads the body of `POST /api/erasures`: the guest, and the reason.
pub(in crate::api) fn erase_guest(form: &mut Form, app: &App) -> Option<(Guest, String)> {
    let draft = EraseGuest::take(form);
    let venue = app.venues.get(None);
    let country = venue.as_ref().map_or("", |venue| venue.country.as_str());
    if draft.phone.is_none() && draft.email.is_none() && !form.has_fault("phone") && !form.has_fault("email")
    {
        form.fault("phone", "value_error", "name the phone number, the e-mail address, or both", None);
    }
    let phone =
        draft.phone.map(|text| form.checked(&["phone"], text.as_str(), phone(text.as_str(), country)));
    let email = draft.email.map(|text| form.checked(&["email"], text.as_str(), email(text.as_str())));
    let reason_code = reason_or(form, "guest_request", draft.reason_code, venue.as_deref());
    let guest = Guest { phone: phone.flatten(), email: email.flatten().map(|email| email.ascii) };
    Some((guest, reason_code?))
}
