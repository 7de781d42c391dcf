//! What happened, as it goes into the log: ids, tags, private parts.

use bytes::Bytes;
use chassis::caller::Caller;
use chassis::clock::Clock;
use chrono::{DateTime, Utc};
use events::event::{Event, VenueChanged};
use events::recorded::{Cause, NewEvent};
use events::values::{Actor, TimeWindow};
use events::{CustomerId, Position, ReservationId, TableId, Tag, VenueId};

use crate::domain::{Reservation, Status};

/// Who asks for something, under which ids, and on what condition.
#[derive(Debug, Clone)]
pub struct Submission {
    /// The request's id and trace.
    pub caller: Caller,
    /// Who asks.
    pub actor: Actor,
    /// The event or effect that made them ask.
    pub causation_id: Option<String>,
    /// Idempotency-Key and fingerprint of the request, if it carried a key.
    pub key: Option<CommandKey>,
    /// The versions that the caller has seen (`If-Match`), if it said so.
    pub if_match: Option<Vec<u64>>,
    /// The private part of the event that carries its digest.
    pub private: Option<Bytes>,
}

/// What makes a request repeatable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandKey {
    /// The caller's Idempotency-Key.
    pub key: String,
    /// Fingerprint of method, path and body.
    pub digest: String,
}

impl Submission {
    /// The part `name` of the system itself asks.
    #[must_use]
    pub fn system(name: &str, clock: &dyn Clock) -> Self {
        Self {
            caller: Caller { request_id: clock.new_id().to_string(), traceparent: None },
            actor: Actor::system(name),
            causation_id: None,
            key: None,
            if_match: None,
            private: None,
        }
    }

    fn cause(&self) -> Cause {
        Cause {
            correlation_id: self.caller.request_id.clone(),
            causation_id: self.causation_id.clone(),
            actor: self.actor.clone(),
            traceparent: self.caller.traceparent.clone(),
            request_digest: self.key.as_ref().map(|key| key.digest.clone()),
        }
    }
}

/// What the events of one append are about.
#[derive(Debug)]
pub struct About<'a> {
    /// Which reservation.
    pub id: ReservationId,
    /// At which venue.
    pub venue_id: &'a VenueId,
    /// Who booked, if the reservation begins here.
    pub customer_id: Option<&'a CustomerId>,
    /// The time it is booked for, before what happens.
    pub window: TimeWindow,
    /// Positions of its private parts so far.
    pub private_at: Vec<Position>,
}

impl<'a> About<'a> {
    /// About a reservation that exists.
    #[must_use]
    pub fn existing(reservation: &'a Reservation) -> Self {
        let described_at = match &reservation.status {
            Status::Cancelled { described_at, .. } => *described_at,
            _ => None,
        };
        Self {
            id: reservation.id,
            venue_id: &reservation.booking.venue_id,
            customer_id: None,
            window: reservation.window(),
            private_at: std::iter::once(reservation.created.position).chain(described_at).collect(),
        }
    }
}

/// Makes log entries of `events`.
///
/// # Errors
/// Never for the events of the catalogue; the signature is `serde_json`'s.
pub fn entries(
    events: &[Event],
    about: &About<'_>,
    submission: &Submission,
    clock: &dyn Clock,
    now: DateTime<Utc>,
) -> Result<Vec<NewEvent>, serde_json::Error> {
    let entry = |event: &Event| {
        Ok(NewEvent {
            id: clock.new_id(),
            event_type: event.event_type(),
            subject: format!("reservation/{}", about.id),
            time: now,
            tags: tags(event, about, submission),
            data: event.data()?,
            private: submission.private.clone().filter(|_| carries_private(event)),
            forgets: forgets(event, about),
            cause: submission.cause(),
        })
    };
    events.iter().map(entry).collect()
}

/// Makes a log entry of a change of a venue.
///
/// # Errors
/// As for [`entries`].
pub fn venue_entry(
    change: VenueChanged,
    submission: &Submission,
    clock: &dyn Clock,
) -> Result<NewEvent, serde_json::Error> {
    let tags = vec![Tag::venue(&change.venue_id), Tag::rules(&change.venue_id)];
    let subject = format!("venue/{}", change.venue_id);
    let event = Event::from(change);
    Ok(NewEvent {
        id: clock.new_id(),
        event_type: event.event_type(),
        subject,
        time: clock.now(),
        tags,
        data: event.data()?,
        private: None,
        forgets: Vec::new(),
        cause: submission.cause(),
    })
}

fn tags(event: &Event, about: &About<'_>, submission: &Submission) -> Vec<Tag> {
    let mut tags = vec![Tag::reservation(about.id), Tag::venue(about.venue_id)];
    tags.extend(about.customer_id.map(Tag::customer));
    tags.extend(submission.key.as_ref().map(|key| Tag::command(&key.key)));
    match event {
        Event::TableAssigned(assigned) => {
            tags.extend(table_tags(about.venue_id, &assigned.table_id, &assigned.window));
            tags.extend(day_tags(about.venue_id, &assigned.window));
        }
        Event::TableReleased(released) => {
            tags.extend(table_tags(about.venue_id, &released.table_id, &released.window));
            tags.extend(day_tags(about.venue_id, &released.window));
        }
        // Who arrives when counts for the pace of the kitchen.
        Event::ReservationRescheduled(moved) => {
            tags.extend(day_tags(about.venue_id, &moved.from));
            let more: Vec<_> =
                day_tags(about.venue_id, &moved.to).filter(|tag| !tags.contains(tag)).collect();
            tags.extend(more);
        }
        // Who is in the house sits at a table, whatever time it was taken for.
        Event::ReservationCheckedIn(_)
        | Event::ReservationCreated(_)
        | Event::PartySizeChanged(_)
        | Event::ReservationCancelled(_)
        | Event::ReservationNoShow(_) => tags.extend(day_tags(about.venue_id, &about.window)),
        _ => {}
    }
    tags
}

/// A tag for every UTC date that a window touches: who reads them all knows everything that the venue has given
/// away then.
pub fn day_tags(venue: &VenueId, window: &TimeWindow) -> impl Iterator<Item = Tag> {
    window.utc_dates().map(|date| Tag::day(venue, date))
}

/// A tag for every UTC date on which a table is wanted: who reads them all knows everyone who has
/// the table then.
pub fn table_tags(venue: &VenueId, table: &TableId, window: &TimeWindow) -> impl Iterator<Item = Tag> {
    window.utc_dates().map(|date| Tag::table(venue, table, date))
}

fn carries_private(event: &Event) -> bool {
    match event {
        Event::ReservationCreated(_) => true,
        Event::ReservationCancelled(cancelled) => cancelled.description_digest.is_some(),
        _ => false,
    }
}

fn forgets(event: &Event, about: &About<'_>) -> Vec<Position> {
    if matches!(event, Event::ContactErased(_)) { about.private_at.clone() } else { Vec::new() }
}
