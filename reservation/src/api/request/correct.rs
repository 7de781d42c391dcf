//! A correction of the details of a reservation.

use access::Caller;
use contract::form::Form;
use contract::reservation::commands::drafts;
use contract::values::Prose;

use super::contact::person;
use crate::app::App;
use crate::app::contact::{email, phone};
use crate::app::correction::{Change, Correction};
use crate::domain::Reservation;

/// The members of the contact, which can be changed but not removed.
const OF_CONTACT: [&str; 3] = ["name", "phone", "email"];

/// Reads the body of `PATCH /api/reservations/{id}`, a merge patch. A guest does not change what the staff write.
pub(in crate::api) fn correct(
    form: &mut Form,
    app: &App,
    reservation: &Reservation,
    caller: &Caller,
) -> Option<Correction> {
    let nulls = ["table_preference", "special_requests", "allergies", "high_chairs", "staff_notes", "tags"]
        .map(|name| form.is_null(&[name]));
    let [no_table, no_requests, no_allergies, no_chairs, no_notes, no_tags] = nulls;
    let kept: Vec<_> = OF_CONTACT.into_iter().filter(|name| form.is_null(&["contact_info", name])).collect();
    for name in kept {
        let msg = "this can be changed, and is removed with DELETE …/contact together with all personal data";
        form.fault_at(&["contact_info", name], "value_error", msg, None);
    }
    if form.is_null(&["contact_info"]) {
        let msg = "the contact can be changed, and is removed with DELETE …/contact";
        form.fault("contact_info", "value_error", msg, None);
    }
    let draft = drafts::CorrectReservation::take(form);
    if caller.is_guest() {
        let is_sent = [
            ("staff_notes", draft.staff_notes.is_some() || no_notes),
            ("tags", draft.tags.is_some() || no_tags),
        ];
        for (name, _) in is_sent.into_iter().filter(|(_, is_sent)| *is_sent) {
            form.fault(name, "value_error", "only the staff can change this: leave it out", None);
        }
    }
    let text = |text: Option<Prose<500>>| text.map(String::from);
    let mut correction = Correction {
        table_preference: Change::of(draft.table_preference.map(String::from), no_table),
        special_requests: Change::of(text(draft.special_requests), no_requests),
        allergies: Change::of(text(draft.allergies), no_allergies),
        high_chairs: Change::of(draft.high_chairs.map(u32::from), no_chairs),
        staff_notes: Change::of(draft.staff_notes.map(String::from), no_notes),
        tags: Change::of(draft.tags.map(|tags| tags.0.into_iter().map(String::from).collect()), no_tags),
        ..Correction::default()
    };
    let Some(contact) = draft.contact_info else { return Some(correction) };
    let venue = app.venues.get(Some(&reservation.booking.venue_id));
    let country = venue.as_ref().map_or("", |venue| venue.country.as_str());
    correction.name = contact.name.and_then(|text| person(form, &["contact_info", "name"], &text));
    correction.phone = contact.phone.and_then(|text| {
        form.checked(&["contact_info", "phone"], text.as_str(), phone(text.as_str(), country))
    });
    correction.email = contact
        .email
        .and_then(|text| form.checked(&["contact_info", "email"], text.as_str(), email(text.as_str())));
    Some(correction)
}
