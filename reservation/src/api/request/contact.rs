//! The contact of a guest.

use contract::form::Form;
use contract::reservation::contact::drafts::{ContactInfo, ProveContact, WaitingContact};
use contract::values::Line;

use crate::app::App;
use crate::app::confidential::Contact;
use crate::app::contact::{Email, email, name, phone};
use crate::app::contact_proof::Asked;
use crate::domain::venue::Venue;

/// Reads the member `contact_info` of a booking. Without a venue, which has a fault then, the phone number is not read.
pub(super) fn contact_info(form: &mut Form, draft: ContactInfo, venue: Option<&Venue>) -> Option<Contact> {
    let ContactInfo { name, phone, email } = draft;
    let address = email.and_then(|text| address(form, &text));
    contact(form, name, phone, venue, address)
}

/// Reads the member `contact_info` of a party that waits. Callers who are not staff must give an address.
pub(super) fn waiting_contact(
    form: &mut Form,
    draft: WaitingContact,
    venue: Option<&Venue>,
    is_staff: bool,
) -> Option<Contact> {
    let WaitingContact { name, phone, email } = draft;
    let address = match email {
        Some(text) => address(form, &text),
        // An empty address of a guest who is not written to.
        None if is_staff => Some(Email { ascii: String::new(), typed: None }),
        None => {
            let msg = "only staff may leave out the e-mail address: enter the address of the guest";
            form.fault_at(&EMAIL, "value_error", msg, None);
            None
        }
    };
    contact(form, name, phone, venue, address)
}

const EMAIL: [&str; 2] = ["contact_info", "email"];

fn address(form: &mut Form, text: &Line<254>) -> Option<Email> {
    form.checked(&EMAIL, text.as_str(), email(text.as_str()))
}

fn contact(
    form: &mut Form,
    name: Option<Line<120>>,
    number: Option<Line<32>>,
    venue: Option<&Venue>,
    address: Option<Email>,
) -> Option<Contact> {
    let name = name.and_then(|text| person(form, &["contact_info", "name"], &text));
    let number = number.zip(venue).and_then(|(text, venue)| {
        form.checked(&["contact_info", "phone"], text.as_str(), phone(text.as_str(), &venue.country))
    });
    let Email { ascii, typed } = address?;
    Some(Contact { name: name?, phone: number?, email: ascii, email_typed: typed, ..Contact::default() })
}

/// Reads the name of a person at `path`.
pub(super) fn person(form: &mut Form, path: &[&str], text: &Line<120>) -> Option<String> {
    form.checked(path, text.as_str(), name(text.as_str()))
}

/// Reads the proof that a guest gives. Returns the number of the request that it answers. If the guest was `asked` for none, any
/// proof is accepted, and changes nothing.
pub(in crate::api) fn contact_proof(form: &mut Form, app: &App, asked: Option<Asked>) -> Option<u32> {
    let proof = ProveContact::take(form).proof?;
    if asked.is_some_and(|asked| !app.is_proof(asked, proof.as_str())) {
        let msg = "this is not what the last mail about this booking contains: open the link in it, or type its six digits";
        form.fault("proof", "value_error", msg, None);
        return None;
    }
    Some(asked.map_or(0, Asked::number))
}
