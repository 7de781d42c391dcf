//! The one way from a command to the log: load, fold, decide, append, and on a conflict again.
//!
//! **Invariant:** the only `.append(` of this service stands here.

use std::sync::Arc;

use chassis::clock::SharedClock;
use events::event::{Event, ReservationCreated};
use events::recorded::NewEvent;
use events::store::{AppendCondition, AppendError, EventStore};
use events::{PaymentId, Position, Query, ReservationId, TableId, Tag};

use crate::domain::{Command, Occupancy, Refusal, Reservation, Stamp, decide};
use crate::record::{About, CommandKey, Submission, entries, table_tags};
use crate::stream::{self, StreamError, Until};

/// How often a decision is made anew because something came between.
const ATTEMPTS_MAX: usize = 16;

/// Takes commands to the log.
#[derive(Clone)]
pub struct Handler {
    store: Arc<dyn EventStore>,
    clock: SharedClock,
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
        /// The reservation as it is.
        reservation: Box<Reservation>,
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

/// One try: it led to something, or something came between.
enum Attempt {
    Done(Box<Handled>),
    Conflict,
}

impl Handler {
    /// A handler that appends to `store`.
    pub fn new(store: Arc<dyn EventStore>, clock: SharedClock) -> Self {
        Self { store, clock }
    }

    /// Notes that a table was asked for.
    ///
    /// # Errors
    /// [`HandleError`]; nothing was appended then.
    pub async fn book(
        &self,
        created: &ReservationCreated,
        submission: &Submission,
    ) -> Result<Handled, HandleError> {
        let id = ReservationId(self.clock.new_id());
        let payment_id = PaymentId(self.clock.new_id());
        for _ in 0..ATTEMPTS_MAX {
            match self.try_book(id, payment_id, created, submission).await? {
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
        created: &ReservationCreated,
        submission: &Submission,
    ) -> Result<Attempt, HandleError> {
        if let Some(handled) = self.replay(submission.key.as_ref()).await? {
            return Ok(Attempt::Done(Box::new(handled)));
        }
        let now = self.clock.now();
        let events = decide::book(created.clone(), payment_id, now);
        let about = About {
            id,
            venue_id: &created.venue_id,
            customer_id: Some(&created.customer_id),
            private_at: vec![],
        };
        let entries = entries(&events, &about, submission, self.clock.as_ref(), now)?;
        let guard = guard([Tag::reservation(id)], submission.key.as_ref());
        self.keep(None, id, &events, entries, AppendCondition::unchanged(guard, Position::START)).await
    }

    async fn try_handle(
        &self,
        id: ReservationId,
        command: &Command,
        submission: &Submission,
    ) -> Result<Attempt, HandleError> {
        let (reservation, looked_at) = stream::load(self.store.as_ref(), id, Until::Now).await?;
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
        let tables: Vec<Tag> = wanted_tables(&reservation, command);
        let occupancy = self.occupancy(&tables).await?;
        let now = self.clock.now();
        let events = match reservation.decide(command, &occupancy, now) {
            Ok(events) => events,
            Err(refusal) => {
                metrics::counter!("meja_conflicts_total", "reason" => refusal.code()).increment(1);
                return Err(HandleError::Refused { refusal, reservation: Box::new(reservation) });
            }
        };
        if events.is_empty() {
            return Ok(Attempt::Done(Box::new(Handled { reservation, replayed: false })));
        }
        let entries = entries(&events, &About::existing(&reservation), submission, self.clock.as_ref(), now)?;
        let guard = guard(std::iter::once(Tag::reservation(id)).chain(tables), submission.key.as_ref());
        // The reservation was read first: what came after that read, also to a table, is a conflict.
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

    async fn occupancy(&self, tables: &[Tag]) -> Result<Occupancy, HandleError> {
        let mut occupancy = Occupancy::default();
        if !tables.is_empty() {
            let query = Query::any_tag(tables.iter().cloned());
            stream::each(self.store.as_ref(), &query, Position::START, |recorded, event| {
                if let Some(by) = stream::reservation_of(recorded) {
                    occupancy.evolve(by, &event);
                }
            })
            .await?;
        }
        Ok(occupancy)
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

/// The tables, date by date, that `command` would take.
fn wanted_tables(reservation: &Reservation, command: &Command) -> Vec<Tag> {
    let venue = &reservation.booking.venue_id;
    let tags = |table: &TableId, window| table_tags(venue, table, window).collect::<Vec<_>>();
    match command {
        Command::AssignTable(choice) => tags(&choice.table_id, &reservation.window()),
        Command::Reschedule { window } => {
            reservation.tables.iter().flat_map(|t| tags(&t.table_id, window)).collect()
        }
        _ => Vec::new(),
    }
}
