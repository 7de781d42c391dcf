//! A correction of the details of a reservation.

use events::event::Detail;

use super::confidential::Contact;
use super::contact::Email;

/// A change of one detail that can be removed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Change<T> {
    /// It stays.
    #[default]
    Keep,
    /// It is removed.
    Remove,
    /// It gets another value.
    Set(T),
}

impl<T> Change<T> {
    /// The change by a member of a merge patch: `value` is what it contains, and null removes.
    #[must_use]
    pub fn of(value: Option<T>, is_null: bool) -> Self {
        match value {
            _ if is_null => Self::Remove,
            None => Self::Keep,
            Some(value) => Self::Set(value),
        }
    }
}

/// A correction of the details of a reservation, as staff or the guest ask for it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Correction {
    /// The name of the guest.
    pub name: Option<String>,
    /// The phone number, E.164.
    pub phone: Option<String>,
    /// The e-mail address.
    pub email: Option<Email>,
    /// The preferred table.
    pub table_preference: Change<String>,
    /// Other wishes.
    pub special_requests: Change<String>,
    /// Allergies.
    pub allergies: Change<String>,
    /// The number of high chairs.
    pub high_chairs: Change<u32>,
    /// Notes of the staff.
    pub staff_notes: Change<String>,
    /// The tags.
    pub tags: Change<Vec<String>>,
}

impl Correction {
    /// The details after this correction of `contact` and `tags`, and which ones it changes.
    #[must_use]
    pub fn apply(&self, mut contact: Contact, tags: &[String]) -> (Contact, Vec<String>, Vec<Detail>) {
        let mut changed = Vec::new();
        let mut note = |detail: Detail, differs: bool| changed.extend(differs.then_some(detail));
        let email = self.email.clone().map(|Email { ascii, typed }| {
            let differs = contact.email != ascii || contact.email_typed != typed;
            (contact.email, contact.email_typed) = (ascii, typed);
            differs
        });
        note(Detail::Name, set(&mut contact.name, self.name.as_ref()));
        note(Detail::Phone, set(&mut contact.phone, self.phone.as_ref()));
        note(Detail::Email, email.unwrap_or(false));
        note(Detail::TablePreference, replace(&mut contact.table_preference, &self.table_preference));
        note(Detail::SpecialRequests, replace(&mut contact.special_requests, &self.special_requests));
        note(Detail::Allergies, replace(&mut contact.allergies, &self.allergies));
        let mut chairs = Some(contact.high_chairs).filter(|chairs| *chairs > 0);
        replace(&mut chairs, &self.high_chairs);
        let chairs = chairs.unwrap_or(0);
        note(Detail::HighChairs, std::mem::replace(&mut contact.high_chairs, chairs) != chairs);
        note(Detail::StaffNotes, replace(&mut contact.staff_notes, &self.staff_notes));
        let mut after = Some(tags.to_vec());
        replace(&mut after, &self.tags);
        let after = after.unwrap_or_default();
        note(Detail::Tags, after != tags);
        (contact, after, changed)
    }
}

/// Sets a value. Returns whether it was another one.
fn set(value: &mut String, new: Option<&String>) -> bool {
    let Some(new) = new.filter(|new| *new != value) else { return false };
    value.clone_from(new);
    true
}

/// Applies a change. Returns whether the value is another one.
fn replace<T: Clone + PartialEq>(value: &mut Option<T>, change: &Change<T>) -> bool {
    let new = match change {
        Change::Keep => return false,
        Change::Remove => None,
        Change::Set(new) => Some(new.clone()),
    };
    let differs = *value != new;
    *value = new;
    differs
}
