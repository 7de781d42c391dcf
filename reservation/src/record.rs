//! What happened, as it goes into the log: ids, tags, private parts.

use bytes::Bytes;
use chassis::caller::Caller;
use chassis::clock::Clock;
use chrono::{DateTime, Utc};
use events::event::{Event, ReservationCreated, WaitlistJoined};
use events::recorded::{Cause, NewEvent};
use events::values::{Actor, TimeWindow};
use events::{CustomerId, Position, ReservationId, TableId, Tag, VenueId, WaitlistId};

use crate::domain::waiting::Entry;
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

/// What events are about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// A reservation.
    Reservation(ReservationId),
    /// A party that waits.
    Waitlist(WaitlistId),
    /// The venue itself.
    Venue,
}

/// What the events of one append are about.
#[derive(Debug)]
pub struct About<'a> {
    /// What they are about.
    pub subject: Subject,
    /// At which venue.
    pub venue_id: &'a VenueId,
    /// Who booked or waits, if that begins here.
    pub customer_id: Option<&'a CustomerId>,
    /// The time it is booked for or held, before what happens.
    pub window: Option<TimeWindow>,
    /// Positions of its private parts so far.
    pub private_at: Vec<Position>,
}

impl<'a> About<'a> {
    /// About a reservation that begins.
    #[must_use]
    pub fn booking(id: ReservationId, created: &'a ReservationCreated) -> Self {
        Self {
            subject: Subject::Reservation(id),
            venue_id: &created.venue_id,
            customer_id: Some(&created.customer_id),
            window: Some(created.window),
            private_at: vec![],
        }
    }

    /// About a reservation that exists.
    #[must_use]
    pub fn existing(reservation: &'a Reservation) -> Self {
        let described_at = match &reservation.status {
            Status::Cancelled { described_at, .. } => *described_at,
            _ => None,
        };
        Self {
            subject: Subject::Reservation(reservation.id),
            venue_id: &reservation.booking.venue_id,
            customer_id: None,
            window: Some(reservation.window()),
            private_at: std::iter::once(reservation.created.position).chain(described_at).collect(),
        }
    }

    /// About a party that joins a line.
    #[must_use]
    pub fn joining(id: WaitlistId, joined: &'a WaitlistJoined) -> Self {
        Self {
            subject: Subject::Waitlist(id),
            venue_id: &joined.venue_id,
            customer_id: Some(&joined.customer_id),
            window: None,
            private_at: vec![],
        }
    }

    /// About a party that waits.
    #[must_use]
    pub fn waiting(entry: &'a Entry) -> Self {
        Self {
            subject: Subject::Waitlist(entry.id),
            venue_id: &entry.joined.venue_id,
            customer_id: None,
            window: entry.held(),
            private_at: vec![entry.at.position],
        }
    }

    /// About a venue.
    #[must_use]
    pub fn venue(venue_id: &'a VenueId) -> Self {
        Self { subject: Subject::Venue, venue_id, customer_id: None, window: None, private_at: vec![] }
    }

    fn subject(&self) -> String {
        match &self.subject {
            Subject::Reservation(id) => format!("reservation/{id}"),
            Subject::Waitlist(id) => format!("waitlist/{id}"),
            Subject::Venue => format!("venue/{}", self.venue_id),
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
            subject: about.subject(),
            time: now,
            tags: tags(event, about, submission, now),
            data: event.data()?,
            private: submission.private.clone().filter(|_| carries_private(event)),
            forgets: forgets(event, about),
            cause: submission.cause(),
        })
    };
    events.iter().map(entry).collect()
}

fn tags(event: &Event, about: &About<'_>, submission: &Submission, now: DateTime<Utc>) -> Vec<Tag> {
    let mut tags = match about.subject {
        Subject::Reservation(id) => vec![Tag::reservation(id)],
        Subject::Waitlist(id) => vec![Tag::waitlist(id), Tag::waiting(about.venue_id)],
        Subject::Venue => vec![Tag::rules(about.venue_id)],
    };
    tags.push(Tag::venue(about.venue_id));
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
        Event::WaitlistOffered(offered) => {
            let tables = offered.tables.iter();
            tags.extend(tables.flat_map(|t| table_tags(about.venue_id, &t.table_id, &offered.window)));
            tags.extend(day_tags(about.venue_id, &offered.window));
        }
        // Who arrives when counts for the pace of the kitchen.
        Event::ReservationRescheduled(moved) => {
            tags.extend(day_tags(about.venue_id, &moved.from));
            let more: Vec<_> =
                day_tags(about.venue_id, &moved.to).filter(|tag| !tags.contains(tag)).collect();
            tags.extend(more);
        }
        // Who is in the house sits at a table now, whatever time it was taken for.
        Event::ReservationCheckedIn(_) => {
            let today = Tag::day(about.venue_id, now.date_naive());
            let booked = about.window.iter().flat_map(|window| day_tags(about.venue_id, window));
            tags.extend(booked.filter(|tag| *tag != today));
            tags.push(today);
        }
        Event::ReservationCreated(_)
        | Event::PartySizeChanged(_)
        | Event::ReservationCancelled(_)
        | Event::ReservationNoShow(_)
        | Event::WaitlistAccepted(_)
        | Event::WaitlistWithdrawn(_)
        | Event::WaitlistLeft(_) => {
            tags.extend(about.window.iter().flat_map(|window| day_tags(about.venue_id, window)));
        }
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
        Event::ReservationCreated(_) | Event::WaitlistJoined(_) => true,
        Event::ReservationCancelled(cancelled) => cancelled.description_digest.is_some(),
        _ => false,
    }
}

/// Nobody needs the contact of who waits no longer: with a reservation it stands there.
fn forgets(event: &Event, about: &About<'_>) -> Vec<Position> {
    match event {
        Event::ContactErased(_) | Event::WaitlistAccepted(_) | Event::WaitlistLeft(_) => {
            about.private_at.clone()
        }
        _ => Vec::new(),
    }
}
