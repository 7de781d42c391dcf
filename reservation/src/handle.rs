//! The one way from a command to the log: load, fold, decide, append, and on a conflict again.
//!
//! **Invariant:** the only `.append(` of this service stands here.

use std::sync::Arc;

use chassis::clock::SharedClock;
use events::event::{Event, ReservationCreated};
use events::recorded::NewEvent;
use events::store::{AppendCondition, AppendError, EventStore};
use events::values::{PartySize, TimeWindow};
use events::{AssignmentId, PaymentId, Position, Query, ReservationId, TableId, Tag, VenueId};

use crate::domain::floor::{self, Floor};
use crate::domain::house::House;
use crate::domain::seating::TABLES_PER_PARTY_MAX;
use crate::domain::{Command, Occupancy, Refusal, Reservation, Stamp};
use crate::queues::Queues;
use crate::record::{About, CommandKey, Submission, day_tags, entries, table_tags};
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

/// Why a command led to nothing.
#[derive(Debug, thiserror::Error)]
pub enum HandleError {
    /// There is no such reservation.
    #[error("there is no reservation {0}")]
    NotFound(ReservationId),
    /// A house rule said no.
    #[error("{refusal}")]
    Refused {
        /// Which one.
        refusal: Refusal,
        /// What it said no to.
        refused: Box<Refused>,
    },
    /// The caller has not seen the latest version.
    #[error("the reservation has version {current}")]
    Stale {
        /// The version it has.
        current: u64,
    },
    /// The Idempotency-Key belongs to another request.
    #[error("the Idempotency-Key was used for another request")]
    KeyReused,
    /// Others were faster, again and again.
    #[error("the reservation changed {ATTEMPTS_MAX} times while it was decided on")]
    Contended,
    /// The log took nothing.
    #[error("could not append to the log")]
    Append(#[source] AppendError),
    /// The log gave nothing.
    #[error("could not load the reservation")]
    Load(#[from] StreamError),
    /// An event could not be written down.
    #[error("could not write an event down")]
    Encode(#[from] serde_json::Error),
}

/// What a house rule said no to.
#[derive(Debug, Clone)]
pub struct Refused {
    /// At which venue.
    pub venue_id: VenueId,
    /// When the party wanted to come.
    pub window: TimeWindow,
    /// With how many.
    pub size: PartySize,
    /// Where it wanted to sit, if that mattered.
    pub area: Option<String>,
    /// Whether it stands in the door.
    pub walks_in: bool,
    /// The reservation that it was about, with the word of its status; none when one was asked for.
    pub reservation: Option<(ReservationId, &'static str)>,
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
        let venue = self.venues.get(Some(&wanted.created.venue_id));
        let house = venue.as_deref().and_then(|venue| venue.house.as_ref());
        let _turn = match house {
            Some(_) => Some(self.queues.turn(&wanted.created.venue_id, &wanted.created.window).await),
            None => None,
        };
        for _ in 0..ATTEMPTS_MAX {
            match self.try_book(id, payment_id, wanted, house, submission).await? {
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
        house: Option<&House>,
        submission: &Submission,
    ) -> Result<Attempt, HandleError> {
        let Wanted { created, area } = wanted;
        let now = self.clock.now();
        let decide = |floor: &Floor<'_>| match created.walk_in {
            true => floor::walk_in(created.clone(), area.as_deref(), floor),
            false => floor::book(created.clone(), area.as_deref(), floor, payment_id, now),
        };
        let (decided, looked_at, days) = match house {
            // It takes nothing that anyone else could want: only a repeat of itself can come between.
            None => (decide(&Floor::by_hand(&Occupancy::default())), Position::START, Vec::new()),
            Some(_) => {
                let (decided, at) = self.on_the_floor(&created.venue_id, house, decide).await;
                (decided, at, day_tags(&created.venue_id, &created.window).collect())
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
        let guard = guard(std::iter::once(Tag::reservation(id)).chain(days), submission.key.as_ref());
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
        match self.store.append(entries, condition).await {
            Ok(appended) => {
                for (position, event) in (appended.first.0..).map(Position).zip(events) {
                    stream::fold(&mut reservation, id, event, Stamp { position, time });
                }
                let reservation = reservation.ok_or(HandleError::NotFound(id))?;
                Ok(Attempt::Done(Box::new(Handled { reservation, replayed: false })))
            }
            Err(AppendError::Conflict { .. }) => {
                metrics::counter!("meja_conflicts_total", "reason" => "append_condition").increment(1);
                Ok(Attempt::Conflict)
            }
            Err(error) => Err(HandleError::Append(error)),
        }
    }
}

/// What was read to decide, which is what guards the append.
fn guard(tags: impl IntoIterator<Item = Tag>, key: Option<&CommandKey>) -> Query {
    Query::any_tag(tags.into_iter().chain(key.map(|key| Tag::command(&key.key))))
}

/// What `command` may take and must therefore have looked at: tables, or in a house whole days.
fn wanted(reservation: &Reservation, command: &Command, house: Option<&House>) -> Vec<Tag> {
    let venue = &reservation.booking.venue_id;
    let tags = |table: &TableId, window| table_tags(venue, table, window).collect::<Vec<_>>();
    match (command, house) {
        (Command::AssignTable(choice), _) => tags(&choice.table_id, &reservation.window()),
        (Command::Reschedule { window }, None) => {
            reservation.tables.iter().flat_map(|t| tags(&t.table_id, window)).collect()
        }
        (Command::Reschedule { window }, Some(_)) => day_tags(venue, window).collect(),
        (Command::ChangePartySize { .. }, Some(_)) => day_tags(venue, &reservation.window()).collect(),
        _ => Vec::new(),
    }
}

fn refused(refusal: Refusal, refused: Refused) -> HandleError {
    metrics::counter!("meja_conflicts_total", "reason" => refusal.code()).increment(1);
    HandleError::Refused { refusal, refused: Box::new(refused) }
}

impl Refused {
    fn by(reservation: &Reservation, command: &Command) -> Self {
        let (mut window, mut size) = (reservation.window(), reservation.party_size());
        match command {
            Command::Reschedule { window: to } => window = *to,
            Command::ChangePartySize { size: to } => size = *to,
            _ => {}
        }
        let (venue_id, word) = (reservation.booking.venue_id.clone(), reservation.status.word());
        Self {
            venue_id,
            window,
            size,
            area: None,
            walks_in: false,
            reservation: Some((reservation.id, word)),
        }
    }
}
