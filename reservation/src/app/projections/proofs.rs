//! The contacts that were proved, and the bookings and waitlist entries with an unproved contact.
//!
//! A proof is trusted for the phone number and the e-mail address together, so that an e-mail address that a stranger knows is
//! not enough. Contacts are in confidential payloads: those of earlier proofs are read in the background after the start, and
//! until then their guests are asked again.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use events::store::EventStore;
use events::{Event, Position};
use parking_lot::Mutex;

use super::Projections;
use super::contacts::{ContactKeys, ContactOf, Contacts};
use super::venue_state::VenueState;
use crate::app::repository::RepositoryError;
use crate::domain::RecordedAt;
use crate::domain::contact_proof::TRUST_PERIOD;

/// Number of proofs whose contacts are read at a time.
const PROOFS_PER_READ: usize = 1_000;

/// The smallest number of trusted contacts at which those are removed whose time has passed.
const PRUNED_FROM: usize = 1_024;

/// What is known about proofs.
#[derive(Debug, Default)]
pub(super) struct Proofs {
    trusted: Mutex<Trusted>,
    /// Proofs whose contacts were not read yet.
    unread: Mutex<Vec<Proof>>,
    /// The unproved contacts of active subjects.
    unproven: Mutex<Contacts<ContactOf>>,
}

/// The contacts that were proved, with the time until which they are trusted.
#[derive(Debug, Default)]
struct Trusted {
    until: HashMap<u128, DateTime<Utc>>,
    /// Number of contacts at which those are removed whose time has passed.
    prune_at: usize,
}

/// A proof.
#[derive(Debug, Clone, Copy)]
struct Proof {
    of: ContactOf,
    contact_at: Position,
    proved_at: DateTime<Utc>,
}

impl Trusted {
    fn add(&mut self, keys: ContactKeys, proved_at: DateTime<Utc>) {
        if self.until.len() >= self.prune_at {
            self.until.retain(|_, until| *until > proved_at);
            self.prune_at = PRUNED_FROM.max(2 * self.until.len());
        }
        let until = self.until.entry(keys.pair()).or_default();
        *until = (*until).max(proved_at + TRUST_PERIOD);
    }
}

impl Proofs {
    /// Follows an event of a subject in `state`, after it was applied.
    pub(super) fn apply(&self, of: ContactOf, event: &Event, at: RecordedAt, state: &VenueState) {
        if !state.is_unproven(of) {
            self.unproven.lock().remove(of);
        }
        if !matches!(event, Event::ContactProved(_)) {
            return;
        }
        match state.contact_of(of) {
            Some((Some(keys), _)) => self.trusted.lock().add(keys, at.time),
            Some((None, contact_at)) => {
                self.unread.lock().push(Proof { of, contact_at, proved_at: at.time });
            }
            None => {}
        }
    }

    /// Adds the unproved contact of an active subject.
    pub(super) fn add_unproven(&self, of: ContactOf, keys: ContactKeys) {
        self.unproven.lock().add(of, keys);
    }
}

impl Projections {
    /// Whether the guest proved this contact, in a time that still counts at `now`.
    #[must_use]
    pub fn is_trusted(&self, guest: ContactKeys, now: DateTime<Utc>) -> bool {
        self.proofs.trusted.lock().until.get(&guest.pair()).is_some_and(|until| *until > now)
    }

    /// Number of active bookings and waitlist entries with an unproved contact and the same phone number or mailbox.
    #[must_use]
    pub fn unproven_of(&self, guest: ContactKeys) -> usize {
        self.proofs.unproven.lock().with_same(guest).collect::<HashSet<_>>().len()
    }

    /// Reads contacts of earlier proofs that still count at `now`. Returns whether more are left.
    ///
    /// # Errors
    /// [`RepositoryError`] when the log cannot be read. The proofs are read again by the next call.
    pub async fn read_proofs(
        &self,
        store: &dyn EventStore,
        now: DateTime<Utc>,
    ) -> Result<bool, RepositoryError> {
        let (proofs, is_more) = {
            let mut unread = self.proofs.unread.lock();
            unread.retain(|proof| proof.proved_at + TRUST_PERIOD > now);
            let from = unread.len().saturating_sub(PROOFS_PER_READ);
            (unread.split_off(from), from > 0)
        };
        let subjects: Vec<_> = proofs.iter().map(|proof| (proof.of, proof.contact_at)).collect();
        let read = self.read_payloads(store, &subjects).await;
        let read = read.inspect_err(|_| self.proofs.unread.lock().extend(&proofs))?;
        let keys: HashMap<_, _> = read.into_iter().collect();
        let mut trusted = self.proofs.trusted.lock();
        for proof in proofs {
            if let Some(keys) = keys.get(&proof.of) {
                trusted.add(*keys, proof.proved_at);
            }
        }
        Ok(is_more)
    }
}
