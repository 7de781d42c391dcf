//! Read models in memory, folded from the log: rebuilt at start, and kept in step with every commit.
//!
//! A reader first waits until everything that was durable when it asked has been applied
//! ([`Projections::wait_until`]), so a client always reads its own writes.
//!
//! Each venue has a lock of its own. Readers copy what they need under it ([`Projections::snapshot`]) and
//! decide without it. Locks are taken one at a time, so they cannot deadlock.

mod access_changes;
mod apply;
mod changed;
mod contact_index;
mod contacts;
mod cursor;
mod filter;
mod proofs;
mod recorded_rules;
mod retention;
mod rules;
mod venue_state;

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use access::Registry;
use chassis::environment::SharedEnvironment;
use chrono::{DateTime, Utc};
use events::store::{EventBytes, EventStore};
use events::values::TimeWindow;
use events::{ClosureId, CustomerId, Position, Query, ReservationId, VenueId, WaitlistId};
use parking_lot::{Mutex, RwLock};
use tokio::sync::watch;

use self::access_changes::AccessChange;
use self::apply::Change;
use self::changed::ChangedReservations;
use self::contacts::ContactHasher;
pub use self::contacts::ContactKeys;
use self::cursor::Cursor;
pub use self::filter::{Filter, ListKey};
use self::proofs::Proofs;
pub use self::recorded_rules::RecordedRules;
use self::recorded_rules::{LastRules, RulesChange};
use self::venue_state::VenueState;
pub use self::venue_state::{ClosureState, Party, VenueSnapshot};
use super::repository::RepositoryError;
use super::venues::Venues;
use crate::domain::Reservation;
use crate::domain::availability::{Holder, Occupancy};
use crate::domain::waitlist::WaitlistEntry;

/// Pause before the log is read again after an error.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Number of events applied at a time.
const PAGE_EVENTS: usize = 1_000;

/// The read models.
#[derive(Debug, Default)]
pub struct Projections {
    venues: RwLock<HashMap<VenueId, SharedVenue>>,
    rules: Venues,
    access: Arc<Registry>,
    contact_hasher: ContactHasher,
    expected_contacts: Mutex<HashMap<ReservationId, ContactKeys>>,
    index: RwLock<Index>,
    /// Rules that were found while the log was read at the start.
    last_rules: Mutex<LastRules>,
    /// Events of keys that were found while the log was read at the start: their secrets are read later.
    first_access: Mutex<Vec<AccessChange>>,
    changed: ChangedReservations,
    proofs: Proofs,
    cursor: Cursor,
    applied: watch::Sender<Position>,
    stalled: AtomicBool,
}

type SharedVenue = Arc<RwLock<VenueState>>;

/// What is looked up across venues.
#[derive(Debug, Default)]
struct Index {
    reservations: HashMap<ReservationId, SharedVenue>,
    waitlist_entries: HashMap<WaitlistId, SharedVenue>,
    by_customer: HashMap<CustomerId, Vec<ReservationId>>,
    deadlines: BTreeSet<DeadlineKey>,
    /// The closures of which the bookings are to be cancelled.
    cancelling: HashMap<VenueId, Vec<ClosureId>>,
}

/// What has a deadline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum DeadlineSubject {
    /// A reservation.
    Reservation(ReservationId),
    /// A waitlist entry.
    Waitlist(WaitlistId),
}

/// A deadline and its subject.
pub type DeadlineKey = (DateTime<Utc>, DeadlineSubject);

/// A venue with parties on its waitlist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WaitlistStatus {
    /// The venue.
    pub venue_id: VenueId,
    /// The position of the last event that may have freed tables for the waitlist.
    pub freed_at: Position,
}

impl Projections {
    /// Applies one event, which must be the next one. For the start, when the log is read anyway; rules are applied by the
    /// next [`Self::catch_up`].
    ///
    /// # Errors
    /// [`RepositoryError`] when this version cannot decode the event.
    pub fn apply(&self, event: EventBytes<'_>) -> Result<(), RepositoryError> {
        match Change::decode(event)? {
            Some(Change::Document(changed, at)) => self.last_rules.lock().add(changed, at),
            Some(Change::Rules(venue_id, RulesChange::Closure(event, at))) => {
                self.last_rules.lock().add_closure(venue_id, *event, at);
            }
            Some(Change::Access(change)) => self.first_access.lock().push(change),
            Some(change) => self.apply_changes(&[change]),
            None => {}
        }
        self.applied.send_replace(event.position);
        Ok(())
    }

    /// Applies every event of the log that was not applied yet.
    ///
    /// # Errors
    /// [`RepositoryError`] when the log contains an event that this version cannot decode.
    pub async fn catch_up(&self, store: &dyn EventStore) -> Result<(), RepositoryError> {
        let rules = std::mem::take(&mut *self.last_rules.lock());
        let rules = rules.read()?.into_iter().map(|(venue_id, change)| Change::Rules(venue_id, change));
        self.apply_changes(&rules.collect::<Vec<_>>());
        let first = std::mem::take(&mut *self.first_access.lock());
        self.apply_access(store, first.iter()).await?;
        loop {
            let after = *self.applied.borrow();
            if after >= store.known_head() {
                return self.cursor.find(store, after).await;
            }
            let page = store.read(&Query::all(), after, PAGE_EVENTS).await?;
            // Decode before taking any lock.
            let with_rules = |change: Option<Change>| change.map(Change::with_rules).transpose();
            let changes: Vec<_> = page
                .iter()
                .filter_map(|event| Change::decode(event).and_then(with_rules).transpose())
                .collect::<Result<_, _>>()?;
            let contacts = self.read_contacts(store, &changes).await?;
            self.apply_changes(&changes);
            self.add_contacts(&contacts);
            self.apply_access(store, changes.iter().filter_map(Change::access)).await?;
            self.cursor.move_to(page.last());
            self.applied.send_replace(page.scanned_to);
        }
    }

    /// Keeps applying new events. A shutdown does not end this, because requests in progress still wait for
    /// what they appended.
    pub async fn follow(&self, store: Arc<dyn EventStore>, env: SharedEnvironment) {
        let mut head = store.watch_head();
        loop {
            if let Err(error) = self.catch_up(store.as_ref()).await {
                // Readers wait meanwhile, and /readyz reports it.
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "the projections cannot be updated from the log; trying again"
                );
                self.stalled.store(true, Ordering::Relaxed);
                env.sleep(RETRY_AFTER).await;
                continue;
            }
            self.stalled.store(false, Ordering::Relaxed);
            let applied = *self.applied.borrow();
            if head.wait_for(|head| *head > applied).await.is_err() {
                return;
            }
        }
    }

    /// Waits until everything up to `position` has been applied.
    pub async fn wait_until(&self, position: Position) {
        // The sender lives as long as the projections.
        let _ = self.applied.subscribe().wait_for(|applied| *applied >= position).await;
    }

    /// Whether the last attempt to apply events failed.
    #[must_use]
    pub fn is_stalled(&self) -> bool {
        self.stalled.load(Ordering::Relaxed)
    }

    /// Says that everything up to `position` was applied, as far as readers need it.
    pub fn skip_to(&self, position: Position) {
        self.applied.send_replace(position);
    }

    /// The last position that was applied.
    #[must_use]
    pub fn position(&self) -> Position {
        *self.applied.borrow()
    }

    fn venue(&self, id: &VenueId) -> Option<SharedVenue> {
        self.venues.read().get(id).cloned()
    }

    /// All venues, or only `id`.
    fn selected(&self, id: Option<&VenueId>) -> Vec<SharedVenue> {
        match id {
            Some(id) => self.venue(id).into_iter().collect(),
            None => self.venues.read().values().cloned().collect(),
        }
    }

    /// The venues that `filter` selects.
    fn selected_by(&self, filter: &Filter) -> Vec<SharedVenue> {
        match &filter.venue_id {
            Some(id) => self.selected(Some(id).filter(|id| filter.venues.contain(id))),
            None => {
                let venues = self.venues.read();
                let selected = venues.iter().filter(|(id, _)| filter.venues.contain(id));
                selected.map(|(_, venue)| Arc::clone(venue)).collect()
            }
        }
    }

    /// The reservation `id`, with the position up to which it is known to be current.
    #[must_use]
    pub fn get(&self, id: ReservationId) -> Option<(Reservation, Position)> {
        // Read before the lock: whatever is applied meanwhile only makes the state newer.
        let applied = self.position();
        let venue = self.index.read().reservations.get(&id).cloned()?;
        let venue = venue.read();
        venue.reservation(id).map(|reservation| (reservation.clone(), applied.max(venue.position())))
    }

    /// The result of `look` for the reservation `id`; `None` if it does not exist.
    pub fn look<T>(&self, id: ReservationId, look: impl FnOnce(&Reservation) -> T) -> Option<T> {
        let venue = self.index.read().reservations.get(&id).cloned()?;
        let venue = venue.read();
        venue.reservation(id).map(look)
    }

    /// At most `limit` reservations that match `filter`, by start, after `after`.
    #[must_use]
    pub fn list(&self, filter: &Filter, after: Option<ListKey>, limit: usize) -> Vec<Reservation> {
        let mut found = match &filter.customer_id {
            Some(customer) => self.of_customer(customer, filter, after),
            None => {
                let venues = self.selected_by(filter);
                venues.iter().flat_map(|venue| venue.read().list(filter, after, limit)).collect()
            }
        };
        found.sort_unstable_by_key(filter::list_key);
        found.truncate(limit);
        found
    }

    fn of_customer(
        &self,
        customer: &CustomerId,
        filter: &Filter,
        after: Option<ListKey>,
    ) -> Vec<Reservation> {
        let of_customer: Vec<_> = {
            let index = self.index.read();
            let ids = index.by_customer.get(customer).map(Vec::as_slice).unwrap_or_default();
            ids.iter().filter_map(|id| Some((*id, index.reservations.get(id)?.clone()))).collect()
        };
        let matching = |(id, venue): &(ReservationId, SharedVenue)| {
            let venue = venue.read();
            let reservation = venue.reservation(*id).filter(|reservation| filter.matches(reservation))?;
            after.is_none_or(|after| filter::list_key(reservation) > after).then(|| reservation.clone())
        };
        of_customer.iter().filter_map(matching).collect()
    }

    /// Calls `visit` with every reservation that matches `filter`.
    pub fn each(&self, filter: &Filter, mut visit: impl FnMut(&Reservation)) {
        for venue in self.selected_by(filter) {
            venue.read().each(filter, &mut visit);
        }
    }

    /// The first deadline after `now`.
    #[must_use]
    pub fn next_deadline(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        use std::ops::Bound;
        let last = DeadlineSubject::Waitlist(WaitlistId(uuid::Uuid::max()));
        let index = self.index.read();
        index.deadlines.range((Bound::Excluded((now, last)), Bound::Unbounded)).next().map(|(at, _)| *at)
    }

    /// At most `limit` deadlines that have passed at `now`, after `after`.
    #[must_use]
    pub fn passed_deadlines(
        &self,
        now: DateTime<Utc>,
        after: Option<DeadlineKey>,
        limit: usize,
    ) -> Vec<DeadlineKey> {
        use std::ops::Bound;
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let index = self.index.read();
        let passed = index.deadlines.range((from, Bound::Unbounded)).take_while(|(at, _)| *at <= now);
        passed.take(limit).copied().collect()
    }

    /// The state of `venue` that a decision about `window` depends on.
    #[must_use]
    pub fn snapshot(&self, venue: &VenueId, window: &TimeWindow) -> VenueSnapshot {
        self.snapshot_with(venue, |state| state.snapshot(window))
    }

    /// The state of `venue` that an offer to its waitlist depends on.
    #[must_use]
    pub fn waitlist_snapshot(&self, venue: &VenueId) -> VenueSnapshot {
        self.snapshot_with(venue, VenueState::waitlist_snapshot)
    }

    fn snapshot_with(
        &self,
        venue: &VenueId,
        take: impl FnOnce(&VenueState) -> VenueSnapshot,
    ) -> VenueSnapshot {
        // Read before the lock: whatever is applied meanwhile only makes the state newer.
        let applied = self.position();
        let Some(state) = self.venue(venue) else { return VenueSnapshot::empty(applied) };
        let mut snapshot = take(&state.read());
        snapshot.position = snapshot.position.max(applied);
        snapshot
    }

    /// The occupancy of `venue` around `window` with the parties that hold its tables, and the position of
    /// this state.
    #[must_use]
    pub fn parties(
        &self,
        venue: &VenueId,
        window: &TimeWindow,
    ) -> (Occupancy, HashMap<Holder, Party>, Position) {
        let applied = self.position();
        let Some(state) = self.venue(venue) else { return (Occupancy::default(), HashMap::new(), applied) };
        let state = state.read();
        let occupancy = state.snapshot(window).occupancy;
        let parties = occupancy.holders().filter_map(|by| Some((by, state.party(by)?))).collect();
        (occupancy, parties, applied.max(state.position()))
    }

    /// Every venue with parties on its waitlist, and the position of this state.
    #[must_use]
    pub fn waitlists(&self) -> (Vec<WaitlistStatus>, Position) {
        let applied = self.position();
        let venues: Vec<_> =
            self.venues.read().iter().map(|(id, venue)| (id.clone(), Arc::clone(venue))).collect();
        let status = |(venue_id, venue): (VenueId, SharedVenue)| {
            let freed_at = venue.read().freed_at()?;
            Some(WaitlistStatus { venue_id, freed_at })
        };
        (venues.into_iter().filter_map(status).collect(), applied)
    }

    /// The parties on the waitlist of `venue`, in their order, and the position of this state.
    #[must_use]
    pub fn waitlist(&self, venue: &VenueId) -> (Vec<Arc<WaitlistEntry>>, Position) {
        let snapshot = self.waitlist_snapshot(venue);
        (snapshot.waitlist, snapshot.position)
    }

    /// Number of parties on the waitlist of `venue` that joined before `position`.
    #[must_use]
    pub fn parties_before(&self, entry: &WaitlistEntry) -> usize {
        self.venue(&entry.joined.venue_id).map_or(0, |state| state.read().parties_before(entry))
    }

    /// The keys. They stay in step with the log.
    #[must_use]
    pub fn access(&self) -> &Arc<Registry> {
        &self.access
    }

    /// Every venue in the log.
    #[must_use]
    pub fn venue_ids(&self) -> Vec<VenueId> {
        self.venues.read().keys().cloned().collect()
    }
}
