//! The confidential payloads of events: personal data, stored beside the log so that it can be forgotten.

use bytes::Bytes;
use chassis::environment::Environment;
use events::values::ConfidentialDigest;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The contact and the wishes of a guest, and the notes of the staff: the payload of `ReservationCreated`,
/// `WaitlistJoined` and `DetailsChanged`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contact {
    /// The guest's name.
    pub name: String,
    /// The phone number, E.164.
    pub phone: String,
    /// The e-mail address, as mail servers understand it.
    pub email: String,
    /// The e-mail address as the guest wrote it, if that differs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email_typed: Option<String>,
    /// Where the party would like to sit, in the guest's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub table_preference: Option<String>,
    /// Other wishes, in the guest's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub special_requests: Option<String>,
    /// Allergies and other things that a guest cannot eat.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allergies: Option<String>,
    /// The number of high chairs.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub high_chairs: u32,
    /// Notes of the staff.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub staff_notes: Option<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde expects")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// The free-text reason of a cancellation: the payload of `ReservationCancelled`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Description {
    /// The text.
    pub description: String,
}

/// A confidential payload ready to be stored, with the digest for its event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedPayload {
    /// The stored payload.
    pub bytes: Bytes,
    /// The digest in the event.
    pub digest: ConfidentialDigest,
}

#[derive(Serialize)]
struct Salted<'a, T> {
    #[serde(flatten)]
    payload: &'a T,
    salt: Uuid,
}

/// Serialises `payload` with a random salt. Without the salt, a guessed name could be tested against the
/// published digest.
///
/// # Errors
/// Never for the payloads of this module; the signature is that of `serde_json`.
pub fn seal(payload: &impl Serialize, env: &dyn Environment) -> Result<SealedPayload, serde_json::Error> {
    let bytes = serde_json::to_vec(&Salted { payload, salt: env.random_id() })?;
    let digest = ConfidentialDigest::of(&bytes);
    Ok(SealedPayload { bytes: bytes.into(), digest })
}

#[cfg(test)]
mod tests {
    use chassis::environment::SystemEnvironment;

    use super::*;

    #[test]
    fn equal_payloads_have_different_digests() {
        let payload = Description { description: "ill".into() };
        let (one, two) =
            (seal(&payload, &SystemEnvironment).unwrap(), seal(&payload, &SystemEnvironment).unwrap());
        assert_ne!(one.digest, two.digest);
        assert!(one.digest.matches(&one.bytes));
        assert_eq!(serde_json::from_slice::<Description>(&one.bytes).unwrap(), payload);
    }
}
