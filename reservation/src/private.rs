//! The private parts of events: personal data, kept beside the log so that it can be forgotten.

use bytes::Bytes;
use events::values::PrivateDigest;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Who comes and what they wish. The private part of a `ReservationCreated`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contact {
    /// The guest's name.
    pub name: String,
    /// E.164.
    pub phone: String,
    /// E-mail address.
    pub email: String,
    /// Where the party would like to sit, in the guest's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub table_preference: Option<String>,
    /// What else the party wishes, in the guest's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub special_requests: Option<String>,
}

/// What was said when a reservation was cancelled. The private part of a `ReservationCancelled`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Description {
    /// In the words of whoever cancelled.
    pub description: String,
}

/// A private part ready to be kept, with the digest that its event carries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sealed {
    /// What is kept beside the event.
    pub bytes: Bytes,
    /// What stands in the event.
    pub digest: PrivateDigest,
}

#[derive(Serialize)]
struct Salted<'a, T> {
    #[serde(flatten)]
    part: &'a T,
    salt: Uuid,
}

/// Seals `part` with a salt, without which a guess at a name could be checked against the digest.
///
/// # Errors
/// Never for the parts of this module; the signature is `serde_json`'s.
pub fn seal(part: &impl Serialize) -> Result<Sealed, serde_json::Error> {
    // Random, unlike the ids of v7, which show their time.
    let bytes = serde_json::to_vec(&Salted { part, salt: Uuid::new_v4() })?;
    let digest = PrivateDigest::of(&bytes);
    Ok(Sealed { bytes: bytes.into(), digest })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_words_have_another_digest_each_time() {
        let part = Description { description: "ill".into() };
        let (one, two) = (seal(&part).unwrap(), seal(&part).unwrap());
        assert_ne!(one.digest, two.digest);
        assert!(one.digest.matches(&one.bytes));
        assert_eq!(serde_json::from_slice::<Description>(&one.bytes).unwrap(), part);
    }
}
