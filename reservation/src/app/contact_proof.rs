//! The proofs of contact that mails contain, and those that guests give.

use access::link::{Link, LinkOf};
use contract::reservation::contact::{ContactProofView, ProofLinkView};
use events::event::ProofMethod;

use super::App;
use crate::domain::Reservation;
use crate::domain::contact_proof::{AskedProof, ContactProof};
use crate::domain::waitlist::WaitlistEntry;

/// A proof that a guest was asked for, and what it is for.
#[derive(Debug, Clone, Copy)]
pub struct Asked {
    of: LinkOf,
    proof: AskedProof,
}

impl Asked {
    /// The proof that the guest of `reservation` was asked for and has not given.
    #[must_use]
    pub fn of_reservation(reservation: &Reservation) -> Option<Self> {
        let of = LinkOf::ReservationProof(reservation.id);
        reservation.contact_proof.asked().map(|proof| Self { of, proof })
    }

    /// The proof that the guest of a waitlist entry was asked for and has not given.
    #[must_use]
    pub fn of_entry(entry: &WaitlistEntry) -> Option<Self> {
        let of = LinkOf::WaitlistProof(entry.id);
        entry.contact_proof.asked().map(|proof| Self { of, proof })
    }

    /// The number of the request.
    #[must_use]
    pub fn number(self) -> u32 {
        self.proof.number
    }

    fn link(self) -> Link {
        Link { of: self.of, generation: self.proof.number }
    }
}

impl App {
    /// What the mail with the request contains; `None` if the log has no key for links.
    #[must_use]
    pub fn proof_link(&self, asked: Asked) -> Option<ProofLinkView> {
        let access = self.projections.access();
        let proof = match asked.proof.method {
            ProofMethod::Link => access.sign(asked.link()),
            ProofMethod::Code => access.code(asked.link()),
        };
        proof.map(|proof| ProofLinkView {
            method: asked.proof.method,
            proof,
            expires_at: asked.proof.expires_at,
        })
    }

    /// Whether `text` is what the mail with the request contains.
    #[must_use]
    pub fn is_proof(&self, asked: Asked, text: &str) -> bool {
        let access = self.projections.access();
        match asked.proof.method {
            ProofMethod::Link => access.linked(text) == Some(asked.link()),
            ProofMethod::Code => access.is_code(asked.link(), text),
        }
    }
}

/// The proof that is missing; `None` if the contact is vouched for.
pub(super) fn view(proof: &ContactProof) -> Option<ContactProofView> {
    let expires_at = proof.asked().map(|asked| asked.expires_at);
    proof.missing().map(|method| ContactProofView { method, expires_at })
}
