//! A party that waits for a table: what the events about it add up to, and what may happen to it.
//!
//! | | WAITING | OFFERED | ACCEPTED | LEFT |
//! |---|---|---|---|---|
//! | offer | → OFFERED | ✗ | ✗ | ✗ |
//! | withdraw | done | → WAITING | done | done |
//! | accept | ✗ | → ACCEPTED, and a reservation | done | ✗ |
//! | decline | ✗ | → LEFT | ✗ | done |
//! | leave | → LEFT | → LEFT | ✗ | done |
//! | its time passes | → LEFT | → LEFT | – | – |

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};
use events::event::{
    Event, NotificationFailed, NotificationSent, OfferedTable, ReservationCreated, TableAssigned,
    WaitlistAccepted, WaitlistJoined, WaitlistLeft, WaitlistOffered, WaitlistWithdrawn,
};
use events::values::{PartySize, TimeWindow};
use events::{AssignmentId, PaymentId, ReservationId, WaitlistId};

use super::command::NotificationResult;
use super::floor::{self, Floor};
use super::house::Unavailable;
use super::occupancy::Occupancy;
use super::refusal::Refusal;
use super::reservation::Stamp;
use super::seating::Seating;
use super::venue::{Table, Venue};

/// At most this many parties wait at a venue.
pub const WAITING_MAX: usize = 500;

/// Nothing is offered that leaves less time to answer, unless the house gives less for any offer.
const ANSWER_MINUTES_MIN: u32 = 10;

/// The reason code of a party that gave no answer to its offer.
pub const OFFER_EXPIRED: &str = "offer_expired";

/// A party that waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Which one.
    pub id: WaitlistId,
    /// What it waits for.
    pub joined: WaitlistJoined,
    /// When it joined: its place in the line.
    pub at: Stamp,
    /// How far it is.
    pub state: State,
    /// Counts what happened to it; messages about it do not count.
    pub version: u64,
}

/// How far a party is that waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// Nothing that fits is free.
    Waiting,
    /// Something is held for it.
    Offered(WaitlistOffered),
    /// It took what was offered.
    Accepted(ReservationId),
    /// It waits no longer.
    Left {
        /// Why, as a stable code.
        reason_code: String,
    },
}

/// What may be asked of a party that waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WaitCommand {
    /// It does not want what is offered.
    Decline,
    /// It does not wait any more.
    Leave,
    /// The house can not keep what it offered.
    Withdraw,
    /// Its deadline has come: the offer ends, or the time it waited for is over.
    Expire,
    /// What became of a message.
    RecordNotification(NotificationResult),
}

/// What comes of it when a party takes its offer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Taking {
    /// A reservation begins.
    Now(Box<Accepted>),
    /// It was taken before: that reservation came of it.
    Before(ReservationId),
}

/// What comes of an offer that is taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accepted {
    /// Of the party that waited.
    pub event: WaitlistAccepted,
    /// Of the reservation that begins.
    pub booking: ReservationCreated,
    /// The events of that reservation, the first included.
    pub events: Vec<Event>,
}

/// Whether a party may join the line of a house where `waiting` parties wait.
///
/// # Errors
/// Why waiting would be in vain.
pub fn join(
    joined: WaitlistJoined,
    floor: &Floor<'_>,
    waiting: usize,
    now: DateTime<Utc>,
) -> Result<Event, Refusal> {
    let Some(house) = floor.house else { return Err(Refusal::KeptByHand) };
    if waiting >= WAITING_MAX {
        return Err(Refusal::WaitlistFull);
    }
    let (size, area) = (joined.party_size, joined.area.as_deref());
    if house.seatings.is_too_large(size, area) {
        return Err(Unavailable::PartyTooLarge.into());
    }
    let first = house.arrivals(&joined.acceptable, size).next().ok_or(Unavailable::Closed)?;
    // What an empty house can not have it will never have.
    house.seat_asked(&Occupancy::default(), first, size, area)?;
    match house.notice(&first, now) {
        // Too late to book, but a house may still offer what becomes free.
        Ok(()) | Err(Unavailable::TooLate) => Ok(joined.into()),
        Err(why) => Err(why.into()),
    }
}

/// The first party in `line` that something is free for, and what it is offered: held for `offer_minutes` at most, and
/// never past its time.
#[must_use]
pub fn next_offer<'a>(
    line: impl Iterator<Item = &'a Entry>,
    floor: &Floor<'_>,
    offer_minutes: u32,
    now: DateTime<Utc>,
) -> Option<(&'a Entry, WaitlistOffered)> {
    let house = floor.house?;
    let minutes = |minutes: u32| TimeDelta::minutes(i64::from(minutes));
    let earliest = now + minutes(offer_minutes.min(ANSWER_MINUTES_MIN));
    // Most of a line wants the same: each time is looked at once for parties of a size.
    let mut arrivals: HashMap<(TimeWindow, PartySize), Vec<TimeWindow>> = HashMap::new();
    let mut free: HashMap<(TimeWindow, PartySize, Option<&str>), Option<&Seating>> = HashMap::new();
    let waiting = line.filter(|entry| entry.state == State::Waiting);
    waiting.into_iter().find_map(|entry| {
        let WaitlistJoined { acceptable, party_size, area, .. } = &entry.joined;
        let (size, area) = (*party_size, area.as_deref());
        let windows = arrivals.entry((*acceptable, size)).or_insert_with(|| {
            house.arrivals(acceptable, size).filter(|window| window.start >= earliest).collect()
        });
        let (window, seating) = windows.iter().find_map(|window| {
            let seating = free
                .entry((*window, size, area))
                .or_insert_with(|| house.seat_asked(floor.occupancy, *window, size, area).ok());
            Some((*window, (*seating)?))
        })?;
        Some((entry, offered(seating, window, now + minutes(offer_minutes))?))
    })
}

fn offered(seating: &Seating, window: TimeWindow, ends: DateTime<Utc>) -> Option<WaitlistOffered> {
    let offer = |table: &Table| OfferedTable {
        table_id: table.id.clone(),
        capacity: table.seats,
        area: table.area.clone(),
    };
    let tables: Vec<_> = seating.tables.iter().map(offer).collect();
    let (table_id, expires_at) = (tables.first()?.table_id.clone(), ends.min(window.start));
    Some(WaitlistOffered { table_id, tables, window, expires_at })
}

impl Entry {
    /// Begins to wait.
    #[must_use]
    pub fn begin(id: WaitlistId, joined: &WaitlistJoined, at: Stamp) -> Self {
        Self { id, joined: joined.clone(), at, state: State::Waiting, version: 1 }
    }

    /// Adds one event. No rules, no failure.
    pub fn evolve(&mut self, event: &Event) {
        self.state = match event {
            Event::WaitlistOffered(offered) => State::Offered(offered.clone()),
            Event::WaitlistAccepted(accepted) => State::Accepted(accepted.reservation_id),
            Event::WaitlistWithdrawn(_) => State::Waiting,
            Event::WaitlistLeft(left) => State::Left { reason_code: left.reason_code.clone() },
            _ => return,
        };
        self.version += 1;
    }

    /// The word that stands in answers.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self.state {
            State::Waiting => "WAITING",
            State::Offered(_) => "OFFERED",
            State::Accepted(_) => "ACCEPTED",
            State::Left { .. } => "LEFT",
        }
    }

    /// What is held for it.
    #[must_use]
    pub fn offer(&self) -> Option<&WaitlistOffered> {
        match &self.state {
            State::Offered(offered) => Some(offered),
            State::Waiting | State::Accepted(_) | State::Left { .. } => None,
        }
    }

    /// Whether it stands in the line, with or without an offer.
    #[must_use]
    pub fn is_in_line(&self) -> bool {
        matches!(self.state, State::Waiting | State::Offered(_))
    }

    /// When something happens to it by itself.
    #[must_use]
    pub fn deadline(&self) -> Option<DateTime<Utc>> {
        match &self.state {
            State::Waiting => Some(self.joined.acceptable.end),
            State::Offered(offered) => Some(offered.expires_at),
            State::Accepted(_) | State::Left { .. } => None,
        }
    }

    /// What happens if `command` arrives now. No event: already so.
    ///
    /// # Errors
    /// The house rule that says no.
    pub fn decide(&self, command: &WaitCommand, now: DateTime<Utc>) -> Result<Vec<Event>, Refusal> {
        let left = |reason_code: &str| vec![WaitlistLeft { reason_code: reason_code.into() }.into()];
        match (command, &self.state) {
            (WaitCommand::Decline, State::Offered(_)) => Ok(left("declined")),
            (WaitCommand::Leave, State::Waiting | State::Offered(_)) => Ok(left("gave_up")),
            (WaitCommand::Decline, State::Waiting) => Err(Refusal::NothingOffered),
            (WaitCommand::Decline | WaitCommand::Leave, State::Left { .. }) => Ok(vec![]),
            (WaitCommand::Decline | WaitCommand::Leave, State::Accepted(id)) => Err(Refusal::OfferTaken(*id)),
            (WaitCommand::Withdraw, State::Offered(_)) => {
                Ok(vec![WaitlistWithdrawn { reason_code: "rules_changed".into() }.into()])
            }
            (WaitCommand::Withdraw, _) => Ok(vec![]),
            // A deadline that comes too late or too early finds nothing to do.
            (WaitCommand::Expire, _) if self.deadline().is_none_or(|at| now < at) => Ok(vec![]),
            (WaitCommand::Expire, State::Offered(_)) => Ok(left(OFFER_EXPIRED)),
            (WaitCommand::Expire, _) => Ok(left("time_passed")),
            (WaitCommand::RecordNotification(NotificationResult::Sent(sent)), _) => {
                Ok(vec![NotificationSent::clone(sent).into()])
            }
            (WaitCommand::RecordNotification(NotificationResult::Failed(failed)), _) => {
                Ok(vec![NotificationFailed::clone(failed).into()])
            }
        }
    }

    /// What comes of it if the party takes its offer now, by the rules of `venue`: the tables that were held become those
    /// of a reservation.
    ///
    /// # Errors
    /// [`Refusal::NothingOffered`], [`Refusal::OfferExpired`], [`Refusal::OfferWithdrawn`] or [`Refusal::LeftWaitlist`].
    pub fn accept(
        &self,
        reservation_id: ReservationId,
        venue: &Venue,
        assignment_ids: &[AssignmentId],
        payment_id: PaymentId,
        now: DateTime<Utc>,
    ) -> Result<Taking, Refusal> {
        let offered = match &self.state {
            State::Offered(offered) if now >= offered.expires_at => return Err(Refusal::OfferExpired),
            State::Offered(offered) if !venue.keeps(offered) => return Err(Refusal::OfferWithdrawn),
            State::Offered(offered) => offered,
            State::Left { reason_code } if reason_code == OFFER_EXPIRED => return Err(Refusal::OfferExpired),
            State::Left { .. } => return Err(Refusal::LeftWaitlist),
            State::Waiting => return Err(Refusal::NothingOffered),
            State::Accepted(id) => return Ok(Taking::Before(*id)),
        };
        let WaitlistJoined { venue_id, customer_id, party_size, locale, .. } = &self.joined;
        let booking = ReservationCreated {
            venue_id: venue_id.clone(),
            customer_id: customer_id.clone(),
            party_size: *party_size,
            window: offered.window,
            timezone: self.joined.timezone.clone(),
            locale: *locale,
            policy: venue.policy_for(*party_size),
            area: self.joined.area.clone(),
            payment_channel: self.joined.payment_channel.clone(),
            contact_digest: self.joined.contact_digest.clone(),
            walk_in: false,
        };
        let assigned = |(id, table): (&AssignmentId, &OfferedTable)| {
            let OfferedTable { table_id, capacity, area } = table.clone();
            TableAssigned { assignment_id: *id, table_id, capacity, area, window: offered.window }.into()
        };
        let assigned = assignment_ids.iter().zip(&offered.tables).map(assigned).collect();
        let events = floor::booked(booking.clone(), assigned, payment_id, now);
        let event = WaitlistAccepted { reservation_id };
        Ok(Taking::Now(Box::new(Accepted { event, booking, events })))
    }

    /// The time that is held for it.
    #[must_use]
    pub fn held(&self) -> Option<TimeWindow> {
        self.offer().map(|offered| offered.window)
    }
}
