//! `log replay`: the reservations as of a time or a position.

use std::collections::{BTreeMap, HashMap};
use std::ops::ControlFlow;
use std::process::ExitCode;

use contract::reservation::words::ReservationStatus;
use events::store::EventBytes;
use events::{Position, ReservationId};
use log_tools::Context;
use log_tools::source::Source;
use log_tools::terminal::{Progress, say};

use super::{as_of, decode, reservation_id};
use crate::app::queries::local;
use crate::app::queries::reservation_view::state_of;
use crate::app::repository::{self, AsOf};
use crate::app::words;
use crate::domain::Reservation;

/// Options of `log replay`.
#[derive(Debug, clap::Args)]
pub struct Replay {
    /// A position of the log, or a time (RFC 3339); later events are ignored
    #[arg(long, value_parser = as_of)]
    until: Option<AsOf>,
    /// Only this reservation
    #[arg(long, value_parser = reservation_id)]
    reservation: Option<ReservationId>,
    /// A data directory, a backup, or the URL of a running service; the service's own directory by default
    #[arg(long, value_name = "WHERE")]
    from: Option<String>,
    /// Print one JSON object per reservation
    #[arg(long)]
    json: bool,
}

impl Replay {
    pub(super) fn run(&self, context: &Context<'_>) -> anyhow::Result<ExitCode> {
        let source = Source::open(context, self.from.as_deref())?;
        let (reservations, last) = replay(&source, self.until.unwrap_or(AsOf::Now), self.reservation)?;
        let mut reservations: Vec<_> = reservations.into_values().flatten().collect();
        reservations.sort_by_key(|reservation| (reservation.window().start, reservation.id));
        let mut counts: BTreeMap<ReservationStatus, u64> = BTreeMap::new();
        for reservation in &reservations {
            *counts.entry(words::status(&reservation.status)).or_default() += 1;
            if self.json {
                say(&state_of(reservation).to_string());
            } else {
                say(&line(reservation));
            }
        }
        if !self.json {
            let counts: Vec<_> = counts.iter().map(|(word, count)| format!("{count} {word}")).collect();
            say(&format!("{} reservation(s) at position {last}: {}", reservations.len(), counts.join(", ")));
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn line(reservation: &Reservation) -> String {
    let booking = &reservation.booking;
    let tables: Vec<_> = reservation.tables.iter().map(|table| table.table_id.as_str()).collect();
    format!(
        "{}  {:<10}  {}  {:>2} guests  {}  {}",
        reservation.id,
        words::status(&reservation.status),
        local(booking.window.start, &booking.timezone),
        booking.party_size,
        booking.venue_id,
        if tables.is_empty() { "no table".to_owned() } else { tables.join(", ") },
    )
}

type Reservations = HashMap<ReservationId, Option<Reservation>>;

/// Folds the log up to `until`. Returns the last included position too.
pub(super) fn replay(
    source: &Source,
    until: AsOf,
    only: Option<ReservationId>,
) -> anyhow::Result<(Reservations, Position)> {
    let (mut reservations, mut last) = (Reservations::new(), Position::START);
    let progress = Progress::begin("replaying");
    source.each(Position::START, &progress, |group| {
        for event in group.events()? {
            let stored = EventBytes { position: event.position, json: event.json };
            let (recorded, event) = decode(stored)?;
            let at = repository::recorded_at(&recorded);
            if !until.includes(at) {
                // Times can be out of order if the clock was set back; positions cannot.
                if matches!(until, AsOf::Position(_)) {
                    return Ok(ControlFlow::Break(()));
                }
                continue;
            }
            last = at.position;
            if let Some(id) =
                repository::reservation_of(&recorded).filter(|id| only.is_none_or(|only| only == *id))
            {
                repository::fold(reservations.entry(id).or_default(), id, &event, at);
            }
        }
        Ok(ControlFlow::Continue(()))
    })?;
    Ok((reservations, last))
}
