//! Turns decided events into events to append: ids, subjects, tags, confidential payloads.

use chassis::environment::Environment;
use chrono::{DateTime, Utc};
use events::event::{Event, NotificationFailed, NotificationSent, ReservationCreated, WaitlistJoined};
use events::recorded::{EventMetadata, NewEvent};
use events::values::TimeWindow;
use events::{
    CustomerId, DeviceId, KeyId, Position, ReservationId, StaffId, TableId, Tag, VenueId, WaitlistId,
};

use super::request_context::RequestContext;
use crate::domain::Reservation;
use crate::domain::waitlist::{OFFER_EXPIRED, WaitlistEntry};

/// The template of the message that an offer is over.
const OFFER_OVER: &str = "offer_over";

/// The subject of events.
#[derive(Debug, Clone, PartialEq, Eq)]
enum SubjectId {
    /// A reservation.
    Reservation(ReservationId),
    /// A waitlist entry.
    Waitlist(WaitlistId),
    /// The venue itself.
    Venue(VenueId),
    /// A key.
    Key(KeyId),
    /// A member of staff, on a device at a stand if the event is of a session there.
    Person(StaffId, Option<DeviceId>),
    /// A device at a stand.
    Device(DeviceId),
}

/// What the tags and the subject of events are derived from.
#[derive(Debug)]
pub(super) struct EventSubject<'a> {
    id: SubjectId,
    /// The venue; `None` for a key, a person or a device.
    venue_id: Option<&'a VenueId>,
    /// The customer, for the event that creates the subject.
    customer_id: Option<&'a CustomerId>,
    /// The time that is booked or held before these events.
    window: Option<TimeWindow>,
    /// Positions of the subject's confidential payloads.
    payload_positions: Vec<Position>,
}

impl<'a> EventSubject<'a> {
    /// A new reservation.
    pub(super) fn booking(id: ReservationId, created: &'a ReservationCreated) -> Self {
        Self {
            id: SubjectId::Reservation(id),
            venue_id: Some(&created.venue_id),
            customer_id: Some(&created.customer_id),
            window: Some(created.window),
            payload_positions: vec![],
        }
    }

    /// An existing reservation.
    pub(super) fn existing(reservation: &'a Reservation) -> Self {
        let descriptions = reservation.descriptions.iter().copied();
        Self {
            id: SubjectId::Reservation(reservation.id),
            venue_id: Some(&reservation.booking.venue_id),
            customer_id: None,
            window: Some(reservation.window()),
            payload_positions: std::iter::once(reservation.contact_at).chain(descriptions).collect(),
        }
    }

    /// A new waitlist entry.
    pub(super) fn joining(id: WaitlistId, joined: &'a WaitlistJoined) -> Self {
        Self {
            id: SubjectId::Waitlist(id),
            venue_id: Some(&joined.venue_id),
            customer_id: Some(&joined.customer_id),
            window: None,
            payload_positions: vec![],
        }
    }

    /// An existing waitlist entry.
    pub(super) fn waiting(entry: &'a WaitlistEntry) -> Self {
        Self {
            id: SubjectId::Waitlist(entry.id),
            venue_id: Some(&entry.joined.venue_id),
            customer_id: None,
            window: entry.held(),
            payload_positions: vec![entry.at.position],
        }
    }

    /// A venue.
    pub(super) fn venue(venue_id: &'a VenueId) -> Self {
        let id = SubjectId::Venue(venue_id.clone());
        Self { id, venue_id: Some(venue_id), customer_id: None, window: None, payload_positions: vec![] }
    }

    /// A key with the positions of its secrets; none for a new one.
    pub(super) fn key(id: &KeyId, payload_positions: Vec<Position>) -> Self {
        Self::of_access(SubjectId::Key(id.clone()), payload_positions)
    }

    /// A member of staff with the positions of the confidential payloads that the event forgets.
    pub(super) fn person(id: StaffId, device: Option<DeviceId>, forgets: Vec<Position>) -> Self {
        Self::of_access(SubjectId::Person(id, device), forgets)
    }

    /// A device with the positions of the confidential payloads that the event forgets.
    pub(super) fn device(id: DeviceId, forgets: Vec<Position>) -> Self {
        Self::of_access(SubjectId::Device(id), forgets)
    }

    fn of_access(id: SubjectId, payload_positions: Vec<Position>) -> Self {
        Self { id, venue_id: None, customer_id: None, window: None, payload_positions }
    }

    fn as_text(&self) -> String {
        match &self.id {
            SubjectId::Reservation(id) => format!("reservation/{id}"),
            SubjectId::Waitlist(id) => format!("waitlist/{id}"),
            SubjectId::Venue(id) => format!("venue/{id}"),
            SubjectId::Key(id) => format!("access/{id}"),
            SubjectId::Person(id, _) => format!("staff/{id}"),
            SubjectId::Device(id) => format!("device/{id}"),
        }
    }
}

/// Builds the events to append for one decision.
///
/// # Errors
/// Never for the events of the catalogue; the signature is that of `serde_json`.
pub(super) fn new_events(
    events: &[Event],
    subject: &EventSubject<'_>,
    context: &RequestContext,
    env: &dyn Environment,
    now: DateTime<Utc>,
) -> Result<Vec<NewEvent>, serde_json::Error> {
    let venue_id = subject.venue_id.map(ToString::to_string);
    let new_event = |event: &Event| {
        Ok(NewEvent {
            id: env.new_id(),
            event_type: event.event_type(),
            subject: subject.as_text(),
            time: now,
            tags: tags(event, subject, context, now),
            data: event.data()?,
            confidential: context.payload.clone().filter(|_| event.confidential_digest().is_some()),
            forgets: forgotten_by(event, subject),
            metadata: EventMetadata { venue_id: venue_id.clone(), ..context.metadata() },
        })
    };
    events.iter().map(new_event).collect()
}

fn tags(event: &Event, subject: &EventSubject<'_>, context: &RequestContext, now: DateTime<Utc>) -> Vec<Tag> {
    let mut tags = match &subject.id {
        SubjectId::Reservation(id) => vec![Tag::reservation(*id)],
        SubjectId::Waitlist(id) => vec![Tag::waitlist(*id)],
        // No decision about a booking depends on it.
        SubjectId::Venue(_) if matches!(event, Event::RequestsRefused(_)) => vec![],
        SubjectId::Venue(id) => vec![Tag::rules(id)],
        SubjectId::Key(id) => vec![Tag::access(), Tag::credential(id)],
        SubjectId::Person(id, device) => {
            let credentials = [Tag::access(), Tag::credential(id)].into_iter();
            credentials.chain(device.map(Tag::credential)).collect()
        }
        SubjectId::Device(id) => vec![Tag::access(), Tag::credential(id)],
    };
    tags.extend(context.key.as_ref().map(|key| Tag::command(&key.key)));
    let Some(venue) = subject.venue_id else { return tags };
    tags.extend(matches!(subject.id, SubjectId::Waitlist(_)).then(|| Tag::waiting(venue)));
    tags.push(Tag::venue(venue));
    tags.extend(subject.customer_id.map(Tag::customer));
    match event {
        Event::TableAssigned(assigned) => {
            tags.extend(table_tags(venue, &assigned.table_id, &assigned.window));
            tags.extend(day_tags(venue, &assigned.window));
        }
        Event::TableReleased(released) => {
            tags.extend(table_tags(venue, &released.table_id, &released.window));
            tags.extend(day_tags(venue, &released.window));
        }
        Event::WaitlistOffered(offered) => {
            let tables = offered.tables.iter();
            tags.extend(tables.flat_map(|t| table_tags(venue, &t.table_id, &offered.window)));
            tags.extend(day_tags(venue, &offered.window));
        }
        // The arrival time counts for pacing, on the old and on the new days.
        Event::ReservationRescheduled(moved) => {
            tags.extend(day_tags(venue, &moved.from));
            let more: Vec<_> = day_tags(venue, &moved.to).filter(|tag| !tags.contains(tag)).collect();
            tags.extend(more);
        }
        // A seated party occupies its table today, regardless of the time it was assigned for.
        Event::ReservationCheckedIn(_) | Event::ReservationUndone(_) => {
            let today = Tag::day(venue, now.date_naive());
            let booked = subject.window.iter().flat_map(|window| day_tags(venue, window));
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
            tags.extend(subject.window.iter().flat_map(|window| day_tags(venue, window)));
        }
        _ => {}
    }
    tags
}

/// One tag per UTC date that the window touches. Reading all of them yields everything that the venue has
/// sold for the window.
pub(super) fn day_tags(venue: &VenueId, window: &TimeWindow) -> impl Iterator<Item = Tag> {
    window.utc_dates().map(|date| Tag::day(venue, date))
}

/// One tag per UTC date that the window touches. Reading all of them yields every assignment of the table
/// that overlaps the window.
pub(super) fn table_tags(venue: &VenueId, table: &TableId, window: &TimeWindow) -> impl Iterator<Item = Tag> {
    window.utc_dates().map(|date| Tag::table(venue, table, date))
}

/// The payloads that an event forgets. The contact of an entry that left the waitlist is no longer needed; if
/// the entry became a reservation, the contact moved there. After an expired offer the contact is
/// kept until the notifier has reported the last message.
fn forgotten_by(event: &Event, subject: &EventSubject<'_>) -> Vec<Position> {
    // A command about a person or a device names the payloads itself.
    if matches!(subject.id, SubjectId::Person(..) | SubjectId::Device(_)) {
        return subject.payload_positions.clone();
    }
    match event {
        // The contact is the first of the payloads.
        Event::DetailsChanged(_) => subject.payload_positions.iter().take(1).copied().collect(),
        Event::WaitlistLeft(left) if left.reason_code == OFFER_EXPIRED => Vec::new(),
        Event::ContactErased(_)
        | Event::WaitlistAccepted(_)
        | Event::WaitlistLeft(_)
        | Event::KeyRevoked(_) => subject.payload_positions.clone(),
        Event::NotificationSent(NotificationSent { template, .. })
        | Event::NotificationFailed(NotificationFailed { template, .. })
            if template == OFFER_OVER =>
        {
            subject.payload_positions.clone()
        }
        _ => Vec::new(),
    }
}
