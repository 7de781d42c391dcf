//! The limits of guests who book and wait, and of consumers who wait for events.

use std::hash::{BuildHasher as _, RandomState};
use std::num::{NonZeroU32, NonZeroUsize};
use std::sync::Arc;
use std::time::Duration;

use access::Caller;
use chassis::environment::SharedEnvironment;
use chassis::network::{ClientAddress, Exceeded, Rate};
use chrono::{DateTime, NaiveDate, Utc};
use events::values::ActorKind;
use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use uuid::Uuid;

use super::projections::ContactKeys;

/// An hour and a day, to which the limits apply.
const HOUR: Duration = Duration::from_secs(3_600);
const DAY: Duration = Duration::from_secs(24 * 3_600);

/// Attempts to prove the contact of one booking, for each period: with a million codes, a booking can be guessed with a
/// probability of one in 100,000.
const PROOFS_PER_PERIOD_MAX: NonZeroU32 = NonZeroU32::new(5).unwrap();
/// The period of [`PROOFS_PER_PERIOD_MAX`].
const PROOF_PERIOD: Duration = Duration::from_secs(600);

/// The limits, as settings.
#[derive(Debug, Clone, Copy)]
pub struct AdmissionLimits {
    /// Bookings and waitlist entries per hour from one address.
    pub address_bookings_per_hour_max: NonZeroU32,
    /// Bookings and waitlist entries per day with one phone number or e-mail address.
    pub contact_bookings_per_day_max: NonZeroU32,
    /// Requests and streams that wait for events.
    pub waiting_max: NonZeroUsize,
}

impl Default for AdmissionLimits {
    /// No limits, for a service that takes no requests.
    fn default() -> Self {
        Self {
            address_bookings_per_hour_max: NonZeroU32::MAX,
            contact_bookings_per_day_max: NonZeroU32::MAX,
            waiting_max: NonZeroUsize::MIN,
        }
    }
}

/// The limits.
#[derive(Debug)]
pub struct Admission {
    address: Option<Arc<Rate>>,
    contact: Arc<Rate>,
    proof: Arc<Rate>,
    waiting: Arc<Semaphore>,
    groups: Mutex<ClientGroups>,
}

/// Groups clients by their addresses, anew on each day.
#[derive(Debug, Default)]
struct ClientGroups {
    date: NaiveDate,
    hasher: RandomState,
}

/// The place of a consumer that waits for events. It is free again when this is dropped.
pub struct Waiting {
    _permit: Option<OwnedSemaphorePermit>,
}

impl Drop for Waiting {
    fn drop(&mut self) {
        metrics::gauge!("meja_feed_waiters").decrement(1.0);
    }
}

impl Admission {
    /// Admission within `limits`. `is_open`: callers need no credential.
    #[must_use]
    pub fn new(limits: AdmissionLimits, is_open: bool, env: &SharedEnvironment) -> Self {
        let rate = |name, count, window| Rate::new(name, count, window, Arc::clone(env));
        Self {
            address: (!is_open)
                .then(|| rate("bookings_per_address", limits.address_bookings_per_hour_max, HOUR)),
            contact: rate("bookings_per_contact", limits.contact_bookings_per_day_max, DAY),
            proof: rate("proofs_per_booking", PROOFS_PER_PERIOD_MAX, PROOF_PERIOD),
            waiting: Arc::new(Semaphore::new(limits.waiting_max.get())),
            groups: Mutex::default(),
        }
    }

    /// Counts a booking or a waitlist entry that a guest makes. Staff and programs with a key have no such limit.
    ///
    /// # Errors
    /// [`Exceeded`].
    pub fn count_booking(
        &self,
        caller: &Caller,
        client: Option<ClientAddress>,
        contact: Option<ContactKeys>,
    ) -> Result<(), Exceeded> {
        if !caller.is_guest() {
            return Ok(());
        }
        self.count_messages(client, contact.iter().flat_map(ContactKeys::each))
    }

    /// Counts a correction by a guest of the addresses with these hashes: each gets a message, as after a booking.
    ///
    /// # Errors
    /// [`Exceeded`].
    pub fn count_correction(
        &self,
        caller: &Caller,
        client: Option<ClientAddress>,
        mut addresses: impl Iterator<Item = u128>,
    ) -> Result<(), Exceeded> {
        match addresses.next() {
            Some(first) if caller.is_guest() => {
                self.count_messages(client, std::iter::once(first).chain(addresses))
            }
            _ => Ok(()),
        }
    }

    fn count_messages(
        &self,
        client: Option<ClientAddress>,
        mut addresses: impl Iterator<Item = u128>,
    ) -> Result<(), Exceeded> {
        if let (Some(rate), Some(client)) = (&self.address, client) {
            rate.check(client.block())?;
        }
        addresses.try_for_each(|key| self.contact.check(key))
    }

    /// The group of the address of a guest, on this day. Messages go out in turn for each group, so that a guest does not wait for
    /// the many messages that another one causes.
    #[must_use]
    pub fn client_group(
        &self,
        caller: &Caller,
        client: Option<ClientAddress>,
        now: DateTime<Utc>,
    ) -> Option<u16> {
        let client = client.filter(|_| caller.is_guest())?;
        let mut groups = self.groups.lock();
        if groups.date != now.date_naive() {
            *groups = ClientGroups { date: now.date_naive(), hasher: RandomState::new() };
        }
        let [first, second, ..] = groups.hasher.hash_one(client.block()).to_be_bytes();
        Some(u16::from_be_bytes([first, second]))
    }

    /// Counts an attempt to prove the contact of the booking or waitlist entry `id`. Otherwise the six digits could be guessed.
    ///
    /// # Errors
    /// [`Exceeded`].
    pub fn count_proof(&self, id: Uuid) -> Result<(), Exceeded> {
        self.proof.check(id.as_u128())
    }

    /// A place for `caller` to wait for events; `None` if there is none. Our other services always have one.
    #[must_use]
    pub fn wait(&self, caller: &Caller) -> Option<Waiting> {
        let permit = match caller.actor.kind {
            ActorKind::ServiceAccount => None,
            _ => Some(Arc::clone(&self.waiting).try_acquire_owned().ok()?),
        };
        metrics::gauge!("meja_feed_waiters").increment(1.0);
        Some(Waiting { _permit: permit })
    }
}
