//! The one way from a command to the log: load, fold, decide, append, and on a conflict again.
//!
//! **Invariant:** the only `.append(` of this service stands here.

mod earlier;
mod error;
mod guard;
mod waiting;

use std::sync::Arc;
use std::time::Instant;

use chassis::clock::SharedClock;
use chrono::{DateTime, Utc};
use events::event::{Event, ReservationCreated, VenueChanged};
use events::recorded::NewEvent;
use events::store::{AppendCondition, AppendError, Appended, EventStore};
use events::values::{PartySize, TimeWindow};
use events::{AssignmentId, PaymentId, Position, Query, ReservationId, Tag, VenueId};

pub use self::earlier::Earlier;
use self::error::refused;
pub use self::error::{HandleError, Refused};
use self::guard::{booked, guard, taken};
pub use self::waiting::Waited;
use self::waiting::{LINE_MAX, Offers};
use crate::domain::floor::{self, Floor};
use crate::domain::seating::TABLES_PER_PARTY_MAX;
use crate::domain::{Command, Occupancy, Reservation, Stamp};
use crate::queues::{Queues, Turn};
use crate::record::{About, Submission, entries};
use crate::stream::{self, Until};
use crate::venues::Venues;
use crate::views::{Line, Views};

/// How often a decision is made anew because something came between.
const ATTEMPTS_MAX: usize = 16;

/// Stranded bookings that an event names.
const STRANDED_NAMED_MAX: usize = 100;

/// A booking that does not fit the rules any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stranded {
    /// Which one.
    pub reservation_id: ReservationId,
    /// Why, as a stable code.
    pub reason: &'static str,
    /// When the party would come.
    pub start: DateTime<Utc>,
    /// With how many.
    pub size: PartySize,
}

/// Takes commands to the log.
#[derive(Clone)]
pub struct Handler {
    store: Arc<dyn EventStore>,
    views: Arc<Views>,
    venues: Venues,
    clock: SharedClock,
    queues: Arc<Queues>,
    offers: Arc<Offers>,
}

/// What a command led to.
#[derive(Debug, Clone)]
pub struct Handled {
    /// The reservation after it.
    pub reservation: Reservation,
    /// Whether this is the answer to an earlier request with the same Idempotency-Key.
    pub replayed: bool,
}

/// One try: it led to something, or something came between.
enum Attempt {
    Done(Box<Handled>),
    Conflict,
}

impl Handler {
    /// A handler that appends to `store`, and decides by `venues` and what `views` know of their tables.
    pub fn new(store: Arc<dyn EventStore>, views: Arc<Views>, venues: Venues, clock: SharedClock) -> Self {
        Self { store, views, venues, clock, queues: Arc::default(), offers: Arc::default() }
    }

    /// Notes what was `wanted`, if it can be had: a table for a party that books, or that stands in the door.
    ///
    /// # Errors
    /// [`HandleError`]; nothing was appended then.
    pub async fn book(
        &self,
        wanted: &ReservationCreated,
        submission: &Submission,
    ) -> Result<Handled, HandleError> {
        let id = ReservationId(self.clock.new_id());
        let payment_id = PaymentId(self.clock.new_id());
        let _turn = self.turn(&wanted.venue_id, &wanted.window).await;
        for _ in 0..ATTEMPTS_MAX {
            match self.try_book(id, payment_id, wanted, submission).await? {
                Attempt::Done(handled) => return Ok(*handled),
                Attempt::Conflict => {}
            }
        }
        Err(HandleError::Contended)
    }

    /// Does what `command` asks of the reservation `id`.
    ///
    /// # Errors
    /// [`HandleError`]; nothing was appended then.
    pub async fn handle(
        &self,
        id: ReservationId,
        command: &Command,
        submission: &Submission,
    ) -> Result<Handled, HandleError> {
        let booked = command.takes_tables().then(|| self.views.get(id)).flatten();
        let _turn = match booked {
            Some(reservation) => {
                let window = match command {
                    Command::Reschedule { window, .. } => *window,
                    _ => reservation.window(),
                };
                self.turn(&reservation.booking.venue_id, &window).await
            }
            None => None,
        };
        for _ in 0..ATTEMPTS_MAX {
            match self.try_handle(id, command, submission).await? {
                Attempt::Done(handled) => return Ok(*handled),
                Attempt::Conflict => {}
            }
        }
        Err(HandleError::Contended)
    }

    /// Waits for its turn to decide about an evening. Where the book is kept by hand nobody contends for it.
    async fn turn(&self, venue: &VenueId, window: &TimeWindow) -> Option<Turn<'_>> {
        match self.venues.get(Some(venue))?.house {
            Some(_) => Some(self.queues.turn(venue, window).await),
            None => None,
        }
    }

    async fn try_book(
        &self,
        id: ReservationId,
        payment_id: PaymentId,
        wanted: &ReservationCreated,
        submission: &Submission,
    ) -> Result<Attempt, HandleError> {
        let (venue_id, now) = (&wanted.venue_id, self.clock.now());
        let decide = |floor: &Floor<'_>| {
            let decided = match wanted.walk_in {
                true => floor::walk_in(wanted.clone(), floor),
                false => floor::book(wanted.clone(), floor, payment_id, now),
            };
            (decided, booked(venue_id, floor.house, &wanted.window))
        };
        // Before the rules are looked at: those that are noted after this are a conflict.
        let head = self.store.head();
        let venue = self.venues.get(Some(venue_id)).ok_or_else(|| HandleError::NoVenue(venue_id.clone()))?;
        let ((decided, looked_for), looked_at) = match venue.house {
            // It takes nothing that anyone else could want.
            None => (decide(&Floor::by_hand(&Occupancy::default())), head),
            Some(_) => self.on_the_floor(venue_id, decide).await,
        };
        // After the book was read: a twin of this request that the look misses is appended behind it, and is a
        // conflict then.
        if let Some(earlier) = self.earlier(submission.key.as_ref()).await? {
            return Ok(Attempt::Done(Box::new(earlier.handled()?)));
        }
        let events = decided.map_err(|refusal| refused(refusal, Refused::booking(wanted)))?;
        let entries = entries(&events, &About::booking(id, wanted), submission, self.clock.as_ref(), now)?;
        let guard = guard(std::iter::once(Tag::reservation(id)).chain(looked_for), submission.key.as_ref());
        self.keep(None, id, &events, entries, AppendCondition::unchanged(guard, looked_at)).await
    }

    /// Decides by what `venue` promises, and has given away up to the position that comes back with the decision. Where
    /// somebody waits that is behind what was offered to the line: who asks now was not there first.
    async fn on_the_floor<T>(&self, venue: &VenueId, decide: impl Fn(&Floor<'_>) -> T) -> (T, Position) {
        let mut patience = Some(LINE_MAX);
        loop {
            self.views.caught_up(self.store.head()).await;
            let ((decided, freed), at) =
                self.look_at_floor(venue, |floor, line| (decide(floor), line.freed_at()));
            match (patience.take(), freed) {
                (Some(left), Some(freed)) if !self.offers.reach(venue, freed) => {
                    let since = Instant::now();
                    let reached = tokio::time::timeout(left, self.offers.reached(venue, freed)).await;
                    if reached.is_ok() {
                        patience = Some(left.saturating_sub(since.elapsed()));
                    } else {
                        tracing::warn!(%venue, "what is free could not be offered in time to those who wait");
                        metrics::counter!("meja_lines_passed_total").increment(1);
                    }
                }
                _ => return (decided, at),
            }
        }
    }

    /// Decides by what is so now, without waiting for anything, and shows who waits.
    fn look_at_floor<T>(
        &self,
        venue: &VenueId,
        decide: impl FnOnce(&Floor<'_>, &Line) -> T,
    ) -> (T, Position) {
        let ids = self.assignment_ids();
        self.views.with_line(venue, |occupancy, line| {
            // Rules count before they are noted: those that are noted up to that position are these, or later ones.
            let venue = self.venues.get(Some(venue));
            let house = venue.as_deref().and_then(|venue| venue.house.as_ref());
            decide(&Floor { occupancy, house, assignment_ids: &ids }, line)
        })
    }

    fn assignment_ids(&self) -> [AssignmentId; TABLES_PER_PARTY_MAX] {
        std::array::from_fn(|_| AssignmentId(self.clock.new_id()))
    }

    async fn try_handle(
        &self,
        id: ReservationId,
        command: &Command,
        submission: &Submission,
    ) -> Result<Attempt, HandleError> {
        let (reservation, mut looked_at) = stream::load(self.store.as_ref(), id, Until::Now).await?;
        // After the reservation was read: a twin of this request that the look misses is appended
        // behind `looked_at`, and is a conflict then.
        if let Some(earlier) = self.earlier(submission.key.as_ref()).await? {
            return Ok(Attempt::Done(Box::new(earlier.handled()?)));
        }
        let reservation = reservation.ok_or(HandleError::NotFound(id))?;
        submission.has_seen(reservation.version)?;
        let now = self.clock.now();
        let decide = |floor: &Floor<'_>| {
            (reservation.decide(command, floor, now), taken(&reservation, command, floor.house, now))
        };
        let (decided, looked_for) = if command.takes_tables() {
            let (found, at) = self.on_the_floor(&reservation.booking.venue_id, decide).await;
            looked_at = looked_at.min(at);
            found
        } else {
            decide(&Floor::by_hand(&Occupancy::default()))
        };
        let events = decided.map_err(|refusal| refused(refusal, Refused::by(&reservation, command)))?;
        if events.is_empty() {
            return Ok(Attempt::Done(Box::new(Handled { reservation, replayed: false })));
        }
        let entries = entries(&events, &About::existing(&reservation), submission, self.clock.as_ref(), now)?;
        let guard = guard(std::iter::once(Tag::reservation(id)).chain(looked_for), submission.key.as_ref());
        // What came after either was read, the reservation or the book, is a conflict.
        self.keep(Some(reservation), id, &events, entries, AppendCondition::unchanged(guard, looked_at)).await
    }

    /// Notes that the rules of `venue` are now those of `digest`, unless these were noted last. Gives back the version
    /// and what `strands` found: whom these rules leave without what they were promised.
    ///
    /// # Errors
    /// [`HandleError`]; nothing was appended then.
    pub async fn note_rules(
        &self,
        venue: &VenueId,
        digest: Option<&str>,
        strands: impl Fn() -> Vec<Stranded>,
        submission: &Submission,
    ) -> Result<Option<(u32, Vec<Stranded>)>, HandleError> {
        for attempt in 1..=ATTEMPTS_MAX {
            let head = self.store.head();
            self.views.caught_up(head).await;
            let last = self.views.noted_rules(venue);
            if last.as_ref().is_some_and(|last| last.digest.as_deref() == digest) {
                return Ok(None);
            }
            let (version, stranded) = (last.map_or(0, |last| last.version) + 1, strands());
            let change = VenueChanged {
                venue_id: venue.clone(),
                version,
                digest: digest.map(str::to_owned),
                stranded: stranded
                    .iter()
                    .take(STRANDED_NAMED_MAX)
                    .map(|stranded| stranded.reservation_id)
                    .collect(),
                stranded_count: u32::try_from(stranded.len()).unwrap_or(u32::MAX),
            };
            let about = About::venue(venue);
            let entries =
                entries(&[change.into()], &about, submission, self.clock.as_ref(), self.clock.now())?;
            // Nobody may be stranded unseen; but where bookings never stop to come, the rules are noted in the end.
            let bookings = (attempt < ATTEMPTS_MAX).then(|| Tag::venue(venue));
            let guard = Query::any_tag(std::iter::once(Tag::rules(venue)).chain(bookings));
            if self.put(entries, AppendCondition::unchanged(guard, head)).await?.is_some() {
                return Ok(Some((version, stranded)));
            }
        }
        Err(HandleError::Contended)
    }

    async fn keep(
        &self,
        mut reservation: Option<Reservation>,
        id: ReservationId,
        events: &[Event],
        entries: Vec<NewEvent>,
        condition: AppendCondition,
    ) -> Result<Attempt, HandleError> {
        let time = entries.first().map(|entry| entry.time).unwrap_or_default();
        match self.put(entries, condition).await? {
            Some(appended) => {
                for (position, event) in (appended.first.0..).map(Position).zip(events) {
                    stream::fold(&mut reservation, id, event, Stamp { position, time });
                }
                let reservation = reservation.ok_or(HandleError::NotFound(id))?;
                Ok(Attempt::Done(Box::new(Handled { reservation, replayed: false })))
            }
            None => Ok(Attempt::Conflict),
        }
    }

    /// Appends, unless something came between.
    async fn put(
        &self,
        entries: Vec<NewEvent>,
        condition: AppendCondition,
    ) -> Result<Option<Appended>, HandleError> {
        match self.store.append(entries, condition).await {
            Ok(appended) => Ok(Some(appended)),
            Err(AppendError::Conflict { .. }) => {
                metrics::counter!("meja_conflicts_total", "reason" => "append_condition").increment(1);
                Ok(None)
            }
            Err(error) => Err(HandleError::Append(error)),
        }
    }
}
