//! Whether the contact of a guest is vouched for: by a proof, by staff, by a key, or by a paid deposit. A booking with an unproved
//! contact holds its tables for a short time only, and all such bookings together hold a limited share of the seats.

use chrono::{DateTime, TimeDelta, Utc};
use events::event::{ContactProofRequested, ContactProved, Event, ProofMethod};

use super::refusal::Refusal;

/// How long a guest has to prove a contact.
pub const PROOF_PERIOD: TimeDelta = TimeDelta::minutes(10);

/// How long a proved contact is trusted.
pub const TRUST_PERIOD: TimeDelta = TimeDelta::days(180);

/// The reason code of a booking or a waitlist entry whose contact was not proved in time.
pub const CONTACT_UNPROVED: &str = "contact_unproved";

/// Whether a contact is vouched for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ContactProof {
    /// A proof, staff, a key, a paid deposit, or the rules of a venue that asks for none of them.
    #[default]
    Vouched,
    /// Not yet. The guest was not asked for a proof by this method, because a deposit is due.
    Unproven(ProofMethod),
    /// Not yet. The guest was asked for a proof.
    Asked(AskedProof),
}

/// A proof that a guest was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AskedProof {
    /// How the guest proves the contact.
    pub method: ProofMethod,
    /// The number of the request, from 1.
    pub number: u32,
    /// When the booking or the waitlist entry ends without a proof.
    pub expires_at: DateTime<Utc>,
}

impl ContactProof {
    /// The state of a booking or a waitlist entry that begins with `required`.
    #[must_use]
    pub fn begin(required: Option<ProofMethod>) -> Self {
        required.map_or(Self::Vouched, Self::Unproven)
    }

    /// Applies an event. Staff who confirm a booking, bring it back, or call a waiting party in vouch for its contact, and so does a
    /// deposit that confirms a booking.
    pub fn evolve(&mut self, event: &Event) {
        match event {
            Event::ContactProofRequested(ContactProofRequested { method, number, expires_at }) => {
                let (method, number, expires_at) = (*method, *number, *expires_at);
                *self = Self::Asked(AskedProof { method, number, expires_at });
            }
            Event::ContactProved(_)
            | Event::ReservationConfirmed(_)
            | Event::ReservationUndone(_)
            | Event::GuestAsked(_) => *self = Self::Vouched,
            // No other event is about the contact.
            _ => {}
        }
    }

    /// How the guest has to prove the contact; `None` if it is vouched for.
    #[must_use]
    pub fn missing(&self) -> Option<ProofMethod> {
        match self {
            Self::Vouched => None,
            Self::Unproven(method) | Self::Asked(AskedProof { method, .. }) => Some(*method),
        }
    }

    /// The proof that the guest was asked for, and has not given.
    #[must_use]
    pub fn asked(&self) -> Option<AskedProof> {
        match self {
            Self::Asked(asked) => Some(*asked),
            Self::Vouched | Self::Unproven(_) => None,
        }
    }

    /// The event that asks for a proof at `now`; `None` if the contact is vouched for. Earlier requests can no longer be
    /// answered.
    #[must_use]
    pub fn ask(&self, now: DateTime<Utc>) -> Option<Event> {
        self.ask_until(now + PROOF_PERIOD)
    }

    /// As [`Self::ask`], until the end of the last request: a guest who corrects the address again and again gains no time.
    #[must_use]
    pub fn ask_in_the_same_time(&self) -> Option<Event> {
        self.ask_until(self.asked()?.expires_at)
    }

    fn ask_until(&self, expires_at: DateTime<Utc>) -> Option<Event> {
        let number = self.asked().map_or(1, |asked| asked.number + 1);
        self.missing().map(|method| ContactProofRequested { method, number, expires_at }.into())
    }

    /// The event that the guest proved the contact, by answering the request `number`; `None` if the contact is vouched for.
    ///
    /// # Errors
    /// [`Refusal::NoProofAsked`] or [`Refusal::ProofReplaced`].
    pub fn prove(&self, number: u32) -> Result<Option<Event>, Refusal> {
        match self {
            Self::Vouched => Ok(None),
            Self::Unproven(_) => Err(Refusal::NoProofAsked),
            Self::Asked(asked) if asked.number != number => Err(Refusal::ProofReplaced),
            Self::Asked(asked) => Ok(Some(ContactProved { method: asked.method }.into())),
        }
    }
}
