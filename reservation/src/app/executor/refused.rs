//! A refused request, and what is possible instead.

use chrono::{DateTime, TimeDelta, Utc};
use contract::reservation::words::ReservationStatus;
use events::event::{ReservationCreated, WaitlistJoined};
use events::values::{PartySize, TimeWindow};
use events::{ReservationId, TableId, VenueId};

use crate::app::words;
use crate::domain::availability::Table;
use crate::domain::venue::Venue;
use crate::domain::{Command, Reservation};

/// A request that a business rule refused.
#[derive(Debug, Clone)]
pub struct RefusedRequest {
    /// The venue.
    pub venue_id: VenueId,
    /// The requested time.
    pub window: TimeWindow,
    /// The number of guests.
    pub size: PartySize,
    /// The requested area, if any.
    pub area: Option<String>,
    /// Whether the party is at the door.
    pub is_walk_in: bool,
    /// The reservation that was to be changed, with its status; `None` for a new one.
    pub reservation: Option<(ReservationId, ReservationStatus)>,
    /// The tables that the party has now, and keeps if possible.
    pub current_tables: Vec<TableId>,
    /// Whether another time would not help.
    pub same_time_only: bool,
}

/// What is possible instead of a refused request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Alternatives {
    /// Alternatives would not help.
    None,
    /// Free tables at the requested time.
    Tables(Vec<Table>),
    /// Other areas or times of the same day.
    Times(Vec<AlternativeTime>),
    /// How long a party at the door would wait, in minutes, if all others leave on time; `None` if it would
    /// wait for hours.
    WaitMinutes(Option<u64>),
}

/// A time at which the restaurant could seat the party.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlternativeTime {
    /// The time.
    pub window: TimeWindow,
    /// The area; `None` if the tables are in different areas.
    pub area: Option<String>,
    /// The tables.
    pub tables: Vec<TableId>,
}

impl RefusedRequest {
    /// A booking or a walk-in.
    pub(in crate::app) fn booking(created: &ReservationCreated) -> Self {
        Self {
            venue_id: created.venue_id.clone(),
            window: created.window,
            size: created.party_size,
            area: created.area.clone(),
            is_walk_in: created.walk_in,
            reservation: None,
            current_tables: Vec::new(),
            same_time_only: false,
        }
    }

    /// A command for an existing reservation, at the time of its visit.
    pub(crate) fn of(reservation: &Reservation) -> Self {
        let reservation_status = words::status(&reservation.status);
        Self {
            reservation: Some((reservation.id, reservation_status)),
            ..Self::booking(&reservation.booking)
        }
    }

    /// A command for an existing reservation.
    pub(in crate::app) fn command(reservation: &Reservation, command: &Command, now: DateTime<Utc>) -> Self {
        let mut request = Self::of(reservation);
        let area = match command {
            Command::Reschedule { window, area, .. } => {
                request.window = *window;
                let tables = reservation.tables.iter();
                request.current_tables = tables.map(|table| table.table_id.clone()).collect();
                area
            }
            Command::ChangePartySize(change) => {
                (request.size, request.same_time_only) = (change.size, true);
                &change.area
            }
            Command::Undo(undo) => {
                request.window = undo.window(reservation);
                &None
            }
            Command::CheckIn(_) => {
                // The party is there: it needs a table from now on.
                request.window.start = now.min(request.window.end);
                &None
            }
            _ => &None,
        };
        request.area = area.clone().or(request.area);
        request
    }

    /// A request to join the waitlist, or a command for a waitlist entry.
    pub(in crate::app) fn waitlist(joined: &WaitlistJoined, venue: &Venue) -> Self {
        let minutes = match &venue.rules {
            Some(rules) => i64::from(rules.turn_minutes(joined.party_size)),
            None => joined.acceptable.minutes(),
        };
        let start = joined.acceptable.start;
        Self {
            venue_id: joined.venue_id.clone(),
            window: TimeWindow { start, end: start + TimeDelta::minutes(minutes) },
            size: joined.party_size,
            area: joined.area.clone(),
            is_walk_in: false,
            reservation: None,
            current_tables: Vec::new(),
            same_time_only: false,
        }
    }
}

/// The smallest window that contains `window` and `at`.
pub(in crate::app) fn including(window: TimeWindow, at: DateTime<Utc>) -> TimeWindow {
    TimeWindow { start: window.start.min(at), end: window.end.max(at) }
}
