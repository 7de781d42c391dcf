//! The one way from a command to the log: load, fold, decide, append, and on a conflict again.
//!
//! **Invariant:** the only `.append(` of this service stands here.

mod error;
mod guard;

use std::sync::Arc;

use chassis::clock::SharedClock;
use events::event::{Event, ReservationCreated, VenueChanged};
use events::recorded::NewEvent;
use events::store::{AppendCondition, AppendError, Appended, EventStore};
use events::{AssignmentId, PaymentId, Position, Query, ReservationId, Tag, VenueId};

use self::error::refused;
pub use self::error::{HandleError, Refused};
use self::guard::{book_tags, guard, wanted};
use crate::domain::floor::{self, Floor};
use crate::domain::house::House;
use crate::domain::seating::TABLES_PER_PARTY_MAX;
use crate::domain::{Command, Occupancy, Reservation, Stamp};
use crate::queues::Queues;
use crate::record::{About, CommandKey, Submission, entries, venue_entry};
use crate::stream::{self, StreamError, Until};
use crate::venues::Venues;
use crate::views::Views;

/// How often a decision is made anew because something came between.
const ATTEMPTS_MAX: usize = 16;

/// Takes commands to the log.
#[derive(Clone)]
pub struct Handler {
    store: Arc<dyn EventStore>,
    views: Arc<Views>,
    venues: Venues,
    clock: SharedClock,
    queues: Arc<Queues>,
}

/// A booking that is asked for.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// The fact, if it comes to be one.
    pub created: ReservationCreated,
    /// Where the party wants to sit, if that matters.
    pub area: Option<String>,
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
        Self { store, views, venues, clock, queues: Arc::default() }
    }

    /// Notes that a table was asked for.
    ///
    /// # Errors
    /// [`HandleError`]; nothing was appended then.
    pub async fn book(&self, wanted: &Wanted, submission: &Submission) -> Result<Handled, HandleError> {
        let id = ReservationId(self.clock.new_id());
        let payment_id = PaymentId(self.clock.new_id());
        let venue_id = &wanted.created.venue_id;
        let _turn = match self.venues.get(Some(venue_id)).is_some_and(|venue| venue.house.is_some()) {
            true => Some(self.queues.turn(venue_id, &wanted.created.window).await),
            false => None,
        };
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
        let _turn = match command {
            Command::Reschedule { window } => match self.views.get(id) {
                Some(reservation) => Some(self.queues.turn(&reservation.booking.venue_id, window).await),
                None => None,
            },
            _ => None,
        };
        for _ in 0..ATTEMPTS_MAX {
            match self.try_handle(id, command, submission).await? {
                Attempt::Done(handled) => return Ok(*handled),
                Attempt::Conflict => {}
            }
        }
        Err(HandleError::Contended)
    }

    async fn try_book(
        &self,
        id: ReservationId,
        payment_id: PaymentId,
        wanted: &Wanted,
        submission: &Submission,
    ) -> Result<Attempt, HandleError> {
        let Wanted { created, area } = wanted;
        let venue = self.venues.get(Some(&created.venue_id));
        let house = venue.as_deref().and_then(|venue| venue.house.as_ref());
        let now = self.clock.now();
        let decide = |floor: &Floor<'_>| match created.walk_in {
            true => floor::walk_in(created.clone(), area.as_deref(), floor),
            false => floor::book(created.clone(), area.as_deref(), floor, payment_id, now),
        };
        let (decided, looked_at, book) = match house {
            // It takes nothing that anyone else could want: only a repeat of itself can come between.
            None => (decide(&Floor::by_hand(&Occupancy::default())), Position::START, Vec::new()),
            Some(_) => {
                let (decided, at) = self.on_the_floor(&created.venue_id, house, decide).await;
                (decided, at, book_tags(&created.venue_id, &created.window))
            }
        };
        // After the book was read: a twin of this request that the look misses is appended behind it, and is a
        // conflict then.
        if let Some(handled) = self.replay(submission.key.as_ref()).await? {
            return Ok(Attempt::Done(Box::new(handled)));
        }
        let events = decided.map_err(|refusal| {
            let (window, size, area) = (created.window, created.party_size, area.clone());
            let venue_id = created.venue_id.clone();
            let walks_in = created.walk_in;
            refused(refusal, Refused { venue_id, window, size, area, walks_in, reservation: None })
        })?;
        let about = About {
            id,
            venue_id: &created.venue_id,
            customer_id: Some(&created.customer_id),
            window: created.window,
            private_at: vec![],
        };
        let entries = entries(&events, &about, submission, self.clock.as_ref(), now)?;
        let guard = guard(std::iter::once(Tag::reservation(id)).chain(book), submission.key.as_ref());
        self.keep(None, id, &events, entries, AppendCondition::unchanged(guard, looked_at)).await
    }

    /// Decides by what `venue` has given away up to the position that comes back with the decision.
    async fn on_the_floor<T>(
        &self,
        venue: &VenueId,
        house: Option<&House>,
        decide: impl FnOnce(&Floor<'_>) -> T,
    ) -> (T, Position) {
        self.views.caught_up(self.store.head()).await;
        let ids: [AssignmentId; TABLES_PER_PARTY_MAX] =
            std::array::from_fn(|_| AssignmentId(self.clock.new_id()));
        self.views.with_book(venue, |occupancy| decide(&Floor { occupancy, house, assignment_ids: &ids }))
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
        if let Some(handled) = self.replay(submission.key.as_ref()).await? {
            return Ok(Attempt::Done(Box::new(handled)));
        }
        let reservation = reservation.ok_or(HandleError::NotFound(id))?;
        let current = reservation.version;
        if submission.if_match.as_ref().is_some_and(|seen| !seen.contains(&current)) {
            return Err(HandleError::Stale { current });
        }
        let venue_id = &reservation.booking.venue_id;
        let venue = self.venues.get(Some(venue_id));
        let house = venue.as_deref().and_then(|venue| venue.house.as_ref());
        let wanted = wanted(&reservation, command, house);
        let now = self.clock.now();
        let decided = if wanted.is_empty() {
            reservation.decide(command, &Floor::by_hand(&Occupancy::default()), now)
        } else {
            let decide = |floor: &Floor<'_>| reservation.decide(command, floor, now);
            let (decided, at) = self.on_the_floor(venue_id, house, decide).await;
            looked_at = looked_at.min(at);
            decided
        };
        let events = decided.map_err(|refusal| refused(refusal, Refused::by(&reservation, command)))?;
        if events.is_empty() {
            return Ok(Attempt::Done(Box::new(Handled { reservation, replayed: false })));
        }
        let entries = entries(&events, &About::existing(&reservation), submission, self.clock.as_ref(), now)?;
        let guard = guard(std::iter::once(Tag::reservation(id)).chain(wanted), submission.key.as_ref());
        // What came after either was read, the reservation or the book, is a conflict.
        self.keep(Some(reservation), id, &events, entries, AppendCondition::unchanged(guard, looked_at)).await
    }

    /// Whether a change of the rules of `venue` was ever noted.
    ///
    /// # Errors
    /// [`HandleError::Load`].
    pub async fn has_rules(&self, venue: &VenueId) -> Result<bool, HandleError> {
        let rules = Query::any_tag([Tag::rules(venue)]);
        let page = self.store.read(&rules, Position::START, 1).await.map_err(StreamError::from)?;
        Ok(!page.is_empty())
    }

    /// Notes that the rules of a venue have changed, unless these very rules were noted last. Gives back the version.
    ///
    /// # Errors
    /// [`HandleError`]; nothing was appended then.
    pub async fn note_rules(
        &self,
        change: &VenueChanged,
        submission: &Submission,
    ) -> Result<Option<u32>, HandleError> {
        for _ in 0..ATTEMPTS_MAX {
            let rules = Query::any_tag([Tag::rules(&change.venue_id)]);
            let mut last: Option<VenueChanged> = None;
            let at = stream::each(self.store.as_ref(), &rules, Position::START, |_, event| {
                if let Event::VenueChanged(changed) = event {
                    last = Some(changed);
                }
            })
            .await?;
            if last.as_ref().is_some_and(|last| last.digest == change.digest) {
                return Ok(None);
            }
            let version = last.map_or(0, |last| last.version) + 1;
            let entry =
                venue_entry(VenueChanged { version, ..change.clone() }, submission, self.clock.as_ref())?;
            if self.offer(vec![entry], AppendCondition::unchanged(rules, at)).await?.is_some() {
                return Ok(Some(version));
            }
        }
        Err(HandleError::Contended)
    }

    /// What an earlier request with this key led to.
    ///
    /// # Errors
    /// [`HandleError::KeyReused`] when it was another request.
    pub async fn replay(&self, key: Option<&CommandKey>) -> Result<Option<Handled>, HandleError> {
        let Some(CommandKey { key, digest }) = key else { return Ok(None) };
        let mut first: Option<(Option<ReservationId>, bool, Position)> = None;
        let query = Query::any_tag([Tag::command(key)]);
        stream::each(self.store.as_ref(), &query, Position::START, |recorded, _| {
            let same = recorded.cause().request_digest.as_ref() == Some(digest);
            let about = first.get_or_insert((stream::reservation_of(recorded), same, Position::START));
            about.2 = recorded.id.position;
        })
        .await?;
        match first {
            None => Ok(None),
            Some((Some(id), true, last)) => {
                let (reservation, _) = stream::load(self.store.as_ref(), id, Until::Position(last)).await?;
                let reservation = reservation.ok_or(HandleError::NotFound(id))?;
                Ok(Some(Handled { reservation, replayed: true }))
            }
            Some(_) => Err(HandleError::KeyReused),
        }
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
        match self.offer(entries, condition).await? {
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
    async fn offer(
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
