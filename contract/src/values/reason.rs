//! Reasons as stable codes, and words. Part of [`crate::values`].

use serde::Serialize;
use utoipa::openapi::{RefOr, Schema};

use super::PATTERN_MISMATCH;
use super::list::Item;
use crate::form::Form;
use crate::request::{Scalar, text};

/// Lower-case words of 1 to `MAX` letters of ASCII in all, joined by `_` or `-`: `vip`, `window-seat`. Events contain them, so
/// that they have no room for a phone number or an address.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Word<const MAX: usize>(String);

/// A reason as a stable code. Which codes count depends on the venue: [`REASONS`], and those that its rules add.
pub type ReasonCode = Word<64>;

/// The reason codes that every venue has, with their meanings.
pub const REASONS: [(&str, &str); 28] = [
    ("guest_request", "the guest asked for it"),
    ("changed_plans", "the guest has other plans"),
    ("ill", "a guest is ill"),
    ("late", "the party comes too late"),
    ("duplicate", "there are two bookings for one visit"),
    ("wrong_booking", "another booking was meant"),
    ("wrong_tap", "the wrong button was pressed"),
    ("wrong_details", "the time, the size or the contact is wrong"),
    ("guest_arrived", "the party came after all"),
    ("regular_guest", "the guest comes often"),
    ("celebration", "a birthday, a wedding or another feast"),
    ("goodwill", "a favour to the guest"),
    ("misconduct", "a guest behaved badly"),
    ("suspected_abuse", "the booking looks like a prank or a fraud"),
    ("overbooked", "the venue has more parties than tables"),
    ("private_event", "a closed party"),
    ("holiday", "a holiday"),
    ("maintenance", "repairs"),
    ("staff_shortage", "too few people work"),
    ("weather", "rain, storm or heat"),
    ("emergency", "fire, flood or another emergency"),
    ("revoked", "the credential is not needed any more"),
    ("leaked", "others know the credential"),
    ("lost", "the credential or the device was lost"),
    ("left", "the person does not work here any more"),
    ("retention", "the time to keep personal data is over"),
    ("test", "not a real booking"),
    ("other", "none of the others"),
];

impl<const MAX: usize> Word<MAX> {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The word for a text that the receiver checks.
    #[must_use]
    pub fn known(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

impl<const MAX: usize> From<Word<MAX>> for String {
    fn from(word: Word<MAX>) -> Self {
        word.0
    }
}

/// Checks that `text` consists of lower-case words.
///
/// # Errors
/// A description of the fault.
pub fn lower_case_words(text: &str) -> Result<(), String> {
    let is_word = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_lowercase());
    match text.split(['_', '-']).all(is_word) {
        true => Ok(()),
        false => {
            Err(format!("{text:?} is not lower-case words of a-z, joined by _ or -, such as guest_request"))
        }
    }
}

impl<const MAX: usize> Item for Word<MAX> {
    const CHARS_MAX: usize = MAX;

    fn read(text: &str) -> Result<Self, String> {
        lower_case_words(text).map(|()| Self(text.to_owned()))
    }

    fn schema() -> RefOr<Schema> {
        <Self as Scalar>::schema().into()
    }
}

impl<const MAX: usize> Scalar for Word<MAX> {
    fn take(form: &mut Form, name: &str) -> Option<Self> {
        form.optional_parsed_as(name, MAX, PATTERN_MISMATCH, <Self as Item>::read)
    }

    fn schema() -> Schema {
        text().min_length(Some(1)).max_length(Some(MAX)).pattern(Some("^[a-z]+([_-][a-z]+)*$")).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_have_no_room_for_numbers_names_and_addresses() {
        for (word, _) in REASONS {
            assert_eq!(lower_case_words(word), Ok(()), "{word}");
        }
        for bad in ["", "VIP", "0812", "a_", "_a", "a__b", "sari@example.com", "a b", "é", "t1"] {
            assert!(lower_case_words(bad).is_err(), "{bad}");
        }
    }
}
