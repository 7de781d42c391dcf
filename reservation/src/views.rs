//! Read models in memory: rebuilt at start from the log, kept in step by the commits.
//!
//! A reader waits until they have caught up with what was durable when it asked
//! ([`Views::caught_up`]), so a client always reads its own write.

mod inner;

use std::ops::Bound;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use chrono::{DateTime, Utc};
use events::event::OfferedTable;
use events::store::{EventStore, Stored};
use events::values::{PartySize, TimeWindow};
use events::{CustomerId, Position, Query, ReservationId, TableId, VenueId, WaitlistId};
use tokio::sync::watch;

use crate::domain::occupancy::Holder;
use crate::domain::reservation::TableAssignment;
use crate::domain::venue::{Table, Venue};
use crate::domain::waiting::Entry;
use crate::domain::{Occupancy, Reservation};
use crate::stream::StreamError;

pub use self::inner::{Due, DueKey, Line, NotedRules};
use self::inner::{Fact, Inner, key};

/// How soon the log is read again after it could not be.
const AGAIN_AFTER: Duration = Duration::from_secs(1);

/// A place in the list of reservations: by start, then by id.
pub type ListKey = (DateTime<Utc>, ReservationId);

/// The read models.
#[derive(Debug)]
pub struct Views {
    inner: RwLock<Inner>,
    seen: watch::Sender<Position>,
    behind: AtomicBool,
}

/// Which reservations are meant. `None` means any.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// The word of a status.
    pub status: Option<String>,
    /// Starts at or after this.
    pub from: Option<DateTime<Utc>>,
    /// Starts before this.
    pub to: Option<DateTime<Utc>>,
    /// Booked by.
    pub customer_id: Option<CustomerId>,
    /// Booked at.
    pub venue_id: Option<VenueId>,
}

/// Who has a table, for who stands in the room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Guest {
    /// How many they are.
    pub size: PartySize,
    /// When they sat down, if they have.
    pub seated_at: Option<DateTime<Utc>>,
    /// Their tables.
    pub tables: Vec<Table>,
}

impl Guest {
    fn of(reservation: &Reservation) -> Self {
        let table = |t: &TableAssignment| there(&t.table_id, &t.area, t.capacity);
        Self {
            size: reservation.party_size(),
            seated_at: reservation.seated_at,
            tables: reservation.tables.iter().map(table).collect(),
        }
    }

    fn waiting(entry: &Entry) -> Self {
        let table = |t: &OfferedTable| there(&t.table_id, &t.area, t.capacity);
        let tables = entry.offer().iter().flat_map(|offered| &offered.tables).map(table).collect();
        Self { size: entry.joined.party_size, seated_at: None, tables }
    }
}

/// A table that somebody has, as they were given it.
fn there(id: &TableId, area: &str, seats: u8) -> Table {
    Table { id: id.clone(), area: area.to_owned(), seats, min_party: 1 }
}

impl Filter {
    fn takes(&self, reservation: &Reservation) -> bool {
        let start = reservation.window().start;
        self.status.as_deref().is_none_or(|status| reservation.status.word() == status)
            && self.from.is_none_or(|from| start >= from)
            && self.to.is_none_or(|to| start < to)
            && self.customer_id.as_ref().is_none_or(|id| reservation.booking.customer_id == *id)
            && self.venue_id.as_ref().is_none_or(|id| reservation.booking.venue_id == *id)
    }
}

impl Default for Views {
    fn default() -> Self {
        Self {
            inner: RwLock::default(),
            seen: watch::Sender::new(Position::START),
            behind: AtomicBool::new(false),
        }
    }
}

impl Views {
    /// Takes in one event, the next one, before anyone reads.
    ///
    /// # Errors
    /// [`StreamError`] when this version can not read it.
    pub fn take_in(&mut self, stored: Stored<'_>) -> Result<(), StreamError> {
        let inner = self.inner.get_mut().unwrap_or_else(PoisonError::into_inner);
        if let Some(fact) = Fact::of(stored)? {
            inner.apply(&fact);
        }
        inner.position = stored.position;
        self.seen.send_replace(stored.position);
        Ok(())
    }

    /// Takes in everything that is in the log.
    ///
    /// # Errors
    /// [`StreamError`] when the log holds what this version can not read.
    pub async fn catch_up(&self, store: &dyn EventStore) -> Result<(), StreamError> {
        loop {
            let after = *self.seen.borrow();
            if after >= store.head() {
                return Ok(());
            }
            let page = store.read(&Query::all(), after, 1_000).await?;
            // Parsed before anyone has to wait for the lock.
            let facts: Result<Vec<_>, _> = page.iter().map(Fact::of).collect();
            let mut inner = self.write();
            facts?.iter().flatten().for_each(|fact| inner.apply(fact));
            inner.position = page.scanned_to;
            drop(inner);
            self.seen.send_replace(page.scanned_to);
        }
    }

    /// Follows the log for ever. Not ended by a shutdown: requests under way still wait for what
    /// was written.
    pub async fn follow(&self, store: Arc<dyn EventStore>) {
        let mut head = store.watch_head();
        loop {
            if let Err(error) = self.catch_up(store.as_ref()).await {
                // Whoever asks waits, and /readyz says so.
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "the read models can not follow the log; trying again"
                );
                self.behind.store(true, Ordering::Relaxed);
                tokio::time::sleep(AGAIN_AFTER).await;
                continue;
            }
            self.behind.store(false, Ordering::Relaxed);
            let seen = *self.seen.borrow();
            if head.wait_for(|head| *head > seen).await.is_err() {
                return;
            }
        }
    }

    /// Returns once everything up to `head` is taken in.
    pub async fn caught_up(&self, head: Position) {
        // The sender lives as long as the views.
        let _ = self.seen.subscribe().wait_for(|seen| *seen >= head).await;
    }

    /// Whether the log could not be followed at the last try.
    #[must_use]
    pub fn is_behind(&self) -> bool {
        self.behind.load(Ordering::Relaxed)
    }

    /// The last position that is taken in.
    #[must_use]
    pub fn position(&self) -> Position {
        *self.seen.borrow()
    }

    fn read(&self) -> RwLockReadGuard<'_, Inner> {
        self.inner.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Inner> {
        self.inner.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// The reservation of that id, as it is.
    #[must_use]
    pub fn get(&self, id: ReservationId) -> Option<Reservation> {
        self.read().reservations.get(&id).map(|reservation| (**reservation).clone())
    }

    /// At most `limit` reservations that `filter` takes, by start, after `after`.
    #[must_use]
    pub fn list(&self, filter: &Filter, after: Option<ListKey>, limit: usize) -> Vec<Reservation> {
        let inner = self.read();
        let taken =
            |id: &ReservationId| inner.reservations.get(id).map(Box::as_ref).filter(|r| filter.takes(r));
        if let Some(customer) = &filter.customer_id {
            let ids = inner.by_customer.get(customer).map(Vec::as_slice).unwrap_or_default();
            let mut found: Vec<_> =
                ids.iter().filter_map(taken).filter(|r| after.is_none_or(|after| key(r) > after)).collect();
            found.sort_unstable_by_key(|r| key(r));
            return found.into_iter().take(limit).cloned().collect();
        }
        let from = match (after, filter.from) {
            (Some(after), from) if from.is_none_or(|from| from <= after.0) => Bound::Excluded(after),
            (_, Some(from)) => Bound::Included((from, ReservationId(uuid::Uuid::nil()))),
            (_, None) => Bound::Unbounded,
        };
        let to =
            filter.to.map_or(Bound::Unbounded, |to| Bound::Excluded((to, ReservationId(uuid::Uuid::nil()))));
        if matches!((filter.from, filter.to), (Some(from), Some(to)) if from >= to) || is_empty(&from, &to) {
            return Vec::new();
        }
        inner.by_start.range((from, to)).filter_map(|(_, id)| taken(id)).take(limit).cloned().collect()
    }

    /// Calls `visit` with every reservation that `filter` takes.
    pub fn each(&self, filter: &Filter, mut visit: impl FnMut(&Reservation)) {
        let inner = self.read();
        let from = filter
            .from
            .map_or(Bound::Unbounded, |from| Bound::Included((from, ReservationId(uuid::Uuid::nil()))));
        let ids = inner
            .by_start
            .range((from, Bound::Unbounded))
            .take_while(|(start, _)| filter.to.is_none_or(|to| *start < to));
        ids.filter_map(|(_, id)| inner.reservations.get(id).map(Box::as_ref))
            .filter(|r| filter.takes(r))
            .for_each(&mut visit);
    }

    /// The first deadline after `now`.
    #[must_use]
    pub fn next_deadline(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let last = Due::Waiting(WaitlistId(uuid::Uuid::max()));
        let inner = self.read();
        inner.deadlines.range((Bound::Excluded((now, last)), Bound::Unbounded)).next().map(|(at, _)| *at)
    }

    /// Deadlines that are `now` or before, at most `limit`, after `after`.
    #[must_use]
    pub fn due(&self, now: DateTime<Utc>, after: Option<DueKey>, limit: usize) -> Vec<DueKey> {
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let inner = self.read();
        let due = inner.deadlines.range((from, Bound::Unbounded));
        due.take_while(|(at, _)| *at <= now).take(limit).copied().collect()
    }

    /// Shows `read` what `venue` has given away and who waits there, as at the position that comes back.
    pub fn with_line<T>(&self, venue: &VenueId, read: impl FnOnce(&Occupancy, &Line) -> T) -> (T, Position) {
        let inner = self.read();
        (read(inner.book(venue), inner.line(venue)), inner.position)
    }

    /// Every venue where somebody waits, with where in the log there last was a reason to look at its line; and the
    /// position of this look.
    #[must_use]
    pub fn lines(&self) -> (Vec<(VenueId, Position)>, Position) {
        let inner = self.read();
        let lines = inner.lines.iter().filter_map(|(venue, line)| Some((venue.clone(), line.freed_at()?)));
        (lines.collect(), inner.position)
    }

    /// The rules of `venue` as they were noted last, if they ever were.
    #[must_use]
    pub fn noted_rules(&self, venue: &VenueId) -> Option<NotedRules> {
        self.read().rules.get(venue).cloned()
    }

    /// Every venue that the log knows.
    #[must_use]
    pub fn venues(&self) -> Vec<VenueId> {
        let inner = self.read();
        inner.occupancy.keys().chain(inner.rules.keys()).cloned().collect()
    }

    /// Shows `read` what `venue` has given away, as it is at the position that comes back with what it found.
    pub fn with_book<T>(&self, venue: &VenueId, read: impl FnOnce(&Occupancy) -> T) -> (T, Position) {
        self.with_line(venue, |occupancy, _| read(occupancy))
    }

    /// The same, and who the holders of tables are.
    pub fn with_guests<T>(
        &self,
        venue: &VenueId,
        read: impl FnOnce(&Occupancy, &dyn Fn(Holder) -> Option<Guest>) -> T,
    ) -> (T, Position) {
        let inner = self.read();
        let find = |who: Holder| match who {
            Holder::Booked(id) | Holder::WalkedIn(id) => {
                inner.reservations.get(&id).map(|found| Guest::of(found))
            }
            Holder::Offered(id) => inner.waiting(id).map(Guest::waiting),
        };
        (read(inner.book(venue), &find), inner.position)
    }

    /// Tables of `venue` that are free in `window` for a party of `guests`, the smallest first; if it comes `now`, none
    /// at which others sit.
    #[must_use]
    pub fn free_tables(
        &self,
        venue: &Venue,
        window: &TimeWindow,
        guests: u8,
        except: Option<ReservationId>,
        now: DateTime<Utc>,
        limit: usize,
    ) -> Vec<Table> {
        let inner = self.read();
        let occupancy = inner.book(&venue.id);
        let is_left = |table: &Table| {
            let sits = occupancy.sitting_at(&table.id, now).filter(|_| window.start <= now);
            sits.is_none_or(|sits| sits.by.reservation() == except)
        };
        let mut free: Vec<_> = venue
            .tables
            .iter()
            .filter(|table| table.seats >= guests && occupancy.is_free(&table.id, window, except))
            .filter(|table| is_left(table))
            .collect();
        free.sort_by_key(|table| table.seats);
        free.into_iter().take(limit).cloned().collect()
    }
}

fn is_empty(from: &Bound<ListKey>, to: &Bound<ListKey>) -> bool {
    match (from, to) {
        (Bound::Excluded(from) | Bound::Included(from), Bound::Excluded(to)) => from >= to,
        _ => false,
    }
}
