//! Which bookings and waitlist entries belong to the same guest, by phone number or e-mail address.
//!
//! The addresses themselves stand only in confidential payloads. The read model keeps keyed hashes of them, with keys
//! that are drawn at random at each start and never stored.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, Hash, RandomState};

use events::{ReservationId, WaitlistId};

use crate::app::confidential::Contact;

/// A hash of a phone number or of an e-mail address.
type Key = u128;

/// The hashes of one contact.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ContactKeys {
    /// Of the phone number, and of the mailbox.
    each: [Key; 2],
    /// Of the phone number and the whole e-mail address together.
    pair: Key,
}

impl ContactKeys {
    /// The hash of the phone number, and that of the mailbox.
    pub fn each(&self) -> impl Iterator<Item = u128> + '_ {
        self.each.iter().copied()
    }

    /// The hash of the phone number and the whole e-mail address together.
    pub(in crate::app) fn pair(&self) -> u128 {
        self.pair
    }

    /// The places of the phone number and of the e-mail address in a table of `size`.
    pub(in crate::app) fn places(self, size: usize) -> [usize; 2] {
        self.each.map(|key| usize::try_from(key % size.max(1) as Key).unwrap_or_default())
    }
}

/// What a contact belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum ContactOf {
    Reservation(ReservationId),
    Waitlist(WaitlistId),
}

/// Makes the hashes of contacts.
#[derive(Debug, Default)]
pub(super) struct ContactHasher([RandomState; 2]);

impl ContactHasher {
    /// The hashes of `contact`; `None` for a walk-in, which has neither a phone number nor an e-mail address.
    pub(super) fn keys(&self, contact: &Contact) -> Option<ContactKeys> {
        let has_address = !contact.phone.is_empty() && !contact.email.is_empty();
        let (phone, email) = (&contact.phone, contact.email.to_lowercase());
        has_address.then(|| ContactKeys {
            each: [self.phone(phone), self.email(&email)],
            pair: self.key(("both", phone, &email)),
        })
    }

    /// The hash of a phone number.
    pub(super) fn phone(&self, phone: &str) -> Key {
        self.key(("phone", phone))
    }

    /// The hash of the mailbox of an address.
    pub(super) fn email(&self, email: &str) -> Key {
        self.key(("email", mailbox(&email.to_lowercase())))
    }

    fn key(&self, address: impl Hash) -> Key {
        let [high, low] = self.0.each_ref().map(|state| Key::from(state.hash_one(&address)));
        high << 64 | low
    }
}

/// The mailbox of an address: most servers deliver `sari+1@example.com` to `sari@example.com` (RFC 5233), so that one mailbox
/// could look like many.
fn mailbox(email: &str) -> String {
    match email.rsplit_once('@') {
        Some((local, domain)) => {
            let user = local.split('+').next().filter(|user| !user.is_empty()).unwrap_or(local);
            format!("{user}@{domain}")
        }
        None => email.to_owned(),
    }
}

/// The contacts of one kind of subject.
#[derive(Debug)]
pub(super) struct Contacts<T> {
    by_key: HashMap<Key, Vec<T>>,
    keys: HashMap<T, ContactKeys>,
}

impl<T> Default for Contacts<T> {
    fn default() -> Self {
        Self { by_key: HashMap::new(), keys: HashMap::new() }
    }
}

impl<T: Copy + Eq + Hash> Contacts<T> {
    /// Adds the contact of a subject, or replaces it.
    pub(super) fn add(&mut self, subject: T, keys: ContactKeys) {
        self.remove(subject);
        self.keys.insert(subject, keys);
        keys.each.into_iter().for_each(|key| self.by_key.entry(key).or_default().push(subject));
    }

    pub(super) fn remove(&mut self, subject: T) {
        let Some(keys) = self.keys.remove(&subject) else { return };
        for key in keys.each {
            if let Some(subjects) = self.by_key.get_mut(&key) {
                subjects.retain(|other| *other != subject);
                if subjects.is_empty() {
                    self.by_key.remove(&key);
                }
            }
        }
    }

    pub(super) fn keys_of(&self, subject: T) -> Option<ContactKeys> {
        self.keys.get(&subject).copied()
    }

    /// The subjects with the same phone number or e-mail address, with repetitions.
    pub(super) fn with_same(&self, keys: ContactKeys) -> impl Iterator<Item = T> {
        keys.each.into_iter().filter_map(|key| self.by_key.get(&key)).flatten().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contact(phone: &str, email: &str) -> Contact {
        let (name, phone, email) = ("S".to_owned(), phone.to_owned(), email.to_owned());
        Contact { name, phone, email, ..Contact::default() }
    }

    #[test]
    fn a_guest_is_recognised_by_phone_or_mail_until_the_subject_ends() {
        let (hasher, mut contacts) = (ContactHasher::default(), Contacts::default());
        let keys = |phone, email| hasher.keys(&contact(phone, email)).unwrap();
        contacts.add(1, keys("+6281", "a@example.com"));
        contacts.add(2, keys("+6282", "b@example.com"));
        let same = |contacts: &Contacts<u8>, phone, email| {
            contacts.with_same(keys(phone, email)).collect::<Vec<_>>()
        };
        assert_eq!(same(&contacts, "+6281", "c@example.com"), [1]);
        assert_eq!(same(&contacts, "+6283", "B@example.com"), [2]);
        assert_eq!(same(&contacts, "+6283", "b+saturday@example.com"), [2]);
        assert!(same(&contacts, "+6283", "+b@example.com").is_empty());
        assert_eq!(same(&contacts, "+6281", "b@example.com"), [1, 2]);
        assert!(same(&contacts, "+6283", "c@example.com").is_empty());
        contacts.add(2, keys("+6284", "b@example.com"));
        assert!(same(&contacts, "+6282", "c@example.com").is_empty());
        assert_eq!(same(&contacts, "+6284", "c@example.com"), [2]);
        contacts.remove(1);
        assert!(same(&contacts, "+6281", "a@example.com").is_empty());
        assert!(contacts.by_key.len() == 2 && contacts.keys.len() == 1);
        assert_eq!(hasher.keys(&contact("", "")), None);
    }
}
