//! Signed links: a credential for one purpose. Guests get links to a booking, to a waitlist entry and to pay; members of
//! staff get links to accept an invitation and to reset a password.
//!
//! A link is written `mejal_<base64url>`: version, purpose, id, generation, and the first 128 bits of their HMAC-SHA256.
//! Nothing is stored for a link, so that a million bookings need no memory for theirs. A link of an older generation is
//! not valid, so that a leaked one can be replaced.

use hmac::{Hmac, Mac as _};
use sha2::Sha256;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use events::{PaymentId, ReservationId, StaffId, WaitlistId};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// What every link begins with.
pub const LINK_PREFIX: &str = "mejal_";

const VERSION: u8 = 1;
/// Version, purpose, id and generation.
const SIGNED_BYTES: usize = 1 + 1 + 16 + 4;
const MAC_BYTES: usize = 16;
/// Signed after the bytes of a link, to derive its digits.
const CODE_PURPOSE: &[u8] = b"code";

/// What a link is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LinkOf {
    /// Read, change and cancel this reservation.
    Reservation(ReservationId),
    /// Read, answer and leave this waitlist entry.
    Waitlist(WaitlistId),
    /// Pay this payment.
    Payment(PaymentId),
    /// Accept the invitation of this person. The generation is the number of the invitation.
    Invitation(StaffId),
    /// Reset the password of this person. The generation is the number of the request.
    PasswordReset(StaffId),
    /// Prove the contact of this reservation. The generation is the number of the request.
    ReservationProof(ReservationId),
    /// Prove the contact of this waitlist entry. The generation is the number of the request.
    WaitlistProof(WaitlistId),
    /// Recognise a browser in which this person has signed in. The generation is the number of passwords so far. It is a
    /// cookie, and opens nothing.
    Browser(StaffId),
}

impl LinkOf {
    fn parts(self) -> (u8, Uuid) {
        match self {
            Self::Reservation(id) => (1, id.0),
            Self::Waitlist(id) => (2, id.0),
            Self::Payment(id) => (3, id.0),
            Self::Invitation(id) => (4, id.0),
            Self::PasswordReset(id) => (5, id.0),
            Self::Browser(id) => (6, id.0),
            Self::ReservationProof(id) => (7, id.0),
            Self::WaitlistProof(id) => (8, id.0),
        }
    }

    fn of_parts(purpose: u8, id: Uuid) -> Option<Self> {
        match purpose {
            1 => Some(Self::Reservation(ReservationId(id))),
            2 => Some(Self::Waitlist(WaitlistId(id))),
            3 => Some(Self::Payment(PaymentId(id))),
            4 => Some(Self::Invitation(StaffId(id))),
            5 => Some(Self::PasswordReset(StaffId(id))),
            6 => Some(Self::Browser(StaffId(id))),
            7 => Some(Self::ReservationProof(ReservationId(id))),
            8 => Some(Self::WaitlistProof(WaitlistId(id))),
            _ => None,
        }
    }

    /// The person, if the link is for a member of staff.
    #[must_use]
    pub fn staff_id(self) -> Option<StaffId> {
        match self {
            Self::Reservation(_)
            | Self::Waitlist(_)
            | Self::Payment(_)
            | Self::ReservationProof(_)
            | Self::WaitlistProof(_) => None,
            Self::Invitation(id) | Self::PasswordReset(id) | Self::Browser(id) => Some(id),
        }
    }

    /// The id, without its kind.
    #[must_use]
    pub fn id(self) -> Uuid {
        self.parts().1
    }
}

/// A link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Link {
    /// What it is for.
    pub of: LinkOf,
    /// Its generation, from 0.
    pub generation: u32,
}

impl Link {
    /// The link that `text` claims to be. Only the service with the key verifies it.
    #[must_use]
    pub fn claimed_by(text: &str) -> Option<Self> {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(text.strip_prefix(LINK_PREFIX)?).ok()?;
        let (signed, mac) = bytes.split_at_checked(SIGNED_BYTES)?;
        if mac.len() == MAC_BYTES { Self::of_signed(signed) } else { None }
    }

    fn of_signed(signed: &[u8]) -> Option<Self> {
        let [VERSION, purpose, rest @ ..] = signed else { return None };
        let (id, generation) = rest.split_first_chunk::<16>()?;
        let generation = u32::from_be_bytes(generation.try_into().ok()?);
        Some(Self { of: LinkOf::of_parts(*purpose, Uuid::from_bytes(*id))?, generation })
    }
}

/// The key that signs links.
#[derive(Clone)]
pub struct LinkKey(Hmac<Sha256>);

/// The confidential payload of the event that creates a key for links.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct LinkSecret {
    /// The key, hexadecimal.
    pub link_key: String,
}

impl LinkSecret {
    /// A payload with `key`.
    #[must_use]
    pub fn new(key: [u8; 32]) -> Self {
        Self { link_key: hex::encode(key) }
    }

    /// The key; `None` if the payload contains none.
    #[must_use]
    pub fn key(&self) -> Option<LinkKey> {
        let key: [u8; 32] = hex::decode(&self.link_key).ok()?.try_into().ok()?;
        Hmac::new_from_slice(&key).ok().map(LinkKey)
    }
}

impl LinkKey {
    /// The text of a link.
    #[must_use]
    pub fn sign(&self, link: Link) -> String {
        let mut bytes = signed(link).to_vec();
        let mac = self.0.clone().chain_update(&bytes).finalize().into_bytes();
        bytes.extend_from_slice(&mac[..MAC_BYTES]);
        format!("{LINK_PREFIX}{}", BASE64_URL_SAFE_NO_PAD.encode(bytes))
    }

    /// The link with this text; `None` if its signature is not valid. Compares in constant time.
    #[must_use]
    pub fn verify(&self, text: &str) -> Option<Link> {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(text.strip_prefix(LINK_PREFIX)?).ok()?;
        let (signed, mac) = bytes.split_at_checked(SIGNED_BYTES)?;
        if mac.len() != MAC_BYTES || self.0.clone().chain_update(signed).verify_truncated_left(mac).is_err() {
            return None;
        }
        Link::of_signed(signed)
    }

    /// The digits that a person types instead of following the link: the HMAC-SHA256 of the link and [`CODE_PURPOSE`] modulo
    /// 10⁶, so that the link does not reveal them. The caller that checks them limits the attempts.
    #[must_use]
    pub fn code(&self, link: Link) -> String {
        let mac =
            self.0.clone().chain_update(signed(link)).chain_update(CODE_PURPOSE).finalize().into_bytes();
        let number = mac.first_chunk().map_or(0, |first| u64::from_be_bytes(*first));
        format!("{:06}", number % 1_000_000)
    }
}

fn signed(Link { of, generation }: Link) -> [u8; SIGNED_BYTES] {
    let (purpose, id) = of.parts();
    let mut bytes = [0; SIGNED_BYTES];
    (bytes[0], bytes[1]) = (VERSION, purpose);
    bytes[2..18].copy_from_slice(id.as_bytes());
    bytes[18..].copy_from_slice(&generation.to_be_bytes());
    bytes
}

impl std::fmt::Debug for LinkKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("***")
    }
}

#[cfg(test)]
mod tests {
    use chassis::environment::{Environment as _, SystemEnvironment};

    use super::*;

    fn key() -> LinkKey {
        LinkSecret::new(SystemEnvironment.random_bytes()).key().unwrap()
    }

    fn link(n: u128, generation: u32) -> Link {
        Link { of: LinkOf::Reservation(ReservationId(Uuid::from_u128(n))), generation }
    }

    #[test]
    fn a_link_is_valid_as_it_was_signed_and_for_its_key_only() {
        let key = key();
        let id = Uuid::from_u128(7);
        for of in [
            LinkOf::Reservation(ReservationId(id)),
            LinkOf::Waitlist(WaitlistId(id)),
            LinkOf::Payment(PaymentId(id)),
            LinkOf::Invitation(StaffId(id)),
            LinkOf::PasswordReset(StaffId(id)),
            LinkOf::Browser(StaffId(id)),
            LinkOf::ReservationProof(ReservationId(id)),
            LinkOf::WaitlistProof(WaitlistId(id)),
        ] {
            let link = Link { of, generation: 3 };
            let text = key.sign(link);
            assert_eq!(text.len(), LINK_PREFIX.len() + 51);
            assert_eq!(key.verify(&text), Some(link));
            assert_eq!(Link::claimed_by(&text), Some(link));
            assert_eq!(self::key().verify(&text), None);
        }
    }

    #[test]
    fn the_digits_of_a_link_are_its_own() {
        let (key, other) = (key(), key());
        let codes: std::collections::HashSet<_> = (0..1_000).map(|n| key.code(link(n, 0))).collect();
        assert!(codes.len() > 990 && codes.iter().all(|code| code.len() == 6 && code.parse::<u32>().is_ok()));
        assert_eq!(key.code(link(1, 0)), key.code(link(1, 0)));
        let of_others = (0..100).filter(|n| key.code(link(*n, 0)) == other.code(link(*n, 0))).count();
        let of_generations = (0..100).filter(|n| key.code(link(*n, 0)) == key.code(link(*n, 1))).count();
        assert!(of_others < 5 && of_generations < 5, "{of_others} {of_generations}");
    }

    #[test]
    fn every_changed_bit_and_every_shorter_text_is_refused() {
        let key = key();
        let text = key.sign(link(7, 0));
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(&text[LINK_PREFIX.len()..]).unwrap();
        let with = |bytes: &[u8]| format!("{LINK_PREFIX}{}", BASE64_URL_SAFE_NO_PAD.encode(bytes));
        for bit in 0..bytes.len() * 8 {
            let mut forged = bytes.clone();
            forged[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(key.verify(&with(&forged)), None, "bit {bit}");
        }
        for length in 0..bytes.len() {
            assert_eq!(key.verify(&with(&bytes[..length])), None, "{length} bytes");
        }
        assert_eq!(key.verify(&with(&[&bytes[..], &[0]].concat())), None);
        assert_eq!(key.verify(&text[1..]), None);
        assert_eq!(key.verify(""), None);
    }

    #[test]
    fn ten_thousand_random_links_fit_nothing() {
        let key = key();
        for _ in 0..10_000 {
            let mut forged = signed(link(7, 0)).to_vec();
            forged.extend_from_slice(&SystemEnvironment.random_bytes()[..MAC_BYTES]);
            let text = format!("{LINK_PREFIX}{}", BASE64_URL_SAFE_NO_PAD.encode(forged));
            assert_eq!(key.verify(&text), None);
        }
    }
}
