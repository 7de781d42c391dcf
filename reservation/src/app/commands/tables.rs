//! Commands that change the tables of several parties in one append.

use chrono::{DateTime, Utc};
use events::event::Event;
use events::recorded::NewEvent;
use events::values::TimeWindow;
use events::{Position, TableId, Tag};

use super::change::load_reservation;
use super::waitlist::load_entry;
use crate::app::event_builder::{EventSubject, new_events, table_tags};
use crate::app::executor::{CommandError, Decision, Executor};
use crate::app::outcome::ReservationOutcome;
use crate::app::repository::{self, AsOf};
use crate::app::request_context::RequestContext;
use crate::domain::availability::Holder;
use crate::domain::waitlist::WaitlistCommand;
use crate::domain::{RecordedAt, Reservation};

/// The reason code of an offer whose table staff gave to another party.
const OVERRULED: &str = "overruled";

/// The events of several parties.
pub(super) struct Parties<'a> {
    executor: &'a Executor,
    context: &'a RequestContext,
    now: DateTime<Utc>,
    new_events: Vec<NewEvent>,
    /// The parties that were loaded here.
    tags: Vec<Tag>,
    read_position: Option<Position>,
}

impl<'a> Parties<'a> {
    pub(super) fn new(executor: &'a Executor, context: &'a RequestContext, now: DateTime<Utc>) -> Self {
        Self { executor, context, now, new_events: Vec::new(), tags: Vec::new(), read_position: None }
    }

    /// Adds events of `reservation`.
    pub(super) fn add(&mut self, reservation: &Reservation, events: &[Event]) -> Result<(), CommandError> {
        self.add_events(events, &EventSubject::existing(reservation))
    }

    fn add_events(&mut self, events: &[Event], subject: &EventSubject<'_>) -> Result<(), CommandError> {
        let env = self.executor.env.as_ref();
        self.new_events.extend(new_events(events, subject, self.context, env, self.now)?);
        Ok(())
    }

    /// Takes `tables` from their holder. A waiting party loses its offer, and keeps its place in the line.
    pub(super) async fn displace(&mut self, holder: Holder, tables: &[TableId]) -> Result<(), CommandError> {
        match holder {
            Holder::Booking(id) | Holder::WalkIn(id) => {
                let loaded = load_reservation(self.executor, id).await?;
                self.read(Tag::reservation(id), loaded.read_position);
                self.add(&loaded.subject, &loaded.subject.lose_tables(tables))
            }
            Holder::Offer(id) => {
                let loaded = load_entry(self.executor, id).await?;
                self.read(Tag::waitlist(id), loaded.read_position);
                let withdraw = WaitlistCommand::Withdraw { reason_code: OVERRULED };
                // No rule refuses to withdraw an offer.
                let events = loaded.subject.decide(&withdraw, self.now).unwrap_or_default();
                self.add_events(&events, &EventSubject::waiting(&loaded.subject))
            }
        }
    }

    fn read(&mut self, tag: Tag, at: Option<Position>) {
        self.tags.push(tag);
        self.read_position = [self.read_position, at].into_iter().flatten().min();
    }

    /// The decision with these events. `events` are those that the result depends on, and `position` is that of the
    /// occupancy.
    pub(super) fn decision(self, events: Vec<Event>, mut tags: Vec<Tag>, position: Position) -> Decision {
        tags.extend(self.tags);
        let read_position = Some(self.read_position.map_or(position, |read| read.min(position)));
        Decision { events, new_events: self.new_events, tags, read_position, details: () }
    }
}

/// The tags of the tables of `reservation` in `window`: what another party could take meanwhile.
pub(super) fn table_guards(reservation: &Reservation, window: &TimeWindow) -> Vec<Tag> {
    let venue = &reservation.booking.venue_id;
    reservation.tables.iter().flat_map(|table| table_tags(venue, &table.table_id, window)).collect()
}

/// `reservation` after an append with events of several parties; `at` is `None` if nothing was appended.
pub(super) async fn reloaded(
    executor: &Executor,
    reservation: Reservation,
    at: Option<RecordedAt>,
) -> Result<ReservationOutcome, CommandError> {
    if at.is_none() {
        return Ok(ReservationOutcome { reservation, recorded: false, replayed: false });
    }
    let id = reservation.id;
    let (reservation, _) = repository::load(executor.store.as_ref(), id, AsOf::Now).await?;
    let reservation = reservation.ok_or(CommandError::UnknownReservation(id))?;
    Ok(ReservationOutcome { reservation, recorded: true, replayed: false })
}
